"""Servers that misbehave: the reason is right, the deadline holds, and life goes on."""

import logging
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from lsp_bridge import ServerPool
from monitors.errors import ServerError
from monitors.protocols import Answer, Members, QueryKind, Reason, Unavailable
from tests.fakes import descendants, gone, members, misbehaving

DEADLINE_S = 20.0
TEXT = "# alpha beta\nx."
pytestmark = pytest.mark.timeout(60)


def pool_of(root: Path, fault: str, marker: Path | None = None, **changes: Any) -> ServerPool:
    """A pool whose one server has ``fault``."""
    return ServerPool(root, profiles={"fake": misbehaving(fault, marker, **changes)})


def asked(pool: ServerPool, root: Path, text: str = TEXT, deadline_s: float = DEADLINE_S) -> Answer:
    """The answer at the end of ``text``."""
    return pool.wait(pool.ask(members(root / "a.py", text)), deadline_s)


def texts(answer: Answer) -> list[str]:
    """Names of an answer that must be facts."""
    assert isinstance(answer, Members), answer
    return [name.text for name in answer.names]


def reason(answer: Answer) -> Reason:
    """Why there are no facts."""
    assert isinstance(answer, Unavailable), answer
    return answer.reason


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("crash_at_start", Reason.CRASHED),
        ("bad_initialize", Reason.CRASHED),
        ("crash", Reason.CRASHED),
        ("garbage", Reason.BAD_ANSWER),
        ("wrong_type", Reason.BAD_ANSWER),
        ("wrong_item", Reason.BAD_ANSWER),
        ("null", Reason.EMPTY),
        ("empty", Reason.EMPTY),
        ("incomplete", Reason.INCOMPLETE),
        ("error", Reason.SERVER_ERROR),
        ("bad_error", Reason.BAD_ANSWER),
    ],
)
def test_fault_then_recovery(
    tmp_path: Path, fault: str, expected: Reason, caplog: pytest.LogCaptureFixture
) -> None:
    """The first answer names the reason; a later one is right; no process stays."""
    caplog.set_level(logging.CRITICAL)
    before = descendants()
    with pool_of(tmp_path, fault, tmp_path / "struck") as pool:
        assert reason(asked(pool, tmp_path)) is expected
        assert pool.statistics.fail_opens == {expected: 1}
        assert texts(recovered(pool, tmp_path)) == ["alpha", "gamma", "open_1"]
        started = descendants() - before

    assert started
    assert gone(started)


def recovered(pool: ServerPool, root: Path) -> Answer:
    """The first answer that is not put off while the server restarts."""
    end_s = time.monotonic() + DEADLINE_S
    while True:
        answer = asked(pool, root, "# alpha gamma\nx.")
        crashed = isinstance(answer, Unavailable) and answer.reason is Reason.CRASHED
        if not crashed or time.monotonic() > end_s:
            return answer


@pytest.mark.parametrize("fault", ["flood", "asks", "modified", "noise"])
def test_harmless_oddities(tmp_path: Path, fault: str) -> None:
    """A megabyte on one line of stderr, questions to the client, a retry, noise: all survived."""
    with pool_of(tmp_path, fault, tmp_path / "struck") as pool:
        assert texts(asked(pool, tmp_path)) == ["alpha", "beta", "open_1"]
        assert pool.statistics.restarts == 0


def test_settings_are_answered_by_section(tmp_path: Path) -> None:
    """Whole trees, leaves, unknown sections."""
    tree = {"python": {"depth": "deep"}}
    with pool_of(tmp_path, "configuration", settings=lambda project: tree) as pool:
        assert texts(asked(pool, tmp_path)) == ["depth", "deep", "null", "python"]


@pytest.mark.parametrize("fault", ["hang", "deaf", "late"])
def test_the_deadline_holds(tmp_path: Path, fault: str) -> None:
    """A server that does not answer in time costs the deadline, not the server's patience."""
    with pool_of(tmp_path, fault, tmp_path / "struck", patience_s=60.0) as pool:
        pool.start("python").result(DEADLINE_S)
        began_s = time.monotonic()
        answer = asked(pool, tmp_path, deadline_s=0.2)

        assert reason(answer) is Reason.TIMEOUT
        assert 0.15 < time.monotonic() - began_s < 30


