"""Go: where a dereference is live, what is open, and agreement with tree-sitter."""

import pytest
import tree_sitter_go
from tree_sitter import Node

from monitors.languages.go import GO
from tests.monitors.languages.oracle import check_sample
from tests.monitors.languages.reading import mark, opened, unmark

LIVE = [
    """f(x).•y; a[1].•z; (a).•b; "a.b".•c; 'c'.•d""",
    "// a.b\nx.•y",
    "/* a.b */ x /* . */.•y",
    "1.5.x + 1.x + 0x1f.y + 1.5e-3.z",
    "{.x = 1, .y}; f(.5)",
    "x\n  .y; x.•\n  y.•z",
    '"a.b\nc.•d',
    "'a.b\nc.•d",
    r'"a\".b".•c',
    "){.x]}.•y",
    "é.•ü",
    "a.•(T).•b; a.•(type)",
    "`a.b\n\\`.•c",
    "f(a.•..); func(a ...int)",
    'import (\n"io"\n. "fmt"\n)',
    'import . "fmt"\nimport m "a.b/c"\nm.•x',
    "T{}.•x; []T{a.•b}[0].•c; func() {}.•x",
    "case x.•y: z.•w",
    r"'\''.•x; 'a'",
    "type A struct { b.•C }; map[a.•B]c.•D",
    "return .5",
]

OPEN = [
    ("f(`a\n", "( `", "`)"),
    ('if x {\n\tf(a["', '{ ( [ "', '"])}'),
    ("f('", "( '", "')"),
    ("/* a /*", "/*", "*/"),
    ('f("\\', '( "', r"\")"),
]


@pytest.mark.parametrize("marked", LIVE)
def test_live_operators(marked: str) -> None:
    """Each marked operator is live, and no other."""
    assert mark(GO, unmark(marked)) == marked


@pytest.mark.parametrize(("text", "openers", "closers"), OPEN)
def test_open(text: str, openers: str, closers: str) -> None:
    """A state tells what is open, and what closes it."""
    assert opened(GO, text) == (openers, closers)


def is_exempt(node: Node) -> bool:
    """An import that begins with a dot."""
    return node.type == "import_spec"


def test_against_tree_sitter() -> None:
    """In a complete file the live operators are those of the syntax tree."""
    check_sample(GO, tree_sitter_go, "sample.go", is_exempt)
