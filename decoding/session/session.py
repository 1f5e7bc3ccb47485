"""One guided text: from tokens to what may come next.

A `Session` belongs to one prompt; its `Node`s are prefixes of the generated tokens. Nodes are
kept, so rolling back, forking (beams, several samples) and asking again cost nothing. Members that
a node needs are joined once, in the first `Session.step` that looks at it.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from decoding.session.deadlines import Asked, Budget, Questions, asked
from decoding.session.guide import Guide
from decoding.session.node import FREE, NO_IDS, Heads, Node, Step
from decoding.session.options import DEFAULTS, CrossingPolicy, Options
from decoding.session.statistics import Statistics
from decoding.vocabulary import masks
from decoding.vocabulary.masks import Row
from decoding.vocabulary.tables import IntArray
from monitors.constraints import ANYTHING, Constraint, Literal
from monitors.errors import AnalysisError
from monitors.protocols import Answer, Document, Outcome, Query, Reason, Unavailable

_MOST_ROUNDS = 8
"""How often answers may lead to further queries at one place."""


class Session:
    """Guides one generation. Not thread safe; as many as needed may share a `Guide`."""

    def __init__(
        self,
        guide: Guide,
        document: Document,
        *,
        healed: bytes = b"",
        options: Options = DEFAULTS,
        on_wait: Callable[[float], None] | None = None,
    ) -> None:
        """Start behind ``document.prefix``; ``healed`` must be generated first, then anything.

        ``on_wait`` is told, in seconds, how long each answer was waited for.
        """
        self.statistics = Statistics()
        self._guide = guide
        self._monitor = guide.monitor
        self._index = guide.index
        self.options = options
        self._document = document
        self._on_wait = on_wait
        self._questions = Questions(guide.analyst, options.deadline_s, self._note_wait)
        self._own_budget = self._questions.budget
        self.counted: frozenset[Asked] = frozenset()
        """Questions of an earlier session of the same request, of which nothing is counted."""
        healing: Constraint = Literal(healed) if healed else ANYTHING
        self.root = Node(self._monitor.start(document), healing=healing)

    @property
    def answers(self) -> "OrderedDict[Asked, Answer]":
        """What was answered last, by `decoding.session.deadlines.asked`."""
        return self._questions.answers

    def share(self, budget: Budget) -> None:
        """Let all sessions with this budget, which somebody renews, wait no longer than one."""
        self._questions.budget = budget

    def accept(self, node: Node, token_id: int, *, count: bool = True) -> Node:
        """The node after ``token_id``. Waits only if the token crosses an unanswered trigger.

        A session that shares its budget with none begins a step here. ``count``: whether the token
        is new to the statistics.
        """
        if self._questions.budget is self._own_budget:
            self._own_budget.renew()
        child = self._child(node, token_id)
        if not child.accepted:
            child.accepted = True
            node.children = {key: kept for key, kept in node.children.items() if kept.accepted}
            node.heads.clear()
            if count:
                self._count_token(child)
        return child

    def _count_token(self, node: Node) -> None:
        self.statistics.tokens += 1
        self.statistics.count(node.outcomes)
        if not node.valid:
            self.statistics.fail_open[Reason.REJECTED] += 1

    def behind(self, ids: Sequence[int]) -> Node | None:
        """A node behind tokens that are not read one by one, and of which nothing is counted.

        None where text has to be generated again that is not there yet.
        """
        data = b"".join(self._index.bytes_of(token_id) or b"" for token_id in ids)
        healing = self.root.healing
        if healing is not ANYTHING and healing.after(data) is not ANYTHING:
            return None
        text, pending = _decode(data)
        document = replace(self._document, prefix=self._document.prefix + text)
        ended = not self._index.end_ids.isdisjoint(ids)
        return Node(self._monitor.start(document), pending, ended=ended, accepted=True)

    def _child(self, node: Node, token_id: int) -> Node:
        child = node.children.get(token_id)
        if child is None:
            child = node.children[token_id] = self._grow(node, token_id)
        return child

    def _grow(self, node: Node, token_id: int) -> Node:
        data = self._index.bytes_of(token_id)
        if data is None:
            ended = node.ended or token_id in self._index.end_ids
            return Node(node.state, node.pending, node.healing, ended=ended)
        healing = node.healing if node.healing is ANYTHING else node.healing.after(data)
        text, pending = _decode(node.pending + data)
        child = Node(node.state, pending, healing or ANYTHING, healing is not None)
        if text:
            self._drive(child, text, node.heads)
        return child

    def _drive(self, node: Node, text: str, heads: Heads) -> None:
        """Run the monitor over ``text``, joining the facts that it needs on the way."""
        head = self._head(text)
        if head in heads:
            state, rest, valid = node.state, text[len(head) :], True
        else:
            state, rest, valid = self._monitor.update(node.state, text)
            head = text[: len(text) - len(rest)]
        if rest:
            if head not in heads:
                heads[head] = self._settled(state)
            state, outcomes = heads[head]
            node.outcomes += outcomes
            state, rest, still_valid = self._monitor.update(state, rest)
            valid = valid and still_valid
        while rest:
            state, outcomes = self._settled(state)
            node.outcomes += outcomes
            state, rest, still_valid = self._monitor.update(state, rest)
            valid = valid and still_valid
        node.state = state
        node.valid = node.valid and valid

    def _head(self, text: str) -> str:
        """What ``text`` begins with, up to its first trigger; empty if it has none inside."""
        match = self._monitor.crossing.search(text)
        return "" if match is None else text[: match.end(match.lastindex or 0)]

    def _settled(self, state: Any) -> tuple[Any, tuple[Outcome, ...]]:
        """The state once its queries are answered, and what became of them.

        All that are known are asked before any is waited for.
        """
        found: list[Outcome] = []
        for _ in range(_MOST_ROUNDS):
            queries = self._monitor.queries(state)
            if not queries:
                return state, tuple(found)
            for query in queries[1:]:
                self._questions.ask(query)
            for query in queries:
                answer = self._questions.join(query)
                state, outcomes = self._monitor.answer(state, query, answer)
                found += outcomes
                if isinstance(answer, Unavailable):
                    self._refuse_if_strict(query, answer)
        return self._monitor.release(state), tuple(found)

    def _refuse_if_strict(self, query: Query, answer: Unavailable) -> None:
        if self.options.strict:
            end = query.document.prefix[-40:]
            raise AnalysisError(
                f"no answer behind {end!r}: {answer.reason} {answer.detail}".strip()
            )

    def _note_wait(self, waited_s: float) -> None:
        self.statistics.waited_s += waited_s
        if self._on_wait is not None:
            self._on_wait(waited_s)

    def _is_counted(self, node: Node) -> bool:
        queries = self._monitor.queries(node.state) if self.counted else ()
        return any(asked(query) in self.counted for query in queries)

    def peek(self, node: Node, token_id: int) -> Node:
        """The node after a token that is likely to be generated; nothing is counted."""
        return self._child(node, token_id)

    def prefetch(self, *nodes: Node) -> None:
        """Begin to answer what the next `step` at ``nodes`` needs or may need; never waits.

        Questions of an earlier call that none of the nodes has any more are given up.
        """
        self._questions.keep_only([query for node in nodes for query in self._next_queries(node)])

    def hasten(self, node: Node) -> bool:
        """Begin to answer what `step` has to know at ``node``; whether it would wait for that."""
        queries = () if node.ended else self._monitor.queries(node.state)
        waits = [self._questions.hasten(query) for query in queries]
        return any(waits)

    def close(self) -> None:
        """Give up all questions that are under way, and share no budget any more.

        Going on afterwards does no harm.
        """
        self.prefetch()
        self._questions.budget = self._own_budget

    def _next_queries(self, node: Node) -> tuple[Query, ...]:
        if node.ended:
            return ()
        queries = self._monitor.queries(node.state)
        if queries or not self.options.prefetch:
            return queries
        return self._monitor.expect(node.state)

    def anticipate(self, node: Node, ids: IntArray) -> None:
        """Begin to answer what `keep` will need in this step to judge ``ids``; never waits."""
        for head in self._heads(node, ids):
            for query in self._monitor.queries(self._monitor.update(node.state, head).state):
                self._questions.hasten(query)

    def _heads(self, node: Node, ids: IntArray) -> set[str]:
        """What tokens begin with up to their first trigger, as far as it is not answered."""
        heads: set[str] = set()
        for token_id in ids[: self.options.most_judged].tolist():
            if token_id not in node.children:
                text, _ = _decode(node.pending + (self._index.bytes_of(token_id) or b""))
                heads.add(self._head(text))
        return heads - node.heads.keys() - {""}

    def step(self, node: Node, likeliest: int | None = None) -> Step:
        """What may follow ``node``. Waits for the facts that it needs, up to the step's deadline.

        ``likeliest`` is the first token of highest logit, for a sampler that takes no other one:
        where nothing else is forbidden and it crosses nothing, crossing tokens are left alone.
        """
        if node.ended:
            return FREE
        is_counted = self._is_counted(node)
        node.state, outcomes = self._settled(node.state)
        if not is_counted:
            self.statistics.count(outcomes)
        constraint, row = self._constrained(node)
        taken = row is None and likeliest is not None and not self._guide.may_cross(likeliest)
        crossing = NO_IDS if taken or node.released else self._guide.crossing(node.state)
        if row is not None and crossing.size:
            crossing = crossing[masks.are_open(row, crossing)]
        if self.options.crossing is CrossingPolicy.SPLIT and crossing.size:
            row, crossing = self._without_crossing(node, row, crossing)
        self.statistics.masks += row is not None
        if node.released or node.healing is not ANYTHING:
            return Step(row, crossing)
        return Step(row, crossing, self._guide.discouraged(constraint))

    def _constrained(self, node: Node) -> tuple[Constraint, Row | None]:
        """What the monitor allows, and the packed mask of it and of text that must come again.

        While no token fits, monitors are set aside.
        """
        while True:
            constraint = self._monitor.maskgen(node.state)
            row = self._row(node, constraint)
            if row is None or not masks.is_empty(row):
                return constraint, row
            self.release(node)
            if node.released:
                return ANYTHING, self._row(node, ANYTHING)

    def _row(self, node: Node, constraint: Constraint) -> Row | None:
        """The packed mask; None if nothing is forbidden."""
        if node.pending and constraint is not ANYTHING:
            constraint = constraint.after(node.pending) or ANYTHING
            if constraint is ANYTHING:
                self.statistics.fail_open[Reason.INVALID_TEXT] += 1
        row = None if constraint is ANYTHING else self._index.row(constraint)
        if node.healing is not ANYTHING:
            healing = self._index.row(node.healing)
            row = healing if row is None else row & healing
        return row

    def _without_crossing(
        self, node: Node, row: Row | None, crossing: IntArray
    ) -> tuple[Row | None, IntArray]:
        if row is None:
            return self._guide.all_but_crossing(node.state), NO_IDS
        closed = row.copy()
        masks.close(closed, crossing)
        # Text that must come again may be reachable through crossing tokens alone: judge those.
        return (row, crossing) if masks.is_empty(closed) else (closed, NO_IDS)

    def release(self, node: Node) -> None:
        """Set the monitor aside at ``node`` because no token fits; counted.

        Text that has to be generated again stays required, so ask `step` again.
        """
        self.statistics.fail_open[Reason.EMPTY_MASK] += 1
        node.state = self._monitor.release(node.state)
        free = self._monitor.maskgen(node.state) is ANYTHING
        node.released = free and not self._monitor.queries(node.state)

    def keep(
        self, node: Node, ids: IntArray, logits: "np.ndarray[Any, Any]", best: float
    ) -> IntArray:
        """Those of the crossing ``ids`` that are valid and matter.

        ``logits`` are those of ``ids``; ``best`` is the highest logit of all other open tokens,
        ``-inf`` if there is none. Judges from the highest logit down, until a logit lies more than
        ``Options.margin`` below the best allowed one, or ``Options.most_judged`` were judged.
        """
        kept: list[int] = []
        order = np.argsort(-logits, kind="stable")
        for judged, position in enumerate(order):
            logit = float(logits[position])
            if logit == -np.inf or logit < best - self.options.margin:
                break
            if judged >= self.options.most_judged and best > -np.inf:
                break
            if self.judge(node, int(ids[position])):
                kept.append(int(ids[position]))
                best = max(best, logit)
        return np.array(kept, np.int64)

    def judge(self, node: Node, token_id: int) -> bool:
        """Whether the crossing token keeps every constraint. Waits for the facts it needs."""
        known = token_id in node.children
        valid = self._child(node, token_id).valid
        if not known:
            self.statistics.crossing_judged += 1
            self.statistics.crossing_rejected += not valid
        return valid


def prefetch(nodes: Iterable[tuple[Session, Node]]) -> None:
    """`Session.prefetch` for nodes of several sessions, some of which may be the same."""
    by_session: dict[Session, list[Node]] = {}
    for session, node in nodes:
        by_session.setdefault(session, []).append(node)
    for session, group in by_session.items():
        session.prefetch(*group)


def _decode(data: bytes) -> tuple[str, bytes]:
    """Complete characters of ``data``, and the bytes of an unfinished last one."""
    if data.isascii():
        return data.decode("ascii"), b""
    for length in range(1, min(3, len(data)) + 1):
        last = data[-length]
        if last >= 0xC0:
            expected = 2 if last < 0xE0 else 3 if last < 0xF0 else 4
            if length < expected:
                return data[:-length].decode("utf-8", "replace"), data[-length:]
            break
        if last < 0x80:
            break
    return data.decode("utf-8", "replace"), b""
