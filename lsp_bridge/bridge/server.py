"""The bridge: owns the language servers of its workspaces and answers by content.

What it remembers, and for how long, is in `lsp_bridge.bridge.memory`.
"""

import asyncio
import itertools
import logging
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from lsp_bridge.bridge import sockets
from lsp_bridge.bridge.counters import Counters
from lsp_bridge.bridge.memory import Memory, Verdict, key_of
from lsp_bridge.bridge.outcomes import Outcomes
from lsp_bridge.bridge.protocol import (
    VERSION,
    Ask,
    Cancel,
    Fence,
    Fenced,
    Follow,
    Hello,
    Metrics,
    ProtocolError,
    Refused,
    Report,
    ShowMetrics,
    Start,
    Tell,
    ToBridge,
    ToClient,
    Told,
    Unfollow,
    Wait,
    Welcome,
    answered,
    frame,
    read_from_client,
)
from lsp_bridge.pool.configuration import open_pool
from lsp_bridge.pool.flights import Handle
from lsp_bridge.pool.pool import ServerPool
from monitors.errors import UsageError, WorkspaceError
from monitors.protocols import Answer, Reason, Unavailable

_log = logging.getLogger(__name__)
_HELLO_TIMEOUT_S = 5.0
_CLOSE_TIMEOUT_S = 5.0
_LONGEST_DEADLINE_S = 3600.0
_SETTLE_S = 0.01
_MOST_CLIENTS = 256
_MOST_ASKED = 4096
"""Most queries of one client that are under way."""
_FENCE_S = 1.0
"""So long is waited for what others may have told before the last word is said."""
_MOST_FOLLOWED = 65_536
"""Most requests that one client follows."""
_MOST_UNREAD_BYTES = 64 << 20
"""A client that leaves more than this unread is cut off."""


def serve(
    workspaces: Iterable[str | os.PathLike[str]],
    socket: Path,
    *,
    trust_workspace: bool = False,
    on_ready: Callable[[Path], None] = lambda path: None,
) -> None:
    """Answer queries about files below ``workspaces`` until SIGINT or SIGTERM.

    Only this user may connect. ``on_ready`` is called once clients can. Servers start when they
    are first asked. Raises `WorkspaceError`, `ConfigError`, and `UsageError` for a socket that is
    in use. For the main thread.
    """
    with ExitStack() as stack:
        pools = {
            root: stack.enter_context(open_pool(root, trust_workspace=trust_workspace, watch=True))
            for root in _roots(workspaces)
        }
        asyncio.run(_serve(Bridge(pools), socket, on_ready))


def _roots(workspaces: Iterable[str | os.PathLike[str]]) -> list[Path]:
    roots = list(dict.fromkeys(Path(os.path.realpath(each)) for each in workspaces))
    if not roots:
        raise WorkspaceError("a bridge needs at least one workspace directory")
    return roots


async def _serve(bridge: "Bridge", path: Path, on_ready: Callable[[Path], None]) -> None:
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ending.set)
    await bridge.listen(path)
    try:
        on_ready(path)
        await ending.wait()
    finally:
        await bridge.close()
        path.unlink(missing_ok=True)


class _Question(Verdict):
    """A query that a pool was asked, and its verdict."""

    def __init__(self, key: bytes, pool: ServerPool, handle: Handle) -> None:
        super().__init__()
        self.key = key
        self.pool = pool
        self.handle = handle
        self.timer: asyncio.TimerHandle | None = None
        """Strikes at the deadline, once somebody waits."""


