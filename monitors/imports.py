"""The monitor of imports: only modules and names that there are.

A segment, that is a module between dots or a name of a module, is asked about behind its first
character: many servers list a few names only, or others, where none has been typed. Only
statements at the margin are guided: those in ``try`` and ``if`` import what need not be installed.
Not in the paper's list of properties; it is its dereferences (section 3.2) of modules.
"""

import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

from monitors.constraints import ANYTHING, Constraint, Names
from monitors.errors import UsageError
from monitors.generated import cut, joined
from monitors.languages.imports import IMPORTS
from monitors.languages.language import Language, LexState
from monitors.languages.reader import Reader
from monitors.languages.reading import advance
from monitors.protocols import (
    Answer,
    Answered,
    Document,
    Members,
    Outcome,
    Progress,
    Query,
    QueryKind,
    Reason,
    reason_of,
)

NAME = "import"
_WORD = re.compile(r"\w+")
_CROSSING = re.compile(r"(?<!\w)([^\W\d])(?=.)", re.DOTALL)
_ESCAPED = re.compile(r"\\\r?\n\Z")
_LONGEST = 4_000
"""Characters of a statement that are read as one that imports."""


class Line(NamedTuple):
    """What stands before the cursor in its line, or in a statement of several that imports."""

    lexer: LexState
    """At its beginning."""
    text: str = ""
    imports: bool = True
    """Whether it imports, or may yet turn out to."""

    @property
    def in_word(self) -> bool:
        """Whether a letter would go on with a word."""
        return _is_word(self.text[-1:])


class Segment(NamedTuple):
    """A part of a module's path, or a name that is imported, of which something is typed."""

    end: int
    """Length of the generated text up to and with its first character; may be negative."""
    typed: str
    names: frozenset[str] | None = None
    """Allowed names that begin with ``typed``; None before the query is answered."""


@dataclass(frozen=True, slots=True, eq=False)
class ImportState:
    """Where the text stands. ``segment`` is None wherever nothing is to be constrained."""

    document: Document
    generated: str
    """Text behind ``document.prefix``."""
    line: Line
    segment: Segment | None = None


