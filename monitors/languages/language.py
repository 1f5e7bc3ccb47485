"""What a monitor needs to know about a programming language: a resumable, error-tolerant lexer."""

import re
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol, Self

from monitors.constraints import Comments, Leading


@dataclass(frozen=True, slots=True)
class Operator:
    """A dereference operator, and what may stand behind it besides the name of a member."""

    text: str
    words: frozenset[str] = frozenset()
    """Keywords that may stand there as if they were members: ``template`` in C++."""
    exits: str = ""
    """Characters that may come instead of a name, after which anything may follow.

    The second dot of a range ``a..b``, the parenthesis of Go's ``x.(T)``.
    """
    fused: bool = True
    """Whether tokenizers have the operator and an exit in one token, so that a model which has
    written the operator alone means a name."""


class Blocks(Enum):
    """How a language delimits statements and blocks."""

    INDENTED = "indented"
    """By indentation, as in Python."""
    BRACES = "braces"
    """By braces; ``;`` or a line end ends a statement."""
    WORDS = "words"
    """By keywords that a word such as ``end`` closes, as in Ruby."""


class LexState(Hashable, Protocol):
    """Immutable state of a lexer between two characters of a file."""

    @property
    def at_trigger(self) -> bool:
        """Whether the last character completed a live dereference operator."""
        ...

    @property
    def operator(self) -> str:
        """The operator that the last character completed, such as ``?.``; else empty."""
        ...

    @property
    def receiver(self) -> str:
        """End of the expression that a dereference operator typed now would apply to.

        The identifier itself, ``")"``, ``"]"``, ... for other expressions, empty where a
        dereference operator would not be live.
        """
        ...

    @property
    def open(self) -> tuple[str, ...]:
        """What is open, outermost first: brackets, string openers, interpolation fields."""
        ...

    @property
    def in_brackets(self) -> bool:
        """Whether a line end is plain white space here."""
        ...

    @property
    def in_code(self) -> bool:
        """False inside strings and comments; True in interpolation fields."""
        ...

    @property
    def key(self) -> Hashable:
        """Small value; states with equal keys find the same triggers in every text."""
        ...

    def scan(self, text: str, start: int = 0) -> tuple[Self, int]:
        """Read ``text[start:]`` up to just behind the next live trigger, or to the end.

        Returns the state there and the index into ``text``. Reading in pieces, split at any
        character, gives the same states as reading at once.
        """
        ...


class Language(Hashable, Protocol):
    """A programming language as monitors see it."""

    @property
    def name(self) -> str:
        """Language identifier of the Language Server Protocol."""
        ...

    @property
    def operators(self) -> tuple[Operator, ...]:
        """The dereference operators, the usual one first."""
        ...

    @property
    def name_start(self) -> re.Pattern[str]:
        """Matches an identifier or the beginning of one, possibly empty, that has been typed."""
        ...

    @property
    def extra(self) -> str:
        """ASCII characters that continue an identifier, besides letters, digits and ``_``."""
        ...

    @property
    def blocks(self) -> Blocks:
        """How statements and blocks are delimited."""
        ...

    @property
    def crossing(self) -> re.Pattern[str]:
        """Finds, in a token's text, a dereference operator with more than white space behind.

        Group 1 ends just behind the operator. Whether the operator is live is `LexState.scan`'s
        to say.
        """
        ...

    def start(self) -> LexState:
        """State at the beginning of a file."""
        ...

    def leading(self, state: Any) -> Leading:
        """White space that may stand between an operator and a name.

        ``state`` is one of this language's own.
        """
        ...

    def comments(self, state: Any) -> Comments:
        """Comments that may stand between an operator and a name.

        ``state`` is one of this language's own.
        """
        ...

    def closers(self, state: Any, level: int = 0) -> str:
        """Text that closes everything in ``state.open[level:]``, innermost first.

        ``state`` is one of this language's own.
        """
        ...