class Bridge:
    """Answers clients from the pools of the workspaces. Belongs to one event loop."""

    def __init__(self, pools: Mapping[Path, ServerPool]) -> None:
        """``pools``: by the real path of its workspace. They stay the caller's."""
        self._pools = dict(pools)
        self._memory: Memory[_Question] = Memory(time.monotonic)
        self._clients: dict[_Client, asyncio.Task[None]] = {}
        self.tellers: set[_Client] = set()
        """Clients that tell of outcomes."""
        self._server: asyncio.Server | None = None
        self.counters = Counters()
        self.outcomes = Outcomes()

    @property
    def clients(self) -> Iterable["_Client"]:
        """Everybody who is connected and has been greeted."""
        return [each for each in self._clients if each.is_greeted]

    async def listen(self, path: Path) -> None:
        """Accept clients at ``path``, which this user alone may open. Raises UsageError."""
        listener = sockets.bound(path)
        self._server = await asyncio.start_unix_server(self._receive, sock=listener)

    async def close(self) -> None:
        """Accept nobody any more, and cut every client off."""
        await asyncio.sleep(_SETTLE_S)  # asyncio loses connections that it is just accepting
        if self._server is not None:
            self._server.close()
        for client in self._clients:
            client.cut()
        if self._clients:
            await asyncio.wait(list(self._clients.values()), timeout=_CLOSE_TIMEOUT_S)

    @property
    def workspaces(self) -> tuple[str, ...]:
        """Real paths of the workspaces."""
        return tuple(map(str, self._pools))

    @property
    def metrics(self) -> str:
        """The metrics page."""
        pools = self._pools.values()
        gauges = {
            "bridge_clients": len(self._clients),
            "bridge_verdicts": len(self._memory),
            "bridge_outcomes": len(self.outcomes),
            "servers": sum(len(pool.process_ids) for pool in pools),
        }
        return self.counters.page((pool.statistics for pool in pools), gauges)

    def start(self, language: str, server: str | None) -> None:
        """Start the servers for ``language`` in every workspace; what fails shows in answers."""
        for pool in self._pools.values():
            try:
                pool.start(language, server=server)
            except UsageError as error:
                _log.warning("not started: %s", error)
            except Exception:  # noqa: BLE001  # what fails shows in answers
                _log.exception("not started")

    def question(self, message: Ask) -> _Question:
        """What ``message`` asks, under way or decided.

        Raises WorkspaceError for a path outside the workspaces, and ServerError as pools do.
        """
        self.counters.counts["queries"] += 1
        pool = self._pool(message.query.document.path)
        key = key_of(message.query, message.scope, message.server)
        question = self._memory.recall(key)
        if question is None:
            return self._ask(key, pool, message)
        self.counters.counts["joined" if question.answer is None else "remembered"] += 1
        return question

    def _pool(self, path: str) -> ServerPool:
        """The pool of the innermost workspace that holds ``path`` once links are followed."""
        real = os.path.realpath(path) if os.path.isabs(path) and "\0" not in path else ""
        roots = [root for root in self._pools if real.startswith(os.path.join(root, ""))]
        if not roots:
            raise WorkspaceError(
                f"{path!r} lies outside the workspaces {', '.join(self.workspaces)};"
                " expected an absolute path inside one of them"
            )
        return self._pools[max(roots, key=lambda root: len(str(root)))]

    def _ask(self, key: bytes, pool: ServerPool, message: Ask) -> _Question:
        handle = pool.ask(message.query, server=message.server)
        question = _Question(key, pool, handle)
        self._memory.open(key, question)
        loop = asyncio.get_running_loop()

        def land(answer: Answer) -> None:
            with suppress(RuntimeError):  # the bridge was closed meanwhile
                loop.call_soon_threadsafe(self._decide, question, answer)

        handle.add_done_callback(land)
        return question

    def hasten(self, question: _Question, deadline_s: float) -> None:
        """Have ``question`` decided within ``deadline_s`` seconds."""
        question.pool.hurry(question.handle)
        loop = asyncio.get_running_loop()
        strikes_s = loop.time() + min(max(deadline_s, 0.0), _LONGEST_DEADLINE_S)
        if question.timer is not None:
            if question.timer.when() <= strikes_s:
                return
            question.timer.cancel()
        question.timer = loop.call_at(strikes_s, self._give_up, question)

    def _give_up(self, question: _Question) -> None:
        answer = question.pool.wait(question.handle, 0.0)
        if answer == Unavailable(Reason.TIMEOUT, "0 s"):
            answer = Unavailable(Reason.TIMEOUT, "no answer before the deadline")
        self._decide(question, answer)

    def _decide(self, question: _Question, answer: Answer) -> None:
        if question.timer is not None:
            question.timer.cancel()
        decided = self._memory.decide(question.key, question, answer)
        if decided and isinstance(answer, Unavailable):
            self.counters.fail_opens[answer.reason] += 1

    def abandon(self, question: _Question) -> None:
        """Forget a question that nobody wants any more, if it is not decided."""
        if question.answer is None:
            self._memory.drop(question.key, question)
            if question.timer is not None:
                question.timer.cancel()
            question.handle.cancel()

    async def _receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = _Client(self, reader, writer)
        task = asyncio.current_task()
        assert task is not None
        self._clients[client] = task
        try:
            await client.serve(crowded=len(self._clients) > _MOST_CLIENTS)
        except (ProtocolError, TimeoutError) as error:
            self.counters.counts["protocol_errors"] += 1
            _log.warning("%s was cut off: %s", client.name, error or "it said nothing")
        except (OSError, EOFError):
            pass  # it has gone
        finally:
            del self._clients[client]
            self.tellers.discard(client)
            client.cut()


