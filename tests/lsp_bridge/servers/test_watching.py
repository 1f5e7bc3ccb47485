"""Files that change on disk: what is told, and what a pool makes of it."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from lsp_bridge import ServerPool
from lsp_bridge.servers.watching import FileEvent, watch
from monitors.protocols import Members, Reason, Unavailable
from tests.fakes import members, misbehaving

DEADLINE_S = 20.0


async def told(root: Path, until: str) -> dict[str, int]:
    """What `watch` tells about files until one of that name is told of."""
    found: dict[str, int] = {}
    done = asyncio.Event()

    def tell(events: Sequence[FileEvent]) -> None:
        found.update((event["uri"].rpartition("/")[2], event["type"]) for event in events)
        if until in found:
            done.set()

    task = asyncio.create_task(watch(root, tell))
    async with asyncio.timeout(DEADLINE_S):
        while not done.is_set():
            (root / until).write_text("x")  # again, in case that nobody watched yet
            await asyncio.sleep(0.05)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return found


@pytest.mark.asyncio
async def test_changes_are_told_with_their_kind(tmp_path: Path) -> None:
    """Created or changed; what tools keep for themselves is left out."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "a.py").write_text("")
    assert (await told(tmp_path, "new.py"))["new.py"] in (1, 2)
    (tmp_path / ".git" / "index").write_text("x")
    found = await told(tmp_path, "last.py")

    assert "index" not in found
    assert found["last.py"] in (1, 2)


@pytest.mark.asyncio
async def test_a_folder_that_cannot_be_watched_is_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """And nothing is raised."""
    with caplog.at_level(logging.WARNING):
        await watch(tmp_path / "none", lambda events: None)

    assert "go unnoticed" in caplog.text


def test_answers_from_before_a_change_are_nobody_elses(tmp_path: Path) -> None:
    """What is under way when files change is not kept, and nobody joins it."""
    profile = misbehaving("late", tmp_path / "struck")
    with ServerPool(tmp_path, profiles={"fake": profile}) as pool:
        pool.start("python").result(DEADLINE_S)
        query = members(tmp_path / "a.py", "# alpha\nx.")
        first = pool.ask(query)
        assert pool.wait(pool.ask(query), 0.1) == Unavailable(Reason.TIMEOUT, "0.1 s")
        pool.forget()
        second = pool.wait(pool.ask(query), DEADLINE_S)
        third = pool.wait(pool.ask(query), DEADLINE_S)

        assert isinstance(pool.wait(first, DEADLINE_S), Members)
        assert isinstance(second, Members)
        assert third == second
        assert pool.statistics.joined == 1
        assert pool.statistics.cache_hits == 1
