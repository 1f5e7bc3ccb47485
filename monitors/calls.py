"""Calls that are being written: which are open, and what arguments they have so far.

What the monitors of arguments share. Text is read piece by piece; commas and parentheses in
strings, comments, nested brackets and nested calls belong to these. Where it cannot be told what
a comma belongs to, the call is not counted.
"""

import re
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

from monitors.facts import Signatures
from monitors.languages.calls import CallSyntax
from monitors.languages.language import Language, LexState
from monitors.languages.reading import advance

_PIECE = re.compile(r"[()\[\]{},=:#]|//|/\*|\s+|(?:(?!//|/\*)[^()\[\]{},=:#\s])+")
_COMMENTS = ("#", "//", "/*")
_HEAD = 200
"""Characters before a parenthesis that show what it belongs to."""
_LONGEST = 200
"""Characters of an argument that are kept."""


class Call(NamedTuple):
    """An open call."""

    end: int
    """Length of the generated text up to and with the parenthesis; may be negative."""
    level: int
    """How much was open outside the parenthesis."""
    signatures: Signatures | None = None
    """What is called; None before that is answered."""
    done: int = 0
    """Arguments behind which a comma stands."""
    positional: int = 0
    """Those of ``done`` that were given by position."""
    named: frozenset[str] = frozenset()
    """Names by which arguments were given."""
    argument: str = ""
    """Beginning of the argument that is being written; empty: none has begun."""
    is_named: bool = False
    """Whether that is given by name."""
    is_counted: bool = True
    """Whether the arguments can be told apart."""

    @property
    def given(self) -> int:
        """How many arguments the call would have if it were closed now."""
        return self.done + bool(self.argument)

    def with_comma(self) -> "Call":
        """Behind a comma."""
        positional = self.positional + (not self.is_named)
        done = self.done + 1
        return self._replace(done=done, positional=positional, argument="", is_named=False)

    def with_name(self) -> "Call":
        """The argument that has begun is given by its name."""
        return self._replace(named=self.named | {self.argument.strip()}, is_named=True)

    def with_text(self, piece: str, syntax: CallSyntax) -> "Call":
        """The argument begins or goes on."""
        argument = (self.argument + piece)[:_LONGEST]
        unclear = syntax.opaque.search(argument) or syntax.spread.search(argument)
        return self._replace(argument=argument, is_counted=self.is_counted and not unclear)


class Kind(Enum):
    """What a piece of text does to the innermost call."""

    BEGINS = "begins"
    """An argument begins."""
    COMMA = "comma"
    CLOSES = "closes"
    NAMED = "named"
    """The argument that has begun turns out to be given by name."""


class Event(NamedTuple):
    """Something that can be judged."""

    kind: Kind
    call: Call
    """As it is behind it; for CLOSES and NAMED, before it."""


class Calls(NamedTuple):
    """The calls that are open, outermost first, and the lexer at the end of the text."""

    lexer: LexState
    open: tuple[Call, ...] = ()

    @property
    def is_at_level(self) -> bool:
        """Whether the text stands in the innermost call itself, not in brackets inside it."""
        return look(self.lexer).depth == self.open[-1].level + 1


class Look(NamedTuple):
    """What matters to calls of a lexer's state."""

    in_code: bool
    depth: int
    """How much is open."""
    receiver: bool
    """Whether a parenthesis would have something to call before it."""


@lru_cache(maxsize=4096)
def look(lexer: LexState) -> Look:
    """What matters of a state; to ask a lexer means to read its last token again."""
    return Look(lexer.in_code, len(lexer.open), bool(lexer.receiver))


