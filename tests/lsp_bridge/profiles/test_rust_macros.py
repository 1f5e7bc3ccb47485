"""Attributes in front of Rust types: which of them may bring members that are not listed."""

import pytest

from lsp_bridge.profiles.profile import Definition
from lsp_bridge.profiles.rules.rust_macros import why_open

LIBRARY = '#[stable(feature = "rust1", since = "1.0.0")]\npub struct '


def defined(header: str, name: str = "Order") -> Definition:
    """A definition with ``header`` in front of its name."""
    return Definition(header, name, ";")


OPEN = defined("#[derive(Serialize)]\nstruct ")


@pytest.mark.parametrize(
    ("header", "macro"),
    [
        ("#[derive(Debug, Serialize)]\npub struct ", "Serialize"),
        ("#[derive(Debug)]\n#[derive(thiserror::Error)]\nenum ", "thiserror::Error"),
        ("#[derive(::serde::Serialize)]\nstruct ", "serde::Serialize"),
        ("#[derive(derive_more::Debug)]\nstruct ", "derive_more::Debug"),
        ("# [ derive (\n    Debug, // all of it\n    Parser,\n) ]\nstruct ", "Parser"),
        ("#[pyclass]\nstruct ", "pyclass"),
        ("#[tokio::main(flavor = 'x')]\nstruct ", "tokio::main"),
        ('#[cfg_attr(feature = "serde", derive(Clone, Serialize))]\nstruct ', "Serialize"),
        ("#[cfg_attr(all(a, b), repr(C), pyclass)]\nstruct ", "pyclass"),
        ("#[cfg_attr(a, cfg_attr(b, derive(Serialize)))]\nstruct ", "cfg_attr"),
        ('#[doc = "]"]\n#[derive(Shout)]\nstruct ', "Shout"),
        ('#[doc = r#"a "quoted" ]"#]\n#[derive(Shout)]\nstruct ', "Shout"),
        ("table! {\n    #[derive(Shout)]\n    pub struct ", "Shout"),
        ("#[pymethods]\nimpl ", "pymethods"),
        ("table! {\n    #[$($kept)*]\n    pub struct ", "$($kept)*"),
        ("table! { #[derive(Shout", "Shout"),
    ],
)
def test_a_macro_makes_a_type_open(header: str, macro: str) -> None:
    """Derives but the standard ones, and attributes that nothing built in is called like."""
    assert why_open([defined(header)]) == f"the macro {macro} in front of Order was not run"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "pub(crate) struct ",
        "#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]\nstruct ",
        "#[derive()]\nstruct ",
        "#[derive(std::fmt::Debug, core::clone::Clone)]\nstruct ",
        '#[must_use = "it"]\n#[non_exhaustive]\n#[repr(C, align(8))]\nstruct ',
        "#[rustfmt::skip]\n#[allow(clippy::all)]\n#[diagnostic::on_unimplemented(a = 'b')]\ntrait ",
        '#[cfg_attr(docsrs, doc(cfg(feature = "std")))]\nstruct ',
        "#[cfg_attr(test, derive(Debug))]\nstruct ",
        "/// With #[derive(Serialize)] it\nstruct ",
        "/* #[derive(Serialize)] */ struct ",
        '#[doc = "#[derive(Serialize)]"]\nstruct ',
        "#[unsafe(no_mangle)]\nstruct ",
    ],
)
def test_other_attributes_leave_a_type_closed(header: str) -> None:
    """Standard derives, built-in attributes, those of known tools; comments and texts."""
    assert why_open([defined(header)]) == ""


@pytest.mark.parametrize("name", ["Vec", "Option", "Map"])
def test_a_librarys_container_is_closed_whatever_it_holds(name: str) -> None:
    """It has its own members, not those of its elements."""
    assert why_open([defined(LIBRARY, name), OPEN]) == ""


@pytest.mark.parametrize("name", ["Box", "Arc", "MutexGuard", "Cow"])
def test_a_librarys_pointer_is_as_open_as_what_it_points_to(name: str) -> None:
    """It has the members of the type behind it, too."""
    assert "Serialize" in why_open([defined(LIBRARY, name), OPEN])
    assert why_open([defined(LIBRARY, name), defined("struct "), defined(LIBRARY, "Global")]) == ""


def test_a_container_of_ones_own_is_as_open_as_what_it_holds() -> None:
    """It may point to it."""
    assert "Serialize" in why_open([defined("struct ", "Shelf"), OPEN])


def test_a_built_in_type_is_closed() -> None:
    """It is defined nowhere."""
    assert why_open([]) == ""
