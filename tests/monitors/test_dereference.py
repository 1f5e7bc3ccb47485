"""The dereference monitor: triggers, names, and text that leaves the constraint."""

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitors.constraints import ANYTHING, Comments, Leading, Names, Unfinished
from monitors.dereference import DereferenceMonitor, DereferenceState
from monitors.languages.python import PYTHON
from monitors.protocols import Document, Reason, Unavailable
from tests.analysts import answered, asked, facts

MONITOR = DereferenceMonitor(PYTHON)
FACTS = facts("get", "get_all", "größe", "close")


def start(prefix: str, suffix: str = "") -> DereferenceState:
    """The state behind ``prefix``."""
    return MONITOR.start(Document("python", "/p/app.py", prefix, suffix))


def drive(state: DereferenceState, text: str) -> tuple[DereferenceState, bool]:
    """Read ``text``, with every query answered by the same facts."""
    state, rest, valid = MONITOR.update(state, text)
    while rest:
        state = answered(MONITOR, state, FACTS)
        state, rest, still = MONITOR.update(state, rest)
        valid = valid and still
    return state, valid


def test_a_live_operator_asks_for_the_members_at_its_own_position() -> None:
    """The query's prefix ends with the operator, and the suffix is kept."""
    query = asked(MONITOR, start("order.", "\nend"))

    assert query is not None
    assert query.document.prefix == "order."
    assert query.document.suffix == "\nend"


def test_a_name_begun_in_the_prompt_counts_as_typed() -> None:
    """``order.ge|`` asks at the operator and allows the rests of the names."""
    state = start("x = order.ge")
    query = asked(MONITOR, state)

    assert query is not None
    assert query.document.prefix == "x = order."
    assert MONITOR.maskgen(answered(MONITOR, state, FACTS)) == Names(frozenset([b"t", b"t_all"]))


@pytest.mark.parametrize(
    "prefix",
    ["order", "order.get(", "order.get ", "'order.", "# order.", "1.", "x = ...", "import a."],
)
def test_nothing_is_asked_where_no_operator_is_live(prefix: str) -> None:
    """Finished names, strings, comments, numbers, ellipses and imports ask nothing."""
    state = start(prefix)

    assert asked(MONITOR, state) is None
    assert MONITOR.maskgen(state) is ANYTHING


def test_names_become_rests_while_they_are_typed() -> None:
    """Each piece narrows the list; a boundary ends it."""
    state, _ = drive(start("x = order"), ".g")
    assert MONITOR.maskgen(state) == Names(frozenset([b"et", b"et_all", "röße".encode()]))

    state, valid = drive(state, "et")
    assert valid
    assert MONITOR.maskgen(state) == Names(frozenset([b"", b"_all"]))

    state, valid = drive(state, "(")
    assert valid
    assert MONITOR.maskgen(state) is ANYTHING


@pytest.mark.parametrize("text", [".gex", ".ge(", ".(", "..", ".\n", ".get_al(", ".get.nope"])
def test_text_that_is_no_valid_name_is_reported_and_sets_the_state_free(text: str) -> None:
    """The text is read to its end all the same."""
    state, valid = drive(start("x = order"), text)

    assert not valid
    assert state.generated == text


@pytest.mark.parametrize(
    "text", [".get", ". get(", ".\\\n get", ".größe ", ".get.close()", ".get_"]
)
def test_valid_names_are_accepted_in_any_legal_spelling(text: str) -> None:
    """White space around the operator, chains and unfinished names are fine."""
    assert drive(start("x = order"), text)[1]


def test_line_ends_around_the_operator_are_legal_inside_brackets() -> None:
    """Inside brackets a line end is white space, before and behind the operator."""
    state, valid = drive(start("x = (order"), "\n  .")
    assert valid
    assert MONITOR.maskgen(answered(MONITOR, state, FACTS)) == Names(
        frozenset([b"get", b"get_all", "größe".encode(), b"close"]),
        Leading.LINES,
        comments=Comments.HASH,
    )
    assert drive(state, "\n   get")[1]


def test_behind_a_lone_backslash_the_line_has_to_end() -> None:
    """The mask for the rest of an escaped line end holds only line ends."""
    state, valid = drive(start("x = order"), ". \\")

    assert valid
    constraint = MONITOR.maskgen(answered(MONITOR, state, FACTS))
    assert isinstance(constraint, Unfinished)
    assert constraint.begun == b"\\"
    assert not drive(state, "get")[1]


@pytest.mark.parametrize("answer", [Unavailable(Reason.TIMEOUT), facts("other")])
def test_no_answer_and_no_fitting_name_set_the_state_free(answer: object) -> None:
    """The monitor stays out of the way, and does not ask again."""
    state = answered(MONITOR, start("x = order.ge"), answer)  # type: ignore[arg-type]

    assert MONITOR.maskgen(state) is ANYTHING
    assert asked(MONITOR, state) is None


def test_likely_receivers_are_expected_ahead_of_the_operator() -> None:
    """A name that is often dereferenced in the document is asked about before the dot comes."""
    state = start("np.sum(1)\nnp.max(2)\nx = np")
    [query] = MONITOR.expect(state)

    assert query is not None
    assert query.document.prefix.endswith("x = np.")
    assert not MONITOR.expect(start("np.sum(1)\nother = 3\nx = other"))
    assert not MONITOR.expect(start("np.x\nnp.y\n'np"))
    assert MONITOR.expect(start("r.text\n" + "error = other\n" * 9 + "x = r"))
    assert not MONITOR.expect(start("r.text\n" + "r = other\n" * 9 + "x = r"))


