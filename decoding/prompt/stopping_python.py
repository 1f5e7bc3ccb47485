"""Where generation of Python ends: a block is what is indented deeper than its header."""

import re
from copy import copy
from typing import Final

from decoding.prompt.until import Until
from monitors.languages.language import Language, LexState
from monitors.languages.reading import advance

_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_LINE_END: Final = re.compile(r"[\r\n]")
_HEAD: Final = re.compile(r"([ \t\f\ufeff]*)((?:async[ \t]+)?\w+|[^\s\w]|)")
_DEF: Final = re.compile(r"(?:async[ \t]+)?def\b")
_DEFINITION: Final = re.compile(r"(?:async[ \t]+)?(?:def|class)\b|@")
_HEADER: Final = re.compile(
    r"(?:async[ \t]+)?(?:if|while|for|with|try|def|class|match|case|elif|else|except|finally)\b|@"
)
_WORD_END: Final = re.compile(r"\w\Z")
_CLAUSES: Final = ("elif", "else", "except", "finally")


class PythonStopper:
    """Reads generated Python; implements `decoding.prompt.stopping.Stopper`."""

    def __init__(self, language: Language, prefix: str, until: Until) -> None:
        """Begin behind ``prefix``, the text before the cursor."""
        self._rule = _RULES[until]()
        self._lines = _Lines(language.start())
        begin = self._read_prefix(prefix)
        self._line = ""
        self._begin = begin - len(prefix)
        self._judged = False
        self._index: int | None = None
        for match in _LINE.finditer(prefix, begin):
            self._accept(match[0])
        self._index = None
        if self._lines.fresh and not self._judged:
            self._rule.enter(_head(self._line)[0], bool(self._line.strip()))
        self._rule.entered = True

    def fork(self) -> "PythonStopper":
        """An independent copy."""
        twin = copy(self)
        twin._rule, twin._lines = copy(self._rule), copy(self._lines)
        return twin

    def update(self, text: str) -> int | None:
        """Characters of all generated text to keep, once that is known; None: go on."""
        if self._index is None:
            for match in _LINE.finditer(text):
                if self._index is None:
                    self._accept(match[0])
        return self._index

    def _read_prefix(self, prefix: str) -> int:
        """Let the rule see all statements before the cursor's own; offset where that begins."""
        begin, statement = 0, self._lines.state
        for match in _LINE.finditer(prefix):
            if not _LINE_END.search(match[0]):
                break
            starts = self._lines.starts(match[0])
            if starts:
                begin, statement = match.start(), self._lines.state
                self._see(match[0])
            if self._lines.end(match[0]):
                begin, statement = match.end(), self._lines.state
        self._lines = _Lines(statement)
        return begin

    def _see(self, line: str) -> None:
        indent, word = _head(line)
        if word and word != "#":
            self._rule.before(indent, word)

    def _accept(self, piece: str) -> None:
        """Read up to the end of a physical line."""
        self._line += piece
        ended = piece[-1:] in ("\r", "\n")
        if not self._judged and (ended or self._is_clear()):
            self._judge()
        if ended and self._index is None:
            self._end_line()

    def _is_clear(self) -> bool:
        """Whether enough of the line has come to judge it."""
        indent, word = _head(self._line)
        if word == "" or _is_decided(self._line):
            return word != ""
        return self._lines.fresh and self._rule.is_clear(indent, word)

    def _judge(self) -> None:
        """Let the rule see the first word of a line, if the line begins a statement."""
        indent, word = _head(self._line)
        self._judged = True
        if not word or word == "#" or not self._lines.starts(self._line):
            return
        if self._rule.stops_before(indent, word):
            self._index = max(self._rule.kept, 0)

    def _end_line(self) -> None:
        body = self._line.rstrip("\r\n")
        starts, ended = self._lines.fresh, self._lines.end(self._line)
        indent, word = _head(body)
        if body.strip() and not (starts and word == "#" and not self._rule.owns(indent)):
            self._rule.kept = self._begin + len(body)
        if self._rule.stops_after(ended, bool(body.strip())):
            self._index = max(self._begin + len(body), 0)
        self._begin += len(self._line)
        self._line, self._judged = "", False


