"""The only module that joins concrete languages, monitors, servers and vocabularies."""

import concurrent.futures
import logging
import os
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from decoding.prompt.workspace import holds_everything
from decoding.session.deadlines import Analyst, Ticket
from decoding.session.guide import Guide
from decoding.session.options import CrossingPolicy
from decoding.vocabulary.index import TokenIndex
from lsp_bridge import Handle, ServerPool
from lsp_bridge.pool.configuration import open_pool
from monitors.arguments import RULES, ArgumentMonitor
from monitors.dereference import NAME as DEREFERENCE
from monitors.dereference import DereferenceMonitor
from monitors.errors import UsageError
from monitors.imports import NAME as IMPORT
from monitors.imports import ImportMonitor
from monitors.joint import JointMonitor
from monitors.languages.calls import CALLS
from monitors.languages.imports import IMPORTS
from monitors.languages.registry import language_named
from monitors.protocols import Answer, Monitor, Query
from monitors.silent import SilentMonitor

if TYPE_CHECKING:
    from lsp_bridge.bridge import BridgeClient, BridgeTicket, Outcome

_log = logging.getLogger(__name__)
BRIDGE_VARIABLE = "MGD_BRIDGE"
"""Environment variable: the socket of the bridge that answers for this process."""
DEFAULT_MONITORS = (DEREFERENCE,)
"""Names of the monitors that watch where nobody says else."""
MONITORS = (DEREFERENCE, *RULES, IMPORT)
"""Names of all monitors."""
_START_TIMEOUT_S = 30.0
_pools: dict[tuple[Path, bool], ServerPool] = {}
_pools_lock = threading.Lock()
_bridges: dict[str, "BridgeClient"] = {}


def monitor_for(language: str, names: Iterable[str] = DEFAULT_MONITORS) -> Monitor[Any]:
    """The monitors of a language that go by ``names``, as one; the first ones matter more.

    Raises `UsageError` for a language or a name that is not known.
    """
    lexer = language_named(language)
    chosen = check_monitors(names)
    found: list[Monitor[Any]] = []
    if DEREFERENCE in chosen:
        found.append(DereferenceMonitor(lexer))
    if rules := [name for name in chosen if name in RULES]:
        found.append(ArgumentMonitor(lexer, rules))
    if IMPORT in chosen:
        found.append(ImportMonitor(lexer))
    if not found:
        return SilentMonitor()
    return found[0] if len(found) == 1 else JointMonitor(found)


def monitors_of(language: str) -> tuple[str, ...]:
    """Names of the monitors that know a language. Raises `UsageError` for an unknown one."""
    name = language_named(language).name
    known = {DEREFERENCE: True, IMPORT: name in IMPORTS} | dict.fromkeys(RULES, name in CALLS)
    return tuple([each for each in MONITORS if known[each]])


def check_monitors(
    names: Iterable[str], crossing: CrossingPolicy = CrossingPolicy.VERIFY
) -> tuple[str, ...]:
    """The names, each once.

    Raises `UsageError` for one that is no monitor's, or that cannot do with the policy.
    """
    chosen = tuple(dict.fromkeys(names))
    for name in chosen:
        if name not in MONITORS:
            raise UsageError(f"got the monitor {name!r}; expected some of {', '.join(MONITORS)}")
        if name != DEREFERENCE and crossing is CrossingPolicy.SPLIT:
            raise UsageError(
                f"got the monitor {name} with crossing='split'; it judges characters one by"
                " one: leave either out"
            )
    return chosen


def shared_pool(workspace: Path, trust_workspace: bool = False) -> ServerPool:
    """The pool of a workspace for this process; its servers end with the process.

    Raises `WorkspaceError` if ``workspace`` is no directory, and `ConfigError`.
    """
    key = (workspace.resolve(), trust_workspace)
    with _pools_lock:
        if key not in _pools:
            watch = not holds_everything(key[0])
            if not watch:
                _log.warning(
                    "the workspace is %s, which holds much else: files that change there are not"
                    " noticed; name the project's own folder",
                    key[0],
                )
            _pools[key] = open_pool(key[0], trust_workspace=trust_workspace, watch=watch)
        return _pools[key]


