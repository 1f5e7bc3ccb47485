"""Hole repair for languages with braces: the rest of the file closes the blocks around the cursor.

What has to be found out is where the statement at the cursor ends, and how many of the open blocks
the text behind it closes. A file that is whole but for the statement closes all of them; where new
code has opened more, the surplus is closed at the cursor, and where a block has yet to be opened,
that is done there.
"""

import re
from functools import lru_cache
from typing import Final, NamedTuple

from monitors.languages.language import Language, LexState
from monitors.languages.reading import advance

_MAX_STATEMENT: Final = 20_000
"""Characters of a statement that are looked at; a longer one loses its line only."""
_MOST_BLOCKS: Final = 64
_LONGEST_LABEL: Final = 1_000

_STEP: Final = re.compile(r"[;,{}()\[\]]|\r\n?|\n")
_LINE_END: Final = re.compile(r"\r\n?|\n")
_CLOSED_NEXT: Final = re.compile(r"\s*\}")
_GOES_ON: Final = re.compile(r"\s*(?:\.(?!\.\.)|[?:|%=<>)\]]|&(?!\w)|-(?!-)|\+(?!\+)|/(?![/*])|\Z)")
"""The beginning of a line that continues the statement before it."""
_UNFINISHED: Final = re.compile(r"(?:[-+*/%=<>|&^,(\[?]|(?<!:):)[ \t]*\Z")
"""The end of a line that the next one continues."""
_LABEL: Final = re.compile(r"(?:^|[;{}:])[ \t]*case\s(?:[^;{}?:]|::)*\Z", re.MULTILINE)
"""The beginning of a ``case`` label, up to the cursor."""
_HEADER: Final = re.compile(
    r"[ \t]*(?:\}[ \t]*)?(?:else[ \t]+)?"
    r"(?:catch|elseif|for|foreach|guard|if|match|switch|unless|until|when|while)\b[^{}]*\Z"
)
"""The head of a block, from the beginning of its line to the cursor."""
_ALTERNATIVE: Final = re.compile(r"^[ \t]*#[ \t]*el(?:se|if)", re.MULTILINE)
"""Code for a preprocessor, which may close a block twice."""
_ANNOTATED: Final = re.compile(r"\s*(?:\.\.\.)?(?:[\w$]+|\{[^()]*\}|\[[^()]*\])\s*\??\s*:")
"""A parameter with the beginning of its type, as TypeScript writes it."""
_NAMED: Final = re.compile(r"(?:[\w$\])'\"*]\??|[\w$\]]\s*<[^()]*>)\s*\Z")
"""A name in front of parameters, with those for types: the function is no arrow function."""
_ASYNC: Final = re.compile(r"(?<![\w$.])async\s*(?:<[^()]*>)?\s*\Z")
_RETURNED: Final = re.compile(r"\)\s*:[^(){};=?]*\Z")
"""The beginning of the type that a function returns, up to the cursor."""
_LONGEST_HEAD: Final = 2_000
_LABEL_END: Final = re.compile(r"(?<!:):(?![:=])|[;{}]")


class _End(NamedTuple):
    """Where the statement at the cursor ends."""

    offset: int
    terminator: str
    """What ends it in place of what was dropped."""
    level: int
    """Depth of what the text behind it closes."""


def complete(language: Language, state: LexState, prefix: str, suffix: str) -> tuple[int, str]:
    """How much of ``suffix`` belongs to the statement at the cursor, and what to put in its place.

    ``state`` is the lexer's state at the cursor, behind ``prefix``.
    """
    blocks = _blocks(state.open)
    level = blocks[-1] + 1 if blocks else 0
    end = _label_end(state, level, prefix, suffix) or _statement_end(state, level, suffix)
    closers = language.closers(state, end.level)
    if language.name.startswith("typescript"):
        closers = _with_arrow(prefix, closers, suffix.startswith("{", end.offset))
    closed = _closed_blocks(advance(state, closers + ";"), suffix[end.offset :])
    if closed > len(blocks) and end.terminator:
        if _HEADER.match(prefix, prefix.rfind("\n") + 1):
            return end.offset, closers + " {"
        if _ALTERNATIVE.search(suffix) is None:
            return end.offset, closers + "; {"
    if closed >= len(blocks):
        return end.offset, closers + end.terminator
    kept = blocks[closed - 1] + 1 if closed else 0
    surplus = language.closers(state, kept).removeprefix(language.closers(state, end.level))
    return end.offset, closers + ";" + surplus


def _with_arrow(prefix: str, closers: str, has_body: bool) -> str:
    """``closers``, with the arrow of a function if the cursor is in a type of its head.

    Without its arrow, what is in parentheses is an expression, in which no type can stand.
    """
    returned = _RETURNED.search(prefix, max(0, len(prefix) - _LONGEST_HEAD))
    if returned is not None and _is_arrow(prefix, returned.start()):
        return (" =>" if has_body and not closers else " => {}") + closers
    if closers.startswith(")") and _is_arrow(prefix, len(prefix)):
        return (") =>" if has_body and closers == ")" else ") => {}") + closers[1:]
    return closers


