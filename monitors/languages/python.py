"""Python: a resumable lexer that finds live dereferences in unfinished code.

A token that touches the end of the text may still grow, so it is kept as `PythonState.pending` and
read again, together with what follows. That makes a state independent of how the text was split.
"""

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final, NamedTuple

from monitors.constraints import Comments, Leading
from monitors.languages.language import Blocks, LexState, Operator
from monitors.languages.lexers.python_tokens import (
    BLANKS,
    BRACKET,
    CLOSERS,
    COMMENT,
    CONVERSION,
    DEFINER,
    DEFINING_DOT,
    FIELD,
    FIRST_WORD,
    HEADERS,
    IMPORT,
    KEPT,
    KEPT_IN_PLAIN,
    KEYWORDS,
    LIVE_DOT,
    MEMBER,
    NEWLINE,
    NO_HEADER,
    NUMBER,
    OPENERS,
    PLAIN,
    RESTARTS,
    RESTARTS_IF_DEDENTED,
    RUN,
    RUN_WITH_COLONS,
    SPEC,
    START,
    STRING,
    TARGET,
    TARGET_BRACKET,
    TARGETS,
    TEXT,
    UNFINISHED_ESCAPE,
    UNFINISHED_NAME,
    WORD,
    text_patterns,
)


class _Frame(NamedTuple):
    """Something that is open."""

    opener: str
    kind: int
    mode: int
    """What the statement may be once this is closed."""


@dataclass(frozen=True, slots=True)
class PythonState:
    """State of the lexer between two characters; implements `LexState`."""

    frames: tuple[_Frame, ...] = ()
    mode: int = PLAIN
    last: str = ""
    """End of the expression before ``pending``: an identifier, a closer, or a mark."""
    pending: str = "\n"
    """Text of the token that may still grow, shortened where its beginning does not matter."""
    header: int = NO_HEADER
    """Lambdas whose colon is to come, if the statement is the header of a compound one."""
    indent: int = 0
    """Columns before the first token of the statement."""

    @property
    def at_trigger(self) -> bool:
        """Whether the last character was a dot behind an expression in code."""
        return self.last == LIVE_DOT

    @property
    def operator(self) -> str:
        """The dot that the last character was, if it was live."""
        return LIVE_DOT if self.last == LIVE_DOT else ""

    @property
    def at_definition(self) -> bool:
        """Whether the last character was the dot of a ``self.x`` that may define a member."""
        return self.last == DEFINING_DOT and not self.pending

    @property
    def receiver(self) -> str:
        """Identifier or closer that a dot typed now would apply to, empty if it was not live.

        A number is ``"0"``, a string its last quote.
        """
        state = self._settled()
        last = state.last if self._is_code(state.frames) else ""
        touches_number = last == "0" and not (self.pending[-1:] or " ").isspace()
        return "" if touches_number or last[:1] in (".", DEFINER) else last

    @property
    def open(self) -> tuple[str, ...]:
        """Brackets, string openers such as ``rb'`` and f-string fields (``{``), outermost first."""
        return tuple(frame.opener for frame in self._settled().frames)

    @property
    def in_brackets(self) -> bool:
        """Whether a line end is plain white space: in brackets, and behind a backslash."""
        frames = self._settled().frames
        if frames:
            return frames[-1].kind < SPEC
        return self.pending[:1] == "\\"

    @property
    def in_code(self) -> bool:
        """False inside strings and comments; True in f-string fields."""
        return self._is_code(self._settled().frames)

    def _is_code(self, frames: tuple[_Frame, ...]) -> bool:
        return self.pending[:1] != "#" and (not frames or frames[-1].kind < SPEC)

    @property
    def key(self) -> Hashable:
        """State without what no later trigger depends on.

        Exact for every text that does not begin a line inside a bracket of its own: where nothing
        is open, the indentation of the statement is left out.
        """
        last = self.last
        if last and last[0] != "." and last != DEFINER:
            last = ")"
        indent = self.indent if self.frames else 0
        return self.frames, self.mode, last, self._pending_key(), self.header, indent

    def _pending_key(self) -> str:
        pending = self.pending
        word = pending.lstrip("\n \t\f")
        blanks = pending[: len(pending) - len(word)]
        if blanks and not self.frames:
            return "\n"
        if word.isidentifier() and word not in (KEPT if self.mode else KEPT_IN_PLAIN):
            return blanks + "x"
        return "1" if pending.isdecimal() and pending != "0" else pending

    def scan(self, text: str, start: int = 0) -> tuple["PythonState", int]:
        """Read ``text[start:]`` up to just behind the next live dot, or to the end."""
        if start >= len(text):
            return self, start
        if not self.pending:
            scanner = _Scanner(self, text, start)
            return scanner.run(), scanner.pos
        scanner = _Scanner(self, self.pending + text[start:] if start else self.pending + text, 0)
        return scanner.run(), scanner.pos - len(self.pending) + start

    def _settled(self) -> "PythonState":
        """State as if no more text came: the pending token is complete."""
        if not self.pending or self.pending == "#":
            return self
        return _Scanner(self, self.pending, 0, final=True).run()


