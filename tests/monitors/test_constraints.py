"""What constraints mean, byte string by byte string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.constraints import ANYTHING, EscapedLineEnd, Leading, Literal, Names

GET = Names(frozenset([b"get", b"get_all", "größe".encode()]))


@pytest.mark.parametrize(
    "token",
    [b"g", b"get", b"get_", b"get(", b"get_all.x", b"get\n", "grö".encode()[:3], "größe ".encode()],
)
def test_names_allow_beginnings_and_whole_names_with_what_ends_them(token: bytes) -> None:
    """A token may stop inside a name, or go on behind it with a byte that cannot continue it."""
    assert GET.allows(token)


@pytest.mark.parametrize("token", [b"x", b"gets", b"ge(", b" get", b"get1", "getö".encode(), b"("])
def test_names_forbid_everything_else(token: bytes) -> None:
    """Other names, unfinished names that end, and white space where none may stand."""
    assert not GET.allows(token)


def test_a_complete_name_may_go_on_or_end() -> None:
    """Behind ``get`` both ``_all`` and a boundary are open, and so is the end of the text."""
    rest = GET.after(b"get")

    assert rest == Names(frozenset([b"", b"_all"]))
    assert rest is not None
    assert rest.may_end
    assert rest.allows(b"(x.y")
    assert not rest.allows(b"ter")


@pytest.mark.parametrize(
    ("leading", "token", "allowed"),
    [
        (Leading.BLANKS, b" get", True),
        (Leading.BLANKS, b" \\\n\tget(", True),
        (Leading.BLANKS, b"\n", False),
        (Leading.BLANKS, b"  \\", True),
        (Leading.LINES, b"\n  get", True),
        (Leading.LINES, b"\n  put", False),
        (Leading.NONE, b"\\", False),
    ],
)
def test_white_space_before_a_name_is_legal_where_the_language_says_so(
    leading: Leading, token: bytes, allowed: bool
) -> None:
    """Blanks and escaped line ends always, bare line ends inside brackets only."""
    assert Names(frozenset([b"get"]), leading).allows(token) is allowed


def test_a_backslash_must_be_followed_by_a_line_end() -> None:
    """Behind a lone backslash only a line end may come, and then a name."""
    constraint = EscapedLineEnd(Names(frozenset([b"get"]), Leading.BLANKS))

    assert constraint.allows(b"\n")
    assert constraint.allows(b"\r\n  get")
    assert not constraint.allows(b"\n\n")
    assert not constraint.allows(b" get")
    assert not constraint.may_end


def test_a_literal_comes_first_and_then_anything() -> None:
    """Tokens may be a beginning of the text or begin with it."""
    assert Literal(b"x.ge").allows(b"x.")
    assert Literal(b"x.ge").allows(b"x.get(")
    assert not Literal(b"x.ge").allows(b"x.g(")
    assert Literal(b"x.ge").after(b"x.") == Literal(b"ge")
    assert Literal(b"x.ge").after(b"x.get") is ANYTHING
    assert not Literal(b"x").may_end


_BYTES = st.text("ab_(. \n\\ö", max_size=4).map(str.encode)
_NAMES = st.frozensets(st.text("ab_ö", max_size=4).map(str.encode), min_size=1, max_size=4)
_CONSTRAINTS = st.one_of(
    st.builds(Names, _NAMES, st.sampled_from(Leading)),
    st.builds(Literal, _BYTES.filter(bool)),
)


@given(_CONSTRAINTS, _BYTES.filter(bool), _BYTES.filter(bool))
def test_reading_in_two_pieces_is_reading_at_once(
    constraint: Names | Literal, first: bytes, second: bytes
) -> None:
    """``after`` composes, except behind a lone backslash, which a monitor keeps track of."""
    halfway = constraint.after(first)
    if isinstance(constraint, Names) and first.endswith(b"\\") and halfway is not ANYTHING:
        return
    together = constraint.after(first + second)
    if halfway is None:
        assert together is None
    else:
        assert (halfway.after(second) is None) == (together is None)
