"""How much of a package is annotated: without annotations, no server knows most types."""

import ast
from collections.abc import Iterable
from pathlib import Path

from benchmarks.results import share
from decoding.prompt.workspace import read_text

MOSTLY = 0.5
"""A package with a larger share counts as annotated."""


def annotated_share(files: Iterable[Path]) -> float | None:
    """Share of the parameters with an annotation, ``self`` and ``cls`` left out."""
    flags = [flag for file in files for flag in _flags(ast.parse(read_text(file)))]
    return share(sum(flags), len(flags))


def _flags(tree: ast.Module) -> list[bool]:
    functions = (
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return [
        argument.annotation is not None
        for function in functions
        for argument in (
            *function.args.posonlyargs,
            *function.args.args,
            *function.args.kwonlyargs,
        )
        if argument.arg not in ("self", "cls")
    ]
