"""Kotlin: where a dereference is live, what is open, and agreement with tree-sitter."""

import pytest
import tree_sitter_kotlin
from tree_sitter import Node

from monitors.languages.kotlin import KOTLIN
from tests.monitors.languages.oracle import check_sample, is_first
from tests.monitors.languages.reading import mark, opened, unmark

LIVE = [
    """f(x).•y; a[1].•z; (a).•b; "a.b".•c; 'c'.•d""",
    "// a.b\nx.•y",
    "/* a.b */ x /* . */ .•y",
    "1.5.x + 1.x + 0x1f.y + 1.5e-3.z",
    "{.x = 1, .y}; f(.5)",
    "x\n  .•y\n  .•z",
    '"a.b\nc.•d',
    "'a.b\nc.•d",
    r'"a\".b".•c',
    "){.x]}.•y",
    "é.•ü",
    "import a.b.C\nimport a.b.* // c.d\nimport a.b as c\npackage a.b\nx.•y",
    "a?.•b!!.•c; a!!.•b; A::•class.•b; ::f; A<B>::•c; a ?: b.•c; a?.•b?.•c",
    "0..a.•b; a.•.b.•c; 1..2; a.•.<b",
    '"${a.•b} $c.d ${e["${f.•g}.h"].•i}".•j; "$".•x; "{a.b}"',
    r'"""a.b ${c.•d} "e.f" \""".•g; """a"""".•b',
    "/* a /* b.c */ d.e */ f.•g",
    "fun A.b() = c.•d; fun <T : A> List<T>.b(c: D.•E): F.•G { h.•i }",
    "val A.b: C.•D get() = e.•f; var A.B.c = d.•e; val x by y.•z; for (i in a.•b)",
    "fun A?.b() {}; private fun `a b`() { c.•d }",
    "`a.b`.•c; x.•`in`.•y",
    "this@A.•b; super<A>.b; super.•c; return a.•b",
    "a.•filter { it.•b }.•map { c }\n  .•d",
    "{ x.•y }.•z; when (x) { is A -> b.•c }",
    "functional.•x; value.•y; imports.•z",
    r"'\''.•code; 'a'.•b",
]

OPEN = [
    ('f("${a', '( " ${', '}")'),
    ('f("""a"', '( """', '""")'),
    ('f("""a"""', "(", ")"),
    ('f("$', '( "', '")'),
    ("/* /* a", "/* /*", "*/*/"),
    ("fun a() { `b", "{ `", "`}"),
    ("f('", "( '", "')"),
]


@pytest.mark.parametrize("marked", LIVE)
def test_live_operators(marked: str) -> None:
    """Each marked operator is live, and no other."""
    assert mark(KOTLIN, unmark(marked)) == marked


@pytest.mark.parametrize(("text", "openers", "closers"), OPEN)
def test_open(text: str, openers: str, closers: str) -> None:
    """A state tells what is open, and what closes it."""
    assert opened(KOTLIN, text) == (openers, closers)


def is_exempt(node: Node) -> bool:
    """Imports, definitions of extensions, and references without a receiver."""
    if node.type == "." and node.parent is not None:
        return node.parent.type in ("function_declaration", "property_declaration")
    return node.type in ("import", "package_header") or (node.type == "::" and is_first(node))


def test_against_tree_sitter() -> None:
    """In a complete file the live operators are those of the syntax tree."""
    check_sample(KOTLIN, tree_sitter_kotlin, "Sample.kt", is_exempt)
