"""How fast token masks are, for each vocabulary.

Building its index, loading it from the cache, and the mask for 400 names: for names not seen
before and for the same names again (equal, not identical).
"""

import ast
import errno
import os
import signal
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import vocabularies
from benchmarks.results import Check, Outcome
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from monitors.constraints import Leading, Names

NAMES = 400
ROUNDS = 300
LARGE = 100_000
TARGETS = {
    "build_s": ("index of 131k entries, built", 1.0, "s"),
    "load_s": ("index of 131k entries, from the cache", 0.2, "s"),
    "fresh_ms": ("mask for 400 names, median", 0.5, "ms"),
    "repeated_ms": ("the same constraint again, median", 0.03, "ms"),
}
"""Limits for a large vocabulary: the best of a few builds and loads, the median of many masks."""


def some_names() -> Iterator[frozenset[bytes]]:
    """`NAMES` names of the standard library, others each time."""
    modules = (ast, errno, os, signal, socket, str, sys, int, dict, Path)
    known = sorted({name for module in modules for name in dir(module)})
    random = Random(0)
    while True:
        yield frozenset(name.encode() for name in random.sample(known, NAMES))


def timed(action: Callable[[], object]) -> float:
    """Seconds that ``action`` takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def spread(seconds: list[float]) -> dict[str, float]:
    """Median and 99th percentile, in milliseconds."""
    percentiles = statistics.quantiles(seconds, n=100)
    return {
        "median_ms": round(statistics.median(seconds) * 1e3, 4),
        "p99_ms": round(percentiles[98] * 1e3, 4),
    }


def copy_of(names: Names) -> Names:
    """An equal constraint that shares no hash with ``names``, as the next answer would give."""
    return Names(frozenset(bytes(bytearray(rest)) for rest in names.rests), names.leading)


def measure_masks(index: TokenIndex, leading: Leading, rounds: int) -> dict[str, dict[str, float]]:
    """Time masks for names that are new and for the same names again."""
    fresh, repeated = [], []
    for _, rests in zip(range(rounds), some_names(), strict=False):
        constraint = Names(rests, leading)
        fresh.append(timed(lambda c=constraint: index.row(c)))  # type: ignore[misc]  # bound early
        again = copy_of(constraint)
        repeated.append(timed(lambda c=again: index.row(c)))  # type: ignore[misc]  # bound early
    return {"fresh": spread(fresh), "repeated": spread(repeated)}


def measure(file: Path, rounds: int = ROUNDS) -> dict[str, Any]:
    """Time everything for one vocabulary."""
    vocabulary = Vocabulary.load(file).vocabulary
    with TemporaryDirectory() as cache:
        build = [timed(lambda: TokenIndex(vocabulary)) for _ in range(3)]
        index = TokenIndex.open(vocabulary, cache)
        load = [timed(lambda: TokenIndex.open(vocabulary, cache)) for _ in range(5)]
    masks = {leading.name.lower(): measure_masks(index, leading, rounds) for leading in Leading}
    return {
        "entries": vocabulary.size,
        "build_s": round(min(build), 4),
        "load_s": round(min(load), 4),
        "fresh_ms": max(times["fresh"]["median_ms"] for times in masks.values()),
        "repeated_ms": max(times["repeated"]["median_ms"] for times in masks.values()),
        "masks": masks,
    }


def run(say: Callable[[str], None], limit: int | None = None) -> Outcome:
    """Measure every vocabulary; ``limit``: masks of each kind."""
    rounds = ROUNDS if limit is None else max(limit, 2)
    figures = {}
    found: list[Check] = []
    for file in (vocabularies.bundled(), vocabularies.large()):
        figures[file.stem] = measure(file, rounds)
        say(f"masks: {file.stem}: {figures[file.stem]['fresh_ms']} ms")
        if figures[file.stem]["entries"] >= LARGE:
            found = checks(figures[file.stem])
    return Outcome({"names": NAMES, "rounds": rounds}, figures, found)


def checks(figures: dict[str, Any]) -> list[Check]:
    """The targets for a large vocabulary."""
    return [Check(what, figures[key], limit, unit) for key, (what, limit, unit) in TARGETS.items()]
