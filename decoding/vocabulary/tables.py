"""The sorted tables that a vocabulary is looked up in: how they are built, cached and checked."""

import logging
import re
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import pairwise, repeat
from pathlib import Path

import numpy as np
import numpy.typing as npt

from decoding.vocabulary.tokens import Vocabulary
from monitors.constraints import SPACES, Leading

IntArray = npt.NDArray[np.int64]
"""Token ids or node numbers."""

_log = logging.getLogger(__name__)
FORMAT = 3
"""Part of the cache file's name: raise it when the meaning of an array changes."""
_UNREADABLE = (
    *(OSError, EOFError, ValueError, TypeError, KeyError, MemoryError, NotImplementedError),
    *(RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error, struct.error),
)
"""What `numpy.load` raises for damaged files."""
CUT = b"\0"
"""Stands between run and tail in a sort key: less than any byte of a run."""
_RUN = rb"([0-9A-Za-z_\x80-\xff]*)"
_BLANK = {
    Leading.NONE: frozenset[bytes](),
    Leading.BLANKS: frozenset({CUT, CUT + b"\\", CUT + b"\\\r"}),
    Leading.SPACE: frozenset({CUT}),
    Leading.LINES: frozenset({CUT, CUT + b"\\", CUT + b"\\\r"}),
}
"""Sort keys of tokens that are all white space, or end in an escape that is not complete."""
SPLIT = {
    leading: re.compile(b"(?:%s)*%s" % (SPACES[leading].encode(), _RUN)) for leading in Leading
}
SPACE = frozenset(b" \t\f\r\n\\")
"""What white space may begin with."""


@dataclass(frozen=True, slots=True)
class Level:
    """The tokens as one kind of leading white space sees them."""

    order: IntArray
    """Ids, sorted by (run, tail); those of node ``n`` are ``order[starts[n] : starts[n + 1]]``."""
    starts: IntArray
    middles: IntArray
    """Where the heads of each node begin in ``order``."""
    blank: IntArray
    """Ids that are all white space."""

    def exact(self, nodes: IntArray) -> IntArray:
        """Ids of the tokens that end with the run of one of ``nodes``."""
        return _gather(self.order, self.starts[nodes], self.middles[nodes])

    def heads(self, nodes: IntArray) -> IntArray:
        """Ids of the tokens that go on behind the run of one of ``nodes``."""
        return _gather(self.order, self.middles[nodes], self.starts[nodes + 1])


@dataclass(frozen=True, slots=True)
class Tables:
    """Everything that is derived from a vocabulary, and kept in its cache file."""

    runs: list[bytes]
    """The run of each node, ascending; node 0 is the empty one."""
    by_text: IntArray
    """Ids, sorted by their bytes."""
    levels: tuple[Level, ...]
    """By `Leading`."""


def run_end(split: re.Pattern[bytes], token: bytes) -> int:
    """Where the run ends; every token has one, be it empty."""
    match = split.match(token)
    return 0 if match is None else match.end()


def _gather(order: IntArray, lows: IntArray, highs: IntArray) -> IntArray:
    """All of ``order[low:high]``, one behind the other."""
    counts = highs - lows
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.take(order, np.arange(total) + np.repeat(highs - ends, counts))


def build(vocabulary: Vocabulary) -> Tables:
    """Sort the tokens of ``vocabulary``."""
    ends = vocabulary.end_ids
    texts = {i: text for i, text in enumerate(vocabulary.tokens) if text and i not in ends}
    # In this order every later sort finds its input nearly sorted, which makes it linear.
    texts = {i: texts[i] for i in sorted(texts, key=texts.__getitem__)}
    keys = _sort_keys(Leading.NONE, texts)
    spaced = {i: text for i, text in texts.items() if text[0] in SPACE}
    by_level = [keys, *(keys | _sort_keys(leading, spaced) for leading in list(Leading)[1:])]
    # The more white space is skipped, the more tokens have a run: the last level has them all.
    runs = _with_prefixes(key.partition(CUT)[0] for key in by_level[-1].values())
    nodes = dict(zip(runs, range(len(runs)), strict=True))
    levels = map(_level, Leading, by_level, repeat(nodes))
    return Tables(runs, np.array(list(texts), np.int64), tuple(levels))


def _sort_keys(leading: Leading, texts: dict[int, bytes]) -> dict[int, bytes]:
    """Run, `CUT` and tail of every token, which sort as the pair (run, tail) does."""
    match = SPLIT[leading].match
    found = ((token_id, text, match(text)) for token_id, text in texts.items())
    return {i: m[1] + CUT + text[m.end() :] for i, text, m in found if m}


