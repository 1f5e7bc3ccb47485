"""Several monitors are one: the same contract, each question once, masks of all of them."""

import re
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.constraints import ANYTHING, Both, Constraint, Names, both
from monitors.dereference import DereferenceMonitor
from monitors.joint import JointMonitor
from monitors.languages.python import PYTHON
from monitors.protocols import (
    Answer,
    Answered,
    Document,
    Monitor,
    Outcome,
    Progress,
    Query,
    Reason,
    Unavailable,
)
from tests.analysts import answered, facts

FACTS = facts("get", "get_all", "close")


class Shouting:
    """A toy: behind an exclamation mark only capital letters, and nothing is asked."""

    crossing = re.compile(r"(!)(?=.)")

    def start(self, document: Document) -> bool:
        """Whether the text ends in the mark."""
        return document.prefix.endswith("!")

    def update(self, state: bool, text: str) -> Progress[bool]:
        """Reads everything."""
        valid = not (state and text and not text[0].isupper())
        valid = valid and re.search(r"![^A-Z]", text) is None
        return Progress(text.endswith("!") if text else state, "", valid)

    def queries(self, state: bool) -> tuple[Query, ...]:
        """None."""
        return ()

    def answer(self, state: bool, query: Query, answer: Answer) -> Answered[bool]:
        """Never called."""
        raise NotImplementedError

    def release(self, state: bool) -> bool:
        """Anything may follow."""
        return False

    def maskgen(self, state: bool) -> Constraint:
        """A capital letter."""
        return Names(frozenset({b"G", b"get"})) if state else ANYTHING

    def expect(self, state: bool) -> tuple[Query, ...]:
        """Nothing."""
        return ()

    def crosses(self, state: bool, text: str) -> bool:
        """Wherever the mark stands."""
        return "!" in text

    def crossing_key(self, state: bool) -> Hashable:
        """There is one kind of state."""
        return None

    def parts(self, state: bool) -> tuple[tuple[Monitor[bool], bool], ...]:
        """Itself."""
        return ((self, state),)


TWICE = JointMonitor([DereferenceMonitor(PYTHON), DereferenceMonitor(PYTHON)])
MIXED = JointMonitor([DereferenceMonitor(PYTHON), Shouting()])


def document(prefix: str) -> Document:
    """A file with its cursor at the end."""
    return Document("python", "/p/a.py", prefix)


def test_a_question_that_two_have_is_asked_once_and_both_are_answered() -> None:
    """And what became of it is told for each."""
    state = TWICE.start(document("order."))
    [query] = TWICE.queries(state)
    state, outcomes = TWICE.answer(state, query, FACTS)

    assert outcomes == (Outcome("dereference", None),) * 2
    assert TWICE.queries(state) == ()
    assert TWICE.maskgen(state) == DereferenceMonitor(PYTHON).maskgen(state[0])


def test_an_answer_that_fails_sets_only_those_free_who_asked() -> None:
    """The others go on."""
    state = MIXED.start(document("order.x!"))
    assert MIXED.maskgen(state) == Shouting().maskgen(True)
    state = MIXED.start(document("order."))
    state = answered(MIXED, state, Unavailable(Reason.TIMEOUT))

    assert MIXED.maskgen(state) is ANYTHING


def test_all_stop_where_the_first_one_has_to_be_answered() -> None:
    """What comes behind is read by all of them once that is done."""
    state, rest, valid = MIXED.update(MIXED.start(document("x = order")), ".get!")
    assert (rest, valid) == ("get!", True)
    state, rest, valid = MIXED.update(answered(MIXED, state, FACTS), rest)

    assert (rest, valid) == ("", True)
    assert state[1] is True


@pytest.mark.parametrize(("text", "valid"), [(".got!", False), (".get!a", False), (".get!A", True)])
def test_text_is_valid_if_all_of_them_say_so(text: str, valid: bool) -> None:
    """Whichever of them refuses it."""
    state, rest, ok = MIXED.update(MIXED.start(document("x = order")), text)
    while rest:
        state, rest, still = MIXED.update(answered(MIXED, state, FACTS), rest)
        ok = ok and still

    assert ok is valid


def test_the_last_one_that_constrains_yields_first() -> None:
    """Where no token fits them all; then the one before it."""
    state = answered(TWICE, TWICE.start(document("order.")), FACTS)
    once = TWICE.release(state)
    twice = TWICE.release(once)

    assert TWICE.maskgen(once) == TWICE.maskgen(state)
    assert [each.site is None for each in once] == [False, True]
    assert TWICE.maskgen(twice) is ANYTHING


@given(st.lists(st.sampled_from(["order", ".", "get", "!", "A", "'", " ", "(", "\n"]), max_size=12))
def test_a_joint_of_one_is_that_one(pieces: list[str]) -> None:
    """State by state, and question by question."""
    alone: Monitor[object] = DereferenceMonitor(PYTHON)
    joint = JointMonitor([alone])
    one, many = alone.start(document("x = ")), joint.start(document("x = "))
    for piece in pieces:
        left, right = alone.update(one, piece), joint.update(many, piece)
        while left.rest or right.rest:
            assert (left.rest, left.valid) == (right.rest, right.valid)
            assert alone.queries(left.state) == joint.queries(right.state)
            left = alone.update(answered(alone, left.state, FACTS), left.rest)
            right = joint.update(answered(joint, right.state, FACTS), right.rest)
        assert left.valid == right.valid
        one, many = left.state, right.state
        assert alone.maskgen(one) == joint.maskgen(many)
        assert alone.crosses(one, ".x") == joint.crosses(many, ".x")


_NAMES = st.builds(
    Names, st.frozensets(st.text("ab", max_size=3).map(str.encode), min_size=1, max_size=4)
)


@given(_NAMES, _NAMES, st.text("ab. ", min_size=1, max_size=4).map(str.encode))
def test_names_in_common_are_never_a_dead_end(one: Names, other: Names, token: bytes) -> None:
    """What both allow begins a name of both, not two names that begin alike."""
    together = both(one, other)
    if together.allows(token):
        assert one.allows(token)
        assert other.allows(token)
    assert isinstance(together, Names)
    assert together.rests == one.rests & other.rests


def test_other_constraints_are_asked_one_after_the_other() -> None:
    """And so is what follows."""
    names, spaced = Names(frozenset({b"get"})), Names(frozenset({b"get"}), extra=b"$")
    constraint = both(names, spaced)

    assert isinstance(constraint, Both)
    assert constraint.allows(b"ge")
    assert not constraint.allows(b"go")
    assert not constraint.allows(b"get$")
    assert constraint.after(b"get(") is ANYTHING
