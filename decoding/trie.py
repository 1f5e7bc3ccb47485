"""Which tokens may come next under a constraint: a byte index of the vocabulary.

`monitors.constraints` defines, token by token, what a constraint allows; this module gives the
same answer for a whole vocabulary without walking it. For each kind of leading white space, a
token is cut into three parts::

    white space | run of identifier bytes | tail that begins with another byte

and the tokens are sorted by (run, tail). The tokens of one run are then one range of ids: first
the *exact* ones, which have no tail, then the *heads*. What may follow while one of several names
has to come is the exact ranges of every prefix of every rest, the heads of every whole rest, and
what is all white space. Every prefix of a run has a node of its own, so the look-up of a rest
ends where the trie of the vocabulary does.
"""

import logging
import re
import struct
import tempfile
import zipfile
import zlib
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from itertools import pairwise, repeat
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_dir

from decoding import masks
from decoding.masks import Row
from decoding.vocab import Vocabulary
from monitors.constraints import (
    IDENTIFIER_BYTES,
    Anything,
    Constraint,
    EscapedLineEnd,
    Leading,
    Literal,
    Names,
)

IntArray = npt.NDArray[np.int64]
Crossing = Mapping[str, IntArray]
"""Ids of tokens that hold a trigger and the beginning of a name, by head: the token's text up to
the trigger and one ``x``, or its whole text if it holds several triggers."""

_log = logging.getLogger(__name__)
_FORMAT = 1
"""Part of the cache file's name: raise it when the meaning of an array changes."""
_MOST_ROWS = 512
_UNREADABLE = (
    *(OSError, EOFError, ValueError, TypeError, KeyError, MemoryError, NotImplementedError),
    *(RuntimeError, SyntaxError, zipfile.BadZipFile, zlib.error, struct.error),
)
"""What `numpy.load` raises for damaged files."""
_RUN = rb"([0-9A-Za-z_\x80-\xff]*)"
_LEADING = {
    Leading.NONE: rb"",
    Leading.BLANKS: rb"(?:[ \t\f]|\\\r?\n)*",
    Leading.LINES: rb"(?:[ \t\f\r\n]|\\\r?\n)*",
}
_SPACE = frozenset(b" \t\f\r\n\\")
"""What white space may begin with."""
_SPLIT = {leading: re.compile(space + _RUN) for leading, space in _LEADING.items()}
_CUT = b"\0"
"""Stands between run and tail in a sort key: less than any byte of a run."""


@dataclass(frozen=True, slots=True)
class _Level:
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
class _Tables:
    """Everything that is derived from a vocabulary, and kept in its cache file."""

    runs: list[bytes]
    """The run of each node, ascending; node 0 is the empty one."""
    by_text: IntArray
    """Ids, sorted by their bytes."""
    levels: tuple[_Level, ...]
    """By `Leading`."""


