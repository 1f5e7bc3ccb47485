"""rust-analyzer: Rust as it really answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitors.protocols import Members, Reason, Unavailable
from tests.e2e.served import Served, serving
from tests.workspaces import written

pytestmark = pytest.mark.e2e

FILES = {
    "Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/lib.rs": "pub mod order;\npub mod page;\n",
    "src/order.rs": (
        "pub struct Order { pub amount: i64 }\n"
        "impl Order { pub fn new() -> Self { todo!() } pub fn total(&self) -> i64 { 1 } }\n"
    ),
    "src/page.rs": "",
}
HEAD = "use crate::order::Order;\n"
DECLARED = (
    "pub mod a { pub trait Trait { type Item; fn go(); } }\n"
    "pub mod b { pub struct Type; pub struct Gen<T>(pub T); }\n"
)
EVERY_VALUE = {"into", "try_into"}


@pytest.fixture(scope="module")
def rust(root: Path) -> Iterator[Served]:
    """rust-analyzer on a package without dependencies."""
    with serving(root, "rust-analyzer", "src/page.rs") as served:
        yield served


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HEAD}fn f(o: Order) {{ o.‸\n}}", {"amount", "total"}),
        (f"{HEAD}fn f() {{ Order::new().‸\n}}", {"amount", "total"}),
        ("struct S { r#type: u8, call: fn(u8) }\nfn f(s: S) { s.‸\n}", {"r#type", "call"}),
        ("struct S;\nimpl S { fn a(self) { self.‸\n} fn later(&self) {} }", {"a", "later"}),
    ],
    ids=["value", "call", "odd fields", "self"],
)
def test_members(rust: Served, text: str, expected: set[str]) -> None:
    """Exactly the members and the methods that every value has."""
    assert rust.names(text) - EVERY_VALUE == expected


@pytest.mark.parametrize(
    "text",
    [
        "impl a::‸Trait for b::Type‸ { type Item = u8; fn go() {} }",
        "impl<T> a::‸Trait for b::Gen<T>‸ where T: a::Trait { type Item = u8; fn go() {} }",
        "impl b::‸Gen<u8>‸ {}",
        "fn f<T: a::‸Trait>() -> <T as a::Trait>::Item‸ { todo!() }",
        "fn f<T: a::Trait>() -> T::‸Item‸ { todo!() }",
        "#[rustfmt::‸skip‸]\nfn f() {}",
        "#![allow(clippy::‸all‸)]",
        "pub(in crate::‸page‸) fn f() {}",
    ],
)
def test_names_in_declarations(rust: Served, text: str) -> None:
    """They are never refused; those in attributes name no item of the program."""
    assert rust.accepts(DECLARED + text + "\n")


@pytest.mark.parametrize(
    ("text", "some"),
    [
        ("fn f(t: (u8, bool)) { t.‸\n}", {"0", "1", "clone"}),
        ("fn f<T: Clone>(t: T) { t.‸\n}", {"clone"}),
        ("#[derive(Clone, PartialEq)]\nstruct S;\nfn f(s: S) { s.‸\n}", {"clone", "eq"}),
        ("fn f() { for x in vec![1u8] { x.‸\n} }", {"is_ascii_digit", "checked_add"}),
        ("fn f(s: String) { assert!(s.‸\n}", {"is_empty", "len", "chars"}),
        ("async fn g() {}\nasync fn f() { g().‸\n}", {"await"}),
        ("fn f() { std::‸\n}", {"collections", "mem", "println"}),
        (f"{HEAD}fn f() {{ Order::‸\n}}", {"new", "total"}),
        ("enum E { A, B(u8), C { x: u8 } }\nfn f() { E::‸\n}", {"A", "B", "C"}),
        ("fn f(m: std::collections::HashMap<u8, u8>) { m.‸\n}", {"get", "iter", "clone"}),
    ],
    ids=[
        "tuple",
        "bound",
        "derived",
        "loop",
        "in a macro",
        "future",
        "module",
        "type",
        "variants",
        "map",
    ],
)
def test_what_comes_from_traits_and_the_library(rust: Served, text: str, some: set[str]) -> None:
    """The standard library is known, its traits and macros included."""
    assert some <= rust.names(text)


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("fn f(s: NotThere) { s.‸\n}", {Reason.UNKNOWN_TYPE, Reason.EMPTY}),
        ("#[cfg(windows)]\nfn f(s: String) { s.‸\n}", {Reason.EMPTY, Reason.UNKNOWN_TYPE}),
    ],
    ids=["unknown", "disabled"],
)
def test_lists_that_are_not_closed(rust: Served, text: str, reasons: set[Reason]) -> None:
    """Unknown types and code that is not compiled are unconstrained."""
    assert rust.reason(text) in reasons


def test_a_file_that_was_never_saved(rust: Served) -> None:
    """No module names it, so nothing is known about it."""
    text = f"{HEAD}fn f(o: &Order) {{ o.‸\n}}"

    assert rust.reason(text, "src/unsaved.rs") is Reason.EMPTY


def test_without_the_standard_library(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is answered then can be used, and the reason says so."""
    monkeypatch.setenv("RUST_SRC_PATH", str(root))
    with serving(root, "rust-analyzer", "src/page.rs") as served:
        answer = served.answer(f"{HEAD}fn f(o: &Order) {{ o.‸\n}}")

    assert isinstance(answer, Unavailable)
    assert answer.reason is Reason.SERVER_ERROR
    assert "sysroot" in answer.detail


