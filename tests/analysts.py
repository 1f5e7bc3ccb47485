"""Analysts without a server, behind the real contract of `decoding.session.Analyst`."""

from collections.abc import Callable, Sequence

from monitors.protocols import Answer, Facts, Name, Query


def facts(*names: str) -> Facts:
    """A closed list of names."""
    return Facts(tuple(Name(name) for name in names))


class Known:
    """A query that is answered already."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.cancelled = False

    def result(self, deadline_s: float) -> Answer:
        """The answer, at once."""
        return self.answer

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