def open_guide(
    index: TokenIndex,
    language: str,
    pool: ServerPool,
    server: str | None = None,
    start_timeout_s: float = _START_TIMEOUT_S,
    *,
    monitors: Iterable[str] = DEFAULT_MONITORS,
) -> Guide:
    """A guide whose queries ``pool`` answers, once its server has started.

    The start is waited for ``start_timeout_s`` seconds at most. Raises `ServerError` for a server
    that is unknown or not installed. One that fails to start is no error: its queries are
    `Unavailable`.
    """
    lexer = language_named(language)
    with suppress(concurrent.futures.TimeoutError):
        pool.start(language, server=server).result(start_timeout_s)
    return Guide(index, lexer, monitor_for(language, monitors), ServerAnalyst(pool, server))


def open_silent_guide(index: TokenIndex, language: str) -> Guide:
    """A guide without monitors: nothing is asked, and only healed text is required."""
    return Guide(index, language_named(language), SilentMonitor(), _NobodyAsked())


def guide_without_analyst(
    index: TokenIndex, language: str, monitors: Iterable[str] = DEFAULT_MONITORS
) -> Guide:
    """A guide whose tables many share; `Guide.answered_by` says who answers."""
    return Guide(index, language_named(language), monitor_for(language, monitors), _NobodyAsked())


class _NobodyAsked:
    """The analyst of a monitor that never asks, or of a guide that is not used as it is."""

    def ask(self, query: Query) -> Ticket:
        """Not called."""
        raise NotImplementedError("this guide asks nobody")


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

    def hurry(self, deadline_s: float) -> None:
        """Have it answered before queries that nobody waits for."""
        self._pool.hurry(self._handle)


class Answers(Protocol):
    """Whoever answers for a workspace: servers of this process, or a bridge."""

    def start(self, language: str, server: str | None, timeout_s: float) -> None:
        """Start the server for ``language``; wait ``timeout_s`` seconds at most."""
        ...

    def analyst(self, server: str | None, scope: str) -> Analyst:
        """Who answers one request. All who ask in the same ``scope`` get the same answers."""
        ...


def open_answers(workspace: Path, trust_workspace: bool = False) -> Answers:
    """The bridge that the environment names, or else servers of this process.

    Raises `WorkspaceError` and `ConfigError` where the servers are this process's own.
    """
    socket = os.environ.get(BRIDGE_VARIABLE)
    if socket:
        return _BridgeAnswers(_bridge(socket))
    return _PoolAnswers(shared_pool(workspace, trust_workspace))


class Audience(Protocol):
    """Whoever shows what this process does."""

    def report(self, counts: Mapping[str, float]) -> None:
        """Add to the counters that are shown. Thread safe."""
        ...

    def tell(self, key: str, outcome: "Outcome") -> None:
        """Tell what has become of a request so far. Thread safe; waits for nothing."""
        ...


def open_audience() -> Audience | None:
    """The bridge that the environment names, if any."""
    socket = os.environ.get(BRIDGE_VARIABLE)
    return _bridge(socket) if socket else None


def _bridge(socket: str) -> "BridgeClient":
    from lsp_bridge.bridge import BridgeClient

    with _pools_lock:
        if socket not in _bridges:
            _bridges[socket] = BridgeClient(socket, name=f"process {os.getpid()}")
        return _bridges[socket]


class _PoolAnswers:
    """Servers of this process."""

    def __init__(self, pool: ServerPool) -> None:
        self._pool = pool

    def start(self, language: str, server: str | None, timeout_s: float) -> None:
        """Start the server; one that fails to start shows in the answers."""
        starting = self._pool.start(language, server=server)
        with suppress(concurrent.futures.TimeoutError):
            starting.result(timeout_s)

    def analyst(self, server: str | None, scope: str) -> ServerAnalyst:
        """One for all scopes: the pool answers by content."""
        return ServerAnalyst(self._pool, server)


class _BridgeAnswers:
    """A bridge, shared with other processes."""

    def __init__(self, client: "BridgeClient") -> None:
        self._client = client

    def start(self, language: str, server: str | None, timeout_s: float) -> None:
        """Ask for the start; the bridge tells nobody when it is done."""
        self._client.start(language, server=server)

    def analyst(self, server: str | None, scope: str) -> "_BridgeAnalyst":
        """Who asks in ``scope``."""
        return _BridgeAnalyst(self._client, server, scope)


class _BridgeAnalyst:
    """Lets a bridge answer."""

    def __init__(self, client: "BridgeClient", server: str | None, scope: str) -> None:
        self._client = client
        self._server = server
        self._scope = scope

    def ask(self, query: Query) -> "BridgeTicket":
        """Send the query; returns at once."""
        return self._client.ask(query, scope=self._scope, server=self._server)
