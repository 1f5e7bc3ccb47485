"""What constraints mean, byte string by byte string."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.constraints import (
    ANYTHING,
    Comments,
    Constraint,
    Leading,
    Literal,
    Names,
    Unfinished,
)

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
    constraint = Unfinished(Names(frozenset([b"get"]), Leading.BLANKS), b"\\")

    assert constraint.allows(b"\n")
    assert constraint.allows(b"\r\n  get")
    assert not constraint.allows(b"\n\n")
    assert not constraint.allows(b" get")
    assert not constraint.may_end


@pytest.mark.parametrize(
    ("comments", "token", "allowed"),
    [
        (Comments.HASH, b"  # why not", True),
        (Comments.HASH, b"# why\n# and\n  get(", True),
        (Comments.HASH, b"# why\n  put", False),
        (Comments.HASH, b"/* why */ get", False),
        (Comments.SLASHES, b"/", True),
        (Comments.SLASHES, b"/x", False),
        (Comments.SLASHES, b" // why\n", True),
        (Comments.SLASHES, b"/* why * / **/get(", True),
        (Comments.SLASHES, b"/* why */put", False),
        (Comments.SLASHES, b"/*/", True),
        (Comments.SLASHES, b"/**/(", False),
        (Comments.SLASHES, b"# why", False),
        (Comments.NONE, b"// why", False),
    ],
)
def test_comments_before_a_name_are_legal_where_the_language_says_so(
    comments: Comments, token: bytes, allowed: bool
) -> None:
    """A comment need not end in the token; what stands behind one that does is judged."""
    assert Names(frozenset([b"get"]), Leading.LINES, comments=comments).allows(token) is allowed


@pytest.mark.parametrize(
    ("begun", "token", "allowed"),
    [
        (b"#", b" put(", True),
        (b"#", b" why\nget", True),
        (b"#", b" why\nput", False),
        (b"/", b"/ why", True),
        (b"/", b"get", False),
        (b"/*", b"/", True),
        (b"/*", b" why */put", False),
        (b"/**", b"/ get(", True),
        (b"/**", b"/put", False),
    ],
)
def test_inside_a_comment_anything_may_come(begun: bytes, token: bytes, allowed: bool) -> None:
    """Up to its end, behind which the names are required as before."""
    names = Names(frozenset([b"get"]), Leading.LINES, comments=Comments.HASH | Comments.SLASHES)

    assert Unfinished(names, begun).allows(token) is allowed


@pytest.mark.parametrize(("token", "allowed"), [(b" ", False), (b" get", True), (b" /", True)])
def test_white_space_may_have_to_be_followed_by_something(token: bytes, allowed: bool) -> None:
    """Where a model has written enough of it, a name or a comment has to come."""
    names = Names(frozenset([b"get"]), Leading.SPACE, comments=Comments.SLASHES, blank=False)

    assert names.allows(token) is allowed


def test_a_literal_comes_first_and_then_anything() -> None:
    """Tokens may be a beginning of the text or begin with it."""
    assert Literal(b"x.ge").allows(b"x.")
    assert Literal(b"x.ge").allows(b"x.get(")
    assert not Literal(b"x.ge").allows(b"x.g(")
    assert Literal(b"x.ge").after(b"x.") == Literal(b"ge")
    assert Literal(b"x.ge").after(b"x.get") is ANYTHING
    assert not Literal(b"x").may_end


_BYTES = st.text("ab_(. \n\\ö#/*", max_size=6).map(str.encode)
_NAMES = st.builds(  # no name is empty before it has begun
    Names,
    st.frozensets(st.text("ab_ö", min_size=1, max_size=4).map(str.encode), min_size=1, max_size=4),
    st.sampled_from(Leading),
    comments=st.sampled_from([Comments(value) for value in range(4)]),
) | st.builds(
    Names, st.frozensets(st.text("ab_ö", max_size=4).map(str.encode), min_size=1, max_size=4)
)
_BEGUN = st.sampled_from([b"\\", b"#", b"//", b"/*", b"/**", b"/"])
_CONSTRAINTS = st.one_of(
    _NAMES, st.builds(Literal, _BYTES.filter(bool)), st.builds(Unfinished, _NAMES, _BEGUN)
)


@given(_CONSTRAINTS, _BYTES.filter(bool), _BYTES.filter(bool))
def test_reading_in_two_pieces_is_reading_at_once(
    constraint: Constraint, first: bytes, second: bytes
) -> None:
    """``after`` composes."""
    halfway = constraint.after(first)
    together = constraint.after(first + second)
    if halfway is None:
        assert together is None
    else:
        assert (halfway.after(second) is None) == (together is None)
