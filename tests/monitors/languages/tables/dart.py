"""Dart: cascades, strings in strings, imports. Its grammar is not on PyPI."""

from monitors.languages.dart import DART
from tests.monitors.languages.table import COMMON, SPACED, Table

LIVE = [
    *COMMON,
    *SPACED,
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


TABLE = Table(DART, LIVE, OPEN)
