"""The side of whoever asks: a thread that talks to the bridge, and values that can be waited for.

Nothing here blocks past a deadline or raises because a bridge is missing, gone, or talks nonsense:
queries are then `Unavailable`, and the client connects again, with pauses that grow.
"""

import asyncio
import concurrent.futures
import itertools
import logging
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Self

from lsp_bridge.bridge.outlet import Outlet
from lsp_bridge.bridge.protocol import (
    VERSION,
    Answered,
    Ask,
    Cancel,
    Fence,
    Fenced,
    Follow,
    Hello,
    Metrics,
    Outcome,
    ProtocolError,
    Refused,
    Report,
    ShowMetrics,
    Start,
    Tell,
    ToBridge,
    Told,
    Unfollow,
    Wait,
    Welcome,
    frame,
    read_from_bridge,
)
from monitors.protocols import Answer, Query, Reason, Unavailable

_log = logging.getLogger(__name__)
_HELLO_TIMEOUT_S = 5.0
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0
_CLOSE_TIMEOUT_S = 5.0
_SILENCE_S = 3.0
"""So long after a deadline a bridge that has said nothing counts as gone. Long, since ranks must
not decide by their own clocks: the verdict of a bridge that is alive has come by then."""


class BridgeTicket:
    """A query on its way to a bridge. Thread safe."""

    def __init__(self, client: "BridgeClient", number: int) -> None:
        self._client = client
        self.number = number
        """Identifies it among the client's."""
        self._future: concurrent.futures.Future[Answer] = concurrent.futures.Future()

    def result(self, deadline_s: float) -> Answer:
        """The answer, `Unavailable` if there is none within ``deadline_s`` seconds.

        The bridge decides that, for everybody who asks the same; a bridge that hangs is left.
        """
        self.hurry(deadline_s)
        try:
            return self._future.result(max(0.0, deadline_s) + _SILENCE_S)
        except concurrent.futures.TimeoutError:
            self._client.leave_hanging()
            return Unavailable(Reason.TIMEOUT, f"no word from the bridge in {deadline_s:g} s")

    def hurry(self, deadline_s: float) -> None:
        """Have the answer decided within ``deadline_s`` seconds; does not wait for it."""
        if not self._future.done():
            self._client.send(Wait(self.number, deadline_s))

    def cancel(self) -> None:
        """Give the query up, if nobody else waits for it."""
        if not self._future.done():
            self._client.send(Cancel(self.number))
            self._client.forget(self.number)
            self.settle(Unavailable(Reason.TIMEOUT, "given up"))

    def settle(self, answer: Answer) -> None:
        """Set the answer, unless there is one."""
        with suppress(concurrent.futures.InvalidStateError):
            self._future.set_result(answer)


class Following:
    """A request whose outcome somebody wants to know. Thread safe."""

    def __init__(
        self, client: "BridgeClient", number: int, hear: Callable[[Outcome], None]
    ) -> None:
        self._client = client
        self._number = number
        self.hear = hear
        """Called on the client's thread with everything that is told."""
        self.last: concurrent.futures.Future[Outcome | None] = concurrent.futures.Future()
        """What was told last, once `end` was called; None: nothing, or the bridge has gone."""

    def end(self) -> None:
        """The request has ended: `last` will be there soon. Harmless when it has."""
        self._client.unfollow(self._number)

    def settle(self, outcome: Outcome | None) -> None:
        """Set the last word, unless there is one."""
        with suppress(concurrent.futures.InvalidStateError):
            self.last.set_result(outcome)


