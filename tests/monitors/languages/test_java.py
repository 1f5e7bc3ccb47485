"""Java: where a dereference is live, what is open, and agreement with tree-sitter."""

import pytest
import tree_sitter_java
from tree_sitter import Node

from monitors.languages.java import JAVA
from tests.monitors.languages.oracle import check_sample
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
    "import a.b.C;\nimport static a.b.*;\npackage a.b;\nx.•y",
    "import a.b\nx.•y",
    'a::•b; int[]::•new; A<B>::•new; this::•a; "x"::•b; (a)::•b; super::•c',
    '"""\n a.b "c.d" \\""" e.f""".•g; "".•h',
    "A.•class.•b; A.•this.•b; A.•super.•b; a.•new B(); A.•<B>c()",
    "A<B>.•C; a > .5",
    "f(int.•.. x)",
    "a$b.•$c; $.•x",
    "@A.•B(c.•d) @interface X",
    "case A -> b.•c; (x) -> x.•y",
    "new A() {}.•b; new int[]{1}.•c",
    "x ? y.•a : z.•b; a ::• b",
    "important.•x; packages.•y",
]

OPEN = [
    ('f("""a""', '( """', '""")'),
    ('f("', '( "', '")'),
    ('f(""', "(", ")"),
    ('f("""', '( """', '""")'),
    ("class A { /** a", "{ /*", "*/}"),
    ("{ 'a", "{ '", "'}"),
    ("import a.b", "", ""),
]


@pytest.mark.parametrize("marked", LIVE)
def test_live_operators(marked: str) -> None:
    """Each marked operator is live, and no other."""
    assert mark(JAVA, unmark(marked)) == marked


@pytest.mark.parametrize(("text", "openers", "closers"), OPEN)
def test_open(text: str, openers: str, closers: str) -> None:
    """A state tells what is open, and what closes it."""
    assert opened(JAVA, text) == (openers, closers)


def is_exempt(node: Node) -> bool:
    """Imports and packages."""
    return node.type in ("import_declaration", "package_declaration")


def test_against_tree_sitter() -> None:
    """In a complete file the live operators are those of the syntax tree."""
    check_sample(JAVA, tree_sitter_java, "Sample.java", is_exempt)
