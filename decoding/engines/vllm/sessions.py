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

import numpy as np
from cachetools import LRUCache

from decoding.engines.vllm.request import GuideRequest, admitted, trusts_workspaces
from decoding.prompt.check import check_ids
from decoding.prompt.workspace import without_end
from decoding.session.deadlines import Budget
from decoding.session.guide import Guide
from decoding.session.paths import Path as TextPath
from decoding.session.session import Session
from decoding.session.statistics import Statistics
from decoding.vocabulary.index import TokenIndex
from decoding.warming import MOST_FILES, first_queries
from decoding.wiring import Answers, guide_without_analyst, open_answers

_log = logging.getLogger(__name__)
_MOST_WAITS = 100_000
_MOST_UNOPENED = 256
_MOST_KEPT_ANSWERS = 16
"""Answers that are kept of a request that is over: more than its last tokens need."""


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

    def wait(self, waited_s: float) -> None:
        """An answer was waited for."""
        self.waited_s += waited_s
        self.waits_s.append(waited_s)

    @contextmanager
    def spending(self) -> Iterator[None]:
        """What happens inside is the processor's work."""
        wall_s, processor_s = time.perf_counter(), time.thread_time()
        try:
            yield
        finally:
            self.spent_s += time.perf_counter() - wall_s
            self.processor_s += time.thread_time() - processor_s


class Guided:
    """What is kept of one request; rows share it if all that they say is the same."""

    def __init__(self, session: Session, tag: str, scope: str) -> None:
        """``scope``: in which all ranks ask for it."""
        self.key = ""
        """By which who follows the request knows it."""
        self.reported: Statistics | None = None
        """What was counted when `decoding.engines.vllm.reports` looked last."""
        self.tag = tag
        self.scope = scope
        self.texts: set[Text] = set()
        """The texts that are being generated for it."""
        self.statistics = session.statistics
        self.answers = session.answers
        self._session: Session | None = session

    @property
    def session(self) -> Session:
        """Of a request that goes on."""
        assert self._session is not None
        return self._session

    @property
    def is_over(self) -> bool:
        """Whether its last text has ended: it may come back, as one that was preempted does."""
        return self._session is None

    def inherit(self, before: "Guided", *, with_answers: bool) -> None:
        """Go on counting, and know what was answered, where the same request was before."""
        self.session.statistics = self.statistics = before.statistics
        self.reported = before.reported
        if with_answers:
            self.answers.update(before.answers)
            self.session.counted = frozenset(before.answers)

    def close(self) -> None:
        """Give up what it asked."""
        if self._session is not None:
            self._session.close()

    def end(self) -> None:
        """Give up what it asked, and keep what it needs to come back, nothing that is large."""
        if self._session is not None:
            self._session.close()
            while len(self.answers) > _MOST_KEPT_ANSWERS:
                self.answers.popitem(last=False)
            self._session = None


class Text(TextPath):
    """One text that is being generated for a request, wherever the engine keeps it."""

    def __init__(self, request: Guided, known: int = 0) -> None:
        """``known``: tokens that it already has, if the request came back."""
        super().__init__(request.session, known if request.statistics.tokens else 0)
        self.request = request
        request.texts.add(self)

    def end(self) -> None:
        """Nobody generates it any more, here at least."""
        self.request.texts.discard(self)
        if not self.request.texts:
            self.request.end()


