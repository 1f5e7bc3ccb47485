"""What the sessions of a language share: tables, the monitor, and who answers its questions."""

import copy
from functools import lru_cache
from typing import Any

import numpy as np

from decoding.session.deadlines import Analyst
from decoding.session.node import NO_IDS
from decoding.vocabulary import masks
from decoding.vocabulary.caches import ArrayCache
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.masks import Row
from decoding.vocabulary.tables import IntArray
from monitors.constraints import Constraint, Names
from monitors.languages.language import Language
from monitors.protocols import Monitor

_CACHE_BYTES = 32 * 2**20
"""Of each table that grows with the places seen: some 2,000 masks of 131,000 tokens."""
_BLANK_BYTES = b" \t\f\r\n\\"
_MOST_EVADING = 512


class Guide:
    """What sessions share: the vocabulary, the monitor, and whoever answers. Thread safe."""

    def __init__(
        self, index: TokenIndex, language: Language, monitor: Monitor[Any], analyst: Analyst
    ) -> None:
        self.index = index
        self.language = language
        self.monitor = monitor
        self.analyst = analyst
        self._may_cross = np.zeros(index.size, np.bool_)
        for ids in index.crossing_candidates(monitor.crossing).values():
            self._may_cross[ids] = True
        self._crossing = ArrayCache(_CACHE_BYTES)
        self._split = ArrayCache(_CACHE_BYTES)
        fused = (operator.exits for operator in language.operators if operator.fused)
        self._fused_exits = "".join(fused).encode()
        self._beginning = lru_cache(maxsize=None)(self._find_beginning)
        self._evading = lru_cache(maxsize=_MOST_EVADING)(self._find_evading)

    def answered_by(self, analyst: Analyst) -> "Guide":
        """The same guide, tables and all, with somebody else who answers."""
        guide = copy.copy(self)
        guide.analyst = analyst
        return guide

    def discouraged(self, constraint: Constraint) -> IntArray:
        """Ids of the open tokens by which a model that wants none of the names could evade them.

        White space, comments, and what may stand instead of a name, where none has begun.
        """
        return self._evading(constraint) if isinstance(constraint, Names) else NO_IDS

    def _find_evading(self, names: Names) -> IntArray:
        exits = bytes(byte for byte in names.exits if byte in self._fused_exits)
        blanks = _BLANK_BYTES if names.leading else b""
        ids = self._beginning(blanks + names.comments.first + exits)
        return ids[masks.are_open(self.index.row(names), ids)]

    def _find_beginning(self, first: bytes) -> IntArray:
        """Ids of the tokens whose first byte is one of ``first``."""
        if not first:
            return NO_IDS
        tokens = self.index.vocabulary.tokens
        return np.array([i for i, data in enumerate(tokens) if data and data[0] in first], np.int64)

    def may_cross(self, token_id: int) -> bool:
        """Whether there are states after which the token crosses a live trigger."""
        return bool(self._may_cross[token_id])

    def crossing(self, state: Any) -> IntArray:
        """Ids of the tokens that cross a trigger which is live after ``state``, ascending."""
        key = self.monitor.crossing_key(state)
        ids: IntArray = self._crossing.get(key, lambda: self._find_crossing(state))
        return ids

    def _find_crossing(self, state: Any) -> IntArray:
        """Those of each monitor, which are found for fewer kinds of states than those of all."""
        parts = self.monitor.parts(state)
        found = [self._crossing_of(monitor, each) for monitor, each in parts]
        return found[0] if len(found) == 1 else np.unique(np.concatenate(found))

    def _crossing_of(self, monitor: Monitor[Any], state: Any) -> IntArray:
        key = monitor, monitor.crossing_key(state)

        def find() -> IntArray:
            candidates = self.index.crossing_candidates(monitor.crossing)
            groups = [ids for head, ids in candidates.items() if monitor.crosses(state, head)]
            return np.sort(np.concatenate(groups)) if groups else NO_IDS

        ids: IntArray = self._crossing.get(key, find)
        return ids

    def all_but_crossing(self, state: Any) -> Row:
        """Packed mask that closes `crossing`; end-of-text stays open."""
        key = self.monitor.crossing_key(state)
        row: Row = self._split.get(key, lambda: self._find_split(state))
        return row

    def _find_split(self, state: Any) -> Row:
        row = masks.pack(np.ones(self.index.size, np.bool_))
        masks.close(row, self.crossing(state))
        return row
