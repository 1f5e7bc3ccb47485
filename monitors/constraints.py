"""What may come next, in bytes: the meaning that every token mask has to match.

`Constraint.allows` is the definition, byte string by byte string; `decoding.trie` computes the
same for a whole vocabulary at once, and a property test holds the two together.
"""

import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Protocol

IDENTIFIER_BYTES = frozenset(
    b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_" + bytes(range(0x80, 0x100))
)
"""Bytes that continue an identifier: every byte of a non-ASCII character counts as one, since no
other non-ASCII character can follow a name in code."""


class Leading(IntEnum):
    """White space that may stand before a name."""

    NONE = 0
    BLANKS = 1
    """Spaces, tabs, form feeds and escaped line ends."""
    SPACE = 2
    """Spaces, tabs, form feeds and line ends, for languages that escape none."""
    LINES = 3
    """Blanks and line ends, as inside Python's brackets."""


_LEADING = {
    Leading.NONE: re.compile(rb""),
    Leading.BLANKS: re.compile(rb"(?:[ \t\f]|\\\r?\n)*"),
    Leading.SPACE: re.compile(rb"[ \t\f\r\n]*"),
    Leading.LINES: re.compile(rb"(?:[ \t\f\r\n]|\\\r?\n)*"),
}
_ESCAPING = (Leading.BLANKS, Leading.LINES)
_UNFINISHED_ESCAPE = re.compile(rb"\\\Z")


class Constraint(Protocol):
    """What may follow the text so far. Values are immutable and hashable."""

    @property
    def may_end(self) -> bool:
        """Whether the text may end here (the end-of-text token)."""
        ...

    def allows(self, token: bytes) -> bool:
        """Whether ``token``, which is not empty, can begin a valid continuation."""
        ...

    def after(self, data: bytes) -> "Constraint | None":
        """What may follow once ``data`` has come; None if ``data`` is not allowed."""
        ...


@dataclass(frozen=True, slots=True)
class Anything:
    """No constraint."""

    @property
    def may_end(self) -> bool:
        """True."""
        return True

    def allows(self, token: bytes) -> bool:
        """True."""
        return True

    def after(self, data: bytes) -> "Constraint | None":
        """Still anything."""
        return self


ANYTHING = Anything()


@dataclass(frozen=True, slots=True)
class Names:
    """The rest of one of several names, then a byte that cannot continue it, then anything."""

    rests: frozenset[bytes]
    """What is left of each allowed name in UTF-8; an empty one: the name may end here."""
    leading: Leading = Leading.NONE
    """White space that may come first; NONE once the name has begun."""
    extra: bytes = b""
    """ASCII bytes that continue an identifier too, such as ``$``."""
    exits: bytes = b""
    """ASCII bytes that may come instead of a name, then anything; none once it has begun."""

    @property
    def may_end(self) -> bool:
        """Whether a name is complete."""
        return b"" in self.rests

    def allows(self, token: bytes) -> bool:
        """Whether ``token`` is blank, a beginning of a rest, or a rest and what ends a name."""
        return self.after(token) is not None

    def after(self, data: bytes) -> Constraint | None:
        """What may follow once ``data`` has come; `ANYTHING` once a name has ended."""
        body = _LEADING[self.leading].sub(b"", data, count=1)
        if not body or (self.leading in _ESCAPING and _UNFINISHED_ESCAPE.fullmatch(body)):
            return self
        if body[0] in self.exits:
            return ANYTHING
        for rest in self.rests:
            behind = body[len(rest) :] if body.startswith(rest) else b""
            if behind and behind[0] not in IDENTIFIER_BYTES and behind[0] not in self.extra:
                return ANYTHING
        left = frozenset(rest[len(body) :] for rest in self.rests if rest.startswith(body))
        return Names(left, extra=self.extra) if left else None


@dataclass(frozen=True, slots=True)
class EscapedLineEnd:
    """A line end first, because a backslash came before, then what ``names`` allows."""

    names: Names

    @property
    def may_end(self) -> bool:
        """False."""
        return False

    def allows(self, token: bytes) -> bool:
        """Whether ``token`` begins with a line end and goes on with white space or a name."""
        return self.after(token) is not None

    def after(self, data: bytes) -> Constraint | None:
        """What may follow once ``data`` has come."""
        rest = data.removeprefix(b"\r")
        if not rest.startswith(b"\n"):
            return None
        return self.names.after(rest[1:]) if rest[1:] else self.names


@dataclass(frozen=True, slots=True)
class Literal:
    """A fixed text first, then anything: the prompt's last token, given back to the model."""

    text: bytes

    @property
    def may_end(self) -> bool:
        """Only once the text has come."""
        return not self.text

    def allows(self, token: bytes) -> bool:
        """Whether ``token`` begins the text or begins with it."""
        return self.text.startswith(token) or token.startswith(self.text)

    def after(self, data: bytes) -> Constraint | None:
        """What is left of the text, or `ANYTHING`."""
        if data.startswith(self.text):
            return ANYTHING
        return Literal(self.text[len(data) :]) if self.text.startswith(data) else None