class SessionStore:
    """Opens sessions for requests, and keeps them while somebody may come back for them."""

    def __init__(self, index: TokenIndex, capacity: int) -> None:
        """``capacity``: how many sessions are kept; those not used for longest go first."""
        self.totals = Totals()
        self.budget = Budget()
        """Of the engine's step, which all requests share; renewed by whoever follows the steps."""
        self.stepped: set[Guided] = set()
        """Requests of the last step, for whoever reports of them."""
        self.unopened: deque[tuple[str, str]] = deque(maxlen=_MOST_UNOPENED)
        """Keys of requests that could not be opened, and why, for the same."""
        self._index = index
        self._capacity = capacity
        self._kept: OrderedDict[str, Guided] = OrderedDict()
        self._retired = Statistics()
        self._answers: dict[str, Answers] = {}
        self._begun: LRUCache[tuple[str, str | None, str], bool] = LRUCache(MOST_FILES)
        """Files about which the first questions were asked."""
        self._guides: dict[tuple[str, tuple[str, ...]], Guide] = {}

    def open(
        self, text: str, prompt: Iterable[int], margin: float, *, is_new: bool
    ) -> Guided | None:
        """The session of a request; None, logged and counted, if it cannot be guided after all.

        What a caller can be blamed for was refused at admission. ``margin`` is that of `Options`.
        A request that ``is_new``, of which nothing was generated yet, does not inherit what others
        before it were answered: what timed out then may be known now. Samples of one prompt share
        their session.
        """
        prompt = tuple(prompt)
        key = _digest(text, prompt, margin)
        found = self._kept.get(key)
        begins = found is None or (is_new and not found.texts)
        if found is None or begins or found.is_over:
            self.totals.requests += begins
            # All ranks open the same requests in the same order.
            scope = f"{key} {self.totals.requests}" if found is None or begins else found.scope
            request = None
            try:
                request = admitted(text)
                made = self._make(request, prompt, margin, scope)
            except Exception as error:  # noqa: BLE001  # the engine, and all others, must go on
                _log.exception("a request goes on unguided")
                self.totals.unopened += 1
                if request is not None and request.key:
                    self.unopened.append((request.key, str(error) or type(error).__name__))
                return None
            if found is not None:
                made.inherit(found, with_answers=not begins)
            found = self._kept[key] = made
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
            self._begun[key] = True
            analyst = answers.analyst(request.server, f"start {request.path}")
            for query in first_queries(document):
                analyst.ask(query).result(max(0.0, end_s - time.perf_counter()))

    def statistics(self, tag: str | None = None) -> Statistics:
        """What the requests with ``tag`` did, as far as they are kept; None: all ever since."""
        found = [each.statistics for each in self._kept.values() if tag in (None, each.tag)]
        return _sum(found if tag is not None else [self._retired, *found])

    def _retire(self) -> None:
        while len(self._kept) > self._capacity:
            _, request = self._kept.popitem(last=False)
            request.close()
            self._retired = _sum([self._retired, request.statistics])

    def give_up(self, tag: str) -> None:
        """Give up what the requests with ``tag`` have asked, since nobody waits for them."""
        for each in self._kept.values():
            if each.tag == tag:
                each.close()

    def _make(
        self, request: GuideRequest, prompt: Sequence[int], margin: float, scope: str
    ) -> Guided:
        document = request.document()
        if request.prompt_check:
            shown = request.prefix is not None
            bytes_of, healed_bytes = self._index.bytes_of, request.healed_bytes
            check_ids(prompt, bytes_of, document.prefix, healed_bytes, shown)
        options = request.options(margin)
        analyst = self._answers_in(request.workspace).analyst(request.server, scope)
        guide = self._guide(document.language, request.monitors).answered_by(analyst)
        prefix = document.prefix.encode()
        healed = prefix[len(prefix) - request.healed_bytes :]
        start = without_end(document, healed)
        session = Session(guide, start, healed=healed, options=options, on_wait=self.totals.wait)
        session.share(self.budget)
        guided = Guided(session, request.tag, scope)
        guided.key = request.key
        return guided

    def _answers_in(self, workspace: str) -> Answers:
        if workspace not in self._answers:
            self._answers[workspace] = open_answers(Path(workspace), trusts_workspaces())
        return self._answers[workspace]

    def _guide(self, language: str, monitors: tuple[str, ...]) -> Guide:
        """Whose tables all requests for a language share."""
        key = (language, monitors)
        if key not in self._guides:
            self._guides[key] = guide_without_analyst(self._index, language, monitors)
        return self._guides[key]


def _digest(text: str, prompt: Iterable[int], margin: float) -> str:
    """Names a request by its content: the same on all ranks."""
    digest = hashlib.blake2b(f"{len(text)} {margin} {text}".encode(), digest_size=16)
    digest.update(np.fromiter(prompt, np.int64).tobytes())
    return digest.hexdigest()


def _sum(parts: Iterable[Statistics]) -> Statistics:
    total = Statistics()
    for part in parts:
        for each in fields(Statistics):
            setattr(total, each.name, getattr(total, each.name) + getattr(part, each.name))
    return total
