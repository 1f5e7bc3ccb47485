"""Dart: where a dereference is live, what is open, and agreement with tree-sitter."""

import pytest

from monitors.languages.dart import DART
from tests.monitors.languages.reading import mark, opened, unmark

LIVE = [
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
    "a?.•b!.•c; a.•.•b()?.•.•c; a\n  .•.•b\n  .•.•c = d.•e",
    "[...a.•b, ...?c.•d]",
    """'a.b ${c.•d} $e.f'.•g; "a.b ${c['${d.•e}.f'].•g}".•h""",
    r"""r'a.b ${c.d} \'.•e; r"a.b".•c; bar'a.b'.•c""",
    "'''a.b\n'c.d' ${e.•f}'''.•g; \"\"\"a.b \\\"\"\" c.d\"\"\".•e; r'''a${b.c}\n'''.•d; ''.•e",
    "'a.b' 'c.d'.•e",
    "/* a /* b.c */ d.e */ f.•g; /// a.b\nc.•d",
    "library a.b;\npart of c.d;\npart 'a.b';\nimport 'a.b' as c;\nx.•y",
    "library.•x; part.•y; of.•z",
    "List<int>.•filled(1); Map<A, B>.•from(c); this.•x; super.•y; A(this.•b)",
    "a$b.•$c; $.•d",
    "x => y.•z; a ? b.•c : d.•e; 1.isEven",
]

OPEN = [
    ("f('${a", "( ' ${", "}')"),
    ("f('''a''", "( '''", "''')"),
    ("f(r'a", "( r'", "')"),
    ('f(r"""a', '( r"""', '""")'),
    ("f(''", "(", ")"),
    ("f('a\\", "( '", r"\')"),
    ("{ /* /* a", "{ /* /*", "*/*/}"),
]


@pytest.mark.parametrize("marked", LIVE)
def test_live_operators(marked: str) -> None:
    """Each marked operator is live, and no other."""
    assert mark(DART, unmark(marked)) == marked


@pytest.mark.parametrize(("text", "openers", "closers"), OPEN)
def test_open(text: str, openers: str, closers: str) -> None:
    """A state tells what is open, and what closes it."""
    assert opened(DART, text) == (openers, closers)
