"""Sessions of guided requests, found by content. Imports neither vLLM nor torch.

Engines hand over rows that move, vanish, come back shorter, or are recomputed from the start. So
nothing is kept by row: a session belongs to the text of a request's arguments and its prompt, and
a node to the tokens behind it. Whoever comes back with the same content finds everything again.
"""

import hashlib
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from weakref import WeakSet

from decoding.prompt_check import check_ids
from decoding.session import Guide, Node, Session
from decoding.statistics import Statistics
from decoding.trie import TokenIndex
from decoding.vllm_request import GuideRequest, admitted, trusts_workspaces
from decoding.warming import first_queries
from decoding.wiring import (
    Answers,
    HurriedAnalyst,
    HurriedTicket,
    guide_without_analyst,
    open_answers,
)
from decoding.workspace import without_end
from monitors.protocols import Answer, Query, Reason, Unavailable

_log = logging.getLogger(__name__)
_MOST_STARTED = 256
_MOST_WAITS = 100_000
_MOST_UNOPENED = 256
_PLACEHOLDER = -1
"""What stands for a token that is not known yet under asynchronous scheduling."""

Key = tuple[str, tuple[int, ...], float]
"""A request's arguments, its prompt, and `Options.margin`."""


@dataclass(slots=True)
class Totals:
    """What the processor did for all requests together."""

    steps: int = 0
    """Steps in which some row was guided."""
    rows: int = 0
    """Guided rows of all steps."""
    spent_s: float = 0.0
    """Time in the processor, waiting included."""
    waited_s: float = 0.0
    """Time that it waited for answers."""
    processor_s: float = 0.0
    """Processor time that it took, without what threads of others took meanwhile."""
    waits_s: "deque[float]" = field(default_factory=lambda: deque(maxlen=_MOST_WAITS))
    """How long each answer was waited for."""
    requests: int = 0
    """Guided requests; samples of one prompt count once."""
    unopened: int = 0
    """Requests that went unguided although they had been admitted."""

    @contextmanager
    def spending(self) -> Iterator[None]:
        """What happens inside is the processor's work."""
        wall_s, processor_s = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.spent_s += time.perf_counter() - wall_s
            self.processor_s += time.thread_time() - processor_s


class PunctualAnalyst:
    """Asks on behalf of one request, which may hold a step no longer than its deadline.

    A question is asked once, however often the session asks for it. Its deadline runs from the
    moment at which it is known to be needed, so the waits of many rows overlap.
    """

    def __init__(self, analyst: HurriedAnalyst, deadline_s: float, totals: Totals) -> None:
        self._analyst = analyst
        self._deadline_s = deadline_s
        self._totals = totals
        self._started: OrderedDict[Query, PunctualTicket] = OrderedDict()
        self._held_s = 0.0
        self.is_waited_for = False
        """Whether a step waits: what is asked meanwhile is needed at once."""

    def ask(self, query: Query) -> "PunctualTicket":
        """Begin to answer, or join the answer that is under way."""
        ticket = self._started.get(query)
        if ticket is None:
            ticket = PunctualTicket(self, query, self._analyst.ask(query))
            self._started[query] = ticket
            if len(self._started) > _MOST_STARTED:
                self._started.popitem(last=False)
        if self.is_waited_for:
            self._start_clock(ticket)
        return ticket

    def begin_step(self) -> None:
        """Let the request hold the batch again, for its whole deadline."""
        self._held_s = 0.0

    def hasten(self, query: Query) -> None:
        """Ask what the next step has to know; its deadline begins to run."""
        self._start_clock(self.ask(query))

    def _start_clock(self, ticket: "PunctualTicket") -> None:
        if ticket.needed_s is None:
            ticket.needed_s = time.perf_counter()
            ticket.under_way.hurry(self._deadline_s)

    def wait(self, ticket: "PunctualTicket", deadline_s: float) -> Answer:
        """The answer, or `Unavailable` when the time of the question or of the step is up."""
        started_s = time.perf_counter()
        left_s = deadline_s - self._held_s
        if ticket.needed_s is not None:
            left_s = min(left_s, ticket.needed_s + deadline_s - started_s)
        answer = ticket.under_way.result(max(0.0, left_s))
        self.forget(ticket)
        waited_s = time.perf_counter() - started_s
        self._held_s += waited_s
        if isinstance(answer, Unavailable) and answer.reason is Reason.TIMEOUT:
            self._held_s = deadline_s  # no second deadline in the same step
        self._totals.waited_s += waited_s
        self._totals.waits_s.append(waited_s)
        return answer

    def forget(self, ticket: "PunctualTicket") -> None:
        """Let the next who asks the same start anew."""
        if self._started.get(ticket.query) is ticket:
            del self._started[ticket.query]


