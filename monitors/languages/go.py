"""Go, for the lexer of `monitors.languages.lexers.braces`."""

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

_RAW_STRING = Text("`", "`", escapes=(), multiline=True, value="`")

GO: Final = BraceLanguage(
    Grammar(
        name="go",
        # A line end before the dot would end the statement: `import ("io"\n . "fmt")`.
        operators=(Dereference(Operator(".", exits="(."), behind="", touching=ANY_VALUE),),
        texts=(LINE_COMMENT, BLOCK_COMMENT, STRING, CHARACTER, _RAW_STRING),
        keywords=words(
            "break case chan const continue default defer else fallthrough for func go goto if "
            "import interface map package range return select struct switch type var"
        ),
        newline_ends=True,
    )
)
