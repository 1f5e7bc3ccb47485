"""Closes tokens in logits that lie in the host's memory, as a numpy array; row by row.

What `decoding.engines.torch_rows` does for tensors on a device, with the same results.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from decoding.session.node import Node, Step
from decoding.session.session import Session
from decoding.vocabulary import masks

Floats = npt.NDArray[np.float32]
Positions = npt.NDArray[np.intp]
_NOWHERE: Positions = np.array([], np.intp)


class Place(NamedTuple):
    """A row of the logits, and the text that it continues."""

    row: int
    session: Session
    node: Node


class Guided(NamedTuple):
    """A place, and what may come there."""

    place: Place
    step: Step


def steps(logits: Floats, places: Sequence[Place]) -> list[Guided]:
    """What may come at the places; ``logits``: [rows, vocabulary].

    Greedy rows are spared what cannot matter to them: see `Session.step`.
    """
    guided = []
    for place in places:
        is_greedy = place.session.options.margin == 0
        likeliest = int(logits[place.row].argmax()) if is_greedy else None
        guided.append(Guided(place, place.session.step(place.node, likeliest)))
    return guided


def near(values: Floats, best: float, margin: float) -> Positions:
    """Positions of the crossing tokens that are likely enough to be judged."""
    highest = values.max()
    if highest < best - margin or highest == -np.inf:  # as nearly always
        return _NOWHERE
    return np.flatnonzero((values >= best - margin) & (values > -np.inf))


def changes(guided: Guided) -> bool:
    """Whether some token may have to be closed."""
    return guided.step.row is not None or bool(guided.step.crossing.size)


def in_turn(places: Sequence[Place]) -> list[list[Place]]:
    """The places whose step waits for nothing, and then the others, whose questions are asked.

    So all that the first ones ask in their turn is under way before anything is waited for.
    """
    waiting = [place.session.hasten(place.node) for place in places]
    groups = [
        [place for place, waits in zip(places, waiting, strict=True) if waits is late]
        for late in (False, True)
    ]
    return [group for group in groups if group]


def constrain(logits: Floats, places: Sequence[Place], writable: Callable[[], Floats]) -> None:
    """Close what may not come next; ``logits``: [rows, vocabulary].

    ``writable`` gives what is written to, with the same content; called only if there is
    something to close. The questions of all rows are asked before anything is waited for, as far
    as they are known by then.
    """
    rows: list[_Row] = []
    for group in in_turn(places):
        active = [each for each in steps(logits, group) if changes(each)]
        rows += [_Row(writable()[each.place.row], each) for each in active]
    for row in rows:
        row.judge()
    for row in rows:
        if row.is_closed and not row.place.node.released:
            row.release()
            constrain(writable(), [row.place], writable)


class _Row:
    """One row: closed at once as far as that needs no answer, and the questions are asked."""

    def __init__(self, logits: Floats, guided: Guided) -> None:
        self.place, self._step = guided
        self._logits = logits
        self._before: Floats | None = None
        self._near = _NOWHERE
        if self._step.row is not None:
            self._close_masked(self._step.row)
        if self._step.crossing.size:
            self._close_crossing()

    @property
    def is_closed(self) -> bool:
        """Whether nothing is left: what other processors left open is all forbidden."""
        may_be = self._before is not None or self._near.size > 0
        return may_be and bool(self._logits.max() == -np.inf)

    def _close_masked(self, row: masks.Row) -> None:
        self._before = self._logits.copy()
        np.copyto(self._logits, -np.inf, where=~masks.unpack(row, len(self._logits)))
        self._logits[self._step.discouraged] -= self.place.session.options.blank_penalty

    def _close_crossing(self) -> None:
        _, session, node = self.place
        crossing = self._step.crossing
        self._values: Floats = self._logits[crossing]
        self._logits[crossing] = -np.inf
        self._best = float(self._logits.max())
        self._near = near(self._values, self._best, session.options.margin)
        if self._near.size:
            session.anticipate(node, crossing[self._near])

    def judge(self) -> None:
        """Open the crossing tokens again that are valid and matter."""
        if not self._near.size:
            return
        _, session, node = self.place
        ids = self._step.crossing[self._near]
        kept = session.keep(node, ids, self._values[self._near], self._best)
        opened = self._near[np.isin(ids, kept)]
        self._logits[self._step.crossing[opened]] = self._values[opened]

    def release(self) -> None:
        """Set the monitor aside, and take everything back."""
        self.place.session.release(self.place.node)
        if self._before is not None:
            self._logits[:] = self._before
        else:
            self._logits[self._step.crossing] = self._values
