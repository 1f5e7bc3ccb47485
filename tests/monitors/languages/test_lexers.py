"""Every lexer but Python's: its table, a file against tree-sitter, and texts of odd tokens."""

from collections.abc import Hashable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.languages.lexers.brace_language import BraceLanguage
from monitors.languages.php import PHP
from monitors.languages.registry import LANGUAGES
from tests.monitors.languages.oracle import Oracle
from tests.monitors.languages.reading import begin, mark, opened, read, unmark
from tests.monitors.languages.tables import (
    c,
    cpp,
    csharp,
    dart,
    go,
    java,
    javascript,
    kotlin,
    php,
    ruby,
    rust,
    typescript,
)
from tests.strategies import BRACE_FRAGMENTS, code_like, splits

TABLES = [
    *(each.TABLE for each in (c, cpp, csharp, dart, go, java, kotlin, php, ruby, rust)),
    *(javascript.TABLE, typescript.TABLE, typescript.REACT),
]
LEXERS = [each for each in LANGUAGES.values() if isinstance(each, BraceLanguage)]


def label(value: object) -> str | None:
    """How a test's name shows a value: by the language's name, or as it is."""
    match value:
        case BraceLanguage():
            return value.name
        case Oracle():
            return value.sample
    return None


@pytest.mark.parametrize(
    ("language", "marked"),
    [(table.language, marked) for table in TABLES for marked in table.live],
    ids=label,
)
def test_live_operators(language: BraceLanguage, marked: str) -> None:
    """Each marked operator is live, and no other."""
    assert mark(language, unmark(marked)) == marked


@pytest.mark.parametrize(
    ("language", "text", "openers", "closers"),
    [(table.language, *case) for table in TABLES for case in table.open],
    ids=label,
)
def test_open(language: BraceLanguage, text: str, openers: str, closers: str) -> None:
    """A state tells what is open, and what closes it."""
    assert opened(language, text) == (openers, closers)


@pytest.mark.parametrize(
    ("language", "oracle"),
    [(table.language, table.oracle) for table in TABLES if table.oracle is not None],
    ids=label,
)
def test_against_tree_sitter(language: BraceLanguage, oracle: Oracle) -> None:
    """In a complete file the live operators are those of the syntax tree.

    A dot that another one follows begins a range or an ellipsis: an exit of the operator.
    """
    text, expected = oracle.text, oracle.live(language.operators)
    found = {at for at in read(language, [text])[0] if text[at - 1 : at + 1] != ".."}

    assert len(expected) > 20
    assert found == expected, [text[at - 30 : at + 10] for at in sorted(found ^ expected)]


broken = pytest.mark.parametrize(
    ("language", "fragments"),
    [
        *(pytest.param(each, BRACE_FRAGMENTS, id=each.name) for each in LEXERS),
        *(
            pytest.param(each.language, each.fragments, id=f"{each.language.name}-own")
            for each in TABLES
            if each.fragments
        ),
    ],
)
"""Languages, with odd tokens to make up broken code of: those of all, or of its own."""


@broken
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_splits(language: BraceLanguage, fragments: Sequence[str], data: st.DataObject) -> None:
    """The state and the live operators do not depend on how the text was split."""
    pieces = data.draw(splits(code_like(fragments)))
    text = "".join(pieces)
    whole = read(language, [text], begin(language))
    assert read(language, pieces, begin(language)) == whole
    assert read(language, list(text), begin(language)) == whole


@broken
@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_properties_tell_what_comes(
    language: BraceLanguage, fragments: Sequence[str], data: st.DataObject
) -> None:
    """An operator is live where there is a receiver, and closers close just what was opened."""
    _, state = read(language, [data.draw(code_like(fragments))], begin(language))
    usual = language.operators[0].text
    triggers, after = read(language, [usual], state)
    assert (triggers[-1:] == [len(usual)] and after.at_trigger) == (state.receiver != "")
    for level in range(len(state.open) + 1):
        closed = read(language, [language.closers(state, level)], state)[1]
        assert closed.open == state.open[:level]
    # `"$a` in PHP is text, but an arrow would be live there.
    assert state.in_code or not state.receiver or language is PHP


@broken
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_equal_keys_find_the_same(
    language: BraceLanguage, fragments: Sequence[str], data: st.DataObject
) -> None:
    """States with equal keys find the same live operators in every text."""
    texts = data.draw(st.lists(code_like(fragments, 6), min_size=20, max_size=20))
    tail = data.draw(code_like(fragments, 8))
    found: dict[Hashable, list[int]] = {}
    for text in texts:
        _, state = read(language, [text], begin(language))
        triggers, _ = read(language, [tail], state)
        assert found.setdefault(state.key, triggers) == triggers


def test_names_with_a_sign_have_a_key_of_their_own() -> None:
    """In Ruby ``ax?`` is a name and ``$ax?`` is none."""
    ruby = LANGUAGES["ruby"]
    plain, signed = (read(ruby, [text], begin(ruby))[1] for text in ("a", "$a"))

    assert plain.key != signed.key
    assert read(ruby, ["x?.y"], plain)[0] != read(ruby, ["x?.y"], signed)[0]


@pytest.mark.parametrize("language", LEXERS, ids=label)
def test_deep_and_long(language: BraceLanguage) -> None:
    """Thousands of brackets, closers or characters in a row are read as they are."""
    start, usual = begin(language), language.operators[0].text
    assert len(read(language, ["(" * 3000], start)[1].open) == 3000
    assert read(language, [")" * 9000], start)[1].open == ()
    assert len(read(language, [f"a{usual}b" * 3000], start)[0]) == 3000
