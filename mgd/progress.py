"""How far a command has come: a line on a terminal, and the seconds that each part took."""

import atexit
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape


class Stopwatch:
    """Seconds of the parts of a command, one after the other."""

    def __init__(self, started_s: float) -> None:
        """``started_s``: when the first part began, by `time.perf_counter`."""
        self._started_s = self._last_s = started_s
        self._seconds: dict[str, float] = {}

    def lap(self, part: str) -> None:
        """What happened since the last call was ``part``."""
        now_s = time.perf_counter()
        self._seconds[part] = self._seconds.get(part, 0.0) + now_s - self._last_s
        self._last_s = now_s

    def as_dict(self) -> dict[str, float]:
        """Seconds by part, and the ``total`` so far."""
        total_s = time.perf_counter() - self._started_s
        return {part: round(s, 3) for part, s in (self._seconds | {"total": total_s}).items()}


@contextmanager
def shown(console: Console) -> Iterator[Callable[[str], None]]:
    """Shows what goes on, in a line that vanishes; nothing where the console is no terminal."""
    if not console.is_terminal:
        yield lambda message: None
        return
    with console.status("starting ...") as status:
        atexit.register(status.stop)  # an interrupt leaves no other way to show the cursor again
        try:
            yield lambda message: status.update(f"{escape(message)} ...")
        finally:
            atexit.unregister(status.stop)


_SELDOM = (100_000, 50, 50)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Look for garbage in cycles seldom, as suits a short command that imports a large engine.

    An engine's modules make a million objects that stay: to go through them again and again takes
    as long as everything else that an import does.
    """
    before = gc.get_threshold()
    gc.set_threshold(*_SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*before)
