"""Judges finished text: which names in it would a monitor not have allowed?"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from monitors.constraints import ANYTHING
from monitors.languages.language import Language
from monitors.protocols import Answer, Document, Members, Monitor, Query


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
    monitor: Monitor[Any],
    language: Language,
    ask: Callable[[Query], Answer],
    document: Document,
    text: str,
) -> list[Verdict]:
    """Verdicts on every name in ``text``, generated behind ``document.prefix``.

    Each query is asked by ``ask`` afresh. Points at which the analysis has no answer are left out.
    """
    verdicts: list[Verdict] = []
    state = monitor.start(document)
    word = rf"[\w{re.escape(language.extra)}]"
    typed = re.search(rf"{word}*\Z", document.prefix)
    assert typed is not None
    open_at: tuple[str, int, Members] | None = None
    for position, character in enumerate(text):
        state, rest, valid = monitor.update(state, character)
        while rest:
            fits = False
            for query in monitor.queries(state):
                answer = ask(query)
                if isinstance(answer, Members):
                    open_at = ("" if position else typed[0], position, answer)
                state, outcomes = monitor.answer(state, query, answer)
                fits = fits or any(outcome.reason is None for outcome in outcomes)
            state, rest, valid = monitor.update(state, rest)
            valid = valid and fits
        if open_at is not None and monitor.maskgen(state) is ANYTHING:
            begun, offset, facts = open_at
            end = position
            if not valid:
                end = max(end, _word_end(word, text, offset))
            verdicts.append(_verdict(begun + text[offset:end], offset - len(begun), valid, facts))
            open_at = None
    if open_at is not None:
        begun, offset, facts = open_at
        name = begun + text[offset:]
        valid = any(known.text.startswith(name) for known in facts.names)
        verdicts.append(_verdict(name, offset - len(begun), valid, facts))
    return verdicts


def _word_end(word: str, text: str, offset: int) -> int:
    match = re.compile(rf"{word}*").match(text, offset)
    assert match is not None
    return match.end()


def _verdict(name: str, offset: int, valid: bool, facts: Members) -> Verdict:
    return Verdict(offset, name, valid, tuple(known.text for known in facts.names))
