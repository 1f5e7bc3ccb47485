"""The pool: sharing, caching, cancelling, and what callers may do wrong."""

import threading
from pathlib import Path
from typing import Any

import pytest

from lsp_bridge import ServerPool
from lsp_bridge.profiles import registry
from lsp_bridge.servers.project import discover
from monitors.errors import ServerError, UsageError, WorkspaceError
from monitors.protocols import Answer, Members, Reason, Unavailable
from tests.fakes import members, misbehaving
from tests.misbehaving_server import LATE_S

DEADLINE_S = 20.0
pytestmark = pytest.mark.timeout(60)


def pool_of(root: Path, fault: str = "none", **changes: Any) -> ServerPool:
    """A pool whose one server has ``fault``."""
    return ServerPool(root, profiles={"fake": misbehaving(fault, **changes)})


def texts(answer: Answer) -> list[str]:
    """Names of an answer that must be facts."""
    assert isinstance(answer, Members), answer
    return [name.text for name in answer.names]


def test_the_same_question_is_asked_once(tmp_path: Path) -> None:
    """Identical queries share one request, then the cache."""
    query = members(tmp_path / "a.py", "# alpha\nx.")
    with pool_of(
        tmp_path,
        "late",
    ) as pool:
        handles = [pool.ask(query) for _ in range(5)]
        answers = [pool.wait(handle, DEADLINE_S) for handle in handles]
        again = pool.wait(pool.ask(query), DEADLINE_S)

        assert {tuple(texts(answer)) for answer in (*answers, again)} == {("alpha", "open_1")}
        statistics = pool.statistics
        assert (statistics.queries, statistics.joined, statistics.cache_hits) == (6, 4, 1)
        assert len(statistics.latencies_ms) == 5