class TokenIndex:
    """Answers which tokens of a vocabulary may come next. Thread safe."""

    def __init__(self, vocabulary: Vocabulary, tables: _Tables | None = None) -> None:
        """Index ``vocabulary``; `TokenIndex.open` keeps the result for the next process."""
        self.vocabulary = vocabulary
        self._tables = _build(vocabulary) if tables is None else tables
        self._nodes = dict(zip(self._tables.runs, range(len(self._tables.runs)), strict=True))
        self._base = lru_cache(maxsize=None)(self._make_base)
        self._row = lru_cache(maxsize=_MOST_ROWS)(self._make_row)
        self._crossing = lru_cache(maxsize=None)(self._find_crossing)

    @classmethod
    def open(cls, vocabulary: Vocabulary, cache_dir: str | Path | None = None) -> "TokenIndex":
        """Index ``vocabulary``, from the user's cache directory if it was indexed before.

        A cache file that is missing, damaged or not writable costs time, nothing else.
        """
        folder = Path(user_cache_dir("mgd") if cache_dir is None else cache_dir)
        file = folder / f"index-{_FORMAT}-{vocabulary.fingerprint}.npz"
        tables = _load(file, vocabulary.size)
        if tables is None:
            tables = _build(vocabulary)
            _save(file, tables)
        return cls(vocabulary, tables)

    @property
    def size(self) -> int:
        """Number of logits."""
        return self.vocabulary.size

    @property
    def end_ids(self) -> frozenset[int]:
        """Ids of the tokens that end the text."""
        return self.vocabulary.end_ids

    def bytes_of(self, token_id: int) -> bytes | None:
        """Bytes of a token; None if it stands for no text."""
        return self.vocabulary.tokens[token_id]

    def text_of(self, token_id: int) -> str | None:
        """Text of a token, incomplete UTF-8 as U+FFFD; None if it stands for no text."""
        token = self.vocabulary.tokens[token_id]
        return None if token is None else token.decode("utf-8", "replace")

    def extends(self, text: bytes) -> bool:
        """Whether some token begins with ``text`` and is longer."""
        order = self._tables.by_text
        position = bisect_right(order, text, key=self._token)
        return position < len(order) and self._token(int(order[position])).startswith(text)

    def row(self, constraint: Constraint) -> Row:
        """Packed mask of the tokens that ``constraint`` allows, shape ``[words(size)]``.

        Read-only and cached. Tokens without text are closed, those that end the text are open
        while it may end. Under `Anything` every id is open: there is nothing to mask.
        """
        return self._row(cast(Hashable, constraint))

    def ids(self, constraint: Constraint) -> IntArray:
        """Ids of the tokens that ``constraint`` allows, ascending."""
        return np.flatnonzero(masks.unpack(self.row(constraint), self.size))

    def crossing_candidates(self, pattern: re.Pattern[str]) -> Crossing:
        """Tokens whose text holds a match of ``pattern`` (`Language.crossing`), by head.

        Whether a trigger is live depends on nothing behind it, so one look at each head judges
        every token.
        """
        return self._crossing(pattern)

    def _token(self, token_id: int) -> bytes:
        return self.vocabulary.tokens[token_id] or b""

    def _make_row(self, constraint: Constraint) -> Row:
        row = masks.pack(self._flags(constraint))
        row.flags.writeable = False
        return row

    def _flags(self, constraint: Constraint) -> npt.NDArray[np.bool_]:
        match constraint:
            case Anything():
                return np.ones(self.size, dtype=np.bool_)
            case Names():
                return self._names(constraint)
            case EscapedLineEnd():
                near = np.concatenate([self._headed(end, len(end)) for end in (b"\n", b"\r\n")])
                flags = self._flags_of(self._judge(constraint, near))
            case Literal():
                flags = self._flags_of(self._literal(constraint.text))
            case _:
                flags = self._flags_of(self._judge(constraint, self._tables.by_text))
        flags[list(self.end_ids)] = constraint.may_end
        return flags

    def _flags_of(self, *groups: IntArray | list[int]) -> npt.NDArray[np.bool_]:
        flags = np.zeros(self.size, dtype=np.bool_)
        for ids in groups:
            flags[ids] = True
        return flags

    def _judge(self, constraint: Constraint, ids: IntArray) -> list[int]:
        """The slow definition, for any constraint: those of ``ids`` that it allows."""
        return [i for i in ids.tolist() if constraint.allows(self._token(i))]

    def _literal(self, text: bytes) -> IntArray:
        """Tokens that are a beginning of ``text``, and those that begin with it."""
        # A token whose first n + 1 bytes are n bytes is no longer than these.
        parts = [self._headed(text[:end], end + 1) for end in range(1, len(text))]
        return np.concatenate([*parts, self._headed(text, len(text))])

    def _headed(self, head: bytes, length: int) -> IntArray:
        """Tokens whose first ``length`` bytes, as far as they have them, are ``head``."""
        order = self._tables.by_text

        def key(token_id: int) -> bytes:
            return self._token(token_id)[:length]

        low = bisect_left(order, head, key=key)
        high = bisect_right(order, head, low, key=key)
        return order[low:high]

    def _names(self, names: Names) -> npt.NDArray[np.bool_]:
        level = self._tables.levels[names.leading]
        flags = self._base(names.leading, names.may_end).copy()
        begun, whole, odd = self._walk(names.rests)
        flags[level.exact(np.array(begun, dtype=np.int64))] = True
        flags[level.heads(np.array(whole, dtype=np.int64))] = True
        for rest, node in odd:
            flags[self._odd(names.leading, rest, node)] = True
        return flags

    def _walk(self, rests: Iterable[bytes]) -> tuple[list[int], list[int], list[tuple[bytes, int]]]:
        """Nodes of the prefixes of ``rests``, nodes of whole rests, and what is no identifier.

        The last are rests such as ``$el``, with the node of the identifier that begins them.
        """
        find = self._nodes.get
        begun: list[int] = []
        whole: list[int] = []
        odd: list[tuple[bytes, int]] = []
        for rest in rests:
            node = 0
            for end in range(1, len(rest) + 1):
                found = find(rest[:end])
                if found is None:
                    if rest[end - 1] not in IDENTIFIER_BYTES:
                        odd.append((rest, node))
                    break
                begun.append(found)
                node = found
            else:
                whole.append(node)
        return begun, whole, odd

    def _make_base(self, leading: Leading, may_end: bool) -> npt.NDArray[np.bool_]:
        """What does not depend on the names: white space, and what may follow a whole name."""
        level = self._tables.levels[leading]
        flags = self._flags_of(level.blank)
        if may_end:
            flags[level.heads(np.zeros(1, dtype=np.int64))] = True
            flags[list(self.end_ids)] = True
        return flags

    def _odd(self, leading: Leading, rest: bytes, node: int) -> list[int]:
        """Tokens that reach behind the identifier that begins a rest which is none."""
        level = self._tables.levels[leading]
        split = _SPLIT[leading]

        def tail(token_id: int) -> bytes:
            token = self._token(token_id)
            return token[_end(split, token) :]

        first = rest[len(self._tables.runs[node]) :][:1]
        low, high = int(level.middles[node]), int(level.starts[node + 1])
        low = bisect_left(level.order, first, low, high, key=tail)
        high = bisect_left(level.order, bytes([first[0] + 1]), low, high, key=tail)
        return self._judge(Names(frozenset([rest]), leading), level.order[low:high])

    def _find_crossing(self, pattern: re.Pattern[str]) -> Crossing:
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for token_id in self._tables.by_text.tolist():
            text = self._token(token_id).decode("utf-8", "replace")
            if (match := pattern.search(text)) is not None:
                several = pattern.search(text, match.end())
                groups[text if several else text[: match.end(1)] + "x"].append(token_id)
        return {head: np.array(sorted(ids), dtype=np.int64) for head, ids in groups.items()}


