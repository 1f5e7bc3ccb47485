"""C: where a dereference is live, what is open, and agreement with tree-sitter."""

import pytest
import tree_sitter_c
from tree_sitter import Node

from monitors.languages.c import C
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


@pytest.mark.parametrize("marked", LIVE)
def test_live_operators(marked: str) -> None:
    """Each marked operator is live, and no other."""
    assert mark(C, unmark(marked)) == marked


@pytest.mark.parametrize(("text", "openers", "closers"), OPEN)
def test_open(text: str, openers: str, closers: str) -> None:
    """A state tells what is open, and what closes it."""
    assert opened(C, text) == (openers, closers)


def is_exempt(node: Node) -> bool:
    """A designator, ``.x = 1``, names a member of no value before it."""
    if node.type == "field_designator":
        return is_first(node)
    return node.type in ("preproc_function_def", "preproc_def")


def test_against_tree_sitter() -> None:
    """In a complete file the live operators are those of the syntax tree."""
    check_sample(C, tree_sitter_c, "sample.c", is_exempt)
