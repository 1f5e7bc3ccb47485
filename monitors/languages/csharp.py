"""C#, for the lexer of `monitors.languages.lexers.braces`."""

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
    string,
    words,
)

_BEGUN = r'\$+"*|@\$?|\$@'
_DIRECTIVE = Text("#", "\n", escapes=(), value="")
_RAW_STRING = Text('("{3,})', r"\1", begun='"+', escapes=(), multiline=True)
_VERBATIM = string('"', "@", begun=_BEGUN, escapes=('""',), multiline=True)
_INTERPOLATED = string(
    '"', r"\$", begun=_BEGUN, escapes=("\\", "{{", "}}"), fields=("{",), format=True
)
_INTERPOLATED_VERBATIM = string(
    '"',
    r"(?:\$@|@\$)",
    begun=_BEGUN,
    escapes=('""', "{{", "}}"),
    fields=("{",),
    format=True,
    multiline=True,
)


def _interpolated_raw(dollars: int) -> Text:
    """A raw string whose fields begin with as many braces as there are dollars before it."""
    opens = rf'\${{{dollars}}}("{{3,}})'
    return Text(
        opens,
        r"\1",
        begun=_BEGUN,
        escapes=(),
        fields=("{" * dollars,),
        format=True,
        multiline=True,
    )


CSHARP: Final = BraceLanguage(
    Grammar(
        name="csharp",
        operators=(
            Dereference(Operator(".", exits="."), touching=">"),
            Dereference(Operator("?.", exits="0123456789"), touching=">"),
            Dereference(Operator("->")),
            Dereference(Operator("::"), behind="", touching="w"),
        ),
        texts=(
            LINE_COMMENT,
            BLOCK_COMMENT,
            _DIRECTIVE,
            *map(_interpolated_raw, (1, 2, 3)),
            _INTERPOLATED_VERBATIM,
            _INTERPOLATED,
            _VERBATIM,
            _RAW_STRING,
            STRING,
            CHARACTER,
        ),
        keywords=words(
            "abstract as async await break case catch checked class const continue default do "
            "else enum event explicit extern finally fixed for foreach goto if implicit in "
            "interface internal is lock namespace new operator out override params private "
            "protected public readonly ref return sealed sizeof stackalloc static struct switch "
            "throw try typeof unchecked unsafe using virtual volatile void while"
        ),
        word=r"@?(?!\d)\w+",
        name_start=r"@?\w*",
        extra="@",
        postfix="!",
        imports=words("using namespace"),
        qualifiers=words("static unsafe"),
    )
)
