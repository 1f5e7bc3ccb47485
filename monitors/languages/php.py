"""PHP, for the lexer of `monitors.languages.lexers.braces`."""

from typing import Final

from monitors.languages.language import Operator
from monitors.languages.lexers.brace_language import BraceLanguage
from monitors.languages.lexers.grammar import (
    BLOCK_COMMENT,
    Dereference,
    Grammar,
    Text,
    string,
    words,
)

_MARKUP = Text(
    r"\?>",
    "<?php ",
    begun=r"\?",
    closes=r"<\?(?:(?i:php)\b|=)",
    unfinished=r"<(?:\?(?:[pP](?:[hH][pP]?)?)?)?",
    escapes=(),
    multiline=True,
    value="",
    background=True,
)
_END = {"closes": r"(?=\?>)", "unfinished": r"\?", "escapes": (), "value": ""}
"""The markup behind a comment on one line ends it too."""
_COMMENTS = (
    Text("//", "\n", begun="/", **_END),  # type: ignore[arg-type]
    Text(r"#(?!\[)", "\n", begun="#", **_END),  # type: ignore[arg-type]
    BLOCK_COMMENT,
)
_FIELDS = ("{$", "${")
_DEREFERENCE = r"\$(?!\d)\w+(\?->|->)"
_DEREFERENCE_BEGUN = r"\$\w*(?:\?-?|-)?"
_END_OF_HEREDOC = {
    "closes": r"\n[ \t]*{}(?!\w)",
    "unfinished": rf"\n[ \t]*\w*|{_DEREFERENCE_BEGUN}",
    "multiline": True,
}


def _interpolated(quote: str) -> Text:
    return string(
        quote,
        multiline=True,
        fields=_FIELDS,
        derefs=_DEREFERENCE,
        unfinished=_DEREFERENCE_BEGUN,
    )


_HEREDOC = Text(
    r'<<<[ \t]*("?)((?!\d)\w+)\1(?=\r?\n)',
    r"\n\2",
    begun=r'<(?:<(?:<[ \t]*"?\w*"?\r?)?)?',
    fields=_FIELDS,
    derefs=_DEREFERENCE,
    **_END_OF_HEREDOC,  # type: ignore[arg-type]
)
_NOWDOC = Text(
    r"<<<[ \t]*'((?!\d)\w+)'(?=\r?\n)",
    r"\n\1",
    begun=r"<(?:<(?:<[ \t]*'?\w*'?\r?)?)?",
    escapes=(),
    **_END_OF_HEREDOC,  # type: ignore[arg-type]
)

PHP: Final = BraceLanguage(
    Grammar(
        name="php",
        operators=(
            Dereference(Operator("->", exits="${")),
            Dereference(Operator("?->", exits="${")),
            # Static properties are listed with their `$`.
            Dereference(Operator("::", words("class"), exits="{")),
        ),
        texts=(
            _MARKUP,
            *_COMMENTS,
            _HEREDOC,
            _NOWDOC,
            string("'", multiline=True),
            _interpolated('"'),
            _interpolated("`"),
        ),
        keywords=words("and as case echo else instanceof new or print return throw use xor yield"),
        word=r"\$?(?!\d)\w+|\$",
        name_start=r"\$?\w*",
        begins=_MARKUP,
    )
)