def test_sessions_do_not_mix(tmp_path: Path) -> None:
    """Sixteen threads with contents of their own for one file, and astral text to count."""
    wrong: list[tuple[str, Answer]] = []

    def session(number: int) -> None:
        for step in range(6):
            word = f"w{number}_{step}"
            text = f"# {word} 😀\n" + "é😀\r\n" * (number % 5) + f"y = 1\nx{step}."
            handle = pool.ask(members(tmp_path / "a.py", text, "\nz = 1\n" * (step % 3)))
            answer = pool.wait(handle, DEADLINE_S)
            if texts(answer) != [word, "open_1"]:
                wrong.append((word, answer))

    with pool_of(tmp_path) as pool:
        threads = [threading.Thread(target=session, args=(number,)) for number in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert wrong == []


@pytest.mark.parametrize(("limit", "expected"), [(1, 1), (3, 3)])
def test_open_documents_are_bounded(tmp_path: Path, limit: int, expected: int) -> None:
    """The server never knows more documents than the profile allows."""
    with pool_of(tmp_path, open_documents=limit) as pool:
        for number in range(6):
            query = members(tmp_path / f"f{number}.py", "# alpha\nx.")
            answer = pool.wait(pool.ask(query), DEADLINE_S)

        assert texts(answer)[-1] == f"open_{expected}"


def test_a_cancelled_query_is_never_sent(tmp_path: Path) -> None:
    """Stale prefetches do not queue in front of a query that is needed."""
    with pool_of(tmp_path, "late") as pool:
        pool.start("python").result(DEADLINE_S)
        first = pool.ask(members(tmp_path / "a.py", "# first\nx."))
        stale = [pool.ask(members(tmp_path / "a.py", f"# s{n}\nx.")) for n in range(50)]
        for handle in stale:
            handle.cancel()
        needed = pool.ask(members(tmp_path / "a.py", "# needed\nx."))

        assert texts(pool.wait(needed, 10 * LATE_S)) == ["needed", "open_1"]
        assert first.done()
        assert {pool.wait(handle, 1) for handle in stale} == {
            Unavailable(Reason.TIMEOUT, "given up")
        }


def test_a_needed_query_overtakes_prefetched_ones(tmp_path: Path) -> None:
    """Who is waited for goes first."""
    with pool_of(tmp_path, "late") as pool:
        pool.start("python").result(DEADLINE_S)
        prefetched = [pool.ask(members(tmp_path / "a.py", f"# p{n}\nx.")) for n in range(20)]
        needed = pool.ask(members(tmp_path / "a.py", "# needed\nx."))

        assert texts(pool.wait(needed, 4)) == ["needed", "open_1"]
        assert not prefetched[-1].done()


def test_a_shared_query_survives_one_cancellation(tmp_path: Path) -> None:
    """Giving up is a matter of each handle."""
    query = members(tmp_path / "a.py", "# alpha\nx.")
    with pool_of(tmp_path, "late") as pool:
        one, other = pool.ask(query), pool.ask(query)
        one.cancel()

        assert texts(pool.wait(other, DEADLINE_S)) == ["alpha", "open_1"]
        assert other.peek() is not None


def test_callbacks_get_the_answer(tmp_path: Path) -> None:
    """For those who do not want to wait."""
    arrived = threading.Event()
    with pool_of(tmp_path) as pool:
        handle = pool.ask(members(tmp_path / "a.py", "# alpha\nx."))
        handle.add_done_callback(lambda answer: arrived.set())

        assert arrived.wait(DEADLINE_S)


def test_lone_surrogates_are_refused(tmp_path: Path) -> None:
    """Text that cannot be sent is not sent."""
    with pool_of(tmp_path) as pool:
        answer = pool.wait(pool.ask(members(tmp_path / "a.py", "\ud800x.")), DEADLINE_S)

        assert isinstance(answer, Unavailable)
        assert answer.reason is Reason.INVALID_TEXT


@pytest.mark.parametrize("path", ["../x.py", "link/x.py", "/etc/passwd", "relative.py", ""])
def test_paths_outside_the_workspace(tmp_path: Path, path: str) -> None:
    """Refused at once, symbolic links resolved."""
    root = tmp_path / "root"
    root.mkdir()
    (root / "link").symlink_to(tmp_path)
    query = members(Path("p"), "x.")
    with pool_of(root) as pool:
        place = path if path in ("", "relative.py") else str(root / path)
        document = type(query.document)("python", place, "x.")
        with pytest.raises(WorkspaceError, match="inside the workspace"):
            pool.ask(type(query)(query.kind, document))


def test_the_innermost_workspace_answers(tmp_path: Path) -> None:
    """One server for each workspace that is asked about."""
    inner = tmp_path / "inner"
    inner.mkdir()
    with ServerPool(tmp_path, inner, profiles={"fake": misbehaving("none")}) as pool:
        for folder in (tmp_path, inner, inner):
            pool.wait(pool.ask(members(folder / "a.py", "# alpha\nx.")), DEADLINE_S)

        assert len(pool.process_ids) == 2


def test_callers_mistakes(tmp_path: Path) -> None:
    """Each raises at once and says what was expected."""
    with pytest.raises(WorkspaceError, match="at least one"):
        ServerPool()
    with pytest.raises(WorkspaceError, match="not a directory"):
        ServerPool(tmp_path / "missing")
    with pytest.raises(ServerError, match="known are: basedpyright, clangd, dart"):
        ServerPool(tmp_path, servers={"python": "nonsense"})
    with pool_of(tmp_path) as pool, pytest.raises(ServerError, match="known languages"):
        pool.start("cobol")
    pool.close()
    with pytest.raises(UsageError, match="closed"):
        pool.ask(members(tmp_path / "a.py", "x."))


def test_forgetting_asks_again(tmp_path: Path) -> None:
    """After files have changed on disk."""
    query = members(tmp_path / "a.py", "# alpha\nx.")
    with pool_of(tmp_path) as pool:
        pool.wait(pool.ask(query), DEADLINE_S)
        pool.forget()
        pool.wait(pool.ask(query), DEADLINE_S)

        assert pool.statistics.cache_hits == 0


def test_the_default_server_of_python() -> None:
    """pyrefly, unless told otherwise."""
    assert registry.default_for("python").name == "pyrefly"


def test_a_workspace_is_described_without_running_it(tmp_path: Path) -> None:
    """Its environment is found by its files, and never started."""
    packages = tmp_path / ".venv/lib/python3.12/site-packages"
    packages.mkdir(parents=True)
    (tmp_path / ".venv/pyvenv.cfg").touch()
    (tmp_path / "src").mkdir()
    project = discover(tmp_path)

    assert project.site_packages == (str(packages),)
    assert project.source_roots == (str(tmp_path / "src"),)
    assert not project.interpreter.startswith(str(tmp_path))