class _Scanner:
    """One pass over one piece of text; lives for one call of `PythonState.scan`."""

    __slots__ = (
        "final",
        "frames",
        "header",
        "indent",
        "last",
        "mode",
        "pending",
        "pos",
        "size",
        "text",
    )

    def __init__(self, state: PythonState, text: str, pos: int, final: bool = False) -> None:
        self.text, self.pos, self.size, self.final = text, pos, len(text), final
        self.frames, self.mode = state.frames, state.mode
        self.header, self.indent = state.header, state.indent
        self.pending = ""
        self.last = state.last
        if self.last[:1] == ".":
            self.last = "" if self.mode == PLAIN else MEMBER

    def run(self) -> PythonState:
        """Read to the next live dot or to the end."""
        text, size = self.text, self.size
        while self.pos < size and not self.pending:
            if self.frames and self.frames[-1].kind >= SPEC:
                self._string_text()
                continue
            if self.mode == PLAIN:
                self._skip_run()
            else:
                self.pos = BLANKS.match(text, self.pos).end()  # type: ignore[union-attr]
            if self.pos == size or _HANDLERS.get(text[self.pos], _Scanner._word)(self):
                break
        return PythonState(
            self.frames, self.mode, self.last, self.pending, self.header, self.indent
        )

    def _keep(self, begin: int) -> None:
        """Leave the token at ``begin`` for the next call."""
        self.pending = self.text[begin:]
        self.pos = self.size
        if self.mode == PLAIN:
            self.last = ""

    def _touches_end(self, end: int) -> bool:
        return end == self.size and not self.final

    def _skip_run(self) -> None:
        """Jump over names, numbers and operators: only the last one matters."""
        frames = self.frames
        colons = frames[-1].kind < FIELD if frames else self.header < 0
        match = (RUN_WITH_COLONS if colons else RUN).match(self.text, self.pos)
        assert match is not None
        self.pos = match.end()
        group = match.lastindex
        if group is None:
            return
        if group != 2 and match.end(group) == self.size and not self.final:
            self._keep(match.start(group))
        elif group == 1:
            word = match[1]
            self.last = "" if word in KEYWORDS else word
        else:
            self.last = "" if group == 2 else "0"

    def _operand(self) -> None:
        """What was read is no assignment target."""
        if self.mode != IMPORT:
            self.mode = PLAIN

    def _has_value(self) -> bool:
        return self.last != "" and self.last[0] != "."

    def _word(self) -> bool:
        """An identifier, a keyword, a string with a prefix, or a character of no meaning."""
        if STRING.match(self.text, self.pos):
            return self._quote()
        match = WORD.match(self.text, self.pos)
        if match is None:
            return self._operator()
        if self._touches_end(match.end()):
            self._keep(self.pos)
            return False
        self.pos = match.end()
        word = match[0]
        if self.mode == IMPORT:
            return False
        if self.mode == START:
            self._first_word(word)
        if word in KEYWORDS:
            self._keyword(word)
        else:
            self._name(word)
        return False

    def _first_word(self, word: str) -> None:
        self.mode = TARGETS
        if word in HEADERS or word == "case":
            self.header = 0
        elif word in ("import", "from"):
            self.mode = IMPORT

    def _keyword(self, word: str) -> None:
        self.last = ""
        if self.mode == IMPORT:
            return
        self.mode = TARGETS if word == "for" else TARGET if word == "as" else PLAIN
        if word == "lambda" and self.header >= 0 and not self.frames:
            self.header += 1

    def _name(self, word: str) -> None:
        if self.mode != PLAIN:
            if self._has_value():
                self.mode = PLAIN
            elif word in ("self", "cls") and self.last != MEMBER:
                word = DEFINER
        self.last = word

    def _number(self) -> bool:
        match = NUMBER.match(self.text, self.pos)
        assert match is not None
        if self._touches_end(match.end()):
            self._keep(self.pos)
            return False
        self.pos = match.end()
        self._operand()
        self.last = "0" if self.mode != IMPORT else ""
        return False

    def _dot(self) -> bool:
        """A dereference behind a value; otherwise a number, an ellipsis or a relative import."""
        behind = self.pos + 1
        if self._has_value():
            self.pos = behind
            if self.last != DEFINER:
                self.last = LIVE_DOT
                return True
            self.last = DEFINING_DOT if behind == self.size else MEMBER
        elif self._touches_end(behind):
            self.pending, self.pos = ".", behind
        elif self.text[behind : behind + 1] in _DIGITS:
            return self._number()
        else:
            self.pos, self.last = behind, ""
            self._operand()
        return False

    def _operator(self) -> bool:
        char = self.text[self.pos]
        self.pos += 1
        if self.mode == TARGETS or self.mode == START:
            if char == "," or (char == "*" and not self._has_value()):
                self.mode = TARGETS
            else:
                self.mode = PLAIN
        else:
            self._operand()
        self.last = ""
        return False

    def _conversion(self) -> bool:
        """``!=``, or the ``!r`` of a field."""
        match = CONVERSION.match(self.text, self.pos)
        assert match is not None
        if match[0] != "!=" and self._touches_end(match.end()):
            self._keep(self.pos)
            return False
        self.pos = match.end()
        self._operand()
        self.last = ""
        return False

    def _backslash(self) -> bool:
        """An escaped line end that is not complete, or a stray backslash."""
        rest = self.text[self.pos :]
        if not UNFINISHED_ESCAPE.fullmatch(rest):
            return self._operator()
        if not self.final:
            self.pending = rest
        elif rest == "\\":
            self.last = ""
        self.pos = self.size
        return False

    def _colon(self) -> bool:
        if self.frames:
            if self.frames[-1].kind != FIELD:
                return self._operator()
            self.frames = (*self.frames[:-1], self.frames[-1]._replace(kind=SPEC))
            self.pos, self.last = self.pos + 1, ""
            return False
        if self._touches_end(self.pos + 1):
            self._keep(self.pos)
            return False
        return self._colon_of_statement()

    def _colon_of_statement(self) -> bool:
        if self.text.startswith(":=", self.pos) or self.header < 0:
            return self._operator()
        if self.header > 0:
            self.header -= 1
            return self._operator()
        self.pos += 1
        self._begin_statement()
        return False

    def _semicolon(self) -> bool:
        if self.frames:
            return self._operator()
        self.pos += 1
        self._begin_statement()
        return False

    def _begin_statement(self) -> None:
        self.mode, self.last, self.header = START, "", NO_HEADER

    def _comment(self) -> bool:
        match = COMMENT.match(self.text, self.pos)
        assert match is not None
        self.pos = match.end()
        if self.pos == self.size:
            self.pending = "#"
        return False

    def _newline(self) -> bool:
        """The end of a statement; in brackets, white space, unless a statement follows."""
        match = NEWLINE.match(self.text, self.pos)
        assert match is not None
        end = match.end()
        word = FIRST_WORD.match(self.text, end) if self.frames else None
        first = "" if word is None else word[0]
        blanks = match[0][max(match[0].rfind("\n"), match[0].rfind("\r")) + 1 :]
        if self._touches_end(end + len(first)):
            self.pending, self.pos = "\n" + blanks + first, self.size
            return False
        indent = len(blanks.expandtabs(8))
        if self.frames and not self._restarts(first, indent):
            self.pos = end
        elif not self._drop_brackets():
            self.pos, self.indent = end, indent
            self._begin_statement()
        return False

    def _restarts(self, first: str, indent: int) -> bool:
        """Whether a line that begins with ``first`` cannot be the inside of a bracket."""
        if first.startswith("async"):
            first = first[5:].strip() or "async"
        if first in RESTARTS:
            return True
        if first == "from" or (first[:1] == "@" and len(first) > 1):
            return indent <= self.indent
        return first in RESTARTS_IF_DEDENTED and indent < self.indent

    def _drop_brackets(self) -> bool:
        """Drop what is open; True if that leads back into a triple-quoted string's text."""
        for depth in range(len(self.frames), 0, -1):
            frame = self.frames[depth - 1]
            if (
                frame.kind == TEXT
                and len(frame.opener) >= 3
                and frame.opener[-3:-1] in ('""', "''")
            ):
                self.frames, self.last = self.frames[:depth], ""
                return True
        self.frames = ()
        return False

    def _open(self) -> bool:
        char, mode = self.text[self.pos], self.mode
        kind = BRACKET
        if mode not in (PLAIN, IMPORT):
            if self._has_value():
                self.mode = PLAIN
            elif char != "{":
                kind, self.mode = TARGET_BRACKET, TARGETS
                mode = TARGETS if mode == START else mode
            else:
                mode = self.mode = PLAIN
        self.frames = (*self.frames, _Frame(char, kind, mode))
        self.pos, self.last = self.pos + 1, ""
        return False

    def _close(self) -> bool:
        """Pop to the matching opener; a closer without one is ignored."""
        char = self.text[self.pos]
        self.pos, self.last = self.pos + 1, "" if self.mode == IMPORT else char
        for depth in range(len(self.frames) - 1, -1, -1):
            frame = self.frames[depth]
            if frame.kind == TEXT:
                break
            if frame.opener == OPENERS[char]:
                self._pop(depth)
                return False
        self._operand()
        return False

    def _pop(self, depth: int) -> None:
        frame, clean = self.frames[depth], depth == len(self.frames) - 1
        kept = clean and self.mode == TARGETS
        if frame.kind != TARGET_BRACKET or kept:
            self.mode = frame.mode
        else:
            self._operand()
        if frame.kind == FIELD:
            self.last = ""
        self.frames = self.frames[:depth]

    def _quote(self) -> bool:
        """An opening quote; two of them are an empty string."""
        match = STRING.match(self.text, self.pos)
        assert match is not None
        quotes = match[2]
        if len(quotes) < 3 and self._touches_end(match.end()):
            self._keep(self.pos)
            return False
        self._operand()
        self.pos = match.end()
        self.last = quotes[0] if len(quotes) == 2 and self.mode != IMPORT else ""
        if len(quotes) != 2:
            self.frames = (*self.frames, _Frame(match[0], TEXT, self.mode))
        return False

    def _string_text(self) -> None:
        """Read text to the string's end, to a field, or to the end of a field's format."""
        text = self.text
        in_spec = self.frames[-1].kind == SPEC
        opener = next(frame.opener for frame in reversed(self.frames) if frame.kind == TEXT)
        body, close = text_patterns(opener, in_spec)
        match = body.match(text, self.pos)
        assert match is not None
        self.pos = match.end()
        if self.pos == self.size:
            return
        if close.match(text, self.pos):
            self._end_text(opener)
        else:
            self._text_mark(in_spec)

    def _end_text(self, opener: str) -> None:
        """Leave the string, or the format of a field in it, at a closing quote or a line end."""
        frame = self.frames[-1]
        self.frames = self.frames[:-1]
        if frame.kind == SPEC:
            self.mode = frame.mode
            return
        if self.text[self.pos] in "\r\n":
            self.last = ""
        else:
            self.pos += len(opener.lstrip("rRbBuUfFtT"))
            self.last = opener[-1] if self.mode != IMPORT else ""

    def _text_mark(self, in_spec: bool) -> None:
        """A brace, a backslash or a quote that the body of the string stopped at."""
        char, behind = self.text[self.pos], self.pos + 1
        if not self.final and self._is_unfinished(char, in_spec):
            self.pending, self.pos = self.text[self.pos :], self.size
        elif char == "{":
            self.frames = (*self.frames, _Frame("{", FIELD, self.mode))
            self.mode, self.pos, self.last = self._field_mode(), behind, ""
        elif char == "}" and in_spec:
            self.pos, self.mode = behind, self.frames[-1].mode
            self.frames = self.frames[:-1]
        else:
            self.pos = behind

    def _is_unfinished(self, char: str, in_spec: bool) -> bool:
        if char == "\\":
            return UNFINISHED_NAME.fullmatch(self.text, self.pos) is not None
        if char in "{}":
            return self.pos + 1 == self.size and not in_spec
        return True

    def _field_mode(self) -> int:
        return IMPORT if self.mode == IMPORT else PLAIN


