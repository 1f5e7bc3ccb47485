"""Packed rows against plain loops over bits, around every word boundary."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.vocabulary import masks

SIZES = [1, 2, 7, 8, 9, *range(30, 36), *range(62, 67), 95, 96, 97, 1000]


def bits(row: masks.Row) -> list[bool]:
    """Every bit of a row, token 0 first, read the slow way."""
    return [bool(int(row[i // 32]) >> i % 32 & 1) for i in range(len(row) * 32)]


@st.composite
def flags(draw: st.DrawFn, size: int | None = None) -> list[bool]:
    """One flag for each token of a vocabulary."""
    if size is None:
        size = draw(st.sampled_from(SIZES))
    return draw(st.lists(st.booleans(), min_size=size, max_size=size))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[list[bool], list[bool]]:
    """Two lists of flags of one size."""
    first = draw(flags())
    return first, draw(flags(size=len(first)))


def packed(values: list[bool]) -> masks.Row:
    """The row of some flags."""
    return masks.pack(np.array(values, dtype=np.bool_))


def known_ids(values: list[bool]) -> st.SearchStrategy[list[int]]:
    """Ids of a vocabulary, in any order, repeats included."""
    return st.lists(st.integers(0, len(values) - 1), max_size=20) if values else st.just([])


@pytest.mark.parametrize("size", SIZES)
def test_allocated_rows_are_open_up_to_their_size(size: int) -> None:
    """Every token is open, and no bit behind the last one is set."""
    rows = masks.allocate(3, size)

    assert rows.shape == (3, masks.words(size))
    assert rows.dtype == np.int32
    for row in rows:
        assert bits(row) == [i < size for i in range(len(row) * 32)]


@given(values=flags())
def test_pack_sets_the_bit_of_each_flag(values: list[bool]) -> None:
    """Bit ``i % 32`` of word ``i // 32`` is flag ``i``; the rest is zero."""
    row = packed(values)

    assert row.dtype == np.int32
    assert bits(row) == values + [False] * (len(row) * 32 - len(values))


@given(values=flags())
def test_unpack_undoes_pack(values: list[bool]) -> None:
    """The flags come back, and those of tokens beyond the row are closed."""
    row = packed(values)

    assert masks.unpack(row, len(values)).tolist() == values
    assert masks.unpack(row, len(values) + 50).tolist() == values + [False] * 50


@given(values=flags(), data=st.data())
def test_open_and_close_change_their_bits_only(values: list[bool], data: st.DataObject) -> None:
    """Ids may repeat, come in any order, and be none at all."""
    ids = data.draw(known_ids(values))
    opened, closed = packed(values), packed(values)

    masks.open_(opened, ids)
    masks.close(closed, np.array(ids, dtype=np.int64))

    assert masks.unpack(opened, len(values)).tolist() == [
        value or i in ids for i, value in enumerate(values)
    ]
    assert masks.unpack(closed, len(values)).tolist() == [
        value and i not in ids for i, value in enumerate(values)
    ]


@given(values=flags(), data=st.data())
def test_are_open_reads_the_bits_of_ids(values: list[bool], data: st.DataObject) -> None:
    """The answers stand in the order of the ids."""
    ids = data.draw(known_ids(values))

    assert masks.are_open(packed(values), ids).tolist() == [values[i] for i in ids]


@given(both=pairs())
def test_intersect_leaves_open_what_both_do(both: tuple[list[bool], list[bool]]) -> None:
    """The result is new; the rows stay as they are."""
    first, second = map(packed, both)

    result = masks.intersect(first, second)

    assert masks.unpack(result, len(both[0])).tolist() == [
        a and b for a, b in zip(*both, strict=True)
    ]
    assert masks.unpack(first, len(both[0])).tolist() == both[0]


@given(values=flags())
def test_is_empty_if_no_flag_is_set(values: list[bool]) -> None:
    """A row without an open token is empty, whatever its size."""
    assert masks.is_empty(packed(values)) == (not any(values))


def test_one_row_of_several_can_be_changed_in_place() -> None:
    """A row taken out of an allocated block is a view of it."""
    rows = masks.allocate(2, 40)

    masks.close(rows[1], [0, 31, 32, 39])

    assert masks.unpack(rows[0], 40).all()
    assert np.flatnonzero(~masks.unpack(rows[1], 40)).tolist() == [0, 31, 32, 39]
