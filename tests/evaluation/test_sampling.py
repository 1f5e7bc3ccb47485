"""Samples: how many of each of several groups."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.sites import shares


@pytest.mark.parametrize(
    ("sizes", "limit", "taken"),
    [
        ([100, 1000], 4, [2, 2]),
        ([1, 100, 0, 3, 100], 20, [1, 8, 0, 3, 8]),
        ([10, 30], 1000, [10, 30]),
        ([0, 0], 5, [0, 0]),
        ([], 5, []),
    ],
    ids=["equal", "small ones leave their rest", "everything", "nothing", "no group"],
)
def test_groups_have_equal_shares(sizes: list[int], limit: int, taken: list[int]) -> None:
    """However much larger one of them is."""
    assert shares(sizes, limit) == taken


def test_of_more_groups_than_places_some_everywhere_have_one() -> None:
    """Neither the first nor the smallest ones alone."""
    found = shares([10] * 12, 3)

    assert [index for index, count in enumerate(found) if count] == [1, 5, 9]
    assert sum(found) == 3


@given(st.lists(st.integers(0, 30), max_size=8), st.integers(0, 120))
def test_as_many_are_taken_as_can_be(sizes: list[int], limit: int) -> None:
    """And of no group more than it has."""
    taken = shares(sizes, limit)

    assert sum(taken) == min(limit, sum(sizes))
    assert all(0 <= count <= size for count, size in zip(taken, sizes, strict=True))
