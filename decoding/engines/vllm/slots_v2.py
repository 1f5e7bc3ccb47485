"""Slots of vLLM's Model Runner V2: tokens live on the device, one row of logits for each draft.

The tokens of step N are final on the device before step N+1 begins, so a small copy of them is
put into the device's queue there. A thread waits for it and begins to ask while the forward pass
runs; `SlotRows.apply` joins it.
"""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import torch

from decoding.engines.numpy_rows import Place
from decoding.engines.torch_rows import constrain
from decoding.engines.vllm.request import argument_of, margin_of
from decoding.engines.vllm.sessions import SessionStore, Text
from decoding.session.session import prefetch

_log = logging.getLogger(__name__)
_WINDOW = 16
"""Most tokens that one step is expected to add."""
_IDLE_STEPS = 16
"""A slot that was in no batch for so many steps is not asked for ahead; it may be empty."""


class _Slot:
    """What is known of the guided request in a slot."""

    def __init__(self, argument: str, margin: float, step: int) -> None:
        self.argument = argument
        self.margin = margin
        self.ids: list[int] = []
        """Prompt and output, as far as they were fetched."""
        self.text: Text | None = None
        self.refused = False
        """Whether the request goes unguided since it could not be opened."""
        self.last_step = step
        """When it was last in a batch."""

    def leave(self) -> None:
        """The text is found again by its content, if it comes back."""
        if self.text is not None:
            self.text.end()
            self.text = None


class _Copy(NamedTuple):
    """Tokens on their way to the host."""

    slots: list[tuple[int, _Slot]]
    tails: Any
    """[slots, 1 + _WINDOW]: the length of each text, and what follows the known tokens."""
    whole: dict[int, Any]
    """All tokens, for slots of which none was known."""
    ready: Any
    """The device's event behind the copy; None if it is done."""


class _Line(NamedTuple):
    """A row of logits."""

    row: int
    slot: int
    offset: int
    """Its place among the rows of its request: how many draft tokens it continues."""
    position: int
    token: int
    """What was fed to the model there."""


