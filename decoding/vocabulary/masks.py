"""Packed token masks: one bit a token, the layout that the inference engines share.

A row is an int32 array of ``words(size)`` words; bit ``i % 32`` of word ``i // 32`` is set when
token ``i`` may come next. Bits from ``size`` upwards are never set. llguidance, xgrammar and vLLM
read the same layout, so a row can be handed to their kernels as it is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Row = npt.NDArray[np.int32]
"""One packed row, or several of them stacked."""
Ids = npt.NDArray[np.integer[Any]] | Sequence[int]
"""Token ids, in any order, repeats included."""

_LITTLE_ENDIAN = np.dtype("<i4")


def words(size: int) -> int:
    """Number of 32-bit words in a row for ``size`` tokens."""
    return (size + 31) // 32


def allocate(rows: int, size: int) -> Row:
    """Make new rows, shape ``[rows, words(size)]``, in which every token is open."""
    return np.tile(pack(np.ones(size, dtype=np.bool_)), (rows, 1))


def pack(flags: npt.NDArray[np.bool_]) -> Row:
    """Pack one flag a token, shape ``[size]``, into a new row."""
    row = np.zeros(words(len(flags)), dtype=_LITTLE_ENDIAN)
    packed = np.packbits(flags, bitorder="little")
    row.view(np.uint8)[: len(packed)] = packed
    return row.astype(np.int32, copy=False)


def unpack(row: Row, size: int) -> npt.NDArray[np.bool_]:
    """Flags of ``row``, shape ``[size]``, as a new array; tokens beyond the row are closed."""
    data = np.ascontiguousarray(row, dtype=_LITTLE_ENDIAN).view(np.uint8)
    return np.unpackbits(data, count=size, bitorder="little").view(np.bool_)


def are_open(row: Row, ids: Ids) -> npt.NDArray[np.bool_]:
    """Whether each of ``ids`` is open in ``row``, in their order."""
    index, bits = _bits(ids)
    flags: npt.NDArray[np.bool_] = (row.view(np.uint32)[index] & bits) != 0
    return flags


def open_(row: Row, ids: Ids) -> None:
    """Set the bits of ``ids`` in ``row``, in place."""
    index, bits = _bits(ids)
    np.bitwise_or.at(row.view(np.uint32), index, bits)


def close(row: Row, ids: Ids) -> None:
    """Clear the bits of ``ids`` in ``row``, in place."""
    index, bits = _bits(ids)
    np.bitwise_and.at(row.view(np.uint32), index, ~bits)


def intersect(row: Row, other: Row) -> Row:
    """A new row in which only those tokens are open that both rows leave open."""
    return np.bitwise_and(row, other)


def is_empty(row: Row) -> bool:
    """Whether no token is open."""
    return not row.any()


def _bits(ids: Ids) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.uint32]]:
    array = np.asarray(ids, dtype=np.int64)
    return array >> 5, np.left_shift(1, array & 31).astype(np.uint32)
