"""Kotlin, for the lexer of `monitors.languages.lexers.braces`."""

from types import MappingProxyType
from typing import Final

from monitors.languages.language import Operator
from monitors.languages.lexers.brace_language import BraceLanguage
from monitors.languages.lexers.grammar import (
    CHARACTER,
    LINE_COMMENT,
    NESTED_COMMENT,
    Dereference,
    Grammar,
    Text,
    string,
    words,
)

_RAW_STRING = Text(
    '"""',
    '"""',
    begun='"{1,2}',
    closes='"{3,}',  # quotes before the last three belong to the string
    unfinished='"+',
    escapes=(),
    fields=("${",),
    multiline=True,
)
_QUOTED_NAME = string("`", escapes=())
_END_OF_PROPERTY = words("( ) { } = : ; by in")

KOTLIN: Final = BraceLanguage(
    Grammar(
        name="kotlin",
        operators=(
            Dereference(Operator(".", exits=".")),
            Dereference(Operator("?.")),
            Dereference(Operator("::", words("class")), behind="", touching='w)]>"'),
        ),
        texts=(
            LINE_COMMENT,
            NESTED_COMMENT,
            _RAW_STRING,
            string('"', fields=("${",)),
            CHARACTER,
            _QUOTED_NAME,
        ),
        keywords=words(
            "as break class continue do else for fun if import in interface is object package "
            "return throw try typealias val var when while"
        ),
        postfix="!",
        imports=words("import package"),
        definers=MappingProxyType(
            {"fun": words("( ) { } = ;"), "val": _END_OF_PROPERTY, "var": _END_OF_PROPERTY}
        ),
        newline_ends=True,
    )
)
