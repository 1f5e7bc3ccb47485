"""Keeps one server for one workspace alive: starts it when needed, restarts it with back-off."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from lsp_bridge.documents.question import Question
from lsp_bridge.profiles.profile import Profile
from lsp_bridge.servers.client import Client, Job
from lsp_bridge.servers.project import Project
from lsp_bridge.servers.watching import FileEvent
from monitors.protocols import Reason, Unavailable

_log = logging.getLogger(__name__)
_LONGEST_DELAY_S = 30.0
_STABLE_S = 60.0


class Supervisor:
    """Belongs to one event loop. Documents need no replay: each question carries its text."""

    def __init__(
        self, profile: Profile, project: Project, on_restart: Callable[[], None] = lambda: None
    ) -> None:
        self.profile = profile
        self.project = project
        self._on_restart = on_restart
        self._client: Client | None = None
        self._life: asyncio.Task[None] | None = None
        self._started = asyncio.Event()
        self._failures = 0
        self._retry_at_s = 0.0
        self._last = Unavailable(Reason.CRASHED)
        self._closed = False

    @property
    def ready(self) -> bool:
        """Whether the server has been started and runs."""
        return self._client is not None and self._client.ready

    @property
    def pid(self) -> int | None:
        """Process id of the server while it runs."""
        return None if self._client is None else self._client.pid

    def submit(self, question: Question) -> Job:
        """Queue a question; answered CRASHED at once while a restart is being put off."""
        client = self._running_client()
        if client is not None:
            return client.submit(question)
        job = Job(question)
        job.settle(self._last)
        return job

    def withdraw(self, job: Job) -> None:
        """Give a question up."""
        if self._client is not None:
            self._client.withdraw(job)

    def changed(self, events: Sequence[FileEvent]) -> None:
        """Tell the server, if it runs, of files that have changed on disk."""
        if self._client is not None:
            self._client.changed(events)

    async def start(self) -> Unavailable | None:
        """Start the server if it is not running; returns what went wrong, if anything."""
        if self._running_client() is None:
            return self._last
        await self._started.wait()
        return None if self.ready else self._last

    async def close(self) -> None:
        """End the server for good."""
        self._closed = True
        if self._client is not None:
            await self._client.close()
        if self._life is not None:
            await self._life

    def _running_client(self) -> Client | None:
        if self._client is None and not self._closed and time.monotonic() >= self._retry_at_s:
            self._launch()
        return self._client

    def _launch(self) -> None:
        if self._failures:
            self._on_restart()
        self._started.clear()
        self._client = Client(self.profile, self.project)
        self._life = asyncio.get_running_loop().create_task(self._live(self._client))

    async def _live(self, client: Client) -> None:
        """From launch to end of one server process; whatever happens, another may follow."""
        began_s = time.monotonic()
        try:
            failure = await client.start()
            self._last = failure or self._last
            self._started.set()
            await client.ended()
            self._last = failure or client.crashed()
        except Exception as error:  # noqa: BLE001  # another server may follow, whatever it is
            _log.exception("%s: its supervision failed", self.profile.name)
            self._last = Unavailable(Reason.CRASHED, f"its supervision failed: {error!r}")
            await client.close()
        finally:
            self._failures = 1 if time.monotonic() - began_s > _STABLE_S else self._failures + 1
            self._retry_at_s = time.monotonic() + self._delay_s()
            self._client = None
            self._started.set()

    def _delay_s(self) -> float:
        """No pause after the first failure, then one that doubles."""
        if self._failures == 1:
            return 0.0
        delay_s = self.profile.restart_delay_s * 2 ** min(self._failures - 2, 16)
        return float(min(delay_s, _LONGEST_DELAY_S))
