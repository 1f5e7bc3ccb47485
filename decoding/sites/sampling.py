"""Samples at equal distances: every part of a project has its share, and the same one each time."""

from collections.abc import Sequence
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
