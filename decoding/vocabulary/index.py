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

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import cast

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_dir

from decoding.vocabulary import masks
from decoding.vocabulary.masks import Row
from decoding.vocabulary.tables import FORMAT, SPLIT, IntArray, Tables, build, load, run_end, save
from decoding.vocabulary.tokens import Vocabulary
from monitors.constraints import (
    IDENTIFIER_BYTES,
    Anything,
    Both,
    Comments,
    Constraint,
    Leading,
    Literal,
    Names,
    Unfinished,
)

Crossing = Mapping[str, IntArray]
"""Ids of tokens that hold a trigger and the beginning of a name, by head: the token's text up to
the trigger and one ``x``, or its whole text if it holds several triggers."""

_MOST_ROWS = 512
_COMMENTS = {
    **dict.fromkeys((b"#", b"//"), rb"[\r\n]"),
    **dict.fromkeys((b"/*", b"/**"), rb"\*/|\A/"),
}
"""Regexes of what may end a comment, by how it has begun."""


class TokenIndex:
    """Answers which tokens of a vocabulary may come next. Thread safe."""

    def __init__(self, vocabulary: Vocabulary, tables: Tables | None = None) -> None:
        """Index ``vocabulary``; `TokenIndex.open` keeps the result for the next process."""
        self.vocabulary = vocabulary
        self._tables = build(vocabulary) if tables is None else tables
        self._nodes = dict(zip(self._tables.runs, range(len(self._tables.runs)), strict=True))
        self._base = lru_cache(maxsize=None)(self._make_base)
        self._row = lru_cache(maxsize=_MOST_ROWS)(self._make_row)
        self._commenting = lru_cache(maxsize=None)(self._find_commenting)
        self._ending = lru_cache(maxsize=None)(self._find_ending)
        self._continued = lru_cache(maxsize=None)(self._find_continued)
        self._crossing = lru_cache(maxsize=None)(self._find_crossing)

    @classmethod
    def open(cls, vocabulary: Vocabulary, cache_dir: str | Path | None = None) -> "TokenIndex":
        """Index ``vocabulary``, from the user's cache directory if it was indexed before.

        A cache file that is missing, damaged or not writable costs time, nothing else.
        """
        folder = Path(user_cache_dir("mgd") if cache_dir is None else cache_dir)
        file = folder / f"index-{FORMAT}-{vocabulary.fingerprint}.npz"
        tables = load(file, vocabulary.size)
        if tables is None:
            tables = build(vocabulary)
            save(file, tables)
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
        """Tokens whose text holds a match of ``pattern`` (`Monitor.crossing`), by head.

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
            case Unfinished():
                flags = self._unfinished(constraint)
            case Literal():
                flags = self._flags_of(self._literal(constraint.text))
            case Both():
                rows = self.row(constraint.first) & self.row(constraint.second)
                return masks.unpack(rows, self.size)
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

    def _unfinished(self, constraint: Unfinished) -> npt.NDArray[np.bool_]:
        """Tokens that finish what has begun, and inside a comment all that do not."""
        ends = _COMMENTS.get(constraint.begun)
        if ends is None or constraint.begun[0] not in constraint.names.comments.first:
            near = [self._headed(bytes([byte]), 1) for byte in b"\r\n/*"]
            return self._flags_of(self._judge(constraint, np.concatenate(near)))
        ending = self._ending(ends)
        flags = self._flags_of(self._tables.by_text)
        flags[ending] = False
        flags[self._judge(constraint, ending)] = True
        return flags

    def _names(self, names: Names) -> npt.NDArray[np.bool_]:
        level = self._tables.levels[names.leading]
        flags = self._base(names.leading, names.may_end).copy()
        begun, whole, odd = self._walk(names.rests)
        flags[level.exact(np.array(begun, dtype=np.int64))] = True
        flags[level.heads(np.array(whole, dtype=np.int64))] = True
        for byte in names.extra:
            flags[self._continued(names.leading, byte)] = False
        for rest, node in odd:
            flags[self._odd(names, rest, node)] = True
        for byte in names.exits:
            flags[self._exiting(names.leading, byte)] = True
        if not names.blank:
            flags[level.blank] = False
        if names.comments:
            free, judged = self._commenting(names.leading, names.comments)
            flags[free] = True
            flags[judged] = False
            flags[self._judge(names, judged)] = True
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

    def _odd(self, names: Names, rest: bytes, node: int) -> list[int]:
        """Tokens that reach behind the identifier that begins a rest which is none."""
        first = rest[len(self._tables.runs[node])]
        only = replace(names, rests=frozenset([rest]), exits=b"")
        return self._judge(only, self._tailed(names.leading, node, first))

    def _tailed(self, leading: Leading, node: int, first: int) -> IntArray:
        """Heads of ``node`` whose tail begins with the byte ``first``."""
        level = self._tables.levels[leading]
        split = SPLIT[leading]

        def tail(token_id: int) -> bytes:
            token = self._token(token_id)
            return token[run_end(split, token) :]

        low, high = int(level.middles[node]), int(level.starts[node + 1])
        low = bisect_left(level.order, bytes([first]), low, high, key=tail)
        high = bisect_left(level.order, bytes([first + 1]), low, high, key=tail)
        return level.order[low:high]

    def _exiting(self, leading: Leading, byte: int) -> IntArray:
        """Tokens in which ``byte`` is the first one behind the white space."""
        if byte not in IDENTIFIER_BYTES:
            return self._tailed(leading, 0, byte)
        level, runs = self._tables.levels[leading], self._tables.runs
        low, high = bisect_left(runs, bytes([byte])), bisect_left(runs, bytes([byte + 1]))
        return level.order[level.starts[low] : level.starts[high]]

    def _find_commenting(self, leading: Leading, comments: Comments) -> tuple[IntArray, IntArray]:
        """Tokens that begin a comment: those that any names allow, and those of which names tell.

        The latter end the comment and go on, which hardly any token does.
        """
        anyone = Names(frozenset(), leading, comments=comments)
        free: list[int] = []
        judged: list[int] = []
        for token_id in np.concatenate([self._tailed(leading, 0, each) for each in comments.first]):
            token = self._token(token_id)
            end, _ = anyone.gap.end(token.decode("latin-1"))
            if any(byte in token[:end] for byte in comments.first):
                (free if end == len(token) else judged).append(token_id)
        return np.array(free, dtype=np.int64), np.array(judged, dtype=np.int64)

    def _find_ending(self, ends: bytes) -> IntArray:
        """Tokens that may end a comment."""
        pattern = re.compile(ends)
        found = [i for i in self._tables.by_text.tolist() if pattern.search(self._token(i))]
        return np.array(found, dtype=np.int64)

    def _find_continued(self, leading: Leading, byte: int) -> IntArray:
        """Tokens in which ``byte`` stands right behind the run."""
        split, sign = SPLIT[leading], bytes([byte])
        holding = (i for i in self._tables.by_text.tolist() if sign in self._token(i))
        found = [
            i for i in holding if self._token(i).startswith(sign, run_end(split, self._token(i)))
        ]
        return np.array(found, dtype=np.int64)

    def _find_crossing(self, pattern: re.Pattern[str]) -> Crossing:
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for token_id in self._tables.by_text.tolist():
            text = self._token(token_id).decode("utf-8", "replace")
            if (match := pattern.search(text)) is not None:
                several = pattern.search(text, match.end())
                groups[text if several else text[: match.end(match.lastindex or 0)] + "x"].append(
                    token_id
                )
        return {head: np.array(sorted(ids), dtype=np.int64) for head, ids in groups.items()}
