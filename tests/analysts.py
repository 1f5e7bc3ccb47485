"""Analysts without a server, behind the real contract of `decoding.session.session.Analyst`."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from monitors.protocols import Answer, Members, Monitor, Name, Query, Reason, Unavailable


def facts(*names: str) -> Members:
    """A closed list of names."""
    return Members(tuple(Name(name) for name in names))


def asked(monitor: Monitor[Any], state: Any) -> Query | None:
    """The only query of a state, if it has one."""
    queries = monitor.queries(state)
    assert len(queries) <= 1
    return queries[0] if queries else None


def answered(monitor: Monitor[Any], state: Any, answer: Answer) -> Any:
    """The state behind ``answer`` to each of its queries."""
    for query in monitor.queries(state):
        state, _ = monitor.answer(state, query, answer)
    return state


class Known:
    """A query that is answered already."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.cancelled = False

    def result(self, deadline_s: float) -> Answer:
        """The answer, at once."""
        return self.answer

    def hurry(self, deadline_s: float) -> None:
        """Nothing is left to do."""

    def cancel(self) -> None:
        """Remember that it was given up."""
        self.cancelled = True


class ScriptedAnalyst:
    """Answers by the text before the operator; remembers what it was asked."""

    def __init__(self, answer: Callable[[str], Answer] | Answer) -> None:
        self._answer = answer
        self.queries: list[Query] = []
        self.tickets: list[Known] = []

    def ask(self, query: Query) -> Known:
        """Answer at once."""
        self.queries.append(query)
        self.tickets.append(Known(self.look_up(query)))
        return self.tickets[-1]

    def look_up(self, query: Query) -> Answer:
        """The answer, without remembering the question."""
        return self._answer(query.document.prefix) if callable(self._answer) else self._answer


def members(table: dict[str, Sequence[str]], default: Answer) -> Callable[[str], Answer]:
    """Answers by receiver: ``table`` maps the text right before the operator to names."""

    def answer(prefix: str) -> Answer:
        for receiver, names in table.items():
            if prefix.endswith(receiver + "."):
                return facts(*names)
        return default

    return answer


class TimedTicket:
    """A query that is answered at a moment."""

    def __init__(self, answer: Answer, delay_s: float) -> None:
        self._answer = answer
        self._ready_s = time.perf_counter() + delay_s
        self.hurried = False
        self.cancelled = False

    def result(self, deadline_s: float) -> Answer:
        """Waits as long as a server would keep one waiting."""
        left_s = self._ready_s - time.perf_counter()
        time.sleep(max(0.0, min(left_s, deadline_s)))
        return self._answer if left_s <= deadline_s else Unavailable(Reason.TIMEOUT)

    def cancel(self) -> None:
        """Remember that it was given up."""
        self.cancelled = True

    def hurry(self, deadline_s: float) -> None:
        """Remember that somebody will wait."""
        self.hurried = True


class TimedAnswers:
    """A workspace whose servers take their time; the contract of `decoding.wiring.Answers`."""

    def __init__(self, answer: Callable[[str], Answer], delay_s: float = 0.0) -> None:
        self._answer = answer
        self.delay_s = delay_s
        self.scopes: list[str] = []
        self.tickets: list[TimedTicket] = []
        self.asked: list[str] = []
        self.started: list[str] = []

    def start(self, language: str, server: str | None, timeout_s: float) -> None:
        """Remember it."""
        self.started.append(language)

    def analyst(self, server: str | None, scope: str) -> "TimedAnswers":
        """The same for all."""
        self.scopes.append(scope)
        return self

    def ask(self, query: Query) -> TimedTicket:
        """Begin to answer."""
        prefix = query.document.prefix
        self.asked.append(prefix)
        self.tickets.append(TimedTicket(self._answer(prefix), self.delay_s))
        return self.tickets[-1]
