"""Bridges that run beside a test, in a thread or a process of their own."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types

from lsp_bridge import ServerPool
from lsp_bridge.bridge.server import Bridge

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-c", "from mgd.cli import main; main()", "bridge"]


@contextmanager
def bridge(path: Path, pools: Mapping[Path, ServerPool]) -> Iterator[Bridge]:
    """A bridge at ``path``; when it is left, its clients are cut off and the socket goes."""
    made = Bridge(pools)
    ready, loop, ending = threading.Event(), asyncio.new_event_loop(), asyncio.Event()

    async def live() -> None:
        await made.listen(path)
        ready.set()
        await ending.wait()
        await made.close()
        path.unlink()

    thread = threading.Thread(target=lambda: asyncio.Runner(loop_factory=lambda: loop).run(live()))
    thread.start()
    try:
        assert ready.wait(10)
        yield made
    finally:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(ending.set)
        thread.join(10)
        loop.close()
    assert not thread.is_alive()


class Running:
    """``mgd bridge`` as a process."""

    def __init__(
        self, roots: Iterable[Path], *options: object, environment: Mapping[str, str] = {}
    ) -> None:
        folders = [part for root in roots for part in ("--workspace", str(root))]
        self.process = subprocess.Popen(
            [*COMMAND, *folders, *map(str, options)],
            cwd=ROOT,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        name, _, path = self.process.stdout.readline().strip().partition("=")
        assert name == "MGD_BRIDGE"
        self.path = Path(path)

    def family(self) -> set[int]:
        """Its process id and those of its servers."""
        mine = psutil.Process(self.process.pid)
        return {each.pid for each in (mine, *mine.children(recursive=True))}

    def end(self, number: int) -> int:
        """Exit code after a signal."""
        with suppress(ProcessLookupError):
            self.process.send_signal(number)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code
