"""Closes tokens in logits that are torch tensors; what the adapters for torch engines share.

All rows of a step are treated together: first every row is closed as far as that needs no answer,
then the questions of all rows are under way at once, and only then is any of them waited for. What
lies in the host's memory is left to `decoding.host_logits`, which is several times faster there.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from decoding import host_logits, masks
from decoding.host_logits import Floats, Guided, Place, Positions, near
from decoding.session import Step


class _Crossing(NamedTuple):
    """Crossing tokens of one row: ids, their logits, and the highest logit of all other tokens."""

    guided: Guided
    start: int
    values: Floats
    best: float


def constrain(logits: Any, places: Sequence[Place], *, in_place: bool = False) -> Any:
    """Logits of shape (rows, vocabulary) with -inf where a token may not come next.

    Returns ``logits`` itself if nothing changes or ``in_place``, else a copy. Waits for the facts
    that the places need, each up to its own deadline. Rows that are not named and rows without a
    constraint keep their values bit for bit.
    """
    is_on_host = _is_on_host(logits)
    if is_on_host:
        guided = host_logits.steps(logits.detach().numpy(), places)
    else:
        guided = [Guided(place, place.session.step(place.node)) for place in places]
    active = [each for each in guided if _changes(each.step)]
    if not active:
        return logits
    result = logits if in_place else logits.clone()
    if is_on_host:
        host_logits.constrain(result.detach().numpy(), active)
    else:
        _constrain(result, active)
    return result


def _is_on_host(logits: Any) -> bool:
    return bool(logits.device.type == "cpu" and logits.dtype == torch.float32)


def _changes(step: Step) -> bool:
    return step.row is not None or bool(step.crossing.size)


def _constrain(logits: Any, active: Sequence[Guided]) -> None:
    masked = [each for each in active if each.step.row is not None]
    before: Any = _close_masked(logits, masked) if masked else None
    crossing = [each for each in active if each.step.crossing.size]
    kept_any = _judge_crossing(logits, crossing) if crossing else set()
    for position in _without_token(logits, masked, kept_any):
        _release(logits, masked[position], before[position])


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


def _judge_crossing(logits: Any, guided: Sequence[Guided]) -> set[int]:
    """Close the crossing tokens and open those again that are valid and matter.

    Returns the rows in which some are open.
    """
    rows, ids = _coordinates(guided, logits.device)
    values = logits[rows, ids]
    logits[rows, ids] = -torch.inf
    found = _gather(logits, guided, values)
    likely = [(each, _likely(each)) for each in found]
    for each, positions in likely:
        place, step = each.guided
        if positions.size:
            place.session.anticipate(place.node, step.crossing[positions])
    opened = [
        kept for each, positions in likely if positions.size for kept in _keep(each, positions)
    ]
    if opened:
        again = torch.tensor(opened, device=logits.device)
        logits[rows[again], ids[again]] = values[again]
    return {int(row) for row in rows[opened].tolist()} if opened else set()


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


def _release(logits: Any, guided: Guided, before: Any) -> None:
    """Set the monitor of a row aside that has no token left, and start over."""
    place = guided.place
    if place.node.released:
        return
    place.session.release(place.node)
    logits[place.row] = before
    constrain(logits, [place], in_place=True)