class ImportMonitor:
    """Constrains modules, and what is imported from them, to those that there are."""

    def __init__(self, language: Language) -> None:
        """Raises `UsageError` for a language whose imports are not known."""
        syntax = IMPORTS.get(language.name)
        if syntax is None:
            known = ", ".join(sorted(IMPORTS))
            raise UsageError(f"no monitor of imports knows {language.name}; expected {known}")
        self._syntax = syntax
        self._statement = re.compile(rf"^(?:{'|'.join(syntax.words)})\b", re.MULTILINE)
        self._reader = Reader(language)

    def start(self, document: Document) -> ImportState:
        """State at the end of ``document.prefix``; a segment begun there counts as typed."""
        text = document.prefix
        begin = text.rfind("\n") + 1
        for match in self._statement.finditer(text, max(len(text) - _LONGEST, 0)):
            begin = match.start()
        lexer = self._reader.read(document.path, text[:begin]).lexer
        line, segment = Line(lexer, "", not lexer.open), -1
        for position, begins, behind in self._pieces(line, text, begin):
            line = behind
            if begins or not _is_word(text[position]):
                segment = position if begins else -1
        known = Segment(segment + 1 - len(text), text[segment:]) if segment >= 0 else None
        return ImportState(document, "", line, known)

    def update(self, state: ImportState, text: str) -> Progress[ImportState]:
        """State behind ``text``, up to the second character of a segment that is not known."""
        line, segment, position = state.line, state.segment, 0
        valid = True
        while position < len(text):
            if segment is not None and segment.names is None:
                break
            begins = segment is None and self._begins_segment(line, text[position])
            end = position + 1 if begins else self._piece_end(line, text, position)
            if begins:
                segment = Segment(len(state.generated) + end, text[position])
            elif segment is not None:
                segment, fits = _judged(segment, text[position:end], end < len(text))
                valid = valid and fits
            line, position = self._read(line, text[position:end]), end
        return Progress(_moved(state, text[:position], line, segment), text[position:], valid)

    def _pieces(self, line: Line, text: str, position: int = 0) -> Iterator[tuple[int, bool, Line]]:
        """The pieces of ``text[position:]``, which is not judged.

        Where each begins, whether a segment does there, and the line behind it.
        """
        while position < len(text):
            begins = self._begins_segment(line, text[position])
            end = self._piece_end(line, text, position)
            line = self._read(line, text[position:end])
            yield position, begins, line
            position = end

    def _begins_segment(self, line: Line, character: str) -> bool:
        """Whether ``character`` begins a module's or a name's segment."""
        if not line.imports or line.in_word or not character.isidentifier():
            return False
        return self._syntax.head.fullmatch(line.text) is not None

    def _piece_end(self, line: Line, text: str, position: int) -> int:
        """Where the piece ends that is read at once: a line, or a word or character of one."""
        if not line.imports:
            return text.find("\n", position) + 1 or len(text)
        word = _WORD.match(text, position)
        return position + 1 if word is None else word.end()

    def _read(self, line: Line, piece: str) -> Line:
        """The line behind ``piece``."""
        text = line.text + piece
        if piece[-1] != "\n":
            return Line(line.lexer, text, line.imports and self._may_import(text))
        lexer = advance(line.lexer, text)
        if not lexer.open and not _ESCAPED.search(text):
            return Line(lexer)
        if line.imports and len(text) <= _LONGEST:
            return Line(line.lexer, text)
        return Line(lexer, "", False)

    def _may_import(self, text: str) -> bool:
        for word in self._syntax.words:
            if word.startswith(text) or (text.startswith(word) and not _is_word(text[len(word)])):
                return True
        return False

    def queries(self, state: ImportState) -> tuple[Query, ...]:
        """What may stand there, if a segment has not been answered for."""
        segment = state.segment
        if segment is None or segment.names is not None:
            return ()
        document = cut(state.document, state.generated, segment.end)
        return (Query(QueryKind.IMPORTS, document),)

    def answer(self, state: ImportState, query: Query, answer: Answer) -> Answered[ImportState]:
        """State that allows the names; `Unavailable`, or no name that fits, sets it free."""
        segment = state.segment
        if segment is None:
            return Answered(state, ())
        if not isinstance(answer, Members):
            return Answered(replace(state, segment=None), (Outcome(NAME, reason_of(answer)),))
        names = frozenset(name.text for name in answer.names if name.text.startswith(segment.typed))
        known = segment._replace(names=names) if names else None
        outcome = Outcome(NAME, None if names else Reason.NO_MATCH)
        return Answered(replace(state, segment=known), (outcome,))

    def release(self, state: ImportState) -> ImportState:
        """State without a segment."""
        return replace(state, segment=None)

    def maskgen(self, state: ImportState) -> Constraint:
        """The rests of the allowed names; anything where there is no answered segment."""
        segment = state.segment
        if segment is None or segment.names is None:
            return ANYTHING
        size = len(segment.typed)
        return Names(frozenset([name[size:].encode() for name in segment.names]))

    def expect(self, state: ImportState) -> tuple[Query, ...]:
        """Nothing: what will be asked depends on the first character."""
        return ()

    @property
    def crossing(self) -> re.Pattern[str]:
        """The first character of a word, with more behind it."""
        return _CROSSING

    def crosses(self, state: ImportState, text: str) -> bool:
        """Whether a segment begins in ``text``, with more behind its first character."""
        if not state.line.imports:
            return False
        return any(begins for _, begins, _ in self._pieces(state.line, text))

    def crossing_key(self, state: ImportState) -> Hashable:
        """The statement, if it imports; its names but for keywords do not matter."""
        line = state.line
        if not line.imports:
            return None
        return _WORD.sub(self._word_key, line.text), state.segment is not None

    def _word_key(self, word: re.Match[str]) -> str:
        is_kept = word[0] in self._syntax.keywords or word.start() == 0
        return word[0] if is_kept else "x"

    def parts(self, state: ImportState) -> "tuple[tuple[ImportMonitor, ImportState], ...]":
        """Itself."""
        return ((self, state),)


def _judged(segment: Segment, piece: str, is_over: bool) -> tuple[Segment | None, bool]:
    """The segment behind ``piece``, if it goes on there, and whether its names allow that.

    ``is_over``: whether something follows ``piece``.
    """
    assert segment.names is not None
    if not _is_word(piece[0]):
        return None, segment.typed in segment.names
    typed = segment.typed + piece
    left = frozenset(name for name in segment.names if name.startswith(typed))
    if not left:
        return None, False
    return segment._replace(typed=typed, names=left), not is_over or typed in left


def _moved(state: ImportState, text: str, line: Line, segment: Segment | None) -> ImportState:
    """The state behind ``text``; long generated text joins the prefix where nothing is asked."""
    document, generated = state.document, state.generated + text
    if segment is None:
        document, generated = joined(document, generated)
    return ImportState(document, generated, line, segment)


def _is_word(text: str) -> bool:
    return text.isalnum() or text == "_"
