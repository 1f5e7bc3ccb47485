"""Go: line ends that end a statement, type assertions, imports."""

import tree_sitter_go
from tree_sitter import Node

from monitors.languages.go import GO
from tests.monitors.languages.oracle import Oracle
from tests.monitors.languages.table import COMMON, VALUES, Table

LIVE = [
    VALUES,
    *COMMON,
    "/* a.b */ x /* . */.•y",
    "x\n  .y; x.•\n  y.•z",
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


def is_exempt(node: Node) -> bool:
    """An import that begins with a dot."""
    return node.type == "import_spec"


TABLE = Table(GO, LIVE, OPEN, Oracle(tree_sitter_go.language, "sample.go", is_exempt))
