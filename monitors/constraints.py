"""What may come next, in bytes: the meaning that every token mask has to match.

`Constraint.allows` is the definition, byte string by byte string; `decoding.vocabulary.index`
computes the same for a whole vocabulary at once, and a property test holds the two together.
"""

import re
from dataclasses import dataclass, replace
from enum import IntEnum, IntFlag
from functools import cache
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


class Comments(IntFlag):
    """Kinds of comments that may stand between white space before a name."""

    NONE = 0
    HASH = 1
    """From ``#`` to the end of the line; in C, directives."""
    SLASHES = 2
    """From ``//`` to the end of the line, and from ``/*`` to ``*/``."""

    @property
    def first(self) -> bytes:
        """What they may begin with."""
        return (b"#" if self & Comments.HASH else b"") + (b"/" if self & Comments.SLASHES else b"")


SPACES = {
    Leading.NONE: "(?!)",
    Leading.BLANKS: r"[ \t\f]|\\\r?\n",
    Leading.SPACE: r"[ \t\f\r\n]",
    Leading.LINES: r"[ \t\f\r\n]|\\\r?\n",
}
"""Regex of one piece of white space."""
_UNFINISHED_SPACES = {
    Leading.NONE: "(?!)",
    Leading.BLANKS: r"(\\\r?)",
    Leading.SPACE: "(?!)",
    Leading.LINES: r"(\\\r?)",
}
_COMMENTS = {
    Comments.HASH: r"#[^\r\n]*(?=[\r\n])",
    Comments.SLASHES: r"//[^\r\n]*(?=[\r\n])|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/",
}
_UNFINISHED_COMMENTS = {
    Comments.HASH: r"(#)[^\r\n]*",
    Comments.SLASHES: r"(//)[^\r\n]*|(/\*)(?:[^*]|\*(?!/))*?(\*?)|(/)",
}


class Gap:
    """What may stand between an operator and a name: white space and comments."""

    def __init__(self, leading: Leading, comments: Comments) -> None:
        finished = [SPACES[leading], *(_COMMENTS[each] for each in comments)]
        unfinished = [_UNFINISHED_SPACES[leading]]
        unfinished += [_UNFINISHED_COMMENTS[each] for each in comments]
        self._finished = re.compile(f"(?:{'|'.join(finished)})*")
        self._unfinished = re.compile("|".join(unfinished))

    def end(self, text: str, start: int = 0) -> tuple[int, str]:
        """Where the gap that begins at ``start`` ends, and how its last part has begun.

        The second is empty unless ``text`` ends in an escape or a comment that is not complete.
        It is short: ``//`` for a comment that waits for the line end.
        """
        finished = self._finished.match(text, start)
        assert finished is not None
        begun = self._unfinished.fullmatch(text, finished.end())
        if begun is None:
            return finished.end(), ""
        return len(text), "".join(part for part in begun.groups() if part)


@cache
def gap(leading: Leading, comments: Comments) -> Gap:
    """The gap that such white space and comments make up."""
    return Gap(leading, comments)


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
    comments: Comments = Comments.NONE
    """Comments that may come first; NONE once the name has begun."""
    blank: bool = True
    """Whether white space may come alone, with neither a name nor a comment behind it."""

    @property
    def may_end(self) -> bool:
        """Whether a name is complete."""
        return b"" in self.rests

    @property
    def gap(self) -> Gap:
        """What may come first."""
        return gap(self.leading, self.comments)

    def allows(self, token: bytes) -> bool:
        """Whether ``token`` is blank, a beginning of a rest, or a rest and what ends a name."""
        return self.after(token) is not None

    def after(self, data: bytes) -> Constraint | None:
        """What may follow once ``data`` has come; `ANYTHING` once a name has ended."""
        end, begun = self.gap.end(data.decode("latin-1"))
        if end == len(data):
            commented = any(byte in data for byte in self.comments.first)
            if not (self.blank or commented):
                return None
            names = replace(self, blank=True) if commented else self
            return Unfinished(names, begun.encode()) if begun else names
        body = data[end:]
        if body[0] in self.exits:
            return ANYTHING
        for rest in self.rests:
            behind = body[len(rest) :] if body.startswith(rest) else b""
            if behind and behind[0] not in IDENTIFIER_BYTES and behind[0] not in self.extra:
                return ANYTHING
        left = frozenset(rest[len(body) :] for rest in self.rests if rest.startswith(body))
        return Names(left, extra=self.extra) if left else None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """The rest of an escaped line end or of a comment first, then what ``names`` allows."""

    names: Names
    begun: bytes
    """How it has begun, as `Gap.end` says."""

    @property
    def may_end(self) -> bool:
        """False."""
        return False

    def allows(self, token: bytes) -> bool:
        """Whether ``token`` goes on with what has begun; and what comes behind, if anything."""
        return self.after(token) is not None

    def after(self, data: bytes) -> Constraint | None:
        """What may follow once ``data`` has come."""
        end, _ = self.names.gap.end((self.begun + data).decode("latin-1"))
        return self.names.after(self.begun + data) if end > len(self.begun) else None


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


@dataclass(frozen=True, slots=True)
class Both:
    """What two constraints allow."""

    first: Constraint
    second: Constraint

    @property
    def may_end(self) -> bool:
        """Whether the text may end under both."""
        return self.first.may_end and self.second.may_end

    def allows(self, token: bytes) -> bool:
        """Whether both allow ``token``."""
        return self.first.allows(token) and self.second.allows(token)

    def after(self, data: bytes) -> Constraint | None:
        """What both allow once ``data`` has come; None if either does not allow it."""
        first, second = self.first.after(data), self.second.after(data)
        return None if first is None or second is None else both(first, second)


def both(first: Constraint, second: Constraint) -> Constraint:
    """What ``first`` and ``second`` allow, in as few parts as can be.

    Of two lists of names the common ones are left: a beginning that two different names share
    would lead nowhere.
    """
    if first is ANYTHING or first == second:
        return second
    if second is ANYTHING:
        return first
    if isinstance(first, Names) and isinstance(second, Names) and _alike(first, second):
        return replace(first, rests=first.rests & second.rests)
    return Both(first, second)


def _alike(first: Names, second: Names) -> bool:
    """Whether two lists differ in nothing but their names, and end them alike."""
    return replace(first, rests=second.rests) == second
