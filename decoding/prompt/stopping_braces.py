"""Where generation ends in languages with braces, by a lexer's account of what is open."""

import re
from copy import copy
from typing import Final

from decoding.prompt.until import Until
from monitors.languages.language import Language, LexState
from monitors.languages.reading import advance

_PIECE: Final = re.compile(r"\w+|[ \t\f]+|\r\n|.", re.DOTALL)
_SIGN: Final = re.compile(r"[{}]")
_HEADER_CHARACTERS: Final = 400
_CLAUSES: Final = frozenset({"else", "catch", "finally", "while", "except", "elseif", "elsif"})
_CONTINUES: Final = frozenset(".,;)]?:&|=<>*/%+-")
"""First characters of what goes on with a statement behind a block's end or a line end."""
_UNFINISHED: Final = frozenset("-+*/%=<>|&^,([{?:!.")
_FUNCTION: Final = re.compile(r"\b(?:fn|func|fun|function|def)\b|=>\s*\Z|\)[^()=;]*\Z")
_NO_FUNCTION: Final = re.compile(
    r"(?:\A|[;{}])\s*(?:else\s+)?"
    r"(?:if|for|foreach|while|switch|match|catch|else|do|try|finally|loop|unsafe|with|using|lock"
    r"|synchronized|when|select|until)\b[^;{}]*\Z"
    r"|\b(?:class|struct|enum|interface|trait|impl|namespace|mod|object|record|union)\b[^;{}()]*\Z"
)


class BraceStopper:
    """Reads generated code; implements `decoding.prompt.stopping.Stopper`."""

    def __init__(self, language: Language, prefix: str, until: Until) -> None:
        """Begin behind ``prefix``, the text before the cursor."""
        braces, self._state = _open_braces(language, prefix)
        self._until = until
        self._level = braces[-1][1] if braces else 0
        self._function: int | None = None
        for offset, depth in braces:
            if _is_function(prefix[max(0, offset - _HEADER_CHARACTERS) : offset], language.name):
                self._function = depth - 1
        line = prefix[max(prefix.rfind("\n"), prefix.rfind("\r")) + 1 :]
        self._begun = bool(line.strip(" \t\f{}"))
        self._last = line.strip()[-1:]
        self._read = 0
        self._kept = 0
        """Characters up to the end of the last token that is not white space."""
        self._candidate: int | None = None
        """Where the statement has ended, unless what follows goes on with it."""
        self._index: int | None = None
        self._word = ""

    def fork(self) -> "BraceStopper":
        """An independent copy."""
        return copy(self)

    def update(self, text: str) -> int | None:
        """Characters of all generated text to keep, once that is known; None: go on."""
        text, self._word = self._word + text, ""
        for piece in _PIECE.finditer(text):
            if self._index is not None:
                break
            if piece.end() == len(text) and (piece[0][0].isalnum() or piece[0] in ("_", "\r")):
                self._word = piece[0]
                break
            self._accept(piece[0])
        return self._index

    def _accept(self, piece: str) -> None:
        before = self._state
        self._state = after = advance(before, piece)
        start, self._read = self._read, self._read + len(piece)
        if piece[0] in "\r\n":
            self._line_end(before, after, start)
        elif not piece.isspace():
            self._judge(piece, before, after)

    def _judge(self, piece: str, before: LexState, after: LexState) -> None:
        """See a piece that is not white space."""
        if self._candidate is not None and after.in_code:
            self._settle(piece)
        if self._index is None:
            self._sign(piece if before.in_code else "", before, after)
        if self._index is None:
            self._begun, self._last, self._kept = True, piece[-1], self._read

    def _settle(self, piece: str) -> None:
        """Whether ``piece`` goes on with the statement that seemed to have ended."""
        if piece not in _CLAUSES and piece not in _CONTINUES:
            self._index = self._candidate
        self._candidate = None

    def _sign(self, piece: str, before: LexState, after: LexState) -> None:
        if self._until is Until.LINE:
            return
        if piece == "}" and len(before.open) == self._level and self._level:
            inside = self._until is Until.FUNCTION and self._function is not None
            self._close_block(inside, len(after.open))
        elif piece == "}" and len(after.open) == self._level:
            if self._until is Until.STATEMENT:
                self._candidate = self._read
            elif self._function is None:
                self._index = self._read
        elif piece == ";" and self._until is Until.STATEMENT and len(before.open) == self._level:
            self._index = self._read

    def _close_block(self, inside: bool, depth: int) -> None:
        """The block around the cursor ends."""
        if not inside:
            self._index = self._kept
        elif depth == self._function:
            self._index = self._read
        else:
            self._level = depth

    def _line_end(self, before: LexState, after: LexState, start: int) -> None:
        if self._until is Until.LINE:
            if self._begun:
                self._index = self._kept
            return
        ends = self._begun and not before.in_brackets and len(after.open) == self._level
        if self._until is Until.STATEMENT and ends and self._last not in _UNFINISHED:
            self._candidate = self._candidate or self._kept


def _open_braces(language: Language, prefix: str) -> tuple[list[tuple[int, int]], LexState]:
    """Offset of each brace that is open, and the depth inside it; the state behind ``prefix``."""
    state, done = language.start(), 0
    braces: list[tuple[int, int]] = []
    for sign in _SIGN.finditer(prefix):
        state, done = advance(state, prefix[done : sign.end()]), sign.end()
        depth = len(state.open)
        if sign[0] == "{" and depth and state.open[-1] == "{" and state.in_code:
            braces.append((sign.start(), depth))
        while braces and braces[-1][1] > depth:
            braces.pop()
    return braces, advance(state, prefix[done:])


def _is_function(header: str, language: str) -> bool:
    """Whether ``header``, which ends in front of a brace, is that of a function."""
    header = header[max(header.rfind(sign) for sign in ";{}") + 1 :].rstrip()
    if language in ("rust", "kotlin") and header.endswith(("=>", "->")):
        return False
    return _FUNCTION.search(header) is not None and _NO_FUNCTION.search(header) is None
