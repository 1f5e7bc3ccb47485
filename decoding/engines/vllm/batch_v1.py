"""Rows of vLLM's V1 model runner: a batch whose changes are told before every forward pass."""

from typing import Any

import torch

from decoding.engines.numpy_rows import Place
from decoding.engines.torch_rows import constrain
from decoding.engines.vllm.interfaces import BatchUpdate, process_dict_updates
from decoding.engines.vllm.request import argument_of, margin_of
from decoding.engines.vllm.sessions import SessionStore, Text
from decoding.session.session import prefetch


class _Row:
    """A guided row: its text, and the list to which the engine appends what it sampled."""

    def __init__(self, text: Text, output: list[int]) -> None:
        self.text = text
        self.output = output


class BatchRows:
    """The guided rows of the batch."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store
        self._rows: dict[int, _Row] = {}
        self._guesses = False
        """Whether tokens were unknown before the forward pass, so that asking had to wait."""

    def update(self, change: BatchUpdate | None) -> None:
        """Follow the batch, and begin to answer what its rows need; waits for nothing.

        Tokens that are not known yet are read in `apply`.
        """
        if not self._rows and (change is None or not change.added):
            return
        with self._store.totals.spending():
            if change is not None:
                self._change(change)
            self._store.budget.renew()
            self._guesses = not self._follow()

    def _change(self, change: BatchUpdate) -> None:
        before = {row.text for row in self._rows.values()}
        process_dict_updates(self._rows, change, self._open)
        for text in before - {row.text for row in self._rows.values()}:
            text.end()

    def apply(self, logits: Any) -> Any:
        """Close, in place, what may not come next."""
        if self._rows:
            with self._store.totals.spending():
                self._constrain(logits)
        return logits

    def _constrain(self, logits: Any) -> None:
        if self._guesses:
            self._follow()
        places = [
            Place(index, row.text.session, row.text.node) for index, row in self._rows.items()
        ]
        self._store.stepped = {row.text.request for row in self._rows.values()}
        constrain(logits, places, in_place=True)
        if self._guesses:
            self._ask_ahead(logits, places)
        self._store.totals.steps += 1
        self._store.totals.rows += len(places)

    def _open(
        self, params: Any, prompt_ids: list[int] | None, output_ids: list[int]
    ) -> _Row | None:
        argument = argument_of(params.extra_args)
        if argument is None:
            return None
        margin = margin_of(params)
        request = self._store.open(argument, prompt_ids or (), margin, is_new=not output_ids)
        return None if request is None else _Row(Text(request, len(output_ids)), output_ids)

    def _follow(self) -> bool:
        """Go to the nodes of the rows, and have all that they need under way.

        Returns whether all tokens are known.
        """
        all_known = True
        for row in self._rows.values():
            text = row.text
            if text.follow(row.output):
                text.session.hasten(text.node)
            else:
                all_known = False
        prefetch((row.text.session, row.text.node) for row in self._rows.values())
        return all_known

    def _ask_ahead(self, logits: Any, places: list[Place]) -> None:
        """Ask what the likeliest next tokens need: they will not be shown in time."""
        rows = torch.tensor([place.row for place in places], device=logits.device)
        likely = logits[rows].argmax(dim=-1).tolist()
        prefetch(
            (place.session, place.session.peek(place.node, token_id))
            for place, token_id in zip(places, likely, strict=True)
            if not place.node.ended
        )
