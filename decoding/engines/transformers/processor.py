"""The logits processor for Transformers, and generating with it.

It translates only: rows of token ids to session nodes, packed masks and verdicts to logits.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from transformers import (
    LogitsProcessor,
    StoppingCriteria,
)

from decoding.engines.numpy_rows import Place
from decoding.engines.torch_rows import constrain
from decoding.session.deadlines import Budget
from decoding.session.node import Node
from decoding.session.paths import Path
from decoding.session.session import Session, prefetch
from monitors.errors import UsageError

_MERGED = ("logits_processor", "stopping_criteria")


@dataclass(slots=True)
class _Row:
    """One row of the batch as it was last, so that the next step need not start over."""

    ids: list[int]
    path: Path

    @property
    def session(self) -> Session:
        return self.path.session

    @property
    def node(self) -> Node:
        return self.path.node


class MonitorLogitsProcessor(LogitsProcessor):
    """Masks, row by row, every token that cannot lead to a valid name.

    Batches, several sequences for one prompt, beams and assisted decoding get the right mask per
    row: if the rows are those of the prompts in their order, as many for each prompt, a row belongs
    to its prompt by its place, else by the prompt that it begins with. Calls may jump back and
    forth. Rows without a constraint keep their logits bit for bit. All rows together wait no longer
    than one deadline for each token. `close` it, or use it as a context manager, to give up what is
    still being asked when generation ends.
    """

    def __init__(self, prompts: Sequence[tuple[Sequence[int], Session]]) -> None:
        """``prompts``: the token ids of each prompt, without padding, and its session."""
        if not prompts:
            raise UsageError("got no prompts; expected at least one (token ids, session) pair")
        self._prompts = [(list(ids), session) for ids, session in prompts]
        self._length = max(len(ids) for ids, _ in self._prompts)
        self._rows: list[_Row] = []
        self._budget = Budget()
        for _, session in self._prompts:
            session.share(self._budget)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what was asked ahead; it would keep servers busy. Going on does no harm."""
        for _, session in self._prompts:
            session.close()

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores of shape (rows, vocabulary) with forbidden tokens at -inf; a copy if changed."""
        self._follow(input_ids)
        places = [Place(index, row.session, row.node) for index, row in enumerate(self._rows)]
        masked = constrain(scores, places)
        likely = masked.argmax(dim=-1).tolist()
        prefetch(
            (row.session, row.session.peek(row.node, token_id))
            for row, token_id in zip(self._rows, likely, strict=True)
            if not row.node.ended
        )
        self._budget.renew()
        return masked

    def sampled(self, input_ids: Any) -> None:
        """Tell what was sampled, so that its queries run beside the next forward pass."""
        self._follow(input_ids)

    def _follow(self, input_ids: Any) -> None:
        """Find the node of each row, and begin to answer all that they need at once."""
        rows = input_ids.tolist()
        sessions = self._sessions([ids[: self._length] for ids in rows])
        self._rows = [
            self._find(index, ids, session)
            for index, (ids, session) in enumerate(zip(rows, sessions, strict=True))
        ]
        for row in self._rows:
            row.session.hasten(row.node)
        prefetch((row.session, row.node) for row in self._rows)

    def _find(self, index: int, ids: list[int], session: Session) -> _Row:
        """The row, going on from the row of the last step that it continues."""
        for last in self._nearest(index):
            if last.session is session and ids[: len(last.ids)] == last.ids:
                path = last.path.fork()
                break
        else:
            same = index < len(self._rows) and self._rows[index].session is session
            path = self._rows[index].path.fork() if same else Path(session)
        path.follow(ids, self._length)
        return _Row(ids, path)

    def _nearest(self, index: int) -> Iterator[_Row]:
        """The rows of the last step, that in the same place first: beams change places."""
        yield from self._rows[index : index + 1]
        yield from self._rows[:index]
        yield from self._rows[index + 1 :]

    def _sessions(self, heads: Sequence[list[int]]) -> list[Session]:
        """The session of each row, of which ``heads`` are the beginnings, padding included."""
        each, rest = divmod(len(heads), len(self._prompts))
        if each and not rest:
            in_order = [self._prompts[index // each] for index in range(len(heads))]
            if all(_ends(head, ids) for head, (ids, _) in zip(heads, in_order, strict=True)):
                return [session for _, session in in_order]
        return [self._session(head) for head in heads]

    def _session(self, head: list[int]) -> Session:
        """The session of the longest prompt that ends where generation began."""
        fitting = [pair for pair in self._prompts if _ends(head, pair[0])]
        if not fitting:
            raise UsageError(
                "a row begins with none of the prompts; expected the prompts' token ids, padded "
                f"on the left to {self._length} tokens (tokenizer.padding_side = 'left')"
            )
        longest = max(len(ids) for ids, _ in fitting)
        found = {session: None for ids, session in fitting if len(ids) == longest}
        if len(found) > 1:
            raise UsageError(
                f"got {len(found)} prompts with the same token ids and different sessions, and "
                "rows that are not those of the prompts in their order; expected as many rows for "
                "each prompt, in the order of the prompts, so that their places tell them apart"
            )
        return next(iter(found))


def _ends(head: list[int], ids: list[int]) -> bool:
    """Whether a row's beginning is padding and the prompt ``ids``."""
    return head[len(head) - len(ids) :] == ids


class _StopEachRow(StoppingCriteria):
    """Stops each row on its own, and lets the processor ask ahead while the next pass runs."""

    def __init__(
        self,
        prompt_length: int,
        is_done: Callable[[list[int]], bool],
        processor: MonitorLogitsProcessor,
    ) -> None:
        self._prompt_length = prompt_length
        self._is_done = is_done
        self._processor = processor

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        """Tensor of shape (rows,): True where the row is finished."""
        self._processor.sampled(input_ids)
        done = [self._is_done(ids[self._prompt_length :]) for ids in input_ids.tolist()]
        return torch.tensor(done, dtype=torch.bool, device=input_ids.device)


def generate(
    model: Any,
    prompt: Sequence[int],
    session: Session,
    is_done: Callable[[list[int]], bool],
    options: Mapping[str, Any],
) -> list[list[int]]:
    """Token ids generated for one prompt, one list per returned sequence.

    ``options`` go to ``model.generate``; those that would drop the processor without a word raise
    `UsageError`.
    """
    if options.get("cache_implementation") == "paged":
        raise UsageError(
            "cache_implementation='paged' ignores logits processors, so nothing would be "
            "constrained; leave it out"
        )
    ids = torch.tensor([list(prompt)], dtype=torch.long, device=model.device)
    with MonitorLogitsProcessor([(prompt, session)]) as processor:
        sequences = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            logits_processor=[*options.get("logits_processor", ()), processor],
            stopping_criteria=[
                *options.get("stopping_criteria", ()),
                _StopEachRow(len(prompt), is_done, processor),
            ],
            **{key: value for key, value in options.items() if key not in _MERGED},
        )
    return [row[len(prompt) :] for row in getattr(sequences, "sequences", sequences).tolist()]
