"""Language servers for one or more workspaces, shared by every generation that goes on in them.

The front is synchronous and thread safe. Everything behind it runs on one event loop in a thread
of its own, which ends, with every server, when the pool is closed or the interpreter exits.
"""

import asyncio
import atexit
import concurrent.futures
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Self

from lsp_bridge.documents.question import Preparer, Question
from lsp_bridge.pool.cache import AnswerCache, Key
from lsp_bridge.pool.flights import Flight, Handle
from lsp_bridge.pool.statistics import Statistics
from lsp_bridge.profiles import registry
from lsp_bridge.profiles.profile import Profile
from lsp_bridge.servers import launch, watching
from lsp_bridge.servers.project import Project, discover
from lsp_bridge.servers.supervisor import Supervisor
from lsp_bridge.servers.watching import FileEvent
from monitors.errors import UsageError, WorkspaceError
from monitors.protocols import Answer, Query, Reason, Unavailable

_log = logging.getLogger(__name__)
_CACHE_ENTRIES = 4096
_CLOSE_TIMEOUT_S = 10.0


class ServerPool:
    """One server for each profile and workspace that is asked about, started when first needed.

    ``servers`` maps LSP language identifiers to profile names where the default is not wanted;
    ``defaults`` does the same for servers that need not be installed before they are asked.
    With ``trust_workspace`` servers may run code of the workspaces: see ``docs/security.md``.
    With ``watch`` files that change on disk are noticed; else call `forget` then.
    Raises WorkspaceError if a workspace is no directory and ServerError if a server named in
    ``servers`` is unknown or not installed. Use it as a context manager, or `close` it.
    """

    def __init__(
        self,
        *workspaces: str | os.PathLike[str],
        servers: Mapping[str, str] | None = None,
        profiles: Mapping[str, Profile] = registry.PROFILES,
        defaults: Mapping[str, str] | None = None,
        trust_workspace: bool = False,
        watch: bool = False,
        cache_entries: int = _CACHE_ENTRIES,
    ) -> None:
        self._roots = _directories(workspaces)
        self._profiles = dict(profiles)
        self._servers = dict(servers or {})
        self._defaults = dict(defaults or {})
        self._trusted = trust_workspace
        self._checked: set[str] = set()
        for name in self._servers.values():
            self.check(name)
        self._cache = AnswerCache(cache_entries)
        self._changes = 0
        self._flights: dict[Key, Flight] = {}
        self._supervisors: dict[tuple[str, Path], Supervisor] = {}
        self._preparer = Preparer()
        self._statistics = Statistics()
        self._counting = threading.Lock()
        self._closed = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=_run, args=(self._loop,), name="mgd-servers")
        self._thread.daemon = True
        self._thread.start()
        self._watches = [
            asyncio.run_coroutine_threadsafe(
                watching.watch(root, partial(self._notice, root)), self._loop
            )
            for root in (self._roots if watch else ())
        ]
        atexit.register(self.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def statistics(self) -> Statistics:
        """A snapshot of the counts."""
        with self._counting:
            return self._statistics.copy()

    @property
    def process_ids(self) -> tuple[int, ...]:
        """Process ids of the servers that run now."""
        pids = (each.pid for each in tuple(self._supervisors.values()))
        return tuple(pid for pid in pids if pid is not None)

    def profile(self, language: str, server: str | None = None) -> Profile:
        """The profile that answers for ``language``, or the one named ``server``.

        Raises ServerError if there is none, or if it does not understand the language.
        """
        chosen = self._servers.get(language, self._defaults.get(language))
        return registry.choose(language, server if server is not None else chosen, self._profiles)

    def languages(self, server: str) -> frozenset[str]:
        """Languages that a server understands. Raises ServerError for an unknown one."""
        return registry.by_name(server, self._profiles).languages

    def check(self, server: str) -> None:
        """Do nothing if ``server`` is installed and may be started in the workspaces.

        Raises ServerError that says how to install it, or whose code it would run.
        """
        if server in self._checked:
            return
        profile = registry.by_name(server, self._profiles)
        for root in self._roots:
            launch.check(profile, self._project(root))
        self._checked.add(server)

    def start(
        self, language: str, *, server: str | None = None
    ) -> "concurrent.futures.Future[None]":
        """Start the servers of every workspace for ``language``; done when they are ready.

        Raises ServerError. A server that fails to start shows in the answers, not here.
        """
        profile = self.profile(language, server)
        self.check(profile.name)
        return asyncio.run_coroutine_threadsafe(self._warm_up(profile), self._open_loop())

    def ask(self, query: Query, *, server: str | None = None) -> Handle:
        """Begin to answer ``query`` and return at once.

        Raises WorkspaceError for a path outside the workspaces and ServerError for a server that
        is unknown, not installed, or not safe to start.
        """
        profile = self.profile(query.document.language, server)
        self.check(profile.name)
        root, path = self._place(query.document.path)
        handle = Handle(self._forget)
        self._open_loop().call_soon_threadsafe(self._launch, handle, query, profile, root, path)
        return handle

    def wait(self, handle: Handle, deadline_s: float) -> Answer:
        """The answer, or `Unavailable` when ``deadline_s`` seconds from now have passed.

        A query whose deadline has passed is given up, unless somebody else waits for it.
        """
        answer = handle.peek()
        if answer is None:
            self.hurry(handle)
            answer = handle.result(deadline_s)
        if answer is None:
            answer = self._late(handle, deadline_s)
        if isinstance(answer, Unavailable):
            with self._counting:
                self._statistics.fail_opens[answer.reason] += 1
        return answer

    def hurry(self, handle: Handle) -> None:
        """Have ``handle`` answered before queries that nobody waits for; `wait` does it itself."""
        self._post(self._hurry, handle)

    def forget(self) -> None:
        """Empty the cache, as when files of the workspace have changed on disk."""
        self._post(self._clear)

    def close(self) -> None:
        """End every server; queries under way are answered `Unavailable`. Harmless when closed."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        ending = asyncio.run_coroutine_threadsafe(self._shut_down(), self._loop)
        with suppress(concurrent.futures.TimeoutError):
            ending.result(_CLOSE_TIMEOUT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_TIMEOUT_S)

    def _open_loop(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise UsageError("the server pool is closed")
        return self._loop

    def _post(self, function: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the pool was closed meanwhile
            self._loop.call_soon_threadsafe(function, *arguments)

    def _place(self, path: str) -> tuple[Path, str]:
        """Innermost workspace that holds ``path``, and the path with symbolic links resolved."""
        real = os.path.realpath(path)
        holding = [root for root in self._roots if real.startswith(os.path.join(root, ""))]
        if not holding or not os.path.isabs(path):
            known = ", ".join(map(str, self._roots))
            raise WorkspaceError(f"{path!r} must be an absolute path inside the workspace {known}")
        return max(holding, key=lambda root: len(str(root))), real

    def _late(self, handle: Handle, deadline_s: float) -> Unavailable:
        flight = handle.flight
        handle.cancel()
        if flight is not None and not flight.server.ready:
            return Unavailable(Reason.NOT_STARTED, f"not ready within {deadline_s:g} s")
        return Unavailable(Reason.TIMEOUT, f"{deadline_s:g} s")

    # What follows runs on the event loop.

    def _launch(
        self, handle: Handle, query: Query, profile: Profile, root: Path, path: str
    ) -> None:
        with self._counting:
            self._statistics.queries += 1
        if handle.cancelled:
            handle.settle(Unavailable(Reason.TIMEOUT, "given up"))
            return
        try:
            question = self._preparer.prepare(query, path, profile)
            key = Key(profile.name, root, path, question.digest, self._changes)
            self._answer(handle, key, question, self._supervisor(profile, root))
        except UnicodeEncodeError as error:
            handle.settle(Unavailable(Reason.INVALID_TEXT, error.reason))
        except Exception as error:  # noqa: BLE001  # our own faults must not cost the deadline
            _log.exception("a query could not be sent")
            handle.settle(Unavailable(Reason.SERVER_ERROR, f"not asked: {error!r}"))

    def _answer(self, handle: Handle, key: Key, question: Question, supervisor: Supervisor) -> None:
        known = self._cache.get(key)
        flight = self._flights.get(key)
        with self._counting:
            self._statistics.cache_hits += known is not None
            self._statistics.joined += known is None and flight is not None
        if known is not None:
            handle.settle(known)
            return
        if flight is None:
            flight = self._take_off(key, question, supervisor)
        flight.join(handle)

    def _notice(self, root: Path, events: Sequence[FileEvent]) -> None:
        """Files have changed: what was answered before may be wrong."""
        for (_, workspace), supervisor in self._supervisors.items():
            if workspace == root:
                supervisor.changed(events)
        self._clear()

    def _clear(self) -> None:
        """What is under way was asked before the change, and answers nobody who asks from now."""
        self._changes += 1
        self._cache.clear()

    def _take_off(self, key: Key, question: Question, supervisor: Supervisor) -> Flight:
        flight = self._flights[key] = Flight(supervisor, supervisor.submit(question))
        flight.job.answer.add_done_callback(lambda done: self._land(key, flight, done.result()))
        return flight

    def _land(self, key: Key, flight: Flight, answer: Answer) -> None:
        if self._flights.get(key) is flight:
            del self._flights[key]
        self._cache.put(key, answer)
        now_s = time.perf_counter()
        handles = flight.land(answer)
        with self._counting:
            latencies_ms = (1000 * (now_s - handle.asked_s) for handle in handles)
            self._statistics.latencies_ms.extend(latencies_ms)

    def _hurry(self, handle: Handle) -> None:
        handle.urgent = True
        if handle.flight is not None:
            handle.flight.job.urgent = True

    def _forget(self, handle: Handle) -> None:
        self._post(self._leave, handle)

    def _leave(self, handle: Handle) -> None:
        flight = handle.flight
        if flight is None or not flight.leave(handle):
            return
        # Whoever asks the same from now on must not share the fate of a cancelled request.
        for key in [key for key, other in self._flights.items() if other is flight]:
            del self._flights[key]
        flight.server.withdraw(flight.job)

    def _supervisor(self, profile: Profile, root: Path) -> Supervisor:
        key = (profile.name, root)
        if key not in self._supervisors:
            self._supervisors[key] = Supervisor(profile, self._project(root), self._count_restart)
        return self._supervisors[key]

    def _project(self, root: Path) -> Project:
        return discover(root, self._trusted)

    def _count_restart(self) -> None:
        with self._counting:
            self._statistics.restarts += 1

    async def _warm_up(self, profile: Profile) -> None:
        servers = [self._supervisor(profile, root) for root in self._roots]
        await asyncio.gather(*(server.start() for server in servers))

    async def _shut_down(self) -> None:
        for watching_root in self._watches:
            watching_root.cancel()
        await asyncio.gather(*(server.close() for server in self._supervisors.values()))
        for flight in self._flights.values():
            flight.land(Unavailable(Reason.NOT_STARTED, "the server pool was closed"))


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _directories(workspaces: Iterable[str | os.PathLike[str]]) -> tuple[Path, ...]:
    roots = tuple(Path(os.path.realpath(each)) for each in workspaces)
    if not roots:
        raise WorkspaceError("a server pool needs at least one workspace directory")
    for root in roots:
        if not root.is_dir():
            raise WorkspaceError(f"the workspace {str(root)!r} is not a directory")
    return roots