class _Lines:
    """Joins physical lines to logical ones."""

    def __init__(self, state: LexState) -> None:
        self.state = state
        self.fresh = True
        """Whether the next physical line begins a statement, or is blank or a comment."""

    def starts(self, line: str) -> bool:
        """Whether ``line`` begins a statement; in open brackets, only a keyword does."""
        if self.fresh:
            return True
        _, word = _head(line)
        if not self.state.open or not (word[:1].isalpha() or word == "@"):
            return False
        blanks = line[: len(line) - len(line.lstrip())]
        return not advance(self.state, blanks + word + ("x " if word == "@" else " ")).open

    def end(self, line: str) -> bool:
        """Read ``line``; whether its end is that of a logical line."""
        body = line.rstrip("\r\n")
        state = advance(self.state, body)
        inside = state.in_brackets
        self.state = advance(state, line[len(body) :])
        self.fresh = not inside and not self.state.open
        return self.fresh


class _UntilLine:
    """Until the end of the line; base of the rules."""

    def __init__(self) -> None:
        self.kept = 0
        """Generated characters up to the end of the last line that counts."""
        self.entered = False
        """Whether generated text is being read, not the beginning of the cursor's statement."""

    def before(self, indent: int, word: str) -> None:
        """See a statement that precedes the cursor's, or the cursor's if it has begun."""

    def enter(self, column: int, some: bool) -> None:
        """The cursor is behind blanks up to ``column``, and then ``some`` part of a word."""

    def owns(self, indent: int) -> bool:
        """Whether a comment indented like that belongs to what is generated."""
        return True

    def is_clear(self, indent: int, word: str) -> bool:
        """Whether `stops_before` can be asked although ``word`` may go on."""
        return False

    def stops_before(self, indent: int, word: str) -> bool:
        """Whether a statement that begins with ``word`` is no longer wanted."""
        return False

    def stops_after(self, ended: bool, some: bool) -> bool:
        """Whether to stop at a line's end, which may end a logical line with ``some`` text."""
        return some


class _UntilStatement(_UntilLine):
    """Until the end of a statement, its block and its further clauses included."""

    def __init__(self) -> None:
        super().__init__()
        self._indent = -1
        self._compound = False
        self._decorated = False

    def owns(self, indent: int) -> bool:
        return indent > self._indent >= 0

    def is_clear(self, indent: int, word: str) -> bool:
        if self._indent < 0:
            return False
        return indent != self._indent or not any(name.startswith(word) for name in _CLAUSES)

    def stops_before(self, indent: int, word: str) -> bool:
        if self._indent < 0:
            self._indent, self._compound = indent, _HEADER.match(word) is not None
        elif indent <= self._indent:
            goes_on = indent == self._indent and (self._decorated or word in _CLAUSES)
            if not goes_on:
                return True
        if indent == self._indent:
            self._decorated = word == "@"
        return False

    def stops_after(self, ended: bool, some: bool) -> bool:
        return ended and self._indent >= 0 and not self._compound


class _UntilFunction(_UntilLine):
    """Until the end of the enclosing function; without one, until the next definition."""

    def __init__(self) -> None:
        super().__init__()
        self._defs: tuple[int, ...] = ()
        self._base = -1
        self._decorated = False

    def before(self, indent: int, word: str) -> None:
        self._defs = tuple(column for column in self._defs if column < indent)
        if _DEF.match(word):
            self._defs += (indent,)
        self._decorated = word == "@"

    def enter(self, column: int, some: bool) -> None:
        if column or some:
            self._defs = tuple(outer for outer in self._defs if outer < column)

    def owns(self, indent: int) -> bool:
        return indent > self._defs[-1] if self._defs else indent >= self._base

    def is_clear(self, indent: int, word: str) -> bool:
        return self.entered and bool(self._defs)

    def stops_before(self, indent: int, word: str) -> bool:
        if not self.entered:
            self.before(indent, word)
            self._base = indent
            return False
        if self._defs:
            return indent <= self._defs[-1]
        is_definition = _DEFINITION.match(word) is not None
        started, decorated = self._base >= 0, self._decorated
        self._decorated = word == "@"
        if not started:
            self._base = indent
            return False
        return indent < self._base or (is_definition and indent <= self._base and not decorated)

    def stops_after(self, ended: bool, some: bool) -> bool:
        return False


_RULES: Final = {
    Until.LINE: _UntilLine,
    Until.STATEMENT: _UntilStatement,
    Until.FUNCTION: _UntilFunction,
}


def _head(line: str) -> tuple[int, str]:
    """Columns before the first word of ``line``, and the word (or first character)."""
    match = _HEAD.match(line)
    assert match is not None
    return len(match[1].expandtabs(8)), match[2]


def _is_decided(line: str) -> bool:
    """Whether the first word of ``line`` is complete."""
    match = _HEAD.match(line)
    assert match is not None
    word, end = match[2], match.end()
    if word.rstrip() == "async":
        return line[end : end + 1] not in ("", " ", "\t")
    return end < len(line) or not _WORD_END.search(word)
