"""Several monitors as one: what every one of them allows may come next.

All of them read the same text and stop where the first of them has to be answered. A question that
several have is asked once. Where no token fits them all, the last one in their order that
constrains anything yields, then the next one before it.
"""

import re
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

from monitors.constraints import ANYTHING, Constraint, both
from monitors.protocols import Answer, Answered, Document, Monitor, Outcome, Progress, Query

JointState = tuple[Any, ...]
"""The states of all monitors, in their order."""


class JointMonitor:
    """Enforces every property of ``monitors``; the earlier ones matter more."""

    def __init__(self, monitors: Sequence[Monitor[Any]]) -> None:
        self._monitors = tuple(monitors)
        patterns = "|".join(f"(?:{each.crossing.pattern})" for each in self._monitors)
        self._crossing = re.compile(patterns)

    def start(self, document: Document) -> JointState:
        """The states at the end of ``document.prefix``."""
        return tuple([monitor.start(document) for monitor in self._monitors])

    def update(self, state: JointState, text: str) -> Progress[JointState]:
        """The states behind ``text``, as far as every monitor can read it without an answer."""
        read = [each.update(old, text) for each, old in self._pairs(state)]
        rest = max([each.rest for each in read], key=len)
        if rest:
            text = text[: len(text) - len(rest)]
            read = [
                done if len(done.rest) == len(rest) else monitor.update(old, text)
                for done, (monitor, old) in zip(read, self._pairs(state), strict=True)
            ]
        valid = all(each.valid for each in read)
        return Progress(tuple([each.state for each in read]), rest, valid)

    def queries(self, state: JointState) -> tuple[Query, ...]:
        """What any of them has to know, each question once."""
        found: tuple[Query, ...] = ()
        for monitor, each in self._pairs(state):
            found += monitor.queries(each)
        return found if len(found) < 2 else tuple(dict.fromkeys(found))

    def answer(self, state: JointState, query: Query, answer: Answer) -> Answered[JointState]:
        """The states of all who asked, with the answer."""
        states, outcomes = list(state), list[Outcome]()
        for place, (monitor, each) in enumerate(self._pairs(state)):
            if query in monitor.queries(each):
                states[place], found = monitor.answer(each, query, answer)
                outcomes += found
        return Answered(tuple(states), tuple(outcomes))

    def release(self, state: JointState) -> JointState:
        """Set the last one free that constrains anything."""
        states = list(state)
        for place in reversed(range(len(states))):
            monitor = self._monitors[place]
            if monitor.maskgen(states[place]) is not ANYTHING or monitor.queries(states[place]):
                states[place] = monitor.release(states[place])
                break
        return tuple(states)

    def maskgen(self, state: JointState) -> Constraint:
        """What all of them allow."""
        found: Constraint = ANYTHING
        for monitor, each in self._pairs(state):
            found = both(found, monitor.maskgen(each))
        return found

    def expect(self, state: JointState) -> tuple[Query, ...]:
        """What any of them is likely to ask soon."""
        found: tuple[Query, ...] = ()
        for monitor, each in self._pairs(state):
            found += monitor.expect(each)
        return found

    @property
    def crossing(self) -> re.Pattern[str]:
        """A trigger of any of them."""
        return self._crossing

    def crosses(self, state: JointState, text: str) -> bool:
        """Whether one of them has to judge ``text``."""
        return any(monitor.crosses(each, text) for monitor, each in self._pairs(state))

    def crossing_key(self, state: JointState) -> Hashable:
        """The keys of all."""
        return tuple([monitor.crossing_key(each) for monitor, each in self._pairs(state)])

    def parts(self, state: JointState) -> tuple[tuple[Monitor[Any], Any], ...]:
        """All of them."""
        return tuple(self._pairs(state))

    def _pairs(self, state: JointState) -> Iterator[tuple[Monitor[Any], Any]]:
        return zip(self._monitors, state, strict=True)
