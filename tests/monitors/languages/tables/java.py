"""Java: text blocks, references to methods, imports."""

import tree_sitter_java
from tree_sitter import Node

from monitors.languages.java import JAVA
from tests.monitors.languages.oracle import Oracle
from tests.monitors.languages.table import COMMON, SPACED, VALUES, Table

LIVE = [
    VALUES,
    *COMMON,
    *SPACED,
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


def is_exempt(node: Node) -> bool:
    """Imports and packages."""
    return node.type in ("import_declaration", "package_declaration")


TABLE = Table(JAVA, LIVE, OPEN, Oracle(tree_sitter_java.language, "Sample.java", is_exempt))
