"""How fast token masks are: ``python -m benchmarks.masks [--json]``.

For each vocabulary: building its index, loading it from the cache, and the mask for 400 names,
for names not seen before and for the same names again (equal, not identical). Times depend on the
machine; the targets are met if every ``met`` is true.
"""

import argparse
import ast
import errno
import json
import os
import signal
import socket
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from decoding.trie import TokenIndex
from decoding.vocab import Vocabulary
from monitors.constraints import Leading, Names

NAMES = 400
ROUNDS = 300
TARGETS = {"build_s": 1.0, "load_s": 0.2, "fresh_ms": 0.5, "repeated_ms": 0.03}
"""Limits at 131,072 entries: the best of a few builds and loads, the median of many masks."""


def vocabulary_files() -> Iterator[Path]:
    """The bundled tokenizer, and a large one if mistral_common is installed."""
    bundled = Path(__file__).parents[1] / "mgd" / "models" / "python" / "tokenizer.json"
    if bundled.is_file():
        yield bundled
    spec = find_spec("mistral_common")
    if spec is not None and spec.origin is not None:
        yield from sorted((Path(spec.origin).parent / "data").glob("tekken*.json"))[-1:]


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


def measure_masks(index: TokenIndex, leading: Leading) -> dict[str, dict[str, float]]:
    """Time masks for names that are new and for the same names again."""
    fresh, repeated = [], []
    for _, rests in zip(range(ROUNDS), some_names(), strict=False):
        constraint = Names(rests, leading)
        fresh.append(timed(lambda c=constraint: index.row(c)))  # type: ignore[misc]  # bound early
        again = copy_of(constraint)
        repeated.append(timed(lambda c=again: index.row(c)))  # type: ignore[misc]  # bound early
    return {"fresh": spread(fresh), "repeated": spread(repeated)}


def measure(file: Path) -> dict[str, object]:
    """Time everything for one vocabulary."""
    vocabulary = Vocabulary.load(file).vocabulary
    with TemporaryDirectory() as cache:
        build = [timed(lambda: TokenIndex(vocabulary)) for _ in range(3)]
        index = TokenIndex.open(vocabulary, cache)
        load = [timed(lambda: TokenIndex.open(vocabulary, cache)) for _ in range(5)]
    masks = {leading.name.lower(): measure_masks(index, leading) for leading in Leading}
    found = {
        "build_s": min(build),
        "load_s": min(load),
        "fresh_ms": max(times["fresh"]["median_ms"] for times in masks.values()),
        "repeated_ms": max(times["repeated"]["median_ms"] for times in masks.values()),
    }
    return {
        "vocabulary": file.name,
        "entries": vocabulary.size,
        "names": NAMES,
        **{name: round(value, 4) for name, value in found.items()},
        "masks": masks,
        "met": {name: found[name] <= limit for name, limit in TARGETS.items()},
    }


def main() -> None:
    """Print a line for each vocabulary, or everything as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print all figures as JSON")
    as_json: bool = parser.parse_args().json
    results = [measure(file) for file in vocabulary_files()]
    if as_json:
        print(json.dumps(results, indent=2))
        return
    for result in results:
        figures = ", ".join(f"{name} {result[name]} (<= {TARGETS[name]})" for name in TARGETS)
        print(f"{result['vocabulary']}, {result['entries']} entries: {figures}")


if __name__ == "__main__":
    main()
