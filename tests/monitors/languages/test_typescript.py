"""TypeScript: where a dereference is live, and agreement with tree-sitter."""

from types import SimpleNamespace

import pytest
import tree_sitter_typescript

from monitors.languages.typescript import TYPESCRIPT, TYPESCRIPT_REACT
from tests.monitors.languages.oracle import check_sample
from tests.monitors.languages.reading import mark, opened, unmark

LIVE = [
    "let a: ns.•Type = b as ns.•Type<c.•D>; function f<T extends a.•B>(x?: a.•C): x is a.•D {}",
    "foo<T>().•bar; new Map<string, a.•B>().•get; a!.•b!.•c; a![0]!.•b; (<any>a).•b",
    "this.•x = 1; exports.•y; A.•prototype.•z = 1; switch (a) { case b: this.•c }",
    "@a.•b() class C<T> extends d.•E<T> implements f.•G { x!: h.•I; private y = this.•x }",
    "declare module 'a.b' { export = c.•d } namespace a.•b {} import x = a.•b; /// <a.b>",
    "type A = typeof a.•b['c.d'] | `e.${f.•G}`; enum E { A = a.•b } let x = y satisfies z.•Z",
    "x = a < b.•c && d > (e.•f); f(a as any / b.•c / d)",
]
PARAMETERS = [
    "x = <T,>(a: b.•C) => d.•e",
    "x = <T, U>(a: b.•C) => d.•e",
    "x = <T extends a.•B>(c) => d.•e; type F = <T>(a: b.•C) => d.•E; x = <T = a.•B,>(c) => d.•e",
    "x = async <const T,>(a) => b.•c; class A { f<T>(a) { return b.•c } <T>(x): a.•B }",
    "let a = b as <T>(c: d.•E) => f",
]
ELEMENTS = [
    "x = <A<b.•C> d={e.•f}>it's g.h</A>; i.•j",
    "x = y as z.•A; return <a.•B>{(c as d.•E).•f!.•g}h.i</a.•B>",
]


@pytest.mark.parametrize("marked", [*LIVE, *PARAMETERS])
def test_live_operators(marked: str) -> None:
    """Each marked operator is live, and no other; assignments define no members."""
    assert mark(TYPESCRIPT, unmark(marked)) == marked


@pytest.mark.parametrize("marked", [*(LIVE[1:]), *PARAMETERS, *ELEMENTS])
def test_live_operators_with_elements(marked: str) -> None:
    """Elements are told from type parameters; casts in angle brackets do not exist here."""
    marked = marked.replace("(<any>a)", "(a)")
    assert mark(TYPESCRIPT_REACT, unmark(marked)) == marked


def test_open() -> None:
    """Only with JSX is an element open."""
    assert opened(TYPESCRIPT, "x = <a>b") == ("", "")
    assert opened(TYPESCRIPT_REACT, "x = <a>b") == ("<a>", "</a>")
    assert opened(TYPESCRIPT_REACT, "x = <A<b") == ("<A <,", ">/>")


def test_against_tree_sitter() -> None:
    """In a complete file the live operators are those of the syntax tree."""
    grammar = SimpleNamespace(language=tree_sitter_typescript.language_tsx)
    check_sample(TYPESCRIPT_REACT, grammar, "sample.tsx", lambda node: False)
