"""Rust, for the lexer of `monitors.languages.lexers.braces`."""

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
from monitors.languages.lexers.rust_scanner import RustScanner

_RAW_STRING = Text(r'(?:b|c)?r(#*)"', r'"\1', begun="(?:b|c)?(?:r#*)?", escapes=(), multiline=True)
_STRING = string('"', "[bc]?", multiline=True)
_CHARACTER = Text(r"b?'(?=\\|[^\\'\r\n]')", "'", begun=r"b?(?:'[^\\'\r\n]?)?", value="'")

RUST: Final = BraceLanguage(
    Grammar(
        name="rust",
        operators=(
            Dereference(Operator(".", words("await"), exits=".")),
            Dereference(Operator("::", exits="<{*"), behind="", touching="w>"),
        ),
        texts=(LINE_COMMENT, NESTED_COMMENT, _RAW_STRING, _STRING, _CHARACTER),
        keywords=words(
            "as async break const continue dyn else enum extern fn for if impl in let loop match "
            "mod move mut pub ref return static struct trait type unsafe use where while"
        ),
        word=r"(?:r#)?(?!\d)\w+",
        name_start=r"r#\w*|\w*",
        extra="#",
        marks=r"'(?!\d)\w+",
        # The second is that of macros and of attributes that stand inside of what they describe.
        postfix="?!",
    ),
    scanner=RustScanner,
)
