"""Dart, for the lexer of `monitors.languages.lexers.braces`."""

from typing import Final

from monitors.languages.language import Operator
from monitors.languages.lexers.brace_language import BraceLanguage
from monitors.languages.lexers.grammar import (
    LINE_COMMENT,
    NESTED_COMMENT,
    Dereference,
    Grammar,
    Text,
    string,
    words,
)


def _strings(quote: str) -> tuple[Text, ...]:
    """The strings that ``quote`` delimits, those with longer openers first."""
    three, begun = quote * 3, f"{quote}{{1,2}}"
    return (
        Text("r" + three, three, begun=f"r(?:{begun})?", escapes=(), multiline=True, value=quote),
        string(quote, "r", escapes=()),
        Text(three, three, begun=begun, fields=("${",), multiline=True, value=quote),
        string(quote, fields=("${",)),
    )


DART: Final = BraceLanguage(
    Grammar(
        name="dart",
        operators=(
            Dereference(Operator(".", exits="."), touching=">"),
            Dereference(Operator("?.", exits="."), touching=">"),
            Dereference(Operator(".."), touching=">"),
            Dereference(Operator("?.."), touching=">"),
        ),
        texts=(LINE_COMMENT, NESTED_COMMENT, *_strings("'"), *_strings('"')),
        keywords=words(
            "assert await break case catch class const continue default do else enum extends "
            "final finally for if in is new rethrow return switch throw try var void while with"
        ),
        word=r"(?!\d)[\w$]+",
        name_start=r"[\w$]*",
        extra="$",
        postfix="!",
        imports=words("library part"),
        qualifiers=words("of"),
    )
)
