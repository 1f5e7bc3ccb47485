"""Texts that are read again: never differently, and no more of them than has changed."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.languages.language import Language
from monitors.languages.python import PYTHON
from monitors.languages.reader import Reader, Reading
from monitors.languages.reading import advance
from monitors.languages.registry import LANGUAGES
from tests.strategies import BRACE_FRAGMENTS

LINE = "value = thing.other(1)  # a. b\n"
PIECES = st.lists(st.sampled_from([*BRACE_FRAGMENTS, 40 * LINE, 1_999 * " "]), max_size=12)


def plainly(language: Language, text: str) -> tuple[Any, ...]:
    """The definition: read it all."""
    lexer, trigger, at_trigger, position = language.start(), None, None, 0
    while position < len(text):
        lexer, position = lexer.scan(text, position)
        if lexer.at_trigger:
            trigger, at_trigger = position, lexer
    return len(text), lexer, trigger, at_trigger


def is_outside(language: Language, text: str, reading: Reading) -> bool:
    """Whether no parenthesis is open where a reading says so, and the lexer there is right."""
    lexer = advance(language.start(), text[: reading.outside])
    return lexer == reading.outside_calls and "(" not in lexer.open


@given(
    language=st.sampled_from(list(LANGUAGES.values())),
    texts=st.lists(st.tuples(st.sampled_from("ab"), PIECES.map("".join)), max_size=4),
    common=PIECES.map("".join),
)
def test_what_was_read_before_changes_nothing(
    language: Language, texts: list[tuple[str, str]], common: str
) -> None:
    """Texts that grow, shrink and change anywhere, under one name and under several."""
    reader = Reader(language, capacity=1)
    for name, text in texts:
        for each in (text, common + text, common, text + common):
            reading = reader.read(name, each)
            assert reading[:4] == plainly(language, each)
            assert is_outside(language, each, reading)


@dataclasses.dataclass(frozen=True)
class Counting:
    """Python's lexer, which counts the characters that it reads."""

    counts: list[int]
    inner: Any = dataclasses.field(default_factory=PYTHON.start)

    def scan(self, text: str, start: int = 0) -> "tuple[Counting, int]":
        """As ever."""
        inner, end = self.inner.scan(text, start)
        self.counts.append(end - start)
        return Counting(self.counts, inner), end

    @property
    def open(self) -> tuple[str, ...]:
        """As ever."""
        return tuple(self.inner.open)

    @property
    def at_trigger(self) -> bool:
        """As ever."""
        return bool(self.inner.at_trigger)

    def start(self) -> "Counting":
        """As a language does."""
        return self


@pytest.mark.parametrize(
    ("then", "most"),
    [
        (400 * LINE + "x.", 2),
        (300 * LINE, 2_000),
        (350 * LINE + "new(" + 50 * LINE, 2_000 + 51 * len(LINE)),
        (400 * LINE, 0),
    ],
    ids=["grown", "shorter", "changed", "same"],
)
def test_only_what_has_changed_is_read_again(then: str, most: int) -> None:
    """Up to one piece before it."""
    counting = Counting([])
    reader = Reader(counting)  # type: ignore[arg-type]
    reader.read("a", 400 * LINE)
    reader.read("b", 10 * LINE)
    counting.counts.clear()
    reader.read("a", then)

    assert sum(counting.counts) <= most


def test_generations_at_two_places_of_a_file_do_not_get_in_each_others_way() -> None:
    """In turns, each reads what is new in its own text."""
    counting = Counting([])
    reader = Reader(counting)  # type: ignore[arg-type]
    texts = [100 * LINE + "first", 400 * LINE + "second"]
    for text in texts:
        reader.read("a", text)
    counting.counts.clear()
    for end in ("(", "(x", "(x)"):
        for text in texts:
            reader.read("a", text + end)

    assert sum(counting.counts) == 2 * len("(x)")


def test_few_texts_are_kept() -> None:
    """The one that was not read for longest is forgotten."""
    counting = Counting([])
    reader = Reader(counting, capacity=2)  # type: ignore[arg-type]
    for name in "abac":
        reader.read(name, LINE)
    counting.counts.clear()
    reader.read("a", LINE)
    assert not counting.counts
    reader.read("b", LINE)

    assert sum(counting.counts) == len(LINE)
