"""JavaScript: regular expressions, templates, elements, and members that may be defined."""

import tree_sitter_javascript
from tree_sitter import Node

from monitors.languages.javascript import JAVASCRIPT
from tests.monitors.languages.oracle import Oracle
from tests.monitors.languages.table import Table

LIVE = [
    "f(x).•y; a[1].•z; (a).•b; x = {}.•b; x?.•y?.•[0]?.•(1); a!.•b",
    "'a.b'.•c; \"a.b\".•c; 'a\\'.b'.•c; 'a.b\nc.•d; 'a\\\nb.c'.•d",
    "// a.b\nx.•y /* a.b */ .•z // a.b",
    "#!/usr/bin/env a.b\nx.•y",
    "x\n  .•y\n  ?.•z",
    "1.5.•x + 1..•y + 1.5e-3.•z + 0xff.•x + 1n.•y + 1_0.z + .5 + x.•a1",
    "f(...a.•b, ...c)",
    "$.•a; _.•b; é.•ü; this.#a; x = this.•#a.•b; #a in b.•c",
    "x = import.•meta.•url; import('a.b').•then; import { a } from 'b.c'; export * from 'a.b'",
    "x = super.•y; x = new.target; x = null.•y; return this.•x; typeof this.•x",
    "`a.b ${c.•d} ${`e.f${g.•h}`.•i}.j`.•k; a.•b`c.d`.•e",
    "`a.b ${{a: {}}.•b}.c $.d $e {f.g} \\${h.i}`.•j",
    "a / b.•c / d; a /= b.•c / d; f(a) / b.•c / d; a[0] / b.•c / d; 1 / b.•c / d; a++ / b.•c / d",
    "x = /a.b/.•c; f(/a.b/g, c.•d); !/a.b[/.]c.d\\/e.f/.•g; return /a.b/; x => /a.b/; `${/a.b/}`",
    "if (a.•b) /c.d/.•e; while (a) /b.c/.•d; else /a.b/; } /a.b/.•c",
    "a / b\n/c.•d/ e",
    "x = a < b.•c; x = a<b.•c; x = a << b.•c; x = 1<<b.•c>d.•e; for (;a<b.•c;) d.•e",
    "x.•if.•for(a) / b.•c / d; ({ if: /a.b/, default: c.•d })",
    "of.•x; for (x of /a.b/.•c) d.•e; yield /a.b/; x = async.•y; get.•x",
]
DEFINITIONS = [
    "this.x = 1; this.x.•y = 2\nthis.z; a = b.•c\nthis.d = this.•e",
    "exports.x = exports.•y; module.exports.x = module.•exports; exports?.•x",
    "A.•prototype.x = A.•prototype.•y; a.•b.•prototype.c.•d; x.•exports.y; x.•this.•y",
    "if (a) this.b = 1; else this.c = 2; for (;this.•a;) this.b++; do this.c(); while (this.•d)",
    "{ this.a } this.b; () => this.•a; () => { this.a }; (this.•a = 1), [this.•a]; `${this.•a}`",
    "switch (a) { case this.•x: this.y; default: this.z; break; case b.•c: exports.d }",
    "--this.•a; a = this.•b = 1; a ? this.•b : this.•c; break\nthis.x",
]
ELEMENTS = [
    "x = <a>it's b.c</a>.d; y = <A.•B.•C a='b.c' d-e=\"f.g\" {...h.•i} j={k.•l} m:n />; o.•p",
    "return <>a.b{c.•d}e.f<b>{g.•h}</b>i.j</>; k.•l",
    "f(<a.•b>c.d</a.•b>, e.•f)",
    "x = a && <b c=<d.•e /> /* f.g */ // h.i\n>j.k // l.m</b>\nn.•o",
    "x = <a>{/* b.c */}{`d.e${<f>g.h{i.•j}</f>}`}{'</a>'} k.l > } < m.n </a>\no.•p",
    "x = (<a b={c => { this.d; return <e>{this.•f}</e> }}>{g.•h ? <i /> : <j k />}</a>)",
    "<a>b.c</a>; d.•e",
    "x = <A",
    "x = <a>b.c",
]
OPEN = [
    ("f({a: `b${c", "( { ` ${", "}`})"),
    ("x = /a[b", "/ [", "]/"),
    ("x = 'a", "'", "'"),
    ("x = /* a", "/*", "*/"),
    ("f(// a", "(", "\n)"),
    ("x = <", "", ""),
    ("x = <A.b c={d", "<A.b <{", "}/>"),
    ("x = <A.b c='", "<A.b '", "'/>"),
    ("f(<a><b.c>d {e", "( <a> <b.c> <{", "}</b.c></a>)"),
    ("x = <a></", "</", ">"),
    ("x = <a></a", "</a", ">"),
    ("x = <a></a>", "", ""),
]
FRAGMENTS = [
    *"ab1.;:,=+-!?/<>(){}[]\"'`$#@ \n",
    *("this.x", "exports.", "module", ".prototype.", "?.", "...", "x.y", "++", "--", "=>", "&&"),
    *("if (", "for (", "case ", "default:", "return ", "else ", "of ", "new ", "class A {"),
    *("<div>", "</div>", "<A.B", "/>", "</", "<>", "<T,>", "<T>(", "<T extends ", "<a-b c='", "={"),
    *("${", "`${a.b}`", "/x/g", "/[/]/", "//", "/*", "*/", "#!", "1.", "0x1", "1e-", "é"),
]


def is_exempt(node: Node) -> bool:
    """The dot of a member that may be defined here: `this.x` at the beginning of a statement."""
    parent = node.parent
    if node.type != "." or parent is None or parent.type != "member_expression":
        return False
    owner = parent.children[0]
    name = owner.children[-1] if owner.type == "member_expression" else owner
    inner = (b"exports", b"prototype") if name != owner else (b"this", b"exports", b"module")
    return name.text in inner and begins_statement(parent)


def begins_statement(node: Node) -> bool:
    """Whether a statement's first expression begins with ``node``."""
    begin = node.start_byte
    while node.parent is not None and node.parent.start_byte == begin:
        node = node.parent
        if node.type == "expression_statement":
            return True
    return False


TABLE = Table(
    JAVASCRIPT,
    [*LIVE, *DEFINITIONS, *ELEMENTS],
    OPEN,
    Oracle(tree_sitter_javascript.language, "sample.js", is_exempt),
    FRAGMENTS,
)
