"""Cursor positions inside functions of real files: where a statement is to be written."""

import ast
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import NamedTuple

from decoding.prompt.workspace import read_text
from monitors.protocols import Document

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Place(NamedTuple):
    """A document whose cursor stands where one statement of a function was taken out."""

    document: Document
    line: int
    """1-based."""
    indent: str
    receivers: tuple[str, ...]
    """Names in scope that have members: modules, parameters, what the function dereferences."""


def places(files: list[Path], count: int, seed: str) -> list[Place]:
    """``count`` positions, one in each file in turn; fewer if there are not that many."""
    random = Random(seed)
    found: list[Place] = []
    left = [in_file(file, random) for file in files]
    while left and len(found) < count:
        statements = left.pop(0)
        place = next(statements, None)
        if place is not None:
            found.append(place)
            left.append(statements)
    return found


def in_file(file: Path, random: Random) -> Iterator[Place]:
    """Positions in one file, shuffled. A statement counts if its first line is its own."""
    text = read_text(file)
    lines = text.splitlines(keepends=True)
    tree = ast.parse(text)
    modules = _modules(tree)
    spots = [
        (function, node)
        for function in ast.walk(tree)
        if isinstance(function, Function)
        for node in function.body
        if not lines[node.lineno - 1][: node.col_offset].strip()
    ]
    random.shuffle(spots)
    for function, node in spots:
        receivers = {**dict.fromkeys(_local(function, node)), **dict.fromkeys(modules)}
        if receivers:
            yield _place(file, lines, node, tuple(receivers))


def _place(file: Path, lines: list[str], node: ast.stmt, receivers: tuple[str, ...]) -> Place:
    indent = lines[node.lineno - 1][: node.col_offset]
    prefix = "".join(lines[: node.lineno - 1]) + indent
    suffix = "\n" + "".join(lines[node.end_lineno or node.lineno :])
    document = Document("python", str(file.resolve()), prefix, suffix)
    return Place(document, node.lineno, indent, receivers)


def _modules(tree: ast.Module) -> list[str]:
    """Modules that are imported at the top and go by one name."""
    imported = [alias for node in tree.body if isinstance(node, ast.Import) for alias in node.names]
    names = [alias.asname or alias.name for alias in imported]
    return [name for name in names if name.isidentifier()]


def _local(function: Function, before: ast.stmt) -> Iterator[str]:
    """Parameters, and names that are dereferenced above the line of ``before``."""
    for argument in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
        yield argument.arg
    attributes = (node for node in ast.walk(function) if isinstance(node, ast.Attribute))
    for node in attributes:
        if isinstance(node.value, ast.Name) and node.lineno < before.lineno:
            yield node.value.id