class BridgeClient:
    """Asks the bridge at a socket. Thread safe; use it as a context manager, or `close` it."""

    def __init__(
        self, path: str | os.PathLike[str], *, name: str = "", connect_s: float = 5.0
    ) -> None:
        """Waits ``connect_s`` seconds at most for the bridge, and raises nothing if it is away.

        ``name`` says in the bridge's log who asks.
        """
        self._path = os.fspath(path)
        self._name = name
        self._numbers = itertools.count()
        self._tickets: dict[int, BridgeTicket] = {}
        self._pages: dict[int, concurrent.futures.Future[str]] = {}
        self._followed: dict[int, Following] = {}
        self._outlet: Outlet | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._away = Unavailable(Reason.NOT_STARTED, f"no bridge at {self._path}")
        """What queries get while there is no connection."""
        self._welcomed = threading.Event()
        self._closed = False
        self.workspaces: tuple[str, ...] = ()
        """Real paths of the bridge's workspaces, once it has been met."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="mgd-bridge", daemon=True)
        self._thread.start()
        self._welcomed.wait(connect_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        """Whether the bridge can be asked now."""
        return self._outlet is not None

    def ask(self, query: Query, *, scope: str = "", server: str | None = None) -> BridgeTicket:
        """Begin to answer; returns at once.

        All who ask the same in the same ``scope`` get the same answer, whatever it is. Name a
        request by a text that all ranks share, so that another one does not inherit its failures.
        ``server`` is a language server's name, where the default is not wanted. A path outside the
        bridge's workspaces is answered with a refusal.
        """
        number = next(self._numbers)
        ticket = BridgeTicket(self, number)
        try:
            data = frame(Ask(number, query, scope, server))
        except UnicodeEncodeError as error:
            ticket.settle(Unavailable(Reason.INVALID_TEXT, error.reason))
        except ProtocolError as error:
            ticket.settle(Unavailable(Reason.SERVER_ERROR, str(error)))
        else:
            self._tickets[number] = ticket
            outlet = self._outlet
            if outlet is None or not outlet.send(data):
                self.forget(number)
                ticket.settle(self._away)
        return ticket

    def start(self, language: str, *, server: str | None = None) -> None:
        """Have the servers for ``language`` started, since they will be asked."""
        self.send(Start(language, server))

    def report(self, counts: Mapping[str, float]) -> None:
        """Add to counters on the bridge's metrics page, as ``mgd_processor_NAME_total``.

        A key is a name, or a name and a `Reason`: ``fail_opens:timeout``. Of several ranks only
        one should report what all of them do.
        """
        self.send(Report(dict(counts)))

    def tell(self, key: str, outcome: Outcome) -> None:
        """Tell whoever follows the request called ``key`` what has become of it so far."""
        self.send(Tell(key, outcome))

    def follow(self, key: str, hear: Callable[[Outcome], None]) -> Following:
        """Have ``hear`` called, on another thread, with whatever becomes of a request.

        Begin before the request does.
        """
        number = next(self._numbers)
        following = self._followed[number] = Following(self, number, hear)
        self.send(Follow(number, key))
        return following

    def unfollow(self, number: int) -> None:
        """Ask for the last word; without a bridge there is none."""
        if self.connected:
            self.send(Unfollow(number))
        elif following := self._followed.pop(number, None):
            following.settle(None)

    def metrics(self, deadline_s: float) -> str | None:
        """The bridge's metrics page, None if it cannot be had in time."""
        if not self.connected:
            return None
        number = next(self._numbers)
        page: concurrent.futures.Future[str] = concurrent.futures.Future()
        self._pages[number] = page
        self.send(ShowMetrics(number))
        try:
            return page.result(deadline_s)
        except concurrent.futures.TimeoutError:
            return None
        finally:
            del self._pages[number]

    def leave_hanging(self) -> None:
        """Give up a bridge that does not answer, so that nobody else waits for it."""
        self._post(self._cut)

    def close(self) -> None:
        """Leave the bridge; queries under way are answered `Unavailable`. Harmless when closed."""
        if self._closed:
            return
        self._closed = True
        self._post(self._leave)
        self._thread.join(_CLOSE_TIMEOUT_S)

    def send(self, message: ToBridge) -> None:
        """Send what needs no answer, if the bridge is there."""
        outlet = self._outlet
        if outlet is not None:
            outlet.send(frame(message))

    def forget(self, number: int) -> None:
        """Drop a ticket that nobody waits for."""
        self._tickets.pop(number, None)

    def _post(self, function: Callable[..., None], *arguments: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:  # closed
            self._settle_all()

    # What follows runs on the client's thread.

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            with suppress(asyncio.CancelledError):
                runner.run(self._stay_connected())
            self._shut()

    def _leave(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    async def _stay_connected(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                await self._talk()
            except (OSError, EOFError, TimeoutError, ProtocolError) as error:
                met = self._lose(error)
            pause_s = _FIRST_PAUSE_S if met else min(2 * pause_s, _LONGEST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _talk(self) -> None:
        """Connect and listen until the connection ends, which raises."""
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            writer.write(frame(Hello(VERSION, self._name)))
            async with asyncio.timeout(_HELLO_TIMEOUT_S):
                welcome = await read_from_bridge(reader)
            if isinstance(welcome, Refused):
                raise ProtocolError(f"the bridge refuses: {welcome.why}")
            if not isinstance(welcome, Welcome):
                raise ProtocolError(f"the bridge began with {type(welcome).__name__}")
            self.workspaces = welcome.workspaces
            await writer.drain()
            self._writer = writer
            self._outlet = Outlet(writer.get_extra_info("socket").dup(), self._loop)
            self._welcomed.set()
            while True:
                self._heed(await read_from_bridge(reader))
        finally:
            writer.close()

    def _cut(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()

    def _heed(self, message: Any) -> None:
        if isinstance(message, Answered):
            ticket = self._tickets.pop(message.number, None)
            if ticket is not None:
                ticket.settle(message.answer)
        elif isinstance(message, Fence):
            self.send(Fenced(message.number))
        elif isinstance(message, Told):
            self._hear(message)
        elif isinstance(message, Metrics) and message.number in self._pages:
            self._pages[message.number].set_result(message.text)

    def _hear(self, message: Told) -> None:
        following = self._followed.get(message.number)
        if following is not None and message.is_last:
            del self._followed[message.number]
            following.settle(message.outcome)
        elif following is not None and message.outcome is not None:
            following.hear(message.outcome)

    def _lose(self, error: Exception) -> bool:
        """Answer what is under way, since its answer will not come.

        Returns whether the bridge had been met.
        """
        met = self._outlet is not None
        why = str(error) or type(error).__name__
        if met:
            self._away = Unavailable(Reason.CRASHED, f"the bridge has gone: {why}")
            _log.warning("the bridge at %s has gone: %s", self._path, why)
        elif isinstance(error, ProtocolError):
            self._away = Unavailable(Reason.NOT_STARTED, why)
            _log.warning("%s", why)
        self._shut()
        return met

    def _shut(self) -> None:
        """Send nothing any more, and answer what waits."""
        outlet, self._outlet, self._writer = self._outlet, None, None
        if outlet is not None:
            outlet.close()
        self._settle_all()

    def _settle_all(self) -> None:
        answer = Unavailable(Reason.NOT_STARTED, "closed") if self._closed else self._away
        while self._tickets:
            with suppress(KeyError):
                self._tickets.popitem()[1].settle(answer)
        while self._followed:
            with suppress(KeyError):
                self._followed.popitem()[1].settle(None)
