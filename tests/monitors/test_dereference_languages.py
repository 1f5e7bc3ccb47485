"""The dereference monitor in languages that have several operators, and more behind them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.constraints import Comments, Leading, Names
from monitors.dereference import DereferenceMonitor, DereferenceState
from monitors.languages.language import Language
from monitors.languages.registry import LANGUAGES
from monitors.protocols import Document, Members
from tests.analysts import answered, facts
from tests.strategies import splits

FACTS = facts("get", "get_all", "operator bool", "~Base", "r#type", "$el", "#priv", "0", "empty?")


def drive(
    name: str, prefix: str, text: str, answer: Members = FACTS
) -> tuple[DereferenceMonitor, DereferenceState, bool, int]:
    """Read ``text`` behind ``prefix``: the monitor, its state, validity, number of questions."""
    monitor = DereferenceMonitor(LANGUAGES[name])
    count = 0
    state = monitor.start(Document(name, "/p/file", prefix, ""))
    state, rest, valid = monitor.update(state, text)
    while rest:
        count += 1
        state = answered(monitor, state, answer)
        state, rest, still = monitor.update(state, rest)
        valid = valid and still
    return monitor, state, valid, count


@pytest.mark.parametrize(
    ("language", "prefix", "text"),
    [
        ("c", "x = p", "->get;"),
        ("c", "x = p->", "get_all;"),
        ("c", "x = p", "-> \\\n get;"),
        ("cpp", "x = p", ".operator bool();"),
        ("cpp", "x = p", ".~Base();"),
        ("cpp", "x = p", ".template get<int>();"),
        ("cpp", "x = ns", "::get();"),
        ("cpp", "f(args", "...);"),
        ("cpp", "x = p", "->*member;"),
        ("rust", "x = t", ".0;"),
        ("rust", "x = t", ".r#type;"),
        ("rust", "x = t", ".await?;"),
        ("rust", "for i in a", "..b {"),
        ("rust", "x = Vec", "::<u8>::get();"),
        ("rust", "x = t\n", "    .get()\n    .get_all();"),
        ("go", "x = y", ".(T)"),
        ("go", "f(a", "...)"),
        ("java", "x = Foo", ".class;"),
        ("java", "x = Foo", "::new;"),
        ("java", "x = y", ".<T>get();"),
        ("kotlin", "x = y", "?.get()"),
        ("kotlin", "x in a", "..b"),
        ("csharp", "x = y", "?.get();"),
        ("csharp", "x = a", "..b;"),
        ("dart", "x", "..get()..get_all();"),
        ("typescript", "x = y", "?.get()"),
        ("typescript", "x = y", "?.[0]"),
        ("typescript", "x = y", "?.(0)"),
        ("typescript", "x = y", "!.get"),
        ("typescript", "x = y", ".$el"),
        ("typescript", "x = y", ".#priv"),
        ("typescript", "x = y ", "?.5:1"),
        ("javascript", "x = y ", "?.05e3:1"),
        ("csharp", "x = y ", "?.5:1"),
        ("c", "x = p", "-> /* why-> */ get;"),
        ("c", "x = p", ".\n#if A\n  get\n#else\n  put\n#endif\n"),
        ("cpp", "x = p", ". // why\n // and\n get;"),
        ("rust", "let x = t", "./* why */get();"),
        ("go", "x := y", ". // why\n\tget()"),
        ("java", "x = y", ". /* why */ get();"),
        ("kotlin", "x = y", "?. // why\n get()"),
        ("csharp", "x = y", "./**/get();"),
        ("dart", "x = y", ". /* why */ get();"),
        ("typescript", "x = y", "?. // why\n get()"),
        ("javascript", "x = y", "./* why\n */get()"),
        ("php", "<?php $x = $y", "-> # why\n get();"),
        ("php", "<?php $x = $y", "->/* why */get();"),
        ("ruby", "x = y", ". # why\n get"),
        ("php", "<?php $x = $y", "->get();"),
        ("php", "<?php $x = $y", "?->get();"),
        ("php", "<?php $x = $y", "->{$name};"),
        ("php", "<?php $x = A", "::class;"),
        ("ruby", "x = y", "&.get"),
        ("ruby", "x = y", ".empty? && z"),
        ("ruby", "x = y", "::get"),
    ],
)
def test_what_may_stand_behind_an_operator_is_accepted(
    language: str, prefix: str, text: str
) -> None:
    """Listed names in the language's own spelling, its keywords, and what is no name at all."""
    assert drive(language, prefix, text)[2]