class _Client:
    """One connection."""

    def __init__(
        self, bridge: Bridge, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.name = "a client"
        self.is_greeted = False
        self._bridge = bridge
        self._reader = reader
        self._writer = writer
        self._asked: dict[int, _Question] = {}
        self._waiting_since_s: dict[int, float] = {}
        self._followed: dict[int, str] = {}
        self._fences: dict[int, Callable[[], None]] = {}
        self._numbers = itertools.count()

    async def serve(self, crowded: bool) -> None:
        """Answer until the client goes.

        Raises ProtocolError, TimeoutError, OSError and EOFError, after which it must be `cut`.
        """
        async with asyncio.timeout(_HELLO_TIMEOUT_S):
            hello = await read_from_client(self._reader)
        if not isinstance(hello, Hello):
            raise ProtocolError(f"it began with {type(hello).__name__}")
        self.name = f"client {hello.name!r}"
        if why := _objection(hello, crowded):
            self._send(Refused(why))
            await self._writer.drain()
            return
        self._send(Welcome(VERSION, self._bridge.workspaces))
        self.is_greeted = True
        while True:
            self._heed(await read_from_client(self._reader))
            await asyncio.sleep(0)  # reading what is there already lets nobody else run

    def cut(self) -> None:
        """Close the connection; what only this client wanted is given up."""
        self._writer.close()
        asked, self._asked = self._asked, {}
        for number, question in asked.items():
            if question.leave((self, number)):
                self._bridge.abandon(question)
        for key in self._followed.values():
            self._bridge.outcomes.unfollow(key)
        while self._fences:
            self._fences.popitem()[1]()

    def fence(self, done: Callable[[], None]) -> None:
        """Call ``done`` when everything was heard that the client has sent until now."""
        number = next(self._numbers)
        self._fences[number] = done
        self._send(Fence(number))

    def _heed(self, message: ToBridge) -> None:
        match message:
            case Ask():
                self._ask(message)
            case Wait(number, deadline_s) if question := self._asked.get(number):
                self._waiting_since_s[number] = time.monotonic()
                self._bridge.hasten(question, deadline_s)
            case Cancel(number):
                self._cancel(number)
            case Start(language, server):
                self._bridge.start(language, server)
            case Report(counts):
                self._bridge.counters.report(counts)
            case Tell(key, outcome):
                self._bridge.tellers.add(self)
                self._bridge.outcomes.tell(key, outcome)
            case Fenced(number) if done := self._fences.pop(number, None):
                done()
            case Follow(number, key):
                self._follow(number, key)
            case Unfollow(number):
                self._unfollow(number)
            case ShowMetrics(number):
                self._send(Metrics(number, self._bridge.metrics))
            case Hello():
                raise ProtocolError("it said hello twice")

    def _ask(self, message: Ask) -> None:
        try:
            if len(self._asked) >= _MOST_ASKED:
                raise UsageError(f"{_MOST_ASKED} queries are under way")
            question = self._bridge.question(message)
        except UsageError as error:
            self._bridge.counters.counts["refused"] += 1
            refusal = Unavailable(Reason.SERVER_ERROR, f"refused: {error}")
            self._send(answered(message.number, refusal))
            return
        except Exception as error:  # noqa: BLE001  # one query must not cost the connection
            _log.exception("a query of %s failed", self.name)
            failure = Unavailable(Reason.SERVER_ERROR, f"not asked: {error!r}")
            self._send(answered(message.number, failure))
            return
        self._asked[message.number] = question
        question.tell((self, message.number), lambda answer: self._answer(message.number, answer))

    def _answer(self, number: int, answer: Answer) -> None:
        self._asked.pop(number, None)
        since_s = self._waiting_since_s.pop(number, None)
        if since_s is not None:
            self._bridge.counters.waited(time.monotonic() - since_s)
        self._send(answered(number, answer))

    def _cancel(self, number: int) -> None:
        question = self._asked.pop(number, None)
        self._waiting_since_s.pop(number, None)
        if question is not None and question.leave((self, number)):
            self._bridge.abandon(question)

    def _follow(self, number: int, key: str) -> None:
        if len(self._followed) >= _MOST_FOLLOWED:
            return  # the last word will be that nothing is known
        self._followed[number] = key
        self._bridge.outcomes.follow(key, lambda outcome: self._send(Told(number, outcome)))

    def _unfollow(self, number: int) -> None:
        """Say the last word once all has been heard of the request that was sent before."""
        bridge, key = self._bridge, self._followed.get(number, "")
        # Who tells for the first time is not known to.
        waiting = set(bridge.tellers if bridge.outcomes.is_known(key) else bridge.clients)
        waiting.discard(self)

        def heard(teller: _Client) -> None:
            waiting.discard(teller)
            if not waiting:
                self._end(number)

        for teller in tuple(waiting):
            teller.fence(partial(heard, teller))
        if waiting:
            asyncio.get_running_loop().call_later(_FENCE_S, self._end, number)
        else:
            self._end(number)

    def _end(self, number: int) -> None:
        """Say the last word; only the first one counts."""
        key = self._followed.pop(number, None)
        outcome = None if key is None else self._bridge.outcomes.unfollow(key)
        self._send(Told(number, outcome, is_last=True))

    def _send(self, message: ToClient) -> None:
        if self._writer.is_closing():
            return
        self._writer.write(frame(message))
        if self._writer.transport.get_write_buffer_size() > _MOST_UNREAD_BYTES:
            _log.warning("%s was cut off: it does not read its answers", self.name)
            self._writer.transport.abort()


def _objection(hello: Hello, crowded: bool) -> str:
    if hello.version != VERSION:
        return (
            f"got version {hello.version} of the protocol; expected {VERSION}:"
            " use one release of monitor-guided-decoding on both sides"
        )
    return f"{_MOST_CLIENTS} clients are connected" if crowded else ""
