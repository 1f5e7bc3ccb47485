"""Closes tokens in logits that are torch tensors; what the adapters for torch engines share.

All rows of a step are treated together: first every row is closed as far as that needs no answer,
then the questions of all rows are under way at once, and only then is any of them waited for. What
lies in the host's memory is left to `decoding.engines.numpy_rows`, several times faster there.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from decoding.engines import numpy_rows as host_logits
from decoding.engines.numpy_rows import Floats, Guided, Place, Positions, changes, in_turn, near
from decoding.session.node import Step
from decoding.vocabulary import masks


class _Crossing(NamedTuple):
    """Crossing tokens of one row: ids, their logits, and the highest logit of all other tokens."""

    guided: Guided
    start: int
    values: Floats
    best: float


def constrain(logits: Any, places: Sequence[Place], *, in_place: bool = False) -> Any:
    """Logits of shape (rows, vocabulary) with -inf where a token may not come next.

    Returns ``logits`` itself if nothing changes or ``in_place``, else a copy. Waits for the facts
    that the places need, for one deadline in all where their sessions share a budget. Rows that
    are not named and rows without a constraint keep their values bit for bit.
    """
    written: list[Any] = [logits] if in_place else []

    def writable() -> Any:
        if not written:
            written.append(logits.clone())
        return written[0]

    if _is_on_host(logits):
        host_logits.constrain(logits.detach().numpy(), places, lambda: writable().detach().numpy())
    else:
        _constrain(writable, places)
    return written[0] if written else logits


def _is_on_host(logits: Any) -> bool:
    return bool(logits.device.type == "cpu" and logits.dtype == torch.float32)


def _constrain(writable: Callable[[], Any], places: Sequence[Place]) -> None:
    """What `host_logits.constrain` does, with few operations for many rows."""
    closed = []
    for group in in_turn(places):
        guided = [Guided(place, place.session.step(place.node)) for place in group]
        active = [each for each in guided if changes(each)]
        if active:
            closed.append(_Closed(writable(), active))
    for each in closed:
        each.finish()


class _Closed:
    """Rows that were closed as far as that needs no answer, and whose questions were asked."""

    def __init__(self, logits: Any, active: Sequence[Guided]) -> None:
        self._logits = logits
        self._masked = [each for each in active if each.step.row is not None]
        self._before: Any = _close_masked(logits, self._masked) if self._masked else None
        crossing = [each for each in active if each.step.crossing.size]
        self._crossing = _CrossingTokens(logits, crossing) if crossing else None

    def finish(self) -> None:
        """Open what is valid and matters, and release rows that have no token left."""
        kept_any = self._crossing.judge() if self._crossing is not None else set()
        for position in _without_token(self._logits, self._masked, kept_any):
            place = self._masked[position].place
            if not place.node.released:
                self._logits[place.row] = self._before[position]
                _release(self._logits, place)
        if self._crossing is not None:
            for place in self._crossing.reopened(kept_any):
                _release(self._logits, place)


def _without_token(logits: Any, masked: Sequence[Guided], kept_any: set[int]) -> list[int]:
    """Positions of the masked rows in which every token is closed."""
    asked = [n for n, each in enumerate(masked) if each.place.row not in kept_any]
    if not asked:
        return []
    rows = torch.tensor([masked[n].place.row for n in asked], device=logits.device)
    highest = logits[rows].amax(dim=-1).tolist()
    return [n for n, value in zip(asked, highest, strict=True) if value == -math.inf]


def _close_masked(logits: Any, masked: Sequence[Guided]) -> Any:
    """Close what the masks close, and push blanks down; returns the rows as they were."""
    rows = torch.tensor([each.place.row for each in masked], device=logits.device)
    width = logits.shape[-1]
    closed = np.stack([~masks.unpack(_row_of(each.step), width) for each in masked])
    before = logits[rows]
    after = before.masked_fill(torch.from_numpy(closed).to(logits.device), -torch.inf)
    for position, each in enumerate(masked):
        if each.step.discouraged.size:
            blanks = torch.from_numpy(each.step.discouraged).to(logits.device)
            after[position, blanks] -= each.place.session.options.blank_penalty
    logits[rows] = after
    return before


def _row_of(step: Step) -> masks.Row:
    assert step.row is not None
    return step.row


class _CrossingTokens:
    """The crossing tokens of some rows, closed; what judging them needs is asked."""

    def __init__(self, logits: Any, guided: Sequence[Guided]) -> None:
        self._logits = logits
        self._rows, self._ids = _coordinates(guided, logits.device)
        self._values = logits[self._rows, self._ids]
        logits[self._rows, self._ids] = -torch.inf
        found = _gather(logits, guided, self._values)
        self._likely = [(each, positions) for each in found if (positions := _likely(each)).size]
        for each, positions in self._likely:
            place, step = each.guided
            place.session.anticipate(place.node, step.crossing[positions])

    def judge(self) -> set[int]:
        """Open those again that are valid and matter; returns the rows in which some are."""
        opened = [kept for each, positions in self._likely for kept in _keep(each, positions)]
        if not opened:
            return set()
        again = torch.tensor(opened, device=self._logits.device)
        self._logits[self._rows[again], self._ids[again]] = self._values[again]
        return {int(row) for row in self._rows[opened].tolist()}

    def reopened(self, kept_any: set[int]) -> list[Place]:
        """Places without a mask where nothing is left of what was open; open as before."""
        places = []
        for each, _ in self._likely:
            (place, step), end = each.guided, each.start + len(each.values)
            if step.row is None and each.best == -math.inf and place.row not in kept_any:
                again = slice(each.start, end)
                self._logits[self._rows[again], self._ids[again]] = self._values[again]
                places.append(place)
        return places


def _coordinates(guided: Sequence[Guided], device: Any) -> tuple[Any, Any]:
    sizes = [each.step.crossing.size for each in guided]
    rows = np.repeat([each.place.row for each in guided], sizes)
    ids = np.concatenate([each.step.crossing for each in guided])
    return torch.from_numpy(rows).to(device), torch.from_numpy(ids).to(device)


def _gather(logits: Any, guided: Sequence[Guided], values: Any) -> list[_Crossing]:
    """Bring what the host has to see to it, in one copy."""
    rows = [each.place.row for each in guided]
    others = logits if rows == list(range(logits.shape[0])) else logits[rows]
    host = torch.cat([values.float(), others.amax(dim=-1).float()]).cpu().numpy()
    starts = np.cumsum([0, *(each.step.crossing.size for each in guided)]).tolist()
    return [
        _Crossing(each, start, host[start:end], float(best))
        for each, start, end, best in zip(
            guided, starts, starts[1:], host[starts[-1] :], strict=False
        )
    ]


def _likely(crossing: _Crossing) -> Positions:
    margin = crossing.guided.place.session.options.margin
    return near(crossing.values, crossing.best, margin)


def _keep(crossing: _Crossing, positions: Positions) -> list[int]:
    """Positions, among the crossing tokens of all rows, of those that are opened again."""
    (_, session, node), step = crossing.guided
    ids = step.crossing[positions]
    kept = session.keep(node, ids, crossing.values[positions], crossing.best)
    return [crossing.start + position for position in positions[np.isin(ids, kept)].tolist()]


def _release(logits: Any, place: Place) -> None:
    """Set the monitor of a row aside that had no token left, and start over."""
    place.session.release(place.node)
    constrain(logits, [place], in_place=True)
