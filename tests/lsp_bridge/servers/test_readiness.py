"""A list that arrives before the server is ready is never taken for an answer."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lsp_bridge import ServerPool
from lsp_bridge.profiles.profile import Readiness
from lsp_bridge.servers.readiness import Gate, gate
from monitors.protocols import Answer, Members, Reason, Unavailable
from tests.fakes import members, misbehaving

pytestmark = pytest.mark.timeout(60)
DEADLINE_S = 20.0
STATUS = "experimental/serverStatus"


def gate_of(readiness: Readiness) -> Gate:
    """A gate of that kind."""
    return gate(misbehaving("none", readiness=readiness))


def progress(kind: str, token: int | str = 1) -> dict[str, Any]:
    """Parameters of ``$/progress``."""
    return {"token": token, "value": {"kind": kind}}


@pytest.mark.parametrize(
    ("readiness", "method", "steps"),
    [
        (
            Readiness.SERVER_STATUS,
            STATUS,
            [
                ({"health": "ok", "quiescent": False}, False),
                ({"health": "ok", "quiescent": True}, True),
                ({"health": "ok", "quiescent": False}, False),
                ({"health": "ok", "quiescent": True}, True),
                ({"health": "ok"}, False),
            ],
        ),
        (
            Readiness.PROGRESS,
            "$/progress",
            [
                (progress("report"), False),
                (progress("begin"), False),
                (progress("begin", "other"), False),
                (progress("end"), False),
                (progress("end", "other"), True),
                (progress("report"), True),
                (progress("begin"), False),
                (progress("end"), True),
                ({"token": 1, "value": None}, True),
            ],
        ),
        (
            Readiness.SERVICE_READY,
            "language/status",
            [
                ({"type": "Starting", "message": "12% Starting"}, False),
                ({"type": "ServiceReady", "message": "ServiceReady"}, True),
                ({"type": "ProjectStatus", "message": "OK"}, True),
            ],
        ),
        (Readiness.INITIALIZED, STATUS, [({"quiescent": False}, True)]),
    ],
)
def test_gates(readiness: Readiness, method: str, steps: list[tuple[dict[str, Any], bool]]) -> None:
    """Each kind opens and closes at its own notifications, and at no other."""
    watched = gate_of(readiness)
    assert watched.is_open is (readiness is Readiness.INITIALIZED)
    for params, is_open in steps:
        watched.notice("window/logMessage", {"type": "ServiceReady", "quiescent": not is_open})
        watched.notice(method, params)
        watched.notice(method, "malformed")
        assert watched.is_open is is_open, params


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"health": "ok", "quiescent": True, "message": "fine"}, ""),
        ({"health": "warning", "quiescent": True, "message": "no library"}, "no library"),
        ({"health": "error", "quiescent": True}, "its health is error"),
    ],
)
def test_health(params: dict[str, Any], problem: str) -> None:
    """A server that is ready may be unusable, and says why."""
    watched = gate_of(Readiness.SERVER_STATUS)
    watched.notice(STATUS, params)

    assert watched.is_open
    assert watched.problem == problem


@pytest.mark.asyncio
async def test_waiting() -> None:
    """Who waits goes on when the gate opens; a stretch that was interrupted does not count."""
    watched = gate_of(Readiness.SERVER_STATUS)
    waiting = asyncio.ensure_future(watched.ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    watched.notice(STATUS, {"quiescent": True})
    closings = await waiting

    assert watched.held(closings)
    watched.notice(STATUS, {"quiescent": False})
    assert not watched.held(closings)
    watched.notice(STATUS, {"quiescent": True})
    assert not watched.held(closings)
    assert watched.held(await watched.ready())


def pool_of(root: Path, fault: str, **changes: Any) -> ServerPool:
    """A pool whose server says when it is ready."""
    settings = {"readiness": Readiness.SERVER_STATUS} | changes
    return ServerPool(root, profiles={"fake": misbehaving(fault, root / "struck", **settings)})


def asked(pool: ServerPool, root: Path, deadline_s: float = DEADLINE_S) -> Answer:
    """The answer of the server."""
    return pool.wait(pool.ask(members(root / "a.py", "# alpha beta\nx.")), deadline_s)


@pytest.mark.parametrize("fault", ["loading", "reloading", "interrupted"])
def test_a_list_of_an_unready_server_is_no_answer(tmp_path: Path, fault: str) -> None:
    """Not while it starts, not while it reloads, not if it reloaded while it answered."""
    with pool_of(tmp_path, fault) as pool:
        answer = asked(pool, tmp_path)

        assert isinstance(answer, Members), answer
        assert [name.text for name in answer.names] == ["alpha", "beta", "open_1"]
        assert (tmp_path / "struck").exists()
        assert pool.statistics.restarts == 0


def test_the_deadline_does_not_wait_for_readiness(tmp_path: Path) -> None:
    """Then the reason is that the server has not started."""
    with pool_of(tmp_path, "never_ready") as pool:
        answer = asked(pool, tmp_path, 0.3)

        assert isinstance(answer, Unavailable)
        assert answer.reason is Reason.NOT_STARTED


def test_a_server_that_never_gets_ready_is_started_again(tmp_path: Path) -> None:
    """It is given up after its time, and behaves the second time."""
    with pool_of(tmp_path, "never_ready", ready_timeout_s=1.0) as pool:
        first = asked(pool, tmp_path)
        assert isinstance(first, Unavailable)
        assert "not ready in 1 s" in first.detail
        second = asked(pool, tmp_path)

        assert isinstance(second, Members), second
        assert pool.statistics.restarts == 1


def test_a_server_that_ends_before_it_is_ready(tmp_path: Path) -> None:
    """Nobody waits for it."""
    with pool_of(tmp_path, "dies_unready") as pool:
        answer = asked(pool, tmp_path)

        assert isinstance(answer, Unavailable)
        assert answer.reason is Reason.CRASHED


def test_an_unhealthy_server_is_not_asked(tmp_path: Path) -> None:
    """Its own words are the detail."""
    with pool_of(tmp_path, "unhealthy") as pool:
        answer = asked(pool, tmp_path)

        assert answer == Unavailable(Reason.SERVER_ERROR, "the library is missing")
        assert pool.statistics.restarts == 0


def test_modified_content_is_asked_about_until_it_settles(tmp_path: Path) -> None:
    """Five refusals are no answer."""
    with pool_of(tmp_path, "restless", readiness=Readiness.INITIALIZED) as pool:
        assert isinstance(asked(pool, tmp_path), Members)


def test_modified_content_without_end(tmp_path: Path) -> None:
    """A server that always refuses is bypassed in the end, and not killed for it."""
    profile = misbehaving("modified", patience_s=0.4)
    with ServerPool(tmp_path, profiles={"fake": profile}) as pool:
        answer = asked(pool, tmp_path)

        assert isinstance(answer, Unavailable)
        assert answer.reason is Reason.SERVER_ERROR
        assert pool.statistics.restarts == 0
