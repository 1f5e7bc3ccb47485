"""Samples at equal distances: every part of a project has its share, and the same one each time."""

from collections.abc import Sequence
from fractions import Fraction
from math import floor
from typing import TypeVar

T = TypeVar("T")
_GOLDEN = 0.6180339887498949
"""Multiples of it, whole numbers taken off, lie far from one another."""


def sample(found: Sequence[T], limit: int, seed: int = 0) -> list[T]:
    """At most ``limit`` of ``found`` at equal distances, in their order.

    ``seed`` says where between two of them the first one lies: 0 in the middle.
    """
    count = min(limit, len(found))
    phase = (0.5 + seed * _GOLDEN) % 1
    return [found[int((index + phase) * len(found) / count)] for index in range(count)]


def shares(sizes: Sequence[int], limit: int) -> list[int]:
    """How many to take of each of several groups: ``limit`` in all, or everything there is.

    Groups have equal shares; a small one leaves its rest to the others. Of more groups than
    ``limit``, some at equal distances have one each.
    """
    most = _most(sizes, limit)
    taken = Fraction(1, 2)
    found = []
    for size in sizes:
        end = taken + min(most, Fraction(size))
        found.append(floor(end) - floor(taken))
        taken = end
    return found


def _most(sizes: Sequence[int], limit: int) -> Fraction:
    """The largest share of one group, so that all of them together give ``limit``."""
    left = Fraction(min(limit, sum(sizes)))
    for index, size in enumerate(sorted(sizes)):
        share = left / (len(sizes) - index)
        if size >= share:
            return share
        left -= size
    return left
