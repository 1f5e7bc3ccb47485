"""Queries under way: identical ones share an answer, unwanted ones are given up."""

import concurrent.futures
import threading
import time
from collections.abc import Callable

from lsp_bridge.servers.client import Job
from lsp_bridge.servers.supervisor import Supervisor
from monitors.protocols import Answer, Reason, Unavailable


class Handle:
    """A query that was asked of a pool. Thread safe."""

    def __init__(self, give_up: "Callable[[Handle], None]") -> None:
        self._future: concurrent.futures.Future[Answer] = concurrent.futures.Future()
        self._give_up = give_up
        self._lock = threading.Lock()
        self._cancelled = False
        self.asked_s = time.perf_counter()
        """Monotonic time at which the query was asked, in seconds."""
        self.flight: Flight | None = None
        """What answers it; belongs to the pool's event loop."""
        self.urgent = False
        """Whether somebody waits for it; belongs to the pool's event loop."""

    @property
    def cancelled(self) -> bool:
        """Whether nobody wants the answer any more."""
        return self._cancelled

    def done(self) -> bool:
        """Whether the answer is there."""
        return self._future.done()

    def peek(self) -> Answer | None:
        """The answer if it is there, without waiting."""
        return self._future.result() if self._future.done() else None

    def add_done_callback(self, callback: Callable[[Answer], None]) -> None:
        """Call ``callback`` with the answer, at once or later from the pool's thread."""
        self._future.add_done_callback(lambda future: callback(future.result()))

    def cancel(self) -> None:
        """Give the query up; it is not sent if it was not sent yet and nobody else wants it."""
        if not self._future.done() and not self._cancelled:
            self._cancelled = True
            self._give_up(self)

    def settle(self, answer: Answer) -> None:
        """Set the answer, once."""
        with self._lock:
            if not self._future.done():
                self._future.set_result(answer)

    def result(self, timeout_s: float) -> Answer | None:
        """Wait ``timeout_s`` at most; None if there is no answer by then."""
        try:
            return self._future.result(max(0.0, timeout_s))
        except concurrent.futures.TimeoutError:
            return None


class Flight:
    """One question that a server is asked, and everyone who wants its answer."""

    def __init__(self, server: Supervisor, job: Job) -> None:
        self.server = server
        self.job = job
        self.handles: set[Handle] = set()

    def join(self, handle: Handle) -> None:
        """Have ``handle`` answered too."""
        self.handles.add(handle)
        handle.flight = self
        self.job.urgent = self.job.urgent or handle.urgent

    def leave(self, handle: Handle) -> bool:
        """Answer ``handle`` with TIMEOUT; returns whether nobody is left."""
        self.handles.discard(handle)
        handle.settle(Unavailable(Reason.TIMEOUT, "given up"))
        return not self.handles

    def land(self, answer: Answer) -> set[Handle]:
        """Answer everyone; returns who was answered."""
        handles, self.handles = self.handles, set()
        for handle in handles:
            handle.settle(answer)
        return handles