class PunctualTicket:
    """A question of one request."""

    def __init__(self, analyst: PunctualAnalyst, query: Query, ticket: HurriedTicket) -> None:
        self._analyst = analyst
        self.query = query
        self.under_way = ticket
        self.needed_s: float | None = None
        """When the deadline began to run; None: nobody is known to need the answer yet."""

    def result(self, deadline_s: float) -> Answer:
        """The answer; see `PunctualAnalyst.wait`."""
        return self._analyst.wait(self, deadline_s)

    def cancel(self) -> None:
        """Give the question up."""
        self._analyst.forget(self)
        self.under_way.cancel()


class Guided:
    """What is kept of one request; rows share it if all that they say is the same."""

    def __init__(self, session: Session, analyst: PunctualAnalyst, guide: Guide, tag: str) -> None:
        self.key = ""
        """By which who follows the request knows it."""
        self.reported: Statistics | None = None
        """What was counted when `decoding.vllm_reports` looked last."""
        self.session = session
        self.analyst = analyst
        self.tag = tag
        self.texts: WeakSet[Text] = WeakSet()
        """The texts that are being generated for it."""
        self._monitor = guide.monitor

    def hasten(self, node: Node) -> None:
        """Ask what the next step at ``node`` has to know."""
        query = None if node.ended else self._monitor.pre(node.state)
        if query is not None and query not in self.session.answers:
            self.analyst.hasten(query)


@contextmanager
def waiting(requests: Iterable[Guided]) -> Iterator[None]:
    """A step of the engine waits for these requests."""
    analysts = [request.analyst for request in requests]
    for analyst in analysts:
        analyst.is_waited_for = True
    try:
        yield
    finally:
        for analyst in analysts:
            analyst.is_waited_for = False


class Text:
    """One text that is being generated for a request, wherever the engine keeps it."""

    def __init__(self, request: Guided) -> None:
        self.request = request
        self.session = request.session
        self.node = self.session.root
        self._ids: list[int] = []
        request.texts.add(self)

    def follow(self, output: Sequence[int]) -> bool:
        """Go to the node of ``output``; returns whether all of its tokens are known."""
        known = len(output)
        while known and output[known - 1] == _PLACEHOLDER:
            known -= 1
        done = len(self._ids)
        if done > known or self._ids != output[:done]:
            self._ids, self.node, done = [], self.session.root, 0
        for token_id in output[done:known]:
            self.node = self.session.accept(self.node, token_id)
            self._ids.append(token_id)
        return known == len(output)


