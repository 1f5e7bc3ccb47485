"""TypeScript, with elements and without: types, casts; assignments define no members."""

import tree_sitter_typescript

from monitors.languages.typescript import TYPESCRIPT, TYPESCRIPT_REACT
from tests.monitors.languages.oracle import Oracle
from tests.monitors.languages.table import Table
from tests.monitors.languages.tables.javascript import FRAGMENTS

LIVE = [
    "let a: ns.•Type = b as ns.•Type<c.•D>; function f<T extends a.•B>(x?: a.•C): x is a.•D {}",
    "foo<T>().•bar; new Map<string, a.•B>().•get; a!.•b!.•c; a![0]!.•b; (a).•b",
    "this.•x = 1; exports.•y; A.•prototype.•z = 1; switch (a) { case b: this.•c }",
    "@a.•b() class C<T> extends d.•E<T> implements f.•G { x!: h.•I; private y = this.•x }",
    "declare module 'a.b' { export = c.•d } namespace a.•b {} import x = a.•b; /// <a.b>",
    "type A = typeof a.•b['c.d'] | `e.${f.•G}`; enum E { A = a.•b } let x = y satisfies z.•Z",
    "x = a < b.•c && d > (e.•f); f(a as any / b.•c / d)",
    "x = <T,>(a: b.•C) => d.•e",
    "x = <T, U>(a: b.•C) => d.•e",
    "x = <T extends a.•B>(c) => d.•e; type F = <T>(a: b.•C) => d.•E; x = <T = a.•B,>(c) => d.•e",
    "x = async <const T,>(a) => b.•c; class A { f<T>(a) { return b.•c } <T>(x): a.•B }",
    "let a = b as <T>(c: d.•E) => f",
]
CAST = "foo<T>().•bar; new Map<string, a.•B>().•get; a!.•b!.•c; a![0]!.•b; (<any>a).•b"
ELEMENTS = [
    "x = <A<b.•C> d={e.•f}>it's g.h</A>; i.•j",
    "x = y as z.•A; return <a.•B>{(c as d.•E).•f!.•g}h.i</a.•B>",
]
OPEN = [
    ("x = <a>b", "<a>", "</a>"),
    ("x = <A<b", "<A <,", ">/>"),
]

TABLE = Table(TYPESCRIPT, [*LIVE, CAST], [("x = <a>b", "", "")])
REACT = Table(
    TYPESCRIPT_REACT,
    [*LIVE, *ELEMENTS],
    OPEN,
    Oracle(tree_sitter_typescript.language_tsx, "sample.tsx"),
    FRAGMENTS,
)
