"""rust-analyzer: Rust as it really answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lsp_bridge import ServerPool
from monitors.protocols import Reason, Unavailable
from tests.e2e.asking import Asking, written
from tests.servers import require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

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
EVERY_VALUE = {"into", "try_into"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A package without dependencies."""
    return written(tmp_path_factory.mktemp("rust"), FILES)


@pytest.fixture(scope="module")
def rust(root: Path) -> Iterator[Asking]:
    """rust-analyzer on that package."""
    require("rust-analyzer")
    with ServerPool(root, servers={"rust": "rust-analyzer"}) as pool:
        yield Asking(pool, "rust", root / "src/page.rs")


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
def test_members(rust: Asking, text: str, expected: set[str]) -> None:
    """Exactly the members and the methods that every value has."""
    assert rust.names(text) - EVERY_VALUE == expected


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
def test_what_comes_from_traits_and_the_library(rust: Asking, text: str, some: set[str]) -> None:
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
def test_lists_that_are_not_closed(rust: Asking, text: str, reasons: set[Reason]) -> None:
    """Unknown types and code that is not compiled are unconstrained."""
    assert rust.reason(text) in reasons


def test_a_file_that_was_never_saved(rust: Asking) -> None:
    """No module names it, so nothing is known about it."""
    unsaved = Asking(rust.pool, "rust", rust.file.with_name("unsaved.rs"))

    assert unsaved.reason(f"{HEAD}fn f(o: &Order) {{ o.‸\n}}") is Reason.EMPTY


def test_without_the_standard_library(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that is answered then can be used, and the reason says so."""
    require("rust-analyzer")
    monkeypatch.setenv("RUST_SRC_PATH", str(root))
    with ServerPool(root, servers={"rust": "rust-analyzer"}) as pool:
        asking = Asking(pool, "rust", root / "src/page.rs")
        answer = asking.answer(f"{HEAD}fn f(o: &Order) {{ o.‸\n}}")

    assert isinstance(answer, Unavailable)
    assert answer.reason is Reason.SERVER_ERROR
    assert "sysroot" in answer.detail
