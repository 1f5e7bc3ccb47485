"""Java, for the lexer of `monitors.languages.lexers.braces`."""

from typing import Final

from monitors.languages.language import Operator
from monitors.languages.lexers.brace_language import BraceLanguage
from monitors.languages.lexers.grammar import (
    ANY_VALUE,
    BLOCK_COMMENT,
    CHARACTER,
    LINE_COMMENT,
    STRING,
    Dereference,
    Grammar,
    Text,
    words,
)

_TEXT_BLOCK = Text('"""', '"""', begun='"{1,2}', multiline=True)

JAVA: Final = BraceLanguage(
    Grammar(
        name="java",
        operators=(
            Dereference(Operator(".", words("class new this super"), exits="<."), touching=">"),
            Dereference(Operator("::", words("new"), exits="<"), ANY_VALUE, touching=">"),
        ),
        texts=(LINE_COMMENT, BLOCK_COMMENT, _TEXT_BLOCK, STRING, CHARACTER),
        keywords=words(
            "abstract assert break case catch class const continue default do else enum extends "
            "final finally for goto if implements import instanceof interface native new package "
            "private protected public return static strictfp switch synchronized throw throws "
            "transient try volatile while"
        ),
        word=r"(?!\d)[\w$]+",
        name_start=r"[\w$]*",
        extra="$",
        imports=words("import package"),
        qualifiers=words("static"),
    )
)
