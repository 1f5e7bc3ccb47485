"""Bridges that run beside a test, in a thread of their own."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from lsp_bridge import ServerPool
from lsp_bridge.bridge.server import Bridge


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
