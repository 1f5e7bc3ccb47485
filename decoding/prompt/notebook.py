"""Notebooks as Python text: their code cells one after the other, without what only IPython reads.

Lines of IPython's own, such as ``%matplotlib inline`` and ``!ls``, become comments or unknown
values of the same length, so that positions stay what they are. Nothing is written anywhere.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from monitors.errors import PositionError, WorkspaceError
from monitors.languages.registry import LANGUAGES

SUFFIX = ".ipynb"
"""Of a notebook's file name."""
_PYTHON = LANGUAGES["python"]
_BETWEEN = "\n\n"
_LINES = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)?")
_STATEMENT = re.compile(r"(?P<keep>[ \t]*)(?:[%!?,;/]|[%\w.*]+\?\??[ \t]*$)")
_ASSIGNED = re.compile(r"(?P<keep>[ \t]*[\w.,\[\]'\"() *]+(?<![=!<>])=[ \t]*)[%!]")
_CELL_MAGIC = re.compile(r"\s*%%(?P<name>\w+)")
_PYTHON_MAGICS = frozenset({"capture", "debug", "memit", "prun", "scalene", "time", "timeit"})
"""Magics whose cells are Python all the same, run in the notebook's own namespace."""
_UNKNOWN = "__"
"""Stands for a value that only IPython knows: no server knows its type."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a notebook."""

    kind: str
    """``code``, ``markdown`` or ``raw``."""
    text: str
    """Its source as Python; comments alone where it is in another language."""
    magic: str = ""
    """The magic that makes it another language, if one does."""


def read_cells(name: str, content: str) -> list[Cell]:
    """The cells in the text of a notebook called ``name``.

    Raises `WorkspaceError` if it is none of format 4, or one for another language.
    """
    try:
        notebook = json.loads(content)
        language = _language(notebook.get("metadata", {}))
        cells = [(cell["cell_type"], _joined(cell["source"])) for cell in notebook["cells"]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WorkspaceError(f"{name} is no notebook of format 4: {error!r}") from error
    if not language.lower().startswith(("python", "ipython")):
        raise WorkspaceError(f"{name} is a notebook in {language}; expected one in Python")
    return [_cell(kind, text) for kind, text in cells]


def _language(metadata: dict[str, Any]) -> str:
    info, kernel = metadata.get("language_info", {}), metadata.get("kernelspec", {})
    return str(info.get("name") or kernel.get("language") or "python")


def _joined(source: str | list[str]) -> str:
    return source if isinstance(source, str) else "".join(source)


def _cell(kind: str, text: str) -> Cell:
    magic = _CELL_MAGIC.match(text) if kind == "code" else None
    if magic is None or magic["name"] in _PYTHON_MAGICS:
        return Cell(kind, as_python(text) if kind == "code" else text)
    return Cell(kind, re.sub(r"(?m)^[^\r\n]", "#", text), magic["name"])


def as_python(text: str) -> str:
    """A code cell in which lines of IPython's own say nothing; every character keeps its place."""
    lexer: Any = _PYTHON.start()
    lines: list[str] = []
    goes_on = False
    for line in _LINES.findall(text):
        body = line.rstrip("\r\n")
        if goes_on:
            goes_on, body = body.endswith("\\"), _silenced("", body)
        elif not lexer.open and not (lines and lines[-1].rstrip("\r\n").endswith("\\")):
            match = _STATEMENT.match(body) or _ASSIGNED.match(body)
            if match:
                goes_on, body = body.endswith("\\"), _silenced(match["keep"], body)
        lines.append(body + line[len(line.rstrip("\r\n")) :])
        lexer = _read(lexer, lines[-1])
    return "".join(lines)


def _silenced(keep: str, line: str) -> str:
    """The line with something harmless behind ``keep``, in the same number of characters."""
    rest = len(line) - len(keep)
    if not keep or rest < 1:
        return "#"[:rest] + line[1:]
    value = _UNKNOWN[:rest]
    behind = line[len(keep) + len(value) :]
    return keep + value + ("#" + behind[1:] if behind else "")


def _read(lexer: Any, text: str) -> Any:
    position = 0
    while position < len(text):
        lexer, position = lexer.scan(text, position)
    return lexer


def around(cells: list[Cell], number: int) -> tuple[str, str, str]:
    """Text of the code cells before a cell, of the cell itself, and of those behind it.

    ``number`` counts all cells from 1. Brackets and strings that a cell before leaves open are
    closed. Raises `PositionError` if the cell is none with Python code.
    """
    if not 1 <= number <= len(cells):
        raise PositionError(f"cell {number} is outside the notebook, which has {len(cells)} cells")
    cell = cells[number - 1]
    if cell.kind != "code" or cell.magic:
        code = [str(n) for n, each in enumerate(cells, 1) if each.kind == "code" and not each.magic]
        what = f"in another language (%%{cell.magic})" if cell.magic else cell.kind
        raise PositionError(
            f"cell {number} is {what}; expected one with Python code: {', '.join(code)}"
        )
    before = "".join(_whole(each) + _BETWEEN for each in cells[: number - 1] if _is_code(each))
    behind = "".join(_BETWEEN + each.text for each in cells[number:] if _is_code(each))
    return before, cell.text, behind


def _is_code(cell: Cell) -> bool:
    return cell.kind == "code"


def _whole(cell: Cell) -> str:
    return cell.text + _PYTHON.closers(_read(_PYTHON.start(), cell.text))