_Handler = Callable[[_Scanner], bool]
_DIGITS = tuple("0123456789")
_HANDLERS: dict[str, _Handler] = {
    ".": _Scanner._dot,
    ":": _Scanner._colon,
    ";": _Scanner._semicolon,
    "#": _Scanner._comment,
    "!": _Scanner._conversion,
    "\\": _Scanner._backslash,
    **dict.fromkeys("([{", _Scanner._open),
    **dict.fromkeys(")]}", _Scanner._close),
    **dict.fromkeys("\"'", _Scanner._quote),
    **dict.fromkeys("\r\n", _Scanner._newline),
    **dict.fromkeys("-+*/%&|^~<>=@,$?`", _Scanner._operator),
    **dict.fromkeys("0123456789", _Scanner._number),
}


def _separator(state: LexState) -> str:
    """What keeps the text so far from swallowing a closer that follows it."""
    if state.in_code or not isinstance(state, PythonState):
        return ""
    if state.pending == "#":
        return "\n"
    is_quote = state.pending[:1] in ("'", '"') and state.frames and state.frames[-1].kind >= SPEC
    return " " if is_quote else "\\" if state.pending == "\\" else ""


@dataclass(frozen=True, slots=True)
class Python:
    """The Python language, for `monitors.languages.language.Language`."""

    name: str = "python"
    operators: tuple[Operator, ...] = (Operator("."),)
    name_start: re.Pattern[str] = re.compile(r"[A-Za-z0-9_\u0080-\U0010ffff]*")
    extra: str = ""
    blocks: Blocks = Blocks.INDENTED
    crossing: re.Pattern[str] = re.compile(r"(\.)(?:[ \t\f]|\\\r?\n)*[^ \t\f\\]")

    def start(self) -> PythonState:
        """State at the beginning of a file."""
        return PythonState()

    def leading(self, state: LexState) -> Leading:
        """Line ends too inside brackets; elsewhere only escaped ones."""
        return Leading.LINES if state.in_brackets else Leading.BLANKS

    def comments(self, state: LexState) -> Comments:
        """Inside brackets, where lines end with them."""
        return Comments.HASH if state.in_brackets else Comments.NONE

    def closers(self, state: LexState, level: int = 0) -> str:
        """Text that closes everything in ``state.open[level:]``, innermost first."""
        closers = "".join(
            CLOSERS.get(opener) or opener.lstrip("rRbBuUfFtT")
            for opener in reversed(state.open[level:])
        )
        return _separator(state) + closers if closers else ""


PYTHON: Final = Python()