@pytest.mark.parametrize(
    ("language", "prefix", "text"),
    [
        ("c", "x = p", "->put;"),
        ("c", "x = p", "-> /* get */ put;"),
        ("go", "x := y", ". // get\n put()"),
        ("typescript", "x = y", ".# get\n get"),
        ("cpp", "x = p", ".templates;"),
        ("cpp", "x = p", ".operator+(y);"),
        ("cpp", "x = ns", "::put;"),
        ("rust", "x = t", ".put()"),
        ("go", "x = y", ".get$"),
        ("java", "x = y", "::put;"),
        ("kotlin", "x = y", "?.put()"),
        ("typescript", "x = y", "?.put"),
        ("typescript", "x = y", ".get$"),
        ("typescript", "x = y", ".#private"),
        ("php", "<?php $x = $y", "->put();"),
        ("ruby", "x = y", ".put!"),
    ],
)
def test_other_names_are_not(language: str, prefix: str, text: str) -> None:
    """They are asked about, and found to be missing."""
    *_, valid, asked = drive(language, prefix, text)

    # In C++ what follows the word operator, and in others what follows a whole name, is not judged.
    assert asked == 1
    assert valid is (text in (".operator+(y);", ".get$") and language != "typescript")


@pytest.mark.parametrize(
    ("language", "text"),
    [("rust", ".."), ("go", ".("), ("cpp", "->*"), ("typescript", "?.["), ("typescript", "?.5")],
)
def test_no_question_is_asked_for_what_is_no_name(language: str, text: str) -> None:
    """The second dot of a range, a type assertion, and the like."""
    assert drive(language, "x = y", text)[3] == 0


def test_the_constraint_knows_the_ways_out_and_the_language_s_letters() -> None:
    """Until the name has begun."""
    monitor, state, _, _ = drive("typescript", "x = y", "?.")
    rests = frozenset(name.text.encode() for name in FACTS.names)
    assert monitor.maskgen(answered(monitor, state, FACTS)) == Names(
        rests, Leading.SPACE, b"$", b"([0123456789", Comments.SLASHES
    )

    monitor, state, _, _ = drive("typescript", "x = y", "?.g")
    assert monitor.maskgen(state) == Names(frozenset([b"et", b"et_all"]), extra=b"$")


@pytest.mark.parametrize(
    ("language", "text", "operator"),
    [
        ("c", "p->x; p->y; q.x; z = p", "->"),
        ("php", "<?php $p->x; $p->y; $z = $p", "->"),
        ("typescript", "p?.x; p?.y; z = p", "?."),
        ("rust", "P::x(); P::y(); let z = P", "::"),
    ],
)
def test_the_likely_operator_is_asked_about_ahead(language: str, text: str, operator: str) -> None:
    """The one that the file uses behind this receiver."""
    monitor = DereferenceMonitor(LANGUAGES[language])
    [query] = monitor.expect(monitor.start(Document(language, "/p/file", text, "")))

    assert query is not None
    assert query.document.prefix == text + operator


@pytest.mark.parametrize("language", LANGUAGES.values(), ids=lambda language: language.name)
def test_every_trigger_of_the_lexer_has_an_operator(language: Language) -> None:
    """So that a monitor can never be at a loss."""
    opening = "<?php " if language.name == "php" else ""
    for operator in language.operators:
        state = language.start()
        text = f"{opening}x = y{operator.text}"
        at = 0
        while at < len(text):
            state, at = state.scan(text, at)
        assert state.at_trigger
        assert state.operator == operator.text


@given(
    language=st.sampled_from(sorted(LANGUAGES)),
    pieces=splits(
        st.lists(
            st.sampled_from(
                [
                    *("x", ".", "?.", "->", "::", "..", "get", "get_all", "put", " ", "\n", "="),
                    *("~Base", "operator bool", "#priv", "$el", "0", "empty?", "// c"),
                    *("/* c */", "/", "*", "#", "# get", "5", "?.5"),
                    *";()'\"",
                ]
            ),
            max_size=12,
        ).map("".join)
    ),
)
def test_pieces_do_not_matter(language: str, pieces: list[str]) -> None:
    """Text in pieces leads where the whole text leads, as long as it keeps the constraint.

    What stands behind a broken name in the same piece is not judged.
    """
    prefix = "<?php x = y" if language == "php" else "x = y"
    whole = drive(language, prefix, "".join(pieces))
    monitor = DereferenceMonitor(LANGUAGES[language])
    state = monitor.start(Document(language, "/p/file", prefix, ""))
    valid = True
    for piece in pieces:
        state, rest, still = monitor.update(state, piece)
        valid = valid and still
        while rest:
            state = answered(monitor, state, FACTS)
            state, rest, still = monitor.update(state, rest)
            valid = valid and still

    assert valid == whole[2]
    if valid:
        assert monitor.maskgen(state) == whole[0].maskgen(whole[1])
