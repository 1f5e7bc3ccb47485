"""Rust: lifetimes, raw strings, nested comments, ranges, fields that are numbers."""

import tree_sitter_rust
from tree_sitter import Node

from monitors.languages.rust import RUST
from tests.monitors.languages.oracle import Oracle, is_first
from tests.monitors.languages.table import VALUES, Table

LIVE = [
    VALUES,
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
    "#[serde(a::b)] a::•b; #![x(b.c, [d::e])] a.•b; #[x::y] [a::•b]; # ! [a::b]",
    "#x[a::•b] !#[a::b] !x.•y; x![a::•b]; x! [a::•b]; a[b::•c]; #![a]!x.•y",
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


def is_exempt(node: Node) -> bool:
    """``::x`` has no receiver, and attributes name no items."""
    return node.type == "attribute_item" or (node.type == "::" and is_first(node))


TABLE = Table(RUST, LIVE, OPEN, Oracle(tree_sitter_rust.language, "sample.rs", is_exempt))
