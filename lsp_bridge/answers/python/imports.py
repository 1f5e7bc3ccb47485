"""Imports: which module is asked about, and names that a server lists in two places.

``from package import name`` may name a module of the package, which some servers list behind
``from package.`` only.
"""

import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lsp_bridge.answers.python.classes import module_writes
from lsp_bridge.answers.python.modules import Sources
from lsp_bridge.documents.question import Question
from lsp_bridge.profiles.profile import Extra
from monitors.protocols import Members, Name, Unavailable

_GAP = r"(?:[ \t\f]|\\\r?\n)"
_STATEMENT = re.compile(rf"^(?:import\b|from{_GAP}*([\w.]*){_GAP}*(?:\bimport\b)?)", re.MULTILINE)
_OUTERMOST = re.compile(rf"^(?:from{_GAP}+|import{_GAP}+(?:[^#;\n]*,{_GAP}*)?)\Z", re.MULTILINE)
_LONGEST = 4_000


class Place(NamedTuple):
    """Where in an import something is asked about."""

    is_outermost: bool
    """Whether it is a module that no other one holds."""
    package: str = ""
    """The module whose names are imported; empty: a module is asked about."""
    begin: int = 0
    """Where the statement begins that imports names."""


def place(question: Question) -> Place:
    """The place of a question, whose import has a first character before the cursor."""
    before = question.text[: question.cursor - 1]
    nearby = max(len(before) - _LONGEST, 0)
    if _OUTERMOST.search(before, nearby) is not None:
        return Place(True)
    statements = [*_STATEMENT.finditer(before, nearby)]
    if not (statements and statements[-1][0].endswith("import") and statements[-1][1]):
        return Place(False)
    return Place(False, statements[-1][1], statements[-1].start())


def submodules(question: Question, at: Place) -> Question | None:
    """The question that lists modules of the package whose names are imported, if any."""
    if not at.package:
        return None
    package = at.package if at.package.endswith(".") else at.package + "."
    head = question.text[: at.begin] + f"from {package}" + question.text[question.cursor - 1]
    text = head + question.text[question.cursor :]
    return replace(question, text=text, cursor=len(head))


def of_source(question: Question, at: Place, sources: Sources) -> Extra:
    """What may be imported besides what servers list.

    That is modules of the standard library without stubs, such as ``_string``, and what a module
    has besides its own names: a ``__getattr__`` makes any name up, and some are written as
    ``globals()[name] = value``.
    """
    if at.is_outermost:
        return Extra(sys.stdlib_module_names)
    module = sources.module(at.package, Path(question.path)) if at.package else None
    if module is None:
        return Extra()
    if "__getattr__" in module.bindings:
        return Extra(why_open="the module has a __getattr__")
    writes = module_writes(module)
    return Extra(writes.names, writes.computed)


def joined(names: Members, modules: Members | Unavailable) -> Members:
    """The names, and the modules if there are any."""
    if isinstance(modules, Unavailable):
        return names
    known = {name.text for name in names.names}
    more: list[Name] = [name for name in modules.names if name.text not in known]
    return Members((*names.names, *more))
