"""Hole repair for Python: blocks are indented, and a statement ends at a line end."""

import re
from collections.abc import Iterator
from typing import Final

from monitors.languages.language import Language, LexState
from monitors.languages.reading import advance

_MAX_STATEMENT: Final = 20_000
"""Characters of a statement that are looked at; a longer one only has its brackets closed."""
_MAX_LINES: Final = 600
_MAX_TRIES: Final = 25

_LINE_END = re.compile(r"[\r\n]")
_STEPS = re.compile(r"(?:\r\n?|\n)\s*(?:async[ \t]+)?@?\w*|[)\]}]")
_PIECES = re.compile(r"[^()\[\]{}\"'#\r\n]+|.", re.DOTALL)
_LINES_BACK = re.compile(r"([ \t\f]*)([^\r\n]*)")
_HEADER = re.compile(
    r"\s*(?:async\s+)?(?:if|elif|else|while|for|with|try|except|finally|def|class)\b"
)
_SOFT_HEADER = re.compile(r"\s*(?:match|case)\s*[\w(\[{\"'*-]")
_NOT_COLONS = re.compile(r"\blambda\b[^:]*:|:=")
_OPEN_LAMBDA = re.compile(r"\blambda\b[^:]*\Z")
_OPEN_FOR = re.compile(r"\bfor\b(?!.*\bin\b)", re.DOTALL)
_FOR = re.compile(r"\bfor\b")
_IF = re.compile(r"\bif\b")
_ELSE = re.compile(r"\belse\b")
_NEXT_CODE = re.compile(r"(?:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n?|\n))+([ \t\f]*)(?=[^\s#])")


def statement_rest(state: LexState, suffix: str) -> int:
    """Length of the part of ``suffix`` that belongs to the statement at the cursor."""
    line_end = _LINE_END.search(suffix)
    physical = line_end.start() if line_end is not None else len(suffix)
    done = 0
    for step in _STEPS.finditer(suffix):
        state = advance(state, suffix[done : step.start()])
        if step.start() > _MAX_STATEMENT:
            return physical
        if suffix[step.start()] in "\r\n" and _ends_line(state):
            return step.start()
        after = advance(state, step[0])
        if _breaks(state, after, step[0]):
            return physical
        state, done = after, step.end()
    state = advance(state, suffix[done:])
    return physical if state.open else len(suffix)


def _ends_line(state: LexState) -> bool:
    """Whether a line end here ends the statement."""
    return not state.in_brackets and not advance(state, "\n").open


def _breaks(before: LexState, after: LexState, step: str) -> bool:
    """Whether ``step``, a closer or a new line's first word, shows that brackets do not match."""
    if step[0] in ")]}":
        return before.in_code and after.open != before.open[:-1]
    if before.in_brackets and any(
        opener[-1] in "\"'" and opener[-3:-1] not in ('""', "''") for opener in before.open
    ):
        return True
    return len(advance(after, " ").open) < len(before.open)


def patch(language: Language, state: LexState, prefix: str, kept: str) -> str:
    """Text that completes the statement at the end of ``prefix``."""
    closers = language.closers(state)
    if not state.in_code:
        return closers
    found = _statement(language, state, prefix)
    if found is None:
        return closers
    indent, levels = found
    opened = ("", *state.open)
    parts = []
    for depth in range(len(levels) - 1, 0, -1):
        parts.append(_completion(opened, depth, levels[depth]))
        parts.append(_closer(opened[depth]))
    return "".join(parts) + _statement_end(levels[0], indent, kept)


def _closer(opener: str) -> str:
    return {"(": ")", "[": "]", "{": "}"}.get(opener) or opener.lstrip("rRbBuUfFtT")


def _completion(opened: tuple[str, ...], depth: int, code: str) -> str:
    """What an expression inside one bracket lacks, given the bracket's code so far."""
    if opened[depth][-1] in "\"'":
        return ""
    lacks = _lacks(code, is_for=_FOR.search(code) is not None)
    is_field = opened[depth] == "{" and opened[depth - 1][-1:] in ("'", '"')
    if opened[depth] == "{" and not is_field and _lacks_value(code):
        return lacks + ": None"
    return lacks


