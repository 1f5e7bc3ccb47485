"""Imports of Python: which module is asked about, and names that a server lists in two places.

``from package import name`` may name a module of the package, which some servers list behind
``from package.`` only.
"""

import re
from dataclasses import replace

from lsp_bridge.documents.question import Question
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
    before = question.text[: question.cursor - 1]
    statements = [*_STATEMENT.finditer(before, max(len(before) - _LONGEST, 0))]
    if not (statements and statements[-1][0].endswith("import") and statements[-1][1]):
        return None
    found = statements[-1]
    package = found[1] if found[1].endswith(".") else found[1] + "."
    head = before[: found.start()] + f"from {package}" + question.text[question.cursor - 1]
    text = head + question.text[question.cursor :]
    return replace(question, text=text, cursor=len(head))


def joined(names: Members, modules: Members | Unavailable) -> Members:
    """The names, and the modules if there are any."""
    if isinstance(modules, Unavailable):
        return names
    known = {name.text for name in names.names}
    more: list[Name] = [name for name in modules.names if name.text not in known]
    return Members((*names.names, *more))
