"""C#: interpolated, verbatim and raw strings, imports, ranges."""

import tree_sitter_c_sharp
from tree_sitter import Node

from monitors.languages.csharp import CSHARP
from tests.monitors.languages.oracle import Oracle
from tests.monitors.languages.table import COMMON, SPACED, VALUES, Table

LIVE = [
    VALUES,
    *COMMON,
    *SPACED,
    "using A.B;\nusing static A.B;\nusing X = A.B.C;\nnamespace A.B.C;\nx.•y",
    "namespace A.B { x.•y }",
    "using var x = a.•b; using (a.•b) {} using (var x = c.•d) {}",
    "global::•A.•b; a?.•b?.•c(); a?[0].•b; a!.•b; a ? .5 : 1; p->•x",
    '$"a.b {c.•d:e.f} {{g.h}} {i}".•j',
    '$@"a.b ""{c.•d}"" \\".•e; @$"{a.•b}".•c; @"a\\".•b; @"a\n.b""c.d".•e',
    '"""a.b "c.d" "" e""".•f; """"a"""b.c"""".•d; "".•e',
    '$"""a.b {c.•d} " """.•e; $$"""{a.b} {{c.•d}} {{{e.•f}}}""".•g',
    '$"{(a ? b.•c : d.•e)} {a::•b:x.y}"',
    '$"{a["b.c"].•d}" + $"{$"{a.•b}.c"}.d"',
    "@class.•@new; @x.•y",
    "#if a.b\n#region don't\nx.•y",
    "a.•.b; a[1..^1]; a[..b.•c]",
    "E<T>.•D.•x; A<B<C>>.•d; typeof(x).•y",
    "int.•Parse; string.•Join; [A.•B(c.•d)]",
    "new A { b = 1 }.•c; new[] { 1 }.•d; () => a.•b",
    '$"a.b\nc.•d',
    '$"{a.•b\nc.•d',
]

OPEN = [
    ('f($"{a', '( $" {', '}")'),
    ('f($"{a:x', '( $" {', '}")'),
    ('f($$"""{{a', '( $$""" {{', '}}""")'),
    ('f(@"a', '( @"', '")'),
    ('f(@"a"', "(", ")"),
    ('f($"{', '( $" {', '}")'),
    ('f("""', '( """', '\\""")'),
    ('f("""a""', '( """', '""")'),
    ("{\n#if a", "{", "\n}"),
    ("f('", "( '", "')"),
]


def is_exempt(node: Node) -> bool:
    """Imports and the names of namespaces."""
    return node.type == "using_directive" or (
        node.type == "qualified_name"
        and node.parent is not None
        and node.parent.type == "namespace_declaration"
    )


TABLE = Table(CSHARP, LIVE, OPEN, Oracle(tree_sitter_c_sharp.language, "Sample.cs", is_exempt))