def _end(split: re.Pattern[bytes], token: bytes) -> int:
    """Where the run ends; every token has one, be it empty."""
    match = split.match(token)
    return 0 if match is None else match.end()


def _gather(order: IntArray, lows: IntArray, highs: IntArray) -> IntArray:
    """All of ``order[low:high]``, one behind the other."""
    counts = highs - lows
    ends = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    return np.take(order, np.arange(total) + np.repeat(highs - ends, counts))


def _build(vocabulary: Vocabulary) -> _Tables:
    ends = vocabulary.end_ids
    texts = {i: text for i, text in enumerate(vocabulary.tokens) if text and i not in ends}
    # In this order every later sort finds its input nearly sorted, which makes it linear.
    texts = {i: texts[i] for i in sorted(texts, key=texts.__getitem__)}
    keys = _sort_keys(Leading.NONE, texts)
    spaced = {i: text for i, text in texts.items() if text[0] in _SPACE}
    wider = (Leading.BLANKS, Leading.LINES)
    by_level = [keys, *(keys | _sort_keys(leading, spaced) for leading in wider)]
    # The more white space is skipped, the more tokens have a run: the last level has them all.
    runs = _with_prefixes(key.partition(_CUT)[0] for key in by_level[-1].values())
    nodes = dict(zip(runs, range(len(runs)), strict=True))
    levels = map(_level, Leading, by_level, repeat(nodes))
    return _Tables(runs, np.array(list(texts), np.int64), tuple(levels))


def _sort_keys(leading: Leading, texts: dict[int, bytes]) -> dict[int, bytes]:
    """Run, `_CUT` and tail of every token, which sort as the pair (run, tail) does."""
    match = _SPLIT[leading].match
    found = ((token_id, text, match(text)) for token_id, text in texts.items())
    return {i: m[1] + _CUT + text[m.end() :] for i, text, m in found if m}


def _with_prefixes(runs: Iterable[bytes]) -> list[bytes]:
    """The distinct ``runs`` and all their prefixes, ascending; the empty one is the first."""
    found = {b""}
    for run in runs:
        while run not in found:
            found.add(run)
            run = run[:-1]
    return sorted(found)


def _level(leading: Leading, keys: dict[int, bytes], nodes: dict[bytes, int]) -> _Level:
    blank = {_CUT, _CUT + b"\\"} if leading else set()
    blank_ids = [i for i, key in keys.items() if key in blank]
    order = sorted(keys, key=keys.__getitem__)
    node_of = np.array([nodes[keys[i].partition(_CUT)[0]] for i in order], np.int64)
    is_exact = np.array([keys[i].find(_CUT) == len(keys[i]) - 1 for i in order], np.bool_)
    counts = np.bincount(node_of, minlength=len(nodes))
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    middles = starts[:-1] + np.bincount(node_of[is_exact], minlength=len(nodes))
    return _Level(np.array(order, np.int64), starts, middles, np.array(blank_ids, np.int64))


def _arrays(level: _Level) -> list[tuple[str, IntArray]]:
    return [(field.name, getattr(level, field.name)) for field in fields(level)]


def _save(file: Path, tables: _Tables) -> None:
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


def _load(file: Path, size: int) -> _Tables | None:
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


def _parse(arrays: Mapping[str, npt.NDArray[np.generic]]) -> _Tables:
    def read(name: str) -> IntArray:
        return arrays[name].astype(np.int64)

    text = arrays["runs"].tobytes()
    ends = [0, *np.cumsum(read("lengths")).tolist()]
    if ends[-1] != len(text):
        raise ValueError(f"{len(text)} bytes of runs, {ends[-1]} expected")
    runs = [text[start:end] for start, end in pairwise(ends)]
    levels = (
        _Level(*(read(f"{field.name}{leading:d}") for field in fields(_Level)))
        for leading in Leading
    )
    return _Tables(runs, read("by_text"), tuple(levels))


def _is_sound(tables: _Tables, size: int) -> bool:
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


def _ascends(level: _Level, tokens: int) -> bool:
    """Whether the ranges of a level cover its tokens in order."""
    bounds = np.append(np.stack([level.starts[:-1], level.middles], axis=1), tokens)
    return bool(bounds[0] == 0 and level.starts[-1] == tokens and (np.diff(bounds) >= 0).all())
