"""The lexer of languages with braces: what its states tell."""

import pytest

from monitors.constraints import Comments, Leading
from monitors.languages.language import LexState
from monitors.languages.registry import LANGUAGES


@pytest.mark.parametrize(
    ("name", "text", "operators"),
    [
        ("c", "a.b->c", [".", "->"]),
        ("cpp", "a::b.c->d", ["::", ".", "->"]),
        ("csharp", "a?.b.c", ["?.", "."]),
        ("dart", "a..b?..c?.d.e", [".", "..", "?.", "?..", "?.", "."]),
        ("kotlin", "a?.b::c", ["?.", "::"]),
        ("rust", "a::b.0", ["::", "."]),
    ],
)
def test_operators(name: str, text: str, operators: list[str]) -> None:
    """A state names the operator that was completed, and the value it applies to."""
    state, at, found = LANGUAGES[name].start(), 0, []
    while at < len(text):
        state, at = state.scan(text, at)
        if state.at_trigger:
            found.append(state.operator)
    assert found == operators


@pytest.mark.parametrize(
    ("name", "text", "receiver"),
    [
        ("c", "a->foo", "foo"),
        ("c", "f(x)", ")"),
        ("c", "return", ""),
        ("c", "#define A", ""),
        ("c", "12", ""),
        ("cpp", '"a"', '"'),
        ("csharp", "List<int>", ">"),
        ("csharp", "using A", ""),
        ("dart", "a.", "a"),
        ("go", "T{}", "}"),
        ("java", "A.class", "class"),
        ("kotlin", "fun A", ""),
        ("kotlin", '"${a', "a"),
        ("rust", "r#type", "r#type"),
        ("rust", "f()?", ")"),
        ("rust", "'a", ""),
        ("rust", "'a'", "'"),
    ],
)
def test_receiver(name: str, text: str, receiver: str) -> None:
    """A state tells what the usual operator would apply to."""
    assert scan(name, text).receiver == receiver


@pytest.mark.parametrize(
    ("name", "text", "in_code", "in_brackets"),
    [
        ("c", "int a", True, True),
        ("c", "{ f(", True, True),
        ("c", "#if A", False, False),
        ("c", "#if A \\\n", False, False),
        ("c", "/* a", False, False),
        ("c", "// a", False, False),
        ("c", "// a\n", True, True),
        ("go", "a", True, False),
        ("go", "f(a,", True, True),
        ("go", "f(func() {", True, False),
        ("go", "`a", False, False),
        ("kotlin", '"${', True, True),
        ("kotlin", '"${}', False, False),
        ("csharp", '$"{a:x', False, False),
        ("rust", "'\\", False, False),
    ],
)
def test_where(name: str, text: str, in_code: bool, in_brackets: bool) -> None:
    """A state tells code from text, and whether a line end is white space."""
    state = scan(name, text)
    assert (state.in_code, state.in_brackets) == (in_code, in_brackets)


def test_leading() -> None:
    """A name may stand on the next line; C also escapes line ends."""
    for name, leading in (("c", Leading.LINES), ("cpp", Leading.LINES), ("go", Leading.SPACE)):
        assert LANGUAGES[name].leading(scan(name, "a.")) is leading


def test_comments() -> None:
    """Those of the language, and what its preprocessor reads."""
    both = Comments.HASH | Comments.SLASHES
    found = {name: LANGUAGES[name].comments(scan(name, "a.")) for name in LANGUAGES}
    assert {name for name, comments in found.items() if comments == both} == {
        *("c", "cpp", "csharp", "php")
    }
    assert found["ruby"] is Comments.HASH
    assert found["python"] is Comments.NONE
    assert found["javascript"] is found["rust"] is Comments.SLASHES


@pytest.mark.parametrize(
    ("name", "token", "head"),
    [
        ("c", "a.b", "a."),
        ("c", "a->\n b", "a->"),
        ("c", ">b", ">"),
        ("c", "a >", None),
        ("cpp", ":b", ":"),
        ("cpp", "a::b", "a::"),
        ("csharp", "?.b", "?."),
        ("dart", "?..b", "?.."),
        ("rust", ".", None),
        ("rust", ". \n", None),
    ],
)
def test_crossing(name: str, token: str, head: str | None) -> None:
    """A token crosses with an operator, or the end of one, and more than white space."""
    match = LANGUAGES[name].crossing.search(token)
    assert (None if match is None else token[: match.end(1)]) == head


def scan(name: str, text: str) -> LexState:
    """The state behind ``text``."""
    state, at = LANGUAGES[name].start(), 0
    while at < len(text):
        state, at = state.scan(text, at)
    return state
