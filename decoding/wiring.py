"""The only module that joins concrete languages, monitors, servers and vocabularies."""

import concurrent.futures
import threading
from contextlib import suppress
from pathlib import Path

from decoding.session import Guide, Ticket
from decoding.trie import TokenIndex
from lsp_bridge import Handle, ServerPool
from lsp_bridge.configuration import open_pool
from monitors.dereference import DereferenceMonitor
from monitors.errors import UsageError
from monitors.languages.language import Language
from monitors.languages.registry import LANGUAGES
from monitors.protocols import Answer, Query
from monitors.silent import SilentMonitor

_START_TIMEOUT_S = 30.0
_pools: dict[tuple[Path, bool], ServerPool] = {}
_pools_lock = threading.Lock()


def language_named(name: str) -> Language:
    """The lexer of a language; raises `UsageError` for one that monitors do not know."""
    language = LANGUAGES.get(name)
    if language is None:
        known = ", ".join(sorted(LANGUAGES))
        raise UsageError(f"no monitor knows the language {name!r}; expected one of {known}")
    return language


def monitor_for(language: str) -> DereferenceMonitor:
    """The monitor of a language; raises `UsageError` for one that monitors do not know."""
    return DereferenceMonitor(language_named(language))


def shared_pool(workspace: Path, trust_workspace: bool = False) -> ServerPool:
    """The pool of a workspace for this process; its servers end with the process.

    Raises `WorkspaceError` if ``workspace`` is no directory, and `ConfigError`.
    """
    key = (workspace.resolve(), trust_workspace)
    with _pools_lock:
        if key not in _pools:
            _pools[key] = open_pool(key[0], trust_workspace=trust_workspace)
        return _pools[key]


def open_guide(
    index: TokenIndex, language: str, pool: ServerPool, server: str | None = None
) -> Guide:
    """A guide whose queries ``pool`` answers, once its server has started.

    Raises `ServerError` for a server that is unknown or not installed. One that fails to start is
    no error: its queries are `Unavailable`.
    """
    lexer = language_named(language)
    with suppress(concurrent.futures.TimeoutError):
        pool.start(language, server=server).result(_START_TIMEOUT_S)
    return Guide(index, lexer, monitor_for(language), ServerAnalyst(pool, server))


def open_silent_guide(index: TokenIndex, language: str) -> Guide:
    """A guide without monitors: nothing is asked, and only healed text is required."""
    return Guide(index, language_named(language), SilentMonitor(), _NobodyAsked())


class _NobodyAsked:
    """The analyst of a monitor that never asks."""

    def ask(self, query: Query) -> Ticket:
        """Not called."""
        raise NotImplementedError("a silent monitor asks nothing")


class ServerAnalyst:
    """Lets the language servers of a pool answer."""

    def __init__(self, pool: ServerPool, server: str | None = None) -> None:
        self._pool = pool
        self._server = server

    def ask(self, query: Query) -> "_Ticket":
        """Send the query; returns at once."""
        return _Ticket(self._pool, self._pool.ask(query, server=self._server))


class _Ticket:
    """A query on its way to a server."""

    def __init__(self, pool: ServerPool, handle: Handle) -> None:
        self._pool = pool
        self._handle = handle

    def result(self, deadline_s: float) -> Answer:
        """The answer; `Unavailable` when the deadline has passed."""
        return self._pool.wait(self._handle, deadline_s)

    def cancel(self) -> None:
        """Give the query up, unless somebody else waits for it."""
        self._handle.cancel()