MACROS = """
use proc_macro::TokenStream;

#[proc_macro_derive(Shout)]
pub fn shout(item: TokenStream) -> TokenStream {
    let mut words = item.into_iter().map(|token| token.to_string());
    words.find(|word| word == "struct" || word == "enum");
    let name = words.next().unwrap();
    let shouts = format!("impl {name} {{ pub fn shouts(&self) -> bool {{ true }} }}");
    let cries = format!("impl ::shelf::Cry for {name} {{ fn cries(&self) {{}} }}");
    (shouts + &cries).parse().unwrap()
}
"""
SHELF = """
pub trait Cry { fn cries(&self); }
#[derive(Clone, Debug)]
pub struct Quiet { pub depth: u8 }
/// It is derived.
#[derive(Clone, macros::Shout)]
pub struct Loud { pub depth: u8 }
"""


def manifest(name: str, rest: str = "") -> str:
    """A package's description."""
    return f'[package]\nname = "{name}"\nversion = "0.1.0"\nedition = "2021"\n{rest}\n'


MACHINERY = {
    "Cargo.toml": manifest(
        "shop",
        '[dependencies]\nmacros.path = "macros"\nshelf.path = "shelf"\n[workspace]',
    ),
    "src/lib.rs": "pub mod page;\n",
    "src/page.rs": "",
    "macros/Cargo.toml": manifest("macros", "[lib]\nproc-macro = true"),
    "macros/src/lib.rs": MACROS,
    "shelf/Cargo.toml": manifest("shelf", '[dependencies]\nmacros.path = "../macros"'),
    "shelf/src/lib.rs": "extern crate self as shelf;\n" + SHELF,
}
SHELVES = """use shelf::*;
#[derive(macros::Shout)]
enum Own { A }
fn loud<T>(_: T) -> Loud { todo!() }
"""


