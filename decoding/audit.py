"""Judges finished text: which names in it would a monitor not have allowed?"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from monitors.protocols import Answer, Document, Facts, Monitor, Query

_NAME = re.compile(r"\w*")
_TYPED = re.compile(r"\w*\Z")


@dataclass(frozen=True, slots=True)
class Verdict:
    """One constrained point in a text."""

    offset: int
    """Where the name starts, in characters from the beginning of the audited text.

    Negative for a name that was begun in front of it.
    """
    name: str
    valid: bool
    allowed: tuple[str, ...]
    """The names that were valid there, in the server's order."""


def audit(
    monitor: Monitor[Any], ask: Callable[[Query], Answer], document: Document, text: str
) -> list[Verdict]:
    """Verdicts on every name in ``text``, generated behind ``document.prefix``.

    Each query is asked by ``ask`` afresh. Points at which the analysis has no answer are left out.
    """
    verdicts: list[Verdict] = []
    state = monitor.start(document)
    typed = _TYPED.search(document.prefix)
    assert typed is not None
    open_at: tuple[str, int, Facts] | None = None
    for position, character in enumerate(text):
        state, rest, _ = monitor.update(state, character)
        while rest:
            query = monitor.pre(state)
            assert query is not None
            answer = ask(query)
            if isinstance(answer, Facts):
                open_at = ("" if position else typed[0], position, answer)
            state = monitor.answer(state, answer)
            state, rest, _ = monitor.update(state, rest)
        if open_at is not None and not character.isidentifier() and not character.isalnum():
            verdicts.append(_verdict(text, *open_at))
            open_at = None
    if open_at is not None:
        verdicts.append(_verdict(text, *open_at, finished=False))
    return verdicts


def _verdict(text: str, typed: str, offset: int, facts: Facts, *, finished: bool = True) -> Verdict:
    match = _NAME.match(text, offset)
    assert match is not None
    name, names = typed + match[0], tuple(name.text for name in facts.names)
    valid = name in names or (not finished and any(known.startswith(name) for known in names))
    return Verdict(offset - len(typed), name, valid, names)