class CallReader:
    """Reads calls in one language."""

    def __init__(self, language: Language, syntax: CallSyntax) -> None:
        self.syntax = syntax
        self._name = re.compile(rf"[^\W\d][\w{re.escape(language.extra)}]*")

    def needs_answer(self, calls: Calls, text: str, position: int) -> bool:
        """Whether what comes at ``position`` cannot be judged before a call is answered."""
        if not calls.open or calls.open[-1].signatures is not None:
            return False
        return not _is_blank(calls.lexer, _piece(text, position))

    def read(
        self, calls: Calls, text: str, position: int, before: str, length: int
    ) -> tuple[Calls, int, Event | None]:
        """Read a piece of ``text``: the calls behind it, its end, and what it did.

        ``before``: the end of what stands in front of ``text``; ``length``: of the generated text
        there.
        """
        if not calls.open:
            begin, position = position, self._skip(text, position)
            calls = Calls(advance(calls.lexer, text[begin:position]))
            if position == len(text):
                return calls, position, None
        piece = _piece(text, position)
        end = position + len(piece)
        old, lexer = calls.lexer, advance(calls.lexer, piece)
        event = None
        last = text[position - 1] if position else before[-1:]
        if calls.open and _continues(calls.open[-1], last, piece):
            calls = _with(calls, calls.open[-1].with_text(piece, self.syntax))
            return calls._replace(lexer=lexer), end, None
        calls = _inside(calls, look(old).depth)
        if not look(old).in_code or _is_blank(old, piece):
            calls = self._blank(calls, piece)
        elif piece in (")", "]", "}"):
            calls, event = self._close(calls, lexer, piece)
        else:
            calls, event = self._go_on(calls, text, end, piece)
            if piece == "(" and self._is_call(old, lexer, _before(before, text, position)):
                call = Call(length + end, look(old).depth)
                calls = calls._replace(open=(*calls.open, call))
        return calls._replace(lexer=lexer), end, event

    def _skip(self, text: str, position: int) -> int:
        """Where the next parenthesis stands."""
        found = text.find("(", position)
        return len(text) if found < 0 else found

    def _blank(self, calls: Calls, piece: str) -> Calls:
        """White space keeps the words of an argument apart."""
        inside = calls.open and calls.open[-1].argument and look(calls.lexer).in_code
        if not (inside and calls.is_at_level):
            return calls
        return _with(calls, calls.open[-1].with_text(" ", self.syntax))

    def _close(self, calls: Calls, lexer: LexState, piece: str) -> tuple[Calls, Event | None]:
        """A closing bracket ends all calls that it lies outside of."""
        level = look(lexer).depth
        if not calls.open or calls.open[-1].level < level:
            return calls, None
        call = calls.open[-1]
        closes = piece == ")" and call.level == level
        if self.syntax.expands_calls and call.done == 0 and "(" in call.argument:
            call = call._replace(is_counted=False)
        return _inside(calls, level), Event(Kind.CLOSES, call) if closes else None

    def _go_on(self, calls: Calls, text: str, end: int, piece: str) -> tuple[Calls, Event | None]:
        """A comma, the sign behind a name, or a piece of an argument."""
        if not (calls.open and calls.is_at_level):
            return calls, None
        call = calls.open[-1]
        if piece == ",":
            call = call.with_comma()
            return _with(calls, call), Event(Kind.COMMA, call)
        if piece == self.syntax.keyword_sign and self._names(call, text[end : end + 1]):
            return _with(calls, call.with_name()), Event(Kind.NAMED, call)
        begins = not call.argument
        call = call.with_text(piece, self.syntax)
        return _with(calls, call), Event(Kind.BEGINS, call) if begins else None

    def _names(self, call: Call, following: str) -> bool:
        """Whether the sign makes a name of the argument: not in ``a == b`` or ``a::b``.

        At the end of the text it does: tokenizers have the longer ones in one piece.
        """
        is_name = self._name.fullmatch(call.argument.strip()) is not None
        return is_name and not call.is_named and following != self.syntax.keyword_sign

    def _is_call(self, old: LexState, lexer: LexState, before: str) -> bool:
        """Whether a parenthesis that has just been read belongs to a call."""
        if not look(old).receiver or look(lexer).depth <= look(old).depth:
            return False
        return self.syntax.no_call.search(before) is None


def _before(before: str, text: str, position: int) -> str:
    """The last `_HEAD` characters in front of ``position``."""
    if position >= _HEAD:
        return text[position - _HEAD : position]
    return (before + text[:position])[-_HEAD:]


def _with(calls: Calls, call: Call) -> Calls:
    return calls._replace(open=(*calls.open[:-1], call))


def _inside(calls: Calls, depth: int) -> Calls:
    """The calls without those whose brackets the lexer has given up."""
    if not calls.open or calls.open[-1].level < depth:
        return calls
    return calls._replace(open=tuple([each for each in calls.open if each.level < depth]))


def _continues(call: Call, last: str, piece: str) -> bool:
    """Whether a piece is the rest of a word, of which an argument has the beginning.

    ``last`` is the character in front of it. What a beginning looks like may be another thing:
    ``for`` at the beginning of a line, of ``for_all``.
    """
    touches = bool(last) and (last.isalnum() or last == "_") and call.argument[-1:] == last
    return touches and (piece[0].isalnum() or piece[0] == "_")


def _is_blank(lexer: LexState, piece: str) -> bool:
    """Whether a piece is white space or, in code, begins a comment."""
    if piece.isspace():
        return True
    return piece in _COMMENTS and not look(advance(lexer, piece + " ")).in_code


def _piece(text: str, position: int) -> str:
    match = _PIECE.match(text, position)
    assert match is not None
    return match[0]
