"""The way of one text through its session: where it is, and a little of where it was.

A text of any length holds a bounded number of nodes, and to follow it costs what has changed,
not what there is. Knows no engine.
"""

from collections import deque
from collections.abc import Sequence

from decoding.session.node import Node
from decoding.session.session import Session

PLACEHOLDER = -1
"""What stands for a token that is not known yet under asynchronous scheduling."""
KEPT = 64
"""Tokens by which one can go back for free; engines look ahead less far than that."""


class Path:
    """Where a text is that grows at its end, is cut there, or is replaced by another."""

    def __init__(self, session: Session, known: int = 0) -> None:
        """``known``: how many of its tokens were counted before, as of one that was preempted."""
        self.session = session
        self._nodes = deque([session.root])
        self._ids: list[int] = []
        self._source: Sequence[int] = ()
        self._counted = known

    @property
    def node(self) -> Node:
        """Behind the last token."""
        return self._nodes[-1]

    def __len__(self) -> int:
        return len(self._ids)

    def fork(self) -> "Path":
        """An independent copy."""
        twin = Path(self.session, self._counted)
        twin._nodes, twin._ids, twin._source = self._nodes.copy(), self._ids.copy(), self._source
        return twin

    def follow(self, ids: Sequence[int], start: int = 0, end: int | None = None) -> bool:
        """Go to the node of the text ``ids[start:end]``; whether all of its tokens are known.

        A list that was followed last may have been changed within its last `KEPT` tokens; more of
        it is not compared again. It says more of a text if it is the same object.
        """
        end = known = len(ids) if end is None else end
        while known > start and ids[known - 1] == PLACEHOLDER:
            known -= 1
        self._go_back(self._shared(ids, start, known - start))
        if known - start - len(self) > KEPT and not len(self):
            self._begin_again(ids[start : known - KEPT])
        for position in range(start + len(self), known):
            self.accept(ids[position])
        self._source = ids
        return known == end

    def accept(self, token_id: int) -> None:
        """Go on behind a token that was generated."""
        is_new = len(self._ids) >= self._counted
        node = self.session.accept(self.node, token_id, count=is_new)
        self._ids.append(token_id)
        self._counted = max(self._counted, len(self._ids))
        self._nodes.append(node)
        if len(self._nodes) > KEPT:
            # Nodes hold those behind them, so the way would be kept from its beginning.
            self._nodes.popleft().children.clear()

    def _shared(self, ids: Sequence[int], start: int, length: int) -> int:
        """How many of the first ``length`` tokens are where this text has been."""
        top = min(len(self._ids), length)
        low = max(0, len(self._ids) - KEPT) if ids is self._source else 0
        if low >= top or self._ids[low:top] == ids[start + low : start + top]:
            return top
        return next(i for i in range(low, top) if self._ids[i] != ids[start + i])

    def _go_back(self, length: int) -> None:
        """Be where the text had ``length`` tokens, or at its beginning if that is too far."""
        steps = len(self._ids) - length
        if steps >= len(self._nodes):
            self._ids, self._nodes = [], deque([self.session.root])
            return
        del self._ids[length:]
        for _ in range(steps):
            self._nodes.pop()

    def _begin_again(self, ids: Sequence[int]) -> None:
        """Be behind ``ids`` without having read them one by one."""
        node = self.session.behind(ids)
        if node is not None:
            self._ids, self._nodes = list(ids), deque([node])
