"""What a monitor needs to know about a programming language: a resumable, error-tolerant lexer."""

import re
from collections.abc import Hashable
from typing import Any, Protocol, Self


class LexState(Protocol):
    """Immutable state of a lexer between two characters of a file."""

    @property
    def at_trigger(self) -> bool:
        """Whether the last character completed a live dereference operator."""
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


class Language(Protocol):
    """A programming language as monitors see it."""

    @property
    def name(self) -> str:
        """Language identifier of the Language Server Protocol."""
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

    def closers(self, state: Any) -> str:
        """Text that closes everything in ``state.open``, innermost first.

        ``state`` is one of this language's own.
        """
        ...
