"""Rust: where a dereference is live, what is open, and agreement with tree-sitter."""

import pytest
import tree_sitter_rust
from tree_sitter import Node

from monitors.languages.rust import RUST
from tests.monitors.languages.oracle import check_sample, is_first
from tests.monitors.languages.reading import mark, opened, unmark

LIVE = [
    """f(x).•y; a[1].•z; (a).•b; "a.b".•c; 'c'.•d""",
    "// a.b\nx.•y",
    "/* a.b */ x /* . */ .•y",
    "a.•b?.•c; a::•b; Vec::•<u8>::•new(); <T as A>::•b",
    "t.•0.•1.•x; t .• 0 .• 1; 1.max(2); 1.5.floor(); 1..2; 0..a.•b; a.•.b.•c; a.•.=b",
    r"""'a'.•b; b'x'.•c; '\''.•d; '\u{1F600}'.•e; '"'.•f""",
    "&'a str; 'outer: loop; T: 'static + A::•b; <'a, 'b>",
    r'r"a.b\".•c; r#"a.b"c"#.•d; br##"a"#.b"##.•e; b"a.b".•c; c"x.y".•z',
    "r#type.•r#match.•x; r#a::•b",
    "/* a /* b.c */ d.e */ f.•g",
    '"a.b\n c.d".•e',
    "use a::•{b, c::•*}; use self::•x; crate::•y; ::std::•z",
    "#[serde(a::•b)] #![a(b.•c)]",
    "async { x.•await.•y }.•z; match x {}.•y; |x| x.•y",
    "-> ::std::•x; x as u8.•y; vec![1].•x; f!(a).•b; $x.•y; $crate::•z",
    "impl<'a> A<'a>::•B; a < b; a > ::c",
    "return .x; in ..x; [a, ..]; Foo { ..x.•y }",
    "'a'.•x 'b.y",
]

OPEN = [
    ('f(r#"a"', '( r#"', '"#)'),
    ('f("a\n', '( "', '")'),
    ("/* /* a", "/* /*", "*/*/"),
    ("/* /* a /", "/* /*", r"\*/*/"),
    ("f('\\", "( '", r"\')"),
    ("f('a", "(", ")"),
    ("{ || {", "{ {", "}}"),
    ("f(br", "(", ")"),
    ('f(b"', '( b"', '")'),
    ("{ // a", "{", "\n}"),
]


@pytest.mark.parametrize("marked", LIVE)
def test_live_operators(marked: str) -> None:
    """Each marked operator is live, and no other."""
    assert mark(RUST, unmark(marked)) == marked


@pytest.mark.parametrize(("text", "openers", "closers"), OPEN)
def test_open(text: str, openers: str, closers: str) -> None:
    """A state tells what is open, and what closes it."""
    assert opened(RUST, text) == (openers, closers)


def is_exempt(node: Node) -> bool:
    """``::x`` has no receiver."""
    return node.type == "::" and is_first(node)


def test_against_tree_sitter() -> None:
    """In a complete file the live operators are those of the syntax tree."""
    check_sample(RUST, tree_sitter_rust, "sample.rs", is_exempt)