@pytest.fixture(scope="module")
def machinery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package with a procedural macro, used in the package and in one that it depends on."""
    return written(tmp_path_factory.mktemp("macros"), MACHINERY)


@pytest.fixture(scope="module", params=[False, True], ids=["untrusted", "trusted"])
def shelves(machinery: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Served, bool]]:
    """rust-analyzer on that package, and whether it may run the macro."""
    with serving(machinery, "rust-analyzer", "src/page.rs", trusted=request.param) as served:
        yield served, request.param


@pytest.mark.parametrize(
    "code",
    [
        "fn f(it: Loud) { it.‸\n}",
        "fn f(it: &mut Loud) { it // the one\n    .‸\n}",
        "fn f(it: Box<Loud>) { it.‸\n}",
        "fn f(it: std::sync::Mutex<Loud>) { it.lock().unwrap().‸\n}",
        "fn f(it: Vec<Loud>, place: usize) { it[place].‸\n}",
        "fn f(it: Quiet) { loud(it).‸\n}",
        "fn f(it: Result<Loud, u8>) -> Result<(), u8> { it?.‸\n}",
        "fn f(it: &[Loud]) { it.iter().map(|each| each.‸\n) }",
        'fn f(it: Quiet) { println!("{}", loud(it).‸\n) }',
        "fn f() { Loud::‸\n}",
        "fn f() { <Loud>::‸\n}",
        "fn f() { Own::‸\n}",
        "impl Own { fn f(self) { self.‸\n} }",
        "impl Own { fn f() { Self::‸\n} }",
        "type Alias = Loud;\nfn f() { Alias::‸\n}",
    ],
)
def test_what_a_macro_brings(shelves: tuple[Served, bool], code: str) -> None:
    """Methods of its own and of a trait; a list that is known to be without them is open."""
    served, is_trusted = shelves
    answer = served.answer(SHELVES + code)

    if is_trusted:
        assert isinstance(answer, Members), answer
        assert {"shouts", "cries"} <= {name.text for name in answer.names}
    else:
        assert isinstance(answer, Unavailable)
        assert answer.reason is Reason.OPEN_TYPE
        assert "macros::Shout" in answer.detail


@pytest.mark.parametrize(
    ("code", "some"),
    [
        ("fn f(it: Quiet) { it.‸\n}", {"depth", "clone"}),
        ("fn f(it: Box<Quiet>) { it.‸\n}", {"depth", "clone"}),
        ("fn f(it: Loud) { quiet(it).‸\n}\nfn quiet(_: Loud) -> Quiet { todo!() }", {"depth"}),
        ("#[derive(Clone)]\nstruct S;\nfn f(it: S) { it.‸\n}", {"clone"}),
        ("#[derive(Clone)]\nenum E { B }\nfn f() { E::‸\n}", {"B", "clone"}),
        ("fn f(it: Vec<Loud>) { it.‸\n}", {"push", "iter"}),
        ("fn f(it: Vec<Loud>) { it.iter().enumerate().‸\n}", {"map", "next"}),
        ("fn f() { Vec::<Loud>::‸\n}", {"new", "with_capacity"}),
        ("fn f(it: Option<Loud>) { it.‸\n}", {"unwrap", "map"}),
        ("fn f() { 'a'.‸\n}", {"is_ascii"}),
        ('fn f() { "// a".‸\n}', {"len"}),
        ("fn f(it: (u8, bool)) { it.‸\n}", {"0", "1"}),
        ("fn f() { let it = |x: u8| x; it.‸\n}", {"clone"}),
        ("fn f<T: Clone>(it: T) { it.‸\n}", {"clone"}),
        ("fn f() { u8::‸\n}", {"MAX"}),
        ("use std::collections::‸;", {"HashMap"}),
        ("use crate::‸;", {"page"}),
    ],
)
def test_what_no_macro_extends(shelves: tuple[Served, bool], code: str, some: set[str]) -> None:
    """Lists of other types are closed, whatever is trusted."""
    served, _ = shelves

    assert some <= served.names(SHELVES + code)


GATED = (
    "pub mod m { #[cfg(windows)] pub fn windows() {} pub fn always() {} }\n"
    "pub struct S { pub a: i32, #[cfg(windows)] pub handle: i32 }\n"
)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("#[cfg(windows)]\nuse std::os::‸;", "windows"),
        ("#[cfg(windows)]\nuse std::{fmt, os::‸};", "windows"),
        ("#[cfg(windows)]\npub fn f() { m::‸ }", "windows"),
        ("#[cfg(windows)]\nmod inner { fn f() { super::m::‸ } }", "windows"),
        ("fn f() { #[cfg(windows)]\n    m::‸; }", "windows"),
        ("cfg_if::cfg_if! { if #[cfg(windows)] { use std::os::‸; } }", "windows"),
        ("#[cfg(windows)]\nfn f(c: char) { if c == '}' {} m::‸ }", "windows"),
        ('#[cfg(windows)]\nfn f() { let a = r#"}"}"#; m::‸ }', "windows"),
        ("#[cfg(windows)]\nfn f(s: &S) { s.‸ }", "handle"),
        ("fn f(s: &S) { #[cfg(windows)] { s.‸ } }", "handle"),
    ],
)
def test_code_for_other_platforms_is_not_refused(rust: Served, code: str, name: str) -> None:
    """What is not compiled has no lists, or such as are no constraint."""
    answer = rust.answer(GATED + code)

    assert not isinstance(answer, Members) or name in {each.text for each in answer.names}


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("fn f() { m::‸ }", "always"),
        ("#[cfg(windows)]\nfn g() {}\nfn f() { m::‸ }", "always"),
        ("#[cfg(test)]\nmod tests { fn f() { super::m::‸ } }", "always"),
        ("#[cfg(unix)]\nfn f(s: &S) { s.‸ }", "a"),
    ],
)
def test_other_code_stays_constrained(rust: Served, code: str, name: str) -> None:
    """Also beside what is compiled under a condition, and values everywhere."""
    assert name in rust.names(GATED + code)
