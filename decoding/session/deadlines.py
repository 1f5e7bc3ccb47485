"""How long answers are waited for: one deadline for each step, however much is asked in it.

Each question is asked once, and its deadline runs from the moment at which it is known to be
needed. Whoever steps several texts together asks for all of them before any of them waits, and
lets them share a `Budget`: then the engine is held for one deadline, not for one a question.
Knows no engine.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

from monitors.protocols import Answer, Query, Reason, Unavailable

_MOST_ANSWERS = 256
_MOST_ASKED = 256


class Ticket(Protocol):
    """A query under way."""

    def result(self, deadline_s: float) -> Answer:
        """The answer; `Unavailable` with ``Reason.TIMEOUT`` after ``deadline_s`` seconds."""
        ...

    def hurry(self, deadline_s: float) -> None:
        """Say that somebody will wait for it, ``deadline_s`` seconds from now at most."""
        ...

    def cancel(self) -> None:
        """Give the query up, if nobody else waits for it."""
        ...


class Analyst(Protocol):
    """Whoever answers queries. Never raises because an analysis failed."""

    def ask(self, query: Query) -> Ticket:
        """Begin to answer; returns at once."""
        ...


class Asked(NamedTuple):
    """Stands for a query without holding its text."""

    length: int
    """Characters of the query's prefix."""
    digest: int


def asked(query: Query) -> Asked:
    """Equal for equal queries; in one process, and with 64 bits for the text."""
    return Asked(len(query.document.prefix), hash(query))


class Budget:
    """How long the step that goes on was held, by all texts that share it."""

    def __init__(self) -> None:
        self.held_s = 0.0
        self.step = 0
        """Number of the step."""

    def renew(self) -> None:
        """A step begins."""
        self.held_s = 0.0
        self.step += 1


class _UnderWay:
    """A question without an answer."""

    def __init__(self, ticket: Ticket) -> None:
        self.ticket = ticket
        self.needed_s: float | None = None
        """When its deadline began to run; None: nobody is known to need the answer yet."""

    def hasten(self, deadline_s: float) -> None:
        if self.needed_s is None:
            self.needed_s = time.perf_counter()
            self.ticket.hurry(deadline_s)


class Questions:
    """What one text asks, and what it was answered. Belongs to one thread at a time."""

    def __init__(
        self, analyst: Analyst, deadline_s: float, on_wait: Callable[[float], None] | None = None
    ) -> None:
        """``on_wait`` is told how long each answer was waited for, in seconds."""
        self.budget = Budget()
        """Of the step; shared by texts that are stepped together."""
        self.answers: OrderedDict[Asked, Answer] = OrderedDict()
        """What was answered last."""
        self._analyst = analyst
        self._deadline_s = deadline_s
        self._on_wait = on_wait
        self._under_way: OrderedDict[Asked, _UnderWay] = OrderedDict()
        self._late_in: int | None = None
        """The step in which a deadline has passed: the same text gets no second one in it."""

    def ask(self, query: Query) -> None:
        """Begin to answer, unless that is done; its deadline does not run yet."""
        self._ask(asked(query), query)

    def hasten(self, query: Query) -> bool:
        """Ask what the step has to know, so that its deadline runs; whether it is unanswered."""
        key = asked(query)
        under_way = self._ask(key, query)
        if under_way is not None:
            under_way.hasten(self._deadline_s)
        return under_way is not None

    def _ask(self, key: Asked, query: Query) -> _UnderWay | None:
        if key in self.answers:
            return None
        under_way = self._under_way.get(key)
        if under_way is None:
            under_way = self._under_way[key] = _UnderWay(self._analyst.ask(query))
            if len(self._under_way) > _MOST_ASKED:
                _, oldest = self._under_way.popitem(last=False)
                oldest.ticket.cancel()
        return under_way

    def keep_only(self, queries: Iterable[Query]) -> None:
        """Ask these, and give up all others that are under way."""
        wanted = {asked(query): query for query in queries}
        for key in self._under_way.keys() - wanted.keys():
            self._under_way.pop(key).ticket.cancel()
        for key, query in wanted.items():
            self._ask(key, query)

    def join(self, query: Query) -> Answer:
        """The answer, or `Unavailable` when the time of the question or of the step is up."""
        key = asked(query)
        under_way = self._ask(key, query)
        if under_way is None:
            self.answers.move_to_end(key)
            return self.answers[key]
        started_s = time.perf_counter()
        answer = under_way.ticket.result(max(0.0, self._left_s(under_way, started_s)))
        self._note(answer, time.perf_counter() - started_s)
        del self._under_way[key]
        self.answers[key] = answer
        if len(self.answers) > _MOST_ANSWERS:
            self.answers.popitem(last=False)
        return answer

    def _left_s(self, under_way: _UnderWay, now_s: float) -> float:
        if self._late_in == self.budget.step:
            return 0.0
        left_s = self._deadline_s - self.budget.held_s
        if under_way.needed_s is not None:
            left_s = min(left_s, under_way.needed_s + self._deadline_s - now_s)
        return left_s

    def _note(self, answer: Answer, waited_s: float) -> None:
        self.budget.held_s += waited_s
        if isinstance(answer, Unavailable) and answer.reason is Reason.TIMEOUT:
            self._late_in = self.budget.step
        if self._on_wait is not None:
            self._on_wait(waited_s)
