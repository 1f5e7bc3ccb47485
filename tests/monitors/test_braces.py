"""The lexer of languages with braces: what holds for each of them, whatever the text."""

from collections.abc import Hashable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.languages.braces import BraceLanguage
from monitors.languages.registry import LANGUAGES
from tests.monitors.languages.reading import read
from tests.strategies import brace_like, splits

BRACES = [language for language in LANGUAGES.values() if isinstance(language, BraceLanguage)]
each = pytest.mark.parametrize("language", BRACES, ids=lambda language: language.name)


@each
@settings(max_examples=300, deadline=None)
@given(pieces=splits(brace_like()))
def test_split_invariance(language: BraceLanguage, pieces: list[str]) -> None:
    """The state and the live operators do not depend on how the text was split."""
    text = "".join(pieces)
    whole = read(language, [text])
    assert read(language, pieces) == whole
    assert read(language, list(text)) == whole


@each
@settings(max_examples=300, deadline=None)
@given(text=brace_like())
def test_properties_tell_what_comes(language: BraceLanguage, text: str) -> None:
    """An operator is live where there is a receiver, and closers close everything."""
    _, state = read(language, [text])
    usual = language.operators[0].text
    triggers, after = read(language, [usual], state)
    assert (triggers[-1:] == [len(usual)] and after.at_trigger) == (state.receiver != "")
    assert read(language, [language.closers(state)], state)[1].open == ()
    assert state.in_code or not state.receiver


@each
@settings(max_examples=200, deadline=None)
@given(
    texts=st.lists(brace_like(6), min_size=20, max_size=20),
    tail=brace_like(8),
)
def test_equal_keys_find_the_same(language: BraceLanguage, texts: list[str], tail: str) -> None:
    """States with equal keys find the same live operators in every text."""
    found: dict[Hashable, list[int]] = {}
    for text in texts:
        _, state = read(language, [text])
        triggers, _ = read(language, [tail], state)
        assert found.setdefault(state.key, triggers) == triggers
