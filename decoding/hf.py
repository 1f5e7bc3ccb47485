"""The Transformers adapter: the only module that imports torch and transformers.

It translates only: rows of token ids to session nodes, packed masks and verdicts to logits.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    LogitsProcessor,
    StoppingCriteria,
)
from transformers.utils.logging import disable_progress_bar, enable_progress_bar

from decoding.host_logits import Place
from decoding.logits import constrain
from decoding.session import Node, Session, prefetch
from monitors.errors import ModelError, UsageError

_MERGED = ("logits_processor", "stopping_criteria")


@dataclass(slots=True)
class _Row:
    """The last state of one row of the batch, so that the next step need not start over."""

    ids: list[int]
    session: Session
    node: Node


class MonitorLogitsProcessor(LogitsProcessor):
    """Masks, row by row, every token that cannot lead to a valid name.

    Each row is recognised by its prompt, so batches, several sequences for one prompt, beams and
    assisted decoding give the right mask per row. State is kept by token prefix: calls may jump
    back and forth. Rows without a constraint keep their logits bit for bit.
    """

    def __init__(self, prompts: Sequence[tuple[Sequence[int], Session]]) -> None:
        """``prompts``: the token ids of each prompt, without padding, and its session."""
        if not prompts:
            raise UsageError("got no prompts; expected at least one (token ids, session) pair")
        self._prompts = [(list(ids), session) for ids, session in prompts]
        self._length = max(len(ids) for ids, _ in self._prompts)
        self._rows: list[_Row] = []

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
        return masked

    def sampled(self, input_ids: Any) -> None:
        """Tell what was sampled, so that its queries run beside the next forward pass."""
        self._follow(input_ids)

    def _follow(self, input_ids: Any) -> None:
        """Find the node of each row, and begin to answer all that they need at once."""
        self._rows = [self._find(index, ids) for index, ids in enumerate(input_ids.tolist())]
        prefetch((row.session, row.node) for row in self._rows)

    def _find(self, index: int, ids: list[int]) -> _Row:
        if index < len(self._rows):
            last = self._rows[index]
            if ids == last.ids:
                return last
            if ids[:-1] == last.ids:
                return _Row(ids, last.session, last.session.accept(last.node, ids[-1]))
        session = self._session(ids)
        node = session.root
        for token_id in ids[self._length :]:
            node = session.accept(node, token_id)
        return _Row(ids, session, node)

    def _session(self, ids: list[int]) -> Session:
        """The session of the longest prompt that ends where generation began."""
        head = ids[: self._length]
        fitting = [pair for pair in self._prompts if head[len(head) - len(pair[0]) :] == pair[0]]
        if not fitting:
            raise UsageError(
                "a row begins with none of the prompts; expected the prompts' token ids, padded "
                f"on the left to {self._length} tokens (tokenizer.padding_side = 'left')"
            )
        return max(fitting, key=lambda pair: len(pair[0]))[1]


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
    processor = MonitorLogitsProcessor([(prompt, session)])
    ids = torch.tensor([list(prompt)], dtype=torch.long, device=model.device)
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


def seed(number: int) -> None:
    """Seed the sampler."""
    torch.manual_seed(number)


def load(name: str, device: str | None = None) -> tuple[Any, Any]:
    """Model and tokenizer by name or folder, from the local disk or cache only.

    Raises `ModelError` if there is none.
    """
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"no model {name!r} on this machine; expected a folder with config.json and weights, "
            "or a name in the local Hugging Face cache"
        ) from error
    finally:
        enable_progress_bar()  # type: ignore[no-untyped-call]
    return model.to(device or "cpu").eval(), tokenizer
