"""JavaScript, with JSX and without, for the lexer of `monitors.languages.lexers.braces`."""

from types import MappingProxyType
from typing import Final

from monitors.languages.language import Operator
from monitors.languages.lexers.brace_language import BraceLanguage
from monitors.languages.lexers.grammar import (
    BLOCK_COMMENT,
    CHARACTER,
    LINE_COMMENT,
    STRING,
    Dereference,
    Grammar,
    Text,
    words,
)
from monitors.languages.lexers.jsx import ElementScanner
from monitors.languages.lexers.script_scanner import NAME

OPERATORS: Final = (
    Dereference(Operator(".")),
    # Before a digit it is the sign of a condition and a number: `a ?.5:1`.
    Dereference(Operator("?.", exits="([0123456789", fused=False)),
)
_HASHBANG = Text("#!", "\n", begun="#", escapes=(), value="")
_TEMPLATE = Text("`", "`", multiline=True, fields=("${",), value="`")
_SET = Text(r"\[", "]", value="")
_REGULAR_EXPRESSION = Text(
    r"/(?![*/])",
    "/",
    begun="/",
    closes=r"/\w*",
    unfinished=r"/\w*",
    inside=(_SET,),
    value="/",
    operand=True,
)
TEXTS: Final = (
    LINE_COMMENT,
    BLOCK_COMMENT,
    _REGULAR_EXPRESSION,
    STRING,
    CHARACTER,
    _TEMPLATE,
    _HASHBANG,
)
KEYWORDS: Final = words(
    "await break case catch class const continue default delete do else enum export extends "
    "finally for function if in instanceof let new of return switch throw try typeof var void "
    "while with yield"
)
"""Without ``import``, for ``import.meta``."""
_DEFINERS: Final = MappingProxyType(
    dict.fromkeys(("this", "exports", "module", "prototype"), words(""))
)
"""A dot behind these, at the beginning of a statement, may be that of a definition."""


def _javascript(name: str) -> BraceLanguage:
    grammar = Grammar(
        name=name,
        operators=OPERATORS,
        texts=TEXTS,
        keywords=KEYWORDS,
        word=NAME,
        name_start=r"#?[\w$]*",
        extra="$",
        number=r"[1-9][\d_]*",
        definers=_DEFINERS,
        newline_ends=True,
    )
    return BraceLanguage(grammar, scanner=ElementScanner)


JAVASCRIPT: Final = _javascript("javascript")
JAVASCRIPT_REACT: Final = _javascript("javascriptreact")