@pytest.mark.parametrize(
    ("prefix", "text", "expected"),
    [
        ("order", ".get", True),
        ("order", ".", False),
        ("order", ". ", False),
        ("order", ".(", True),
        ("", "self.x", False),
        ("return ", "self.x", True),
        ("'order", ".get", False),
        ("'order", "'.get", True),
        ("import os", ".path", False),
        ("1", ".real", False),
        ("x = order.ge", "t.close", True),
    ],
)
def test_crossing_tokens_hold_a_live_operator_and_what_follows_it(
    prefix: str, text: str, expected: bool
) -> None:
    """Only operators that are live at that point count."""
    assert MONITOR.crosses(start(prefix), text) is expected


_PIECES = st.lists(
    st.sampled_from(
        ["x", " = ", "order", ".", "get", "(", ")", "\n", "'", "#", " ", "\\", "1", "ö", "# get"]
    ),
    max_size=12,
)


@given(_PIECES, st.integers(0, 40))
def test_text_may_be_split_anywhere(pieces: list[str], cut: int) -> None:
    """Two pieces lead to the same constraint and verdict as one."""
    text = "".join(pieces)
    whole, valid = drive(start("y = order"), text)
    half, first_valid = drive(start("y = order"), text[:cut])
    half, second_valid = drive(half, text[cut:])

    assert (first_valid and second_valid) == valid
    assert half.generated == whole.generated
    if valid:
        assert asked(MONITOR, half) == asked(MONITOR, whole)
        assert MONITOR.maskgen(half) == MONITOR.maskgen(whole)


@given(_PIECES, _PIECES)
def test_a_prompt_is_read_like_generated_text(prompt: list[str], more: list[str]) -> None:
    """Starting behind a text finds the same open query as generating it, if it kept the rules."""
    first, second = "".join(prompt), "".join(more)
    begun = answered(MONITOR, start(first), FACTS)
    assume(asked(MONITOR, start(first)) is None or MONITOR.maskgen(begun) is not ANYTHING)
    generated, valid = drive(start(first), second)
    started = start(first + second)

    if valid and MONITOR.maskgen(generated) is ANYTHING and asked(MONITOR, generated) is None:
        assert asked(MONITOR, started) is None


@pytest.mark.parametrize(
    ("prefix", "gap", "blank", "comments"),
    [
        ("x = order", "", True, Comments.NONE),
        ("x = order", " ", False, Comments.NONE),
        ("x = order", "\\\n ", True, Comments.NONE),
        ("x = (order", " ", False, Comments.HASH),
        ("x = (order", "\n  ", True, Comments.HASH),
        ("x = (order", "\n" + " " * 100, False, Comments.HASH),
        ("x = (order", f" # {'why' * 100}\n  ", True, Comments.HASH),
        ("x = (order", "  # why\n" * 300, True, Comments.NONE),
    ],
)
def test_white_space_behind_an_operator_may_not_go_on_for_ever(
    prefix: str, gap: str, blank: bool, comments: Comments
) -> None:
    """A model that wants none of the names cannot evade them with blanks, nor with comments."""
    state, valid = drive(start(prefix), "." + gap)

    assert valid
    assert MONITOR.maskgen(answered(MONITOR, state, FACTS)) == Names(
        frozenset([b"get", b"get_all", "größe".encode(), b"close"]),
        Leading.LINES if "(" in prefix else Leading.BLANKS,
        comments=comments,
        blank=blank,
    )


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        (".  # why. (not\n    get(", True),
        (".# why\n  # and\n\n get(", True),
        (".  # why\n    put(", False),
        (".  // why\n    get(", False),
        (".get  # put", True),
    ],
)
def test_comments_behind_an_operator_are_legal_inside_brackets(text: str, valid: bool) -> None:
    """And the name on the next line is judged as ever."""
    assert drive(start("x = (order"), text)[1] is valid
    assert not drive(start("x = order"), ".# why\n get")[1]


def test_inside_a_comment_the_model_is_free() -> None:
    """Up to the line end, behind which a name is required."""
    state, _ = drive(start("x = (order"), ". # why order.")
    names = Names(
        frozenset([b"get", b"get_all", "größe".encode(), b"close"]),
        Leading.LINES,
        comments=Comments.HASH,
    )

    assert MONITOR.maskgen(answered(MONITOR, state, FACTS)) == Unfinished(names, b"#")
    assert asked(MONITOR, start("x = (order. # why order.\n ge")) == asked(
        MONITOR, start("x = (order.")
    )


def test_long_texts_are_not_kept_again_in_every_state() -> None:
    """Generated text joins the document's prefix, and queries still hold all of it."""
    state, _ = drive(start("head\n"), "x = 1\n" * 500)
    assert len(state.generated) < 2_010

    state, _ = drive(state, "order.")
    query = asked(MONITOR, state)
    assert query is not None
    assert query.document.prefix == "head\n" + "x = 1\n" * 500 + "order."
