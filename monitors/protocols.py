"""The contract between monitors and whoever drives them: plain values, no IO.

A monitor for a property φ is the tuple (A_φ, s0, S, pre, update, maskgen) of "Guiding Language
Models of Code with Global Context using Monitors" (NeurIPS 2023, section 3). It is written
sans-IO: a state that needs the analysis yields queries, somebody answers each with `Facts` or
`Unavailable`, and the monitor turns the answers into its next state.

One text is driven through a monitor like this::

    state, rest, ok = monitor.update(state, text)
    while rest:                       # the state must be answered before the rest can be judged
        while queries := monitor.queries(state):
            for query in queries:
                state, outcomes = monitor.answer(state, query, ask(query))
        state, rest, ok = monitor.update(state, rest)

Several monitors are one monitor as well: see `monitors.joint`.

States are immutable and hashable by identity: keep any of them to go back to it for free.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from monitors.constraints import Constraint
from monitors.facts import Signatures


@dataclass(frozen=True, slots=True)
class Document:
    """A file with a cursor in it. Text is held as Python strings (code points)."""

    language: str
    """Language identifier of the Language Server Protocol, such as ``python``."""
    path: str
    """Absolute path of the file; it need not exist on disk."""
    prefix: str
    """Text before the cursor, generated text included."""
    suffix: str = ""
    """Text after the cursor."""


class QueryKind(StrEnum):
    """What a monitor can ask about the position at the end of a document's prefix."""

    MEMBERS = "members"
    """Members of the expression whose dereference operator ends the prefix: `Members`."""
    SIGNATURES = "signatures"
    """Signatures of what is called by the parenthesis that ends the prefix: `Signatures`."""
    IMPORTS = "imports"
    """Modules, or names of a module, of which an import has the first character: `Members`."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and where: at the end of ``document.prefix``."""

    kind: QueryKind
    document: Document


class Name(NamedTuple):
    """One name that is valid at the queried position."""

    text: str
    kind: str = ""
    """Completion item kind in lower case (``method``, ``field``, ...), or empty."""
    detail: str = ""
    deprecated: bool = False


@dataclass(frozen=True, slots=True)
class Members:
    """A closed list: every name that is valid at the queried position, in the server's order."""

    names: tuple[Name, ...]


Facts = Members | Signatures
"""What an analysis has found out: one type for each kind of query."""


class Reason(StrEnum):
    """Why decoding goes on unconstrained at a point where a monitor could have spoken."""

    NOT_STARTED = "server_not_started"
    CRASHED = "server_crashed"
    TIMEOUT = "timeout"
    SERVER_ERROR = "server_error"
    BAD_ANSWER = "bad_answer"
    EMPTY = "empty_list"
    UNKNOWN_TYPE = "unknown_type"
    OPEN_TYPE = "open_type"
    INCOMPLETE = "incomplete_list"
    NOT_MEMBERS = "not_members"
    NOT_OFFERED = "not_offered"
    NO_MATCH = "no_name_matches"
    EMPTY_MASK = "empty_mask"
    REJECTED = "text_left_constraint"
    INVALID_TEXT = "invalid_utf8"


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No answer: the monitor stays out of the way, and the reason is counted."""

    reason: Reason
    detail: str = ""


Answer = Facts | Unavailable

S = TypeVar("S")


def reason_of(answer: Answer) -> Reason:
    """Why ``answer`` is not the one that was asked for."""
    return answer.reason if isinstance(answer, Unavailable) else Reason.BAD_ANSWER


class Outcome(NamedTuple):
    """What became of a point at which a monitor could have spoken."""

    monitor: str
    """Name of the monitor."""
    reason: Reason | None
    """Why it goes unconstrained; None: it is constrained."""


class Answered(NamedTuple, Generic[S]):
    """Result of `Monitor.answer`."""

    state: S
    outcomes: tuple[Outcome, ...]
    """One for each monitor that asked."""


class Progress(NamedTuple, Generic[S]):
    """Result of `Monitor.update`."""

    state: S
    rest: str
    """Text that cannot be judged before the state's queries are answered; empty: all was read."""
    valid: bool
    """False if the text that was read broke the state's constraint; the state is then free."""


class Monitor(Protocol[S]):
    """A property that is watched while text is generated. Pure: no IO, no tokenizer."""

    def start(self, document: Document) -> S:
        """State at the end of ``document.prefix``. Unfinished identifiers count as typed."""
        ...

    def update(self, state: S, text: str) -> Progress[S]:
        """State after ``text``, as far as it can be judged without facts."""
        ...

    def queries(self, state: S) -> tuple[Query, ...]:
        """What the state has to know before it can constrain; empty: nothing.

        All of them may be asked at once. Answers may lead to further queries.
        """
        ...

    def answer(self, state: S, query: Query, answer: Answer) -> Answered[S]:
        """State that knows the answer to one of its queries; `Unavailable` sets it free there."""
        ...

    def release(self, state: S) -> S:
        """State that constrains nothing before the next trigger: no token fitted."""
        ...

    def maskgen(self, state: S) -> Constraint:
        """What may come next. A state whose queries are unanswered allows anything."""
        ...

    def expect(self, state: S) -> tuple[Query, ...]:
        """Queries that one of the next few characters is likely to ask, for prefetching."""
        ...

    @property
    def crossing(self) -> re.Pattern[str]:
        """Finds, in a token's text, what may be a trigger with more behind it.

        The last group that matches ends just behind the trigger. Whether it is live is
        `crosses`' to say.
        """
        ...

    def crosses(self, state: S, text: str) -> bool:
        """Whether ``text`` holds a trigger that is live after ``state``, with more behind it."""
        ...

    def crossing_key(self, state: S) -> Hashable:
        """States with equal keys give the same `crosses` for every text."""
        ...

    def parts(self, state: S) -> "tuple[tuple[Monitor[Any], Any], ...]":
        """The monitors of which this one is made, each with its state; mostly itself."""
        ...
