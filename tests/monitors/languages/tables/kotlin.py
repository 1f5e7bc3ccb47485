"""Kotlin: templates, ranges, definitions of extensions."""

import tree_sitter_kotlin
from tree_sitter import Node

from monitors.languages.kotlin import KOTLIN
from tests.monitors.languages.oracle import Oracle, is_first
from tests.monitors.languages.table import COMMON, SPACED, VALUES, Table

LIVE = [
    VALUES,
    *COMMON,
    *SPACED,
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


def is_exempt(node: Node) -> bool:
    """Imports, definitions of extensions, and references without a receiver."""
    if node.type == "." and node.parent is not None:
        return node.parent.type in ("function_declaration", "property_declaration")
    return node.type in ("import", "package_header") or (node.type == "::" and is_first(node))


TABLE = Table(KOTLIN, LIVE, OPEN, Oracle(tree_sitter_kotlin.language, "Sample.kt", is_exempt))
