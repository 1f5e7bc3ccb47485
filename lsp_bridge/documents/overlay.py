r"""Text as the Language Server Protocol sees it: positions and one-range changes.

A Python string counts code points, the protocol counts lines and UTF-16 units (or what else was
negotiated), with ``\n``, ``\r\n`` and a lone ``\r`` as line ends and nothing else.
"""

import re
from enum import StrEnum
from typing import NamedTuple

_LINE_END = re.compile(r"\r\n|\r|\n")
_ASTRAL = re.compile(r"[\U00010000-\U0010ffff]")


class Encoding(StrEnum):
    """Unit of a position's column, as in the capability ``positionEncoding``."""

    UTF8 = "utf-8"
    UTF16 = "utf-16"
    UTF32 = "utf-32"


class Position(NamedTuple):
    """Zero-based line and column; the column's unit is that of the server."""

    line: int
    column: int

    def to_lsp(self) -> dict[str, int]:
        """The protocol's form."""
        return {"line": self.line, "character": self.column}


class Change(NamedTuple):
    """Replacement of one range of a text; the range lies in the old text."""

    start: Position
    end: Position
    text: str

    def to_lsp(self) -> dict[str, object]:
        """The protocol's form of an incremental content change."""
        span = {"start": self.start.to_lsp(), "end": self.end.to_lsp()}
        return {"range": span, "text": self.text}


def width(text: str, encoding: Encoding = Encoding.UTF16) -> int:
    """Length of ``text`` in the units of ``encoding``."""
    if text.isascii() or encoding is Encoding.UTF32:
        return len(text)
    if encoding is Encoding.UTF8:
        return len(text.encode("utf-8", "surrogatepass"))
    return len(text) + len(_ASTRAL.findall(text))


def position(text: str, offset: int, encoding: Encoding = Encoding.UTF16) -> Position:
    r"""Position of a code point offset; between ``\r`` and ``\n`` it is the end of the line."""
    line, line_start = _line_before(text, offset)
    end = offset - 1 if text[offset - 1 : offset + 1] == "\r\n" else offset
    return Position(line, width(text[line_start:end], encoding))


def _line_before(text: str, offset: int) -> tuple[int, int]:
    """Number of the line that holds ``offset`` and the offset at which it starts."""
    if "\r" not in text:
        return text.count("\n", 0, offset), text.rfind("\n", 0, offset) + 1
    line, start = 0, 0
    for match in _LINE_END.finditer(text):
        if match.end() > offset:
            break
        line, start = line + 1, match.end()
    return line, start


def offset(text: str, line: int, column: int, encoding: Encoding = Encoding.UTF16) -> int | None:
    """Code point offset of a position, None outside the text; past a line's end is its end."""
    start = _line_start(text, line)
    if start is None or column < 0:
        return None
    match = _LINE_END.search(text, start)
    body = text[start : match.start() if match else len(text)]
    if body.isascii() or encoding is Encoding.UTF32:
        return start + min(column, len(body))
    count = units = 0
    for character in body:
        units += width(character, encoding)
        if units > column:
            break
        count += 1
    return start + count


def _line_start(text: str, line: int) -> int | None:
    start = 0
    for _ in range(line):
        match = _LINE_END.search(text, start)
        if match is None:
            return None
        start = match.end()
    return start if line >= 0 else None


def change(old: str, new: str, encoding: Encoding = Encoding.UTF16) -> Change | None:
    r"""The one replacement that turns ``old`` into ``new``; None if they are equal.

    No boundary lies inside a ``\r\n`` of either text.
    """
    if old == new:
        return None
    head = _common_head(old, new)
    if head and old[head - 1] == "\r":
        head -= 1
    tail = _common_tail(old, new, min(len(old), len(new)) - head)
    if tail and old[len(old) - tail] == "\n":
        tail -= 1
    start = position(old, head, encoding)
    end = position(old, len(old) - tail, encoding)
    return Change(start, end, new[head : len(new) - tail])


def _common_head(a: str, b: str) -> int:
    low, high = 0, min(len(a), len(b))
    while low < high:
        middle = (low + high + 1) // 2
        if a.startswith(b[low:middle], low):
            low = middle
        else:
            high = middle - 1
    return low


def _common_tail(a: str, b: str, limit: int) -> int:
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if a.endswith(b[len(b) - middle : len(b) - low], 0, len(a) - low):
            low = middle
        else:
            high = middle - 1
    return low
