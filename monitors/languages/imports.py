"""What imports look like in each language: the little that the monitor of imports has to know."""

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSyntax:
    """How statements that import are written in one language."""

    words: tuple[str, ...]
    """What such a statement begins with, at the margin."""
    head: re.Pattern[str]
    """Matches the whole of a statement, as far as it is written, if a module's or a name's segment
    may begin behind it."""
    keywords: frozenset[str]
    """Words of the statement that name nothing."""


_GAP = r"(?:[ \t\f]|\\\r?\n)"
_WIDE = r"(?:[ \t\f\r\n]|\\\r?\n|#[^\r\n]*(?=[\r\n]))"
_MODULE = rf"\w+(?:{_GAP}*\.{_GAP}*\w+)*"
_NAME = r"\w+"
_FROM = rf"from(?:{_GAP}+|{_GAP}*\.+{_GAP}*)"


def _listed(item: str, gap: str) -> str:
    """Complete items, each with its comma."""
    return rf"(?:{item}(?:{gap}+as{gap}+\w+)?{gap}*,{gap}*)*"


_MODULES = rf"import{_GAP}+{_listed(_MODULE, _GAP)}(?:\w+\.)*"
_PACKAGE = rf"from(?:{_GAP}+|{_GAP}*\.+)(?:\w+\.)*"
_LIST = _listed(_NAME, _GAP)
_OPEN_LIST = _listed(_NAME, _WIDE)
_NAMES = rf"{_FROM}(?:{_MODULE})?{_GAP}*\bimport(?:{_GAP}+{_LIST}|{_GAP}*\({_WIDE}*{_OPEN_LIST})"
IMPORTS: Mapping[str, ImportSyntax] = {
    "python": ImportSyntax(
        words=("import", "from"),
        head=re.compile(f"{_MODULES}|{_PACKAGE}|{_NAMES}"),
        keywords=frozenset({"import", "from", "as"}),
    ),
}
"""By language identifier of the Language Server Protocol."""