def _is_arrow(prefix: str, end: int) -> bool:
    """Whether the parentheses around ``end`` hold the parameters of an arrow function."""
    begin, parts = _enclosing(prefix, end)
    if begin < 0:
        return False
    is_empty = end < len(prefix) and not prefix[begin + 1 : end].strip()
    if not is_empty and not any(_ANNOTATED.match(prefix, part) for part in parts):
        return False
    before = prefix[max(0, begin - _LONGEST_HEAD) : begin]
    return _NAMED.search(before) is None or _ASYNC.search(before) is not None


def _enclosing(prefix: str, end: int) -> tuple[int, list[int]]:
    """Where the parenthesis around ``end`` stands, and where the parts between its commas begin.

    -1 if there is none near. Brackets in strings are not told from others.
    """
    depth = 0
    parts: list[int] = []
    for at in range(end - 1, max(-1, end - _LONGEST_HEAD), -1):
        sign = prefix[at]
        if sign in ")]}":
            depth += 1
        elif sign in "([{":
            if depth == 0:
                return (at, [*parts, at + 1]) if sign == "(" else (-1, [])
            depth -= 1
        elif sign == "," and depth == 0:
            parts.append(at + 1)
    return -1, []


def _blocks(opened: tuple[str, ...]) -> list[int]:
    """Depths at which blocks were opened; the fields of interpolated strings are none."""
    outer = ("", *opened)
    return [
        depth
        for depth, opener in enumerate(opened)
        if opener == "{" and outer[depth][-1:] not in ("'", '"', "`")
    ]


def _label_end(state: LexState, level: int, prefix: str, suffix: str) -> _End | None:
    """The colon of the ``case`` label at the cursor; None if there is no such label."""
    if _LABEL.search(prefix, max(0, len(prefix) - _LONGEST_LABEL)) is None:
        return None
    for sign in _LABEL_END.finditer(suffix, 0, _MAX_STATEMENT):
        before = advance(state, suffix[: sign.start()])
        if before.in_code and len(before.open) <= level:
            return _End(sign.start(), "", level) if sign[0] == ":" else None
    return None


def _statement_end(state: LexState, level: int, suffix: str) -> _End:
    """The end of the statement at the cursor, whose block is ``level`` deep."""
    open_at_cursor = len(state.open)
    line_end = _LINE_END.search(suffix)
    line = _End(len(suffix) if line_end is None else line_end.start(), ";", level)
    done = 0
    for step in _STEP.finditer(suffix):
        if step.start() > _MAX_STATEMENT:
            return line
        before = advance(state, suffix[done : step.start()])
        after = advance(before, step[0])
        state, done = after, step.end()
        if not before.in_code and not (step[0].isspace() and after.in_code):
            continue
        if len(before.open) == level:
            if end := _own_end(suffix, step, level):
                return end
        elif step[0] == ";" and before.open[-1] in "([" and len(before.open) <= open_at_cursor:
            return _end_in_header(before, suffix, step, level) or line
        elif step[0] in ")]}" and after.open != before.open[:-1]:
            return line
    return _End(len(suffix), ";", level) if len(state.open) <= level else line


def _own_end(suffix: str, step: "re.Match[str]", level: int) -> _End | None:
    """The end that a sign in the statement's own block is; None: it goes on."""
    start, end = step.span()
    if step[0] == ";":
        return _End(end, ";", level)
    if step[0] in "{},":
        return _End(start, "", level)
    if step[0].isspace():
        if _CLOSED_NEXT.match(suffix, end):
            return _End(start, "", level)
        if not _GOES_ON.match(suffix, end) and not _UNFINISHED.search(suffix, 0, start):
            return _End(start, ";", level)
    return None


def _end_in_header(before: LexState, suffix: str, step: "re.Match[str]", level: int) -> _End | None:
    """A semicolon inside ``for (``, if the rest of the line closes what is open."""
    line_end = _LINE_END.search(suffix, step.start())
    rest = suffix[step.start() : len(suffix) if line_end is None else line_end.start()]
    after = advance(before, rest).open
    is_header = after in (before.open[:level], (*before.open[:level], "{"))
    return _End(step.start(), "", len(before.open)) if is_header else None


@lru_cache(maxsize=64)
def _closed_blocks(state: LexState, text: str) -> int:
    """How many blocks ``text`` closes that it does not open; ``state`` is that in front of it."""
    opened = advance(state, "{" * _MOST_BLOCKS).open
    left = _common(opened, advance(state, "{" * _MOST_BLOCKS + text).open)
    return len(opened) - left


def _common(before: tuple[str, ...], after: tuple[str, ...]) -> int:
    """How many of the outermost brackets are the same."""
    pairs = enumerate(zip(before, after, strict=False))
    return next((at for at, (old, new) in pairs if old != new), min(len(before), len(after)))