def test_the_deadline_holds_behind_another_query(tmp_path: Path) -> None:
    """A query that waits for its turn returns at its own deadline."""
    with pool_of(tmp_path, "hang", tmp_path / "struck", patience_s=60.0) as pool:
        pool.start("python").result(DEADLINE_S)
        first = pool.ask(members(tmp_path / "a.py", TEXT))
        began_s = time.monotonic()

        assert reason(asked(pool, tmp_path, "# other\nx.", deadline_s=0.2)) is Reason.TIMEOUT
        assert time.monotonic() - began_s < 30
        assert not first.done()


def test_a_server_that_starts_too_slowly(tmp_path: Path) -> None:
    """Until the server is ready, queries go unanswered for that reason."""
    with pool_of(tmp_path, "hang_at_start") as pool:
        assert reason(asked(pool, tmp_path, deadline_s=0.2)) is Reason.NOT_STARTED


def test_a_late_answer_is_kept(tmp_path: Path) -> None:
    """Whoever asks again gets it from the cache."""
    with pool_of(tmp_path, "late", tmp_path / "struck") as pool:
        pool.start("python").result(DEADLINE_S)

        assert reason(asked(pool, tmp_path, deadline_s=0.1)) is Reason.TIMEOUT
        # Queued behind the late one, so that it has come when this one is answered.
        assert texts(asked(pool, tmp_path, "# other\nx.")) == ["other", "open_1"]
        assert texts(asked(pool, tmp_path, deadline_s=0.3)) == ["alpha", "beta", "open_1"]
        assert pool.statistics.cache_hits == 1


def test_a_hanging_server_is_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """When its patience ends, the pool kills the server and starts another."""
    caplog.set_level(logging.CRITICAL)
    before = descendants()
    with pool_of(tmp_path, "hang", tmp_path / "struck", patience_s=0.3) as pool:
        assert reason(asked(pool, tmp_path)) is Reason.TIMEOUT
        old = descendants() - before
        assert texts(recovered(pool, tmp_path)) == ["alpha", "gamma", "open_1"]
        assert pool.statistics.restarts == 1
        assert gone(old)


