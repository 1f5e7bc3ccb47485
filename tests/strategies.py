"""Hypothesis strategies that several test modules share."""

from collections.abc import Sequence

from hypothesis import strategies as st

FRAGMENTS = [
    *"abfrxuRBT0129eEjJ_. \t\n\r\\\"'#:;,=()[]{}!*@+-é\f",
    '"""',
    "'''",
    "..",
    "...",
    "\r\n",
    "\\\n",
    "\\\r\n",
    "rb'",
    'f"',
    "f'''",
    'rf"',
    "t'",
    "{{",
    "}}",
    "{a.b",
    "{x:",
    "!r",
    "!=",
    ":=",
    "\\N{",
    "DASH}",
    "1.",
    "1e",
    "0x1e",
    "1j",
    "self",
    "cls",
    "self.x",
    "a.b",
    ").c",
    " = ",
    "\n    ",
    "\n        ",
    "import ",
    "from ",
    "for ",
    "in ",
    "with ",
    "as ",
    "if ",
    "else",
    "lambda ",
    "def ",
    "class ",
    "async ",
    "return ",
    "await ",
    "case ",
    "match ",
    "None",
    "not ",
    "@a",
    "\ufeff",
]


def code_like(fragments: Sequence[str], max_pieces: int = 30) -> st.SearchStrategy[str]:
    """Text of fragments in any order: mostly broken code."""
    return st.lists(st.sampled_from(fragments), max_size=max_pieces).map("".join)


def python_like(max_pieces: int = 40) -> st.SearchStrategy[str]:
    """Text of fragments of Python."""
    return code_like(FRAGMENTS, max_pieces)


@st.composite
def splits(draw: st.DrawFn, text: st.SearchStrategy[str]) -> list[str]:
    """A text cut into pieces anywhere."""
    whole = draw(text)
    cuts = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


BRACE_FRAGMENTS = [
    *"abfruLRSt019eEx_. \t\n\r\\\"'`#:;,=()[]{}!*@+-/<>?$&|é\f",
    *("a.b", ").c", "x->y", "a::b", "T>::c", "x?.y", "a..b", "a?..b", "a...", "?->", "!!.", "0.1"),
    *("\r\n", "\\\n", "\\\r\n", "\n#", "//", "/*", "*/", "1.5", "1.", "0x1e", "1'0", "=>", "-> "),
    *('"""', "'''", '""', "${", "{$", "$a", "{{", "}}", '$"', '$@"', '@"', '$$"""', "#!", "?>"),
    *('R"x(', ')x"', 'r#"', '"#', 'b"', "b'", "u8'", "'a", "'a'", "r#a", "<?php", "<<<A\n", "\nA"),
    *("import ", "package ", "using ", "namespace ", "static ", "part of ", "library ", "var "),
    *("fun ", "val ", "by ", "in ", "return ", "class ", "new ", "await ", "this", "super", "x"),
    *("function ", "if ", "typeof ", "operator", "template "),
]


def brace_like(max_pieces: int = 30) -> st.SearchStrategy[str]:
    """Text of fragments of languages with braces."""
    return code_like(BRACE_FRAGMENTS, max_pieces)
