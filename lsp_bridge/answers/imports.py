"""Imports of Python: which module is asked about, and names that a server lists in two places.

``from package import name`` may name a module of the package, which some servers list behind
``from package.`` only.
"""

import re
import sys
from dataclasses import replace
from pathlib import Path

from lsp_bridge.answers.python.classes import module_writes
from lsp_bridge.answers.python.modules import Sources
from lsp_bridge.documents.question import Question
from lsp_bridge.profiles.profile import Extra
from monitors.protocols import Members, Name, Unavailable

_GAP = r"(?:[ \t\f]|\\\r?\n)"
_STATEMENT = re.compile(rf"^(?:import\b|from{_GAP}*([\w.]*){_GAP}*(?:\bimport\b)?)", re.MULTILINE)
_OUTERMOST = re.compile(rf"^(?:from{_GAP}+|import{_GAP}+(?:[^#;\n]*,{_GAP}*)?)\Z", re.MULTILINE)
_LONGEST = 4_000


def is_outermost(question: Question) -> bool:
    """Whether a module is asked about that no other one holds."""
    before = question.text[: question.cursor - 1]
    return _OUTERMOST.search(before, max(len(before) - _LONGEST, 0)) is not None


def submodules(question: Question) -> Question | None:
    """The question that lists modules of the package from which something is imported, if any."""
    found = _package(question)
    if found is None:
        return None
    package = found[1] if found[1].endswith(".") else found[1] + "."
    head = question.text[: found.start()] + f"from {package}" + question.text[question.cursor - 1]
    text = head + question.text[question.cursor :]
    return replace(question, text=text, cursor=len(head))


def of_source(question: Question, sources: Sources) -> Extra:
    """What may be imported besides what servers list.

    That is modules of the standard library without stubs, such as ``_string``, and what a module
    has besides its own names: a ``__getattr__`` makes any name up, and some are written as
    ``globals()[name] = value``.
    """
    if is_outermost(question):
        return Extra(sys.stdlib_module_names)
    found = _package(question)
    module = None if found is None else sources.module(found[1], Path(question.path))
    if module is None:
        return Extra()
    if "__getattr__" in module.bindings:
        return Extra(why_open="the module has a __getattr__")
    writes = module_writes(module)
    return Extra(writes.names, writes.computed)


def _package(question: Question) -> re.Match[str] | None:
    """The statement that imports names of a module, up to its names; the module is group 1."""
    before = question.text[: question.cursor - 1]
    statements = [*_STATEMENT.finditer(before, max(len(before) - _LONGEST, 0))]
    if not (statements and statements[-1][0].endswith("import") and statements[-1][1]):
        return None
    return statements[-1]


def joined(names: Members, modules: Members | Unavailable) -> Members:
    """The names, and the modules if there are any."""
    if isinstance(modules, Unavailable):
        return names
    known = {name.text for name in names.names}
    more: list[Name] = [name for name in modules.names if name.text not in known]
    return Members((*names.names, *more))