def _with_prefixes(runs: Iterable[bytes]) -> list[bytes]:
    """The distinct ``runs`` and all their prefixes, ascending; the empty one is the first."""
    found = {b""}
    for run in runs:
        while run not in found:
            found.add(run)
            run = run[:-1]
    return sorted(found)


def _level(leading: Leading, keys: dict[int, bytes], nodes: dict[bytes, int]) -> Level:
    blank = _BLANK[leading]
    blank_ids = [i for i, key in keys.items() if key in blank]
    order = sorted(keys, key=keys.__getitem__)
    node_of = np.array([nodes[keys[i].partition(CUT)[0]] for i in order], np.int64)
    is_exact = np.array([keys[i].find(CUT) == len(keys[i]) - 1 for i in order], np.bool_)
    counts = np.bincount(node_of, minlength=len(nodes))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    middles = starts[:-1] + np.bincount(node_of[is_exact], minlength=len(nodes))
    return Level(np.array(order, np.int64), starts, middles, np.array(blank_ids, np.int64))


def _arrays(level: Level) -> list[tuple[str, IntArray]]:
    return [(field.name, getattr(level, field.name)) for field in fields(level)]


def save(file: Path, tables: Tables) -> None:
    """Write the cache file in one step, so that no reader sees half of one."""
    arrays = {"runs": np.frombuffer(b"".join(tables.runs), np.uint8)}
    arrays["lengths"] = np.array([len(run) for run in tables.runs], np.int32)
    arrays["by_text"] = tables.by_text.astype(np.int32)
    for leading, level in zip(Leading, tables.levels, strict=True):
        arrays |= {f"{name}{leading:d}": array.astype(np.int32) for name, array in _arrays(level)}
    draft: Path | None = None
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".tmp", delete=False) as output:
            draft = Path(output.name)
            np.savez(output, **arrays)  # type: ignore[arg-type]  # mypy takes them for allow_pickle
        draft.replace(file)
    except OSError as error:
        _log.info("cannot keep the token index in %s: %s", file, error)
        if draft is not None:
            draft.unlink(missing_ok=True)


def load(file: Path, size: int) -> Tables | None:
    """Read the cache file; None if there is no sound one. Nothing in it is ever executed."""
    try:
        with file.open("rb") as source, np.load(source, allow_pickle=False) as arrays:
            tables = _parse(arrays)
    except FileNotFoundError:
        return None
    except _UNREADABLE as error:
        _log.info("cannot read the token index in %s: %s", file, error)
        return None
    return tables if _is_sound(tables, size) else None


def _parse(arrays: Mapping[str, npt.NDArray[np.generic]]) -> Tables:
    def read(name: str) -> IntArray:
        return arrays[name].astype(np.int64)

    text = arrays["runs"].tobytes()
    ends = [0, *np.cumsum(read("lengths")).tolist()]
    if ends[-1] != len(text):
        raise ValueError(f"{len(text)} bytes of runs, {ends[-1]} expected")
    runs = [text[start:end] for start, end in pairwise(ends)]
    levels = (
        Level(*(read(f"{field.name}{leading:d}") for field in fields(Level))) for leading in Leading
    )
    return Tables(runs, read("by_text"), tuple(levels))


def _is_sound(tables: Tables, size: int) -> bool:
    """Whether no look-up in ``tables`` can leave an array. Zip check sums catch the rest."""
    nodes, tokens = len(tables.runs), len(tables.by_text)
    ids = [
        tables.by_text,
        *(array for level in tables.levels for array in (level.order, level.blank)),
    ]
    return (
        tables.runs[:1] == [b""]
        and all(len(level.starts) == nodes + 1 for level in tables.levels)
        and all(len(level.middles) == nodes for level in tables.levels)
        and all(len(level.order) == tokens for level in tables.levels)
        and all(((array >= 0) & (array < size)).all() for array in ids)
        and all(_ascends(level, tokens) for level in tables.levels)
    )


def _ascends(level: Level, tokens: int) -> bool:
    """Whether the ranges of a level cover its tokens in order."""
    bounds = np.append(np.stack([level.starts[:-1], level.middles], axis=1), tokens)
    return bool(bounds[0] == 0 and level.starts[-1] == tokens and (np.diff(bounds) >= 0).all())