def test_restarts_back_off(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One restart at once, the next put off: until then queries fail without a process."""
    caplog.set_level(logging.CRITICAL)
    with pool_of(tmp_path, "crash", restart_delay_s=60.0) as pool:
        while not pool.statistics.restarts:
            assert reason(asked(pool, tmp_path)) is Reason.CRASHED
        asked(pool, tmp_path)
        began_s = time.monotonic()
        answers = [asked(pool, tmp_path, f"# w{number}\nx.") for number in range(20)]

        assert {reason(answer) for answer in answers} == {Reason.CRASHED}
        assert time.monotonic() - began_s < 30
        assert pool.process_ids == ()
        assert pool.statistics.restarts == 1


def test_a_crash_says_what_the_server_said(tmp_path: Path) -> None:
    """The last line of stderr is the detail."""
    with pool_of(tmp_path, "crash_at_start") as pool:
        answer = asked(pool, tmp_path)

        assert isinstance(answer, Unavailable)
        assert "no licence" in answer.detail


def test_a_missing_server_names_its_remedy(tmp_path: Path) -> None:
    """Not installed is the caller's mistake, and says what to do."""
    profile = misbehaving("none", command=("no-such-language-server",))
    pool = ServerPool(tmp_path, profiles={"fake": profile})
    with pool, pytest.raises(ServerError, match="install it with: pip install it"):
        pool.ask(members(tmp_path / "a.py", TEXT))
    with pytest.raises(ServerError, match="pip install it"):
        ServerPool(tmp_path, profiles={"fake": profile}, servers={"python": "fake"})


SCRIPT = """
import sys, time
from pathlib import Path
from lsp_bridge import ServerPool
from tests.fakes import misbehaving, members
root = Path(sys.argv[1])
pool = ServerPool(root, profiles={"fake": misbehaving(sys.argv[2])})
pool.start("python").result(20)
handle = pool.ask(members(root / "a.py", "# alpha\\nx."))
print(*pool.process_ids, flush=True)
if sys.argv[3] == "wait":
    pool.wait(handle, 600)
"""


@pytest.mark.parametrize("fault", ["none", "hang"])
@pytest.mark.parametrize("ending", ["exit", "interrupt", "terminate", "kill"])
def test_no_process_outlives_us(tmp_path: Path, fault: str, ending: str) -> None:
    """At a normal end without close, at Ctrl-C, and when we are killed."""
    if ending != "exit" and sys.platform != "linux":
        pytest.skip("the kernel is asked to end servers on Linux only")
    mode = "leave" if ending == "exit" else "wait"
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", SCRIPT, str(tmp_path), "hang" if mode == "wait" else fault]
    with subprocess.Popen(
        [*command, mode], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        pids = {int(pid) for pid in process.stdout.readline().split()}
        assert pids
        if ending != "exit":
            kinds = {"interrupt": signal.SIGINT, "terminate": signal.SIGTERM}
            os.kill(process.pid, kinds.get(ending, signal.SIGKILL))
        process.wait(20)

    assert gone(pids)


def test_close_ends_what_is_under_way(tmp_path: Path) -> None:
    """Closing does not wait for a hanging server, and answers who still waits."""
    pool = pool_of(tmp_path, "hang", patience_s=60.0)
    pool.start("python").result(DEADLINE_S)
    handle = pool.ask(members(tmp_path / "a.py", TEXT))
    pids = set(pool.process_ids)
    began_s = time.monotonic()
    pool.close()

    assert time.monotonic() - began_s < 30
    assert gone(pids)
    assert isinstance(pool.wait(handle, 1), Unavailable)


def test_a_profile_whose_rule_fails_costs_answers_and_not_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raises: the process is ended, who waits is answered, and the next start works."""
    calls = []

    def settings(project: Any) -> dict[str, Any]:
        calls.append(project)
        if len(calls) <= 2:
            raise KeyError("no such setting")
        return {}

    caplog.set_level(logging.CRITICAL)
    before = descendants()
    with pool_of(tmp_path, "none", settings=settings) as pool:
        pool.start("python").result(DEADLINE_S)
        assert reason(asked(pool, tmp_path)) is Reason.CRASHED
        assert texts(recovered(pool, tmp_path)) == ["alpha", "gamma", "open_1"]
        assert pool.statistics.restarts >= 1
    assert gone(descendants() - before)


def test_a_server_is_not_started_where_its_rules_cannot_be_read(tmp_path: Path) -> None:
    """They may name code that would be run."""

    def runs_code(project: Any) -> str:
        raise PermissionError(13, "Permission denied", "options.yaml")

    expected = r"cannot be read: .*options.yaml.*--trust-workspace"
    with (
        pool_of(tmp_path, "none", runs_code=runs_code) as pool,
        pytest.raises(ServerError, match=expected),
    ):
        pool.ask(members(tmp_path / "a.py", TEXT))


def test_what_cannot_be_asked_yet_is_not_answered_with_members(tmp_path: Path) -> None:
    """Nor from the cache: what is asked is a part of its key."""
    other = cast(QueryKind, "weather")
    with pool_of(tmp_path, "none") as pool:
        known = asked(pool, tmp_path)
        query = members(tmp_path / "a.py", TEXT)
        answer = pool.wait(pool.ask(replace(query, kind=other)), DEADLINE_S)

        assert reason(answer) is Reason.SERVER_ERROR
        assert asked(pool, tmp_path) == known
        assert pool.statistics.cache_hits == 1


def test_a_pool_that_is_closed_while_a_server_starts_leaves_nothing(tmp_path: Path) -> None:
    """Whenever that is: the process is ended as soon as it is there."""
    before = descendants()
    for delay_s in (0.0, 0.001, 0.005, 0.02, 0.1):
        pool = pool_of(tmp_path, "none")
        pool.start("python")
        time.sleep(delay_s)
        began_s = time.monotonic()
        pool.close()

        assert time.monotonic() - began_s < 5
    assert gone(descendants() - before)