def _lacks(code: str, is_for: bool) -> str:
    """The rest of an unfinished lambda, comprehension or conditional expression."""
    if _OPEN_LAMBDA.search(code):
        return ": None"
    if _OPEN_FOR.search(code):
        return " in ()"
    element = code[code.rfind(",") + 1 :]
    missing = 0 if is_for else len(_IF.findall(element)) - len(_ELSE.findall(element))
    return " else None" * missing


def _lacks_value(code: str) -> bool:
    """Whether ``code`` in braces is a dictionary and ends in a key."""
    plain = _NOT_COLONS.sub("", code)
    *before, last = plain.split(",")
    if _FOR.search(plain) or ":" in last or last.lstrip().startswith("**"):
        return False
    return any(":" in item or item.lstrip().startswith("**") for item in before)


def _statement_end(code: str, indent: int, kept: str) -> str:
    """What the statement lacks outside brackets: operands, a colon, a body."""
    head, colon, body = _NOT_COLONS.sub("", code).partition(":")
    is_header = _HEADER.match(code) is not None
    if is_header and not colon:
        return _lacks_in_header(head) + (":" if _has_block(indent, kept) else ": pass")
    if _SOFT_HEADER.match(code) and not colon and _has_block(indent, kept):
        return ":"
    simple = (body if is_header else code).rpartition(";")[2]
    return _lacks(simple, is_for=False)


def _lacks_in_header(head: str) -> str:
    behind = head.lstrip().partition(" ")[2]
    return _lacks(head if _OPEN_FOR.search(head) else behind, is_for=False)


def _has_block(indent: int, kept: str) -> bool:
    """Whether the next line of code is indented deeper than the statement."""
    match = _NEXT_CODE.match(kept)
    return match is not None and len(match[1].expandtabs(8)) > indent


def _statement(language: Language, state: LexState, prefix: str) -> tuple[int, list[str]] | None:
    """Indentation and code levels of the statement at the end of ``prefix``."""
    smallest, tries = 1 << 30, 0
    for start, indent, first in _lines_back(prefix):
        if indent > smallest or first in "#)]}":
            continue
        smallest, tries = indent, tries + 1
        if tries > _MAX_TRIES or len(prefix) - start > _MAX_STATEMENT:
            break
        levels = _levels(language, state.open, prefix[start:])
        if levels is not None:
            return indent, levels
    return None


def _lines_back(prefix: str) -> Iterator[tuple[int, int, str]]:
    """Start, indentation and first character of each line of code, the last line first."""
    end = len(prefix)
    for _ in range(_MAX_LINES):
        start = max(prefix.rfind("\n", 0, end), prefix.rfind("\r", 0, end)) + 1
        match = _LINES_BACK.match(prefix, start)
        assert match is not None
        if match[2] and not _is_continued(prefix, start):
            yield start, len(match[1].expandtabs(8)), match[2][0]
        if start == 0:
            return
        end = start - 1


def _is_continued(prefix: str, start: int) -> bool:
    """Whether the line before ``start`` ends in a backslash."""
    return prefix[max(start - 3, 0) : start].rstrip("\r\n").endswith("\\")


def _levels(language: Language, opened: tuple[str, ...], statement: str) -> list[str] | None:
    """Code in each open bracket of ``statement``, outermost first, what is closed left out.

    None if ``statement`` is not a whole one: it must leave open exactly what is ``opened``.
    """
    state, levels = language.start(), [""]
    for match in _PIECES.finditer(statement):
        piece = match[0]
        after = advance(state, piece)
        depth = len(after.open)
        if depth >= len(levels):
            levels[-1] += " _ "
            levels.extend([""] * (depth + 1 - len(levels)))
        elif depth + 1 < len(levels):
            del levels[depth + 1 :]
        elif piece in ")]}" and state.in_code:
            return None
        elif after.in_code:
            levels[-1] += piece
        state = after
    return levels if state.open == opened else None
