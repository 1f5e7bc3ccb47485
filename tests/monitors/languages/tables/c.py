"""C: the preprocessor, arrows, prefixes of strings."""

import tree_sitter_c
from tree_sitter import Node

from monitors.languages.c import C
from tests.monitors.languages.oracle import Oracle, is_first
from tests.monitors.languages.table import COMMON, SPACED, VALUES, Table

LIVE = [
    VALUES,
    *COMMON,
    *SPACED,
    "a->•b->•c; (*a).•b; &x->•y; a .• b ->• c",
    "a-->b; a - >b; a -- > b",
    "#include <a.h>\nx.•y",
    "#define A(x) x.y \\\n x->z\nx.•y",
    "  # if a.b // c.d\nx.•y",
    '#define S "a /* b"\nx.•y',
    "#define A /* x.y\n z.w */ v.w\nx.•y",
    "// a.b \\\n c.d\ne.•f",
    '''u8"a.b".•c; L'x'.•y; u'x'; U"x.y"''',
    "return .5; case .x; sizeof(x).•y; struct .x",
    "a.•return.•b",
    "x \\\n .•y",
    "1.f+a.•b",
    "#error don't a.b\nx.•y",
    "a->•b.•c[d.•e].•f",
    "0x1.8p3.x; 1e5.y",
]

OPEN = [
    ("f(a[{", "( [ {", "}])"),
    ('f("a', '( "', '")'),
    ("f('\\", "( '", r"\')"),
    ("f(/* a", "( /*", "*/)"),
    ("f(/* a *", "( /*", "*/)"),
    ("f( // a", "(", "\n)"),
    ("f( // a \\\n", "(", "\n)"),
    ("// a", "", ""),
    ('{\n#define A "b', '{ "', '"\n}'),
    ("f('a\n", "(", ")"),
    ('f(L"a\\\n', '( L"', '")'),
    ('f("', '( "', '")'),
    ("f(]}", "(", ")"),
    ("{(}", "", ""),
]


def is_exempt(node: Node) -> bool:
    """A designator, ``.x = 1``, names a member of no value before it."""
    if node.type == "field_designator":
        return is_first(node)
    return node.type in ("preproc_function_def", "preproc_def")


TABLE = Table(C, LIVE, OPEN, Oracle(tree_sitter_c.language, "sample.c", is_exempt))
