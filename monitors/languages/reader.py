"""Texts that are read again and again, a little longer or changed behind some place each time."""

from bisect import bisect_left
from collections import OrderedDict
from typing import NamedTuple

from monitors.languages.language import Language, LexState

_PIECE = 2_000
"""Characters between two places from which reading can go on."""


class Reading(NamedTuple):
    """What reading a text's beginning has come to."""

    end: int
    """Length of the beginning."""
    lexer: LexState
    trigger: int | None = None
    """Index just behind the last live dereference operator."""
    at_trigger: LexState | None = None
    """The lexer there."""


class Reader:
    """Reads texts with a language's lexer, each from where it differs from the last of its name."""

    def __init__(self, language: Language, capacity: int = 64) -> None:
        """``capacity``: how many names are remembered; those not used for longest go first."""
        self._start = Reading(0, language.start())
        self._capacity = capacity
        self._known: OrderedDict[str, tuple[str, list[Reading]]] = OrderedDict()

    def read(self, name: str, text: str) -> Reading:
        """The lexer at the end of ``text``, which ``name``, a path say, has now."""
        known, readings = self._known.pop(name, ("", [self._start]))
        # Readings agree with the text up to some place, and differ from there on.
        same = bisect_left(readings, True, key=lambda each: not text.startswith(known[: each.end]))
        found = readings[:same]
        while found[-1].end < len(text):
            found.append(_read_on(found[-1], text))
        if not known.startswith(text):
            known, readings = text, found
        self._known[name] = known, readings
        if len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return found[-1]


def _read_on(reading: Reading, text: str) -> Reading:
    """Read one piece more."""
    begin, lexer, trigger, at_trigger = reading
    piece = text[begin : begin + _PIECE]
    position = 0
    while position < len(piece):
        lexer, position = lexer.scan(piece, position)
        if lexer.at_trigger:
            trigger, at_trigger = begin + position, lexer
    return Reading(begin + len(piece), lexer, trigger, at_trigger)