class SlotRows:
    """The guided requests by their slots."""

    def __init__(self, store: SessionStore, states: Any) -> None:
        """``states``: vLLM's `LogitsProcRequestState`, read only."""
        self._store = store
        self._states = states
        self._slots: dict[int, _Slot] = {}
        self._step = 0
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="mgd-tokens")
        self._asking: Future[None] | None = None

    def add(self, slot: int, params: Any) -> bool:
        """Forget who was in ``slot`` before; returns whether the new request is guided."""
        self._join()
        before = self._slots.pop(slot, None)
        if before is not None:
            before.leave()
        argument = argument_of(params.extra_args)
        if argument is None:
            return False
        self._slots[slot] = _Slot(argument, margin_of(params), self._step)
        return True

    def begin(self) -> None:
        """Fetch new tokens and begin to ask, beside the forward pass; waits for nothing."""
        if not self._slots:
            return
        with self._store.totals.spending():
            self._join()
            self._step += 1
            self._store.budget.renew()
            slots = list(self._busy())
            if slots:
                self._asking = self._thread.submit(self._ask, self._copy(slots))

    def _busy(self) -> Iterator[tuple[int, _Slot]]:
        oldest = self._step - _IDLE_STEPS
        for slot, known in self._slots.items():
            if known.last_step >= oldest:
                yield slot, known
            else:
                known.leave()

    def apply(self, logits: Any, context: Any) -> Any:
        """Close, in place, what may not come next."""
        here = {slot for slot in context.idx_mapping_np.tolist() if slot in self._slots}
        if here:
            with self._store.totals.spending():
                self._constrain(logits, context, here)
        return logits

    def _constrain(self, logits: Any, context: Any, here: set[int]) -> None:
        self._join()
        for slot in here:
            self._slots[slot].last_step = self._step
        places = list(self._places(context, here))
        prefetch((place.session, place.node) for place in places)
        texts = [known.text for known in map(self._slots.get, here) if known and known.text]
        self._store.stepped = {text.request for text in texts}
        constrain(logits, places, in_place=True)
        self._store.totals.steps += 1
        self._store.totals.rows += len(places)

    def _join(self) -> None:
        """Sessions belong to one thread at a time."""
        if self._asking is not None:
            self._asking.result()
            self._asking = None

    def _copy(self, slots: list[tuple[int, _Slot]]) -> _Copy:
        device = self._states.device
        tokens, lengths = self._states.all_token_ids.gpu, self._states.total_len.gpu
        rows = _sent([slot for slot, _ in slots], device)
        starts = _sent([len(known.ids) for _, known in slots], device)
        window = starts[:, None] + torch.arange(_WINDOW, device=device)
        tails = tokens[rows[:, None], window.clamp(max=tokens.shape[1] - 1)]
        fresh = [slot for slot, known in slots if not known.ids]
        tails = _fetched(torch.cat([lengths[rows][:, None], tails], dim=1))
        whole = {slot: _fetched(tokens[slot]) for slot in fresh}
        ready = None
        if device.type == "cuda":
            ready = torch.cuda.Event()  # type: ignore[no-untyped-call]
            ready.record()
        return _Copy(slots, tails, whole, ready)

    def _ask(self, copy: _Copy) -> None:
        """Read the tokens that have come, and begin to answer what they need."""
        if copy.ready is not None:
            copy.ready.synchronize()
        texts = []
        for (slot, known), (length, *tail) in zip(copy.slots, copy.tails.tolist(), strict=True):
            if slot in copy.whole:
                known.ids = copy.whole[slot][:length].tolist()
            else:
                known.ids += tail[: max(0, length - len(known.ids))]
            text = self._text(slot, known)
            if text is not None:
                text.follow(known.ids, self._prompt_length(slot))
                text.session.hasten(text.node)
                texts.append(text)
        prefetch((text.session, text.node) for text in texts)

    def _text(self, slot: int, known: _Slot) -> Text | None:
        if known.text is None and not known.refused:
            length = self._prompt_length(slot)
            prompt, is_new = known.ids[:length], len(known.ids) <= length
            request = self._store.open(known.argument, prompt, known.margin, is_new=is_new)
            known.refused = request is None
            known.text = None if request is None else Text(request, len(known.ids) - length)
        return known.text

    def _prompt_length(self, slot: int) -> int:
        return int(self._states.prompt_len.np[slot])

    def _places(self, context: Any, here: set[int]) -> Iterator[Place]:
        drafts: list[int] = []
        for line in _lines(context):
            if line.slot not in here:
                continue
            drafts = [] if line.offset == 0 else [*drafts, line.token]
            if line.position + 1 < int(self._states.prefill_len.np[line.slot]):
                continue  # a chunk of a prompt: what is sampled is thrown away
            known = self._slots[line.slot]
            length = line.position - line.offset + 1
            if len(known.ids) < length or (not drafts and known.ids[length - 1] != line.token):
                self._fetch_now(line.slot, known)
            text = self._text(line.slot, known)
            if text is not None:
                text.follow(known.ids, self._prompt_length(line.slot), length)
                node = text.node
                for token_id in drafts:
                    node = text.session.peek(node, token_id)
                yield Place(line.row, text.session, node)

    def _fetch_now(self, slot: int, known: _Slot) -> None:
        """Read a text again that is not what was expected: the copy was too small, or too old."""
        length = int(self._states.total_len.gpu[slot])
        known.ids = self._states.all_token_ids.gpu[slot, :length].tolist()


def _lines(context: Any) -> Iterator[_Line]:
    columns = (
        context.expanded_idx_mapping,
        context.expanded_local_pos,
        context.pos,
        context.input_ids,
    )
    host = torch.stack([each.to(torch.int64) for each in columns]).cpu().T.tolist()
    for row, (slot, offset, position, token) in enumerate(host):
        yield _Line(row, slot, offset, position, token)


def _sent(numbers: Sequence[int], device: Any) -> Any:
    """A tensor on the device, without waiting for it."""
    pinned = device.type == "cuda"
    host = torch.tensor(numbers, dtype=torch.int64, pin_memory=pinned)
    return host.to(device, non_blocking=True)


def _fetched(tensor: Any) -> Any:
    """A tensor on the host, which is filled without waiting for it."""
    pinned = tensor.device.type == "cuda"
    host = torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=pinned)
    host.copy_(tensor, non_blocking=pinned)
    return host
