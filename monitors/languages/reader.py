"""Texts that are read again and again, a little longer or changed behind some place each time."""

from bisect import bisect_left
from collections import deque
from contextlib import suppress
from typing import NamedTuple

from monitors.languages.language import Language, LexState

_PIECE = 2_000
"""Characters between two places from which reading can go on."""


class Reading(NamedTuple):
    """What reading a text's beginning has come to."""

    end: int
    """Length of the beginning."""
    lexer: LexState
    trigger: int | None
    """Index just behind the last live dereference operator."""
    at_trigger: LexState | None
    """The lexer there."""
    outside: int
    """A place near the end at which no parenthesis is open."""
    outside_calls: LexState
    """The lexer there."""


class _Known(NamedTuple):
    """A text that was read."""

    name: str
    text: str
    readings: list[Reading]
    """At places from which reading can go on, the last one at the end."""

    def shared_with(self, text: str) -> list[Reading]:
        """Readings of the beginning that both texts have."""
        end = bisect_left(
            self.readings, True, key=lambda each: not text.startswith(self.text[: each.end])
        )
        return self.readings[:end]


class Reader:
    """Reads texts with a language's lexer, each from where it differs from others of its name.

    Several texts may have one name: generations that go on at several places of a file.
    """

    def __init__(self, language: Language, capacity: int = 64) -> None:
        """``capacity``: how many texts are remembered; those not used for longest go first."""
        self._start = _Known("", "", [_first(language.start())])
        self._known: deque[_Known] = deque(maxlen=capacity)

    def read(self, name: str, text: str) -> Reading:
        """The lexer at the end of ``text``, which ``name``, a path say, has now."""
        namesakes = (each for each in tuple(self._known) if each.name == name)
        shared = [(each, each.shared_with(text)) for each in (self._start, *namesakes)]
        known, found = max(shared, key=lambda each: each[1][-1].end)
        while found[-1].end < len(text):
            found.append(_read_on(found[-1], text))
        if known.text.startswith(text) or text.startswith(known.text):  # one text, as it grows
            with suppress(ValueError):  # never kept, or replaced by another thread
                self._known.remove(known)
        is_longer = known is not self._start and known.text.startswith(text)
        self._known.append(known if is_longer else _Known(name, text, found))
        return found[-1]


def _read_on(reading: Reading, text: str) -> Reading:
    """Read one piece more."""
    begin, lexer, trigger, at_trigger, outside, outside_calls = reading
    piece = text[begin : begin + _PIECE]
    position = 0
    while position < len(piece):
        lexer, position = lexer.scan(piece, position)
        if lexer.at_trigger:
            trigger, at_trigger = begin + position, lexer
    end = begin + len(piece)
    if "(" not in lexer.open:
        outside, outside_calls = end, lexer
    return Reading(end, lexer, trigger, at_trigger, outside, outside_calls)


def _first(lexer: LexState) -> Reading:
    """Of an empty text."""
    return Reading(0, lexer, None, None, 0, lexer)
