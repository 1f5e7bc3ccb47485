"""C, for the lexer of `monitors.languages.lexers.braces`."""

from typing import Final

from monitors.languages.language import Operator
from monitors.languages.lexers.brace_language import BraceLanguage
from monitors.languages.lexers.grammar import (
    BLOCK_COMMENT,
    ESCAPE,
    Dereference,
    Grammar,
    Text,
    string,
    words,
)

PREFIX: Final = "(?:u8|[uUL])?"
BEGUN: Final = "u8?|[UL]"
COMMENT: Final = Text("//", "\n", begun="/", escapes=(ESCAPE,), value="")
"""A backslash continues it on the next line."""
_STRINGS = (string('"', PREFIX, begun=BEGUN), string("'", PREFIX, begun=BEGUN))
DIRECTIVE: Final = Text("#", "\n", value="", inside=(COMMENT, BLOCK_COMMENT, *_STRINGS))
"""A line for the preprocessor, which a backslash continues."""
TEXTS: Final = (COMMENT, BLOCK_COMMENT, DIRECTIVE, *_STRINGS)
KEYWORDS: Final = words(
    "auto break case char const continue default do double else enum extern float for goto if "
    "inline int long register restrict return short signed sizeof static struct switch typedef "
    "union unsigned void volatile while _Alignas _Alignof _Atomic _Bool _Generic _Noreturn "
    "_Static_assert _Thread_local"
)

C: Final = BraceLanguage(
    Grammar(
        name="c",
        operators=(Dereference(Operator(".")), Dereference(Operator("->"))),
        texts=TEXTS,
        keywords=KEYWORDS,
        blank=r"\s\\",
        escaped_line_ends=True,
    )
)
