"""Cursor positions inside functions of real files: where a statement is to be written."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from monitors.protocols import Document

_DEREFERENCED = re.compile(r"\b([^\W\d]\w*)\.(?=[^\W\d])")
_MOST_RECEIVERS = 24
Function = ast.FunctionDef | ast.AsyncFunctionDef


class Place(NamedTuple):
    """A document whose cursor stands where one statement of a function was taken out."""

    document: Document
    line: int
    receivers: tuple[str, ...]
    """Names that are dereferenced in the text before the cursor, the nearest ones first."""


def places(files: list[Path], count: int, seed: str) -> list[Place]:
    """``count`` positions, one in each file in turn; fewer if there are not that many."""
    random = Random(seed)
    found: list[Place] = []
    left = [(file, _statements(file, random)) for file in files]
    while left and len(found) < count:
        file, statements = left.pop(0)
        place = next(statements, None)
        if place is not None:
            found.append(place)
            left.append((file, statements))
    return found


def _statements(file: Path, random: Random) -> Iterator[Place]:
    """Statements of the functions in ``file`` that stand on lines of their own, shuffled."""
    text = file.read_bytes().decode("utf-8")
    lines = text.splitlines(keepends=True)
    bodies = [
        node
        for function in ast.walk(ast.parse(text))
        if isinstance(function, Function)
        for node in function.body
        if not lines[node.lineno - 1][: node.col_offset].strip()
    ]
    random.shuffle(bodies)
    for node in bodies:
        place = _place(file, lines, node)
        if place.receivers:
            yield place


def _place(file: Path, lines: list[str], node: ast.stmt) -> Place:
    first = lines[node.lineno - 1]
    indent = first[: len(first) - len(first.lstrip())]
    prefix = "".join(lines[: node.lineno - 1]) + indent
    end = node.end_lineno or node.lineno
    suffix = "\n" + "".join(lines[end:])
    document = Document("python", str(file.resolve()), prefix, suffix)
    return Place(document, node.lineno, _receivers(prefix))


def _receivers(prefix: str) -> tuple[str, ...]:
    found = _DEREFERENCED.findall(prefix)
    return tuple(dict.fromkeys(reversed(found)))[:_MOST_RECEIVERS]