class SessionStore:
    """Opens sessions for requests, and keeps them while somebody may come back for them."""

    def __init__(self, index: TokenIndex, capacity: int) -> None:
        """``capacity``: how many sessions are kept; those not used for longest go first."""
        self.totals = Totals()
        self.stepped: set[Guided] = set()
        """Requests of the last step, for whoever reports of them."""
        self.unopened: deque[tuple[str, str]] = deque(maxlen=_MOST_UNOPENED)
        """Keys of requests that could not be opened, and why, for the same."""
        self._index = index
        self._capacity = capacity
        self._kept: OrderedDict[Key, Guided] = OrderedDict()
        self._retired = Statistics()
        self._answers: dict[str, Answers] = {}
        self._begun: set[tuple[str, str | None, str]] = set()
        self._guides: dict[tuple[str, bool], Guide] = {}

    def open(
        self, text: str, prompt: Iterable[int], margin: float, *, is_new: bool
    ) -> Guided | None:
        """The session of a request; None, logged and counted, if it cannot be guided after all.

        What a caller can be blamed for was refused at admission. ``margin`` is that of `Options`.
        A request that ``is_new``, of which nothing was generated yet, does not inherit what others
        before it were answered: what timed out then may be known now. Samples of one prompt share
        their session.
        """
        key = (text, tuple(prompt), margin)
        found = self._kept.get(key)
        if found is None or (is_new and not found.texts):
            self.totals.requests += 1
            request = None
            try:
                request = admitted(text)
                found = self._kept[key] = self._make(request, key, found)
            except Exception as error:  # noqa: BLE001  # the engine, and all others, must go on
                _log.exception("a request goes on unguided")
                self.totals.unopened += 1
                if request is not None and request.key:
                    self.unopened.append((request.key, str(error) or type(error).__name__))
                return None
            self._retire()
        self._kept.move_to_end(key)
        return found

    def start(self, text: str, timeout_s: float) -> None:
        """Start the server that a request will need, and let it answer once about the file.

        Waits ``timeout_s`` seconds at most, and for the first answer about a file only.
        """
        request = admitted(text)
        if not request.monitors:
            return
        end_s = time.perf_counter() + timeout_s
        document = request.document()
        answers = self._answers_in(request.workspace)
        answers.start(document.language, request.server, timeout_s)
        key = (request.workspace, request.server, request.path)
        if timeout_s > 0 and key not in self._begun:
            self._begun.add(key)
            analyst = answers.analyst(request.server, f"start {request.path}")
            for query in first_queries(document):
                analyst.ask(query).result(max(0.0, end_s - time.perf_counter()))

    def statistics(self, tag: str | None = None) -> Statistics:
        """What the requests with ``tag`` did, as far as they are kept; None: all ever since."""
        found = [each.session.statistics for each in self._kept.values() if tag in (None, each.tag)]
        return _sum(found if tag is not None else [self._retired, *found])

    def _retire(self) -> None:
        while len(self._kept) > self._capacity:
            _, request = self._kept.popitem(last=False)
            request.session.prefetch()
            self._retired = _sum([self._retired, request.session.statistics])

    def _make(self, request: GuideRequest, key: Key, before: Guided | None) -> Guided:
        document = request.document()
        if request.prompt_check:
            shown = request.prefix is not None
            bytes_of, healed_bytes = self._index.bytes_of, request.healed_bytes
            check_ids(key[1], bytes_of, document.prefix, healed_bytes, shown)
        options = request.options(key[2])
        # All ranks open the same requests in the same order.
        scope = f"{_digest(key)} {self.totals.requests}"
        analyst = self._answers_in(request.workspace).analyst(request.server, scope)
        punctual = PunctualAnalyst(analyst, options.deadline_s, self.totals)
        guide = self._guide(document.language, request.monitors).answered_by(punctual)
        prefix = document.prefix.encode()
        healed = prefix[len(prefix) - request.healed_bytes :]
        start = without_end(document, healed)
        session = Session(guide, start, healed=healed, options=options)
        if before is not None:
            session.statistics = before.session.statistics
        guided = Guided(session, punctual, guide, request.tag)
        guided.key = request.key
        guided.reported = None if before is None else before.reported
        return guided

    def _answers_in(self, workspace: str) -> Answers:
        if workspace not in self._answers:
            self._answers[workspace] = open_answers(Path(workspace), trusts_workspaces())
        return self._answers[workspace]

    def _guide(self, language: str, monitors: bool) -> Guide:
        """Whose tables all requests for a language share."""
        key = (language, monitors)
        if key not in self._guides:
            self._guides[key] = guide_without_analyst(self._index, language, monitors)
        return self._guides[key]


def _digest(key: Key) -> str:
    """Names a request by its content: the same on all ranks."""
    return hashlib.blake2b(repr(key).encode(), digest_size=16).hexdigest()


def _sum(parts: Iterable[Statistics]) -> Statistics:
    total = Statistics()
    for part in parts:
        for each in fields(Statistics):
            setattr(total, each.name, getattr(total, each.name) + getattr(part, each.name))
    return total
