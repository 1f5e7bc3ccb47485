"""C#: where a dereference is live, what is open, and agreement with tree-sitter."""

import pytest
import tree_sitter_c_sharp
from tree_sitter import Node

from monitors.languages.csharp import CSHARP
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


@pytest.mark.parametrize("marked", LIVE)
def test_live_operators(marked: str) -> None:
    """Each marked operator is live, and no other."""
    assert mark(CSHARP, unmark(marked)) == marked


@pytest.mark.parametrize(("text", "openers", "closers"), OPEN)
def test_open(text: str, openers: str, closers: str) -> None:
    """A state tells what is open, and what closes it."""
    assert opened(CSHARP, text) == (openers, closers)


def is_exempt(node: Node) -> bool:
    """Imports and the names of namespaces."""
    return node.type == "using_directive" or (
        node.type == "qualified_name"
        and node.parent is not None
        and node.parent.type == "namespace_declaration"
    )


def test_against_tree_sitter() -> None:
    """In a complete file the live operators are those of the syntax tree."""
    check_sample(CSHARP, tree_sitter_c_sharp, "Sample.cs", is_exempt)
