"""The monitors of arguments: how many a call may have, and which names they may be given."""

from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from monitors.arguments import ARGUMENT_COUNT, KEYWORD_ARGUMENT, ArgumentMonitor, ArgumentState
from monitors.constraints import ANYTHING, Names
from monitors.errors import UsageError
from monitors.facts import Parameter, ParameterKind, Signature, Signatures
from monitors.languages.calls import CALLS
from monitors.languages.registry import LANGUAGES
from monitors.protocols import Answer, Document, Outcome, Reason, Unavailable
from tests.analysts import answered, facts

P = ParameterKind


def signature(*parameters: Parameter) -> Signatures:
    """A closed list of one."""
    return Signatures((Signature(parameters),))


ORDER = signature(
    Parameter("item", P.POSITIONAL),
    Parameter("count", P.POSITIONAL, True),
    Parameter("rush", P.KEYWORD_ONLY, True),
)
"""One to three arguments."""
NONE = signature()
ANY = signature(Parameter("args", P.VARIADIC, True), Parameter("kwargs", P.KEYWORD_VARIADIC, True))


def drive(
    text: str, answer: Answer = ORDER, language: str = "python", prefix: str = "x = 1\n"
) -> tuple[bool, list[str], ArgumentState]:
    """Read ``text``: whether it is allowed, behind what was asked, and the state."""
    monitor = ArgumentMonitor(LANGUAGES[language])
    state = monitor.start(Document(language, "/p/file", prefix, ""))
    asked: list[str] = []
    state, rest, valid = monitor.update(state, text)
    while rest:
        asked += [query.document.prefix for query in monitor.queries(state)]
        state, rest, still = monitor.update(answered(monitor, state, answer), rest)
        valid = valid and still
    return valid, asked, state


@pytest.mark.parametrize(
    "text",
    [
        "buy(1)",
        "buy(1, 2)",
        "buy(1, 2, rush=True)",
        "buy(item=1)",
        "buy(1, count=2)",
        "buy((1, 2), [3, 4, 5])",
        "buy({'a': 1, 'b': 2})",
        "buy('a, b, c, d', \")\")",
        "buy(f'{a, b} ) {c}, d')",
        "buy(lambda a, b, c, d: a)",
        "buy(x for x in xs if x)",
        "buy(*args)",
        "buy(1, *args, **more)",
        "buy(1, 2, 3, *args)",
        "buy(1,)",
        "buy(\n    1,\n    2,\n    rush=3,\n)",
        "buy(1, # one, two, three, four)\n  2)",
        "buy(a == b, c <= d, e != f)",
        "buy(a if b else c, (d := 1))",
        "buy(1)(2)",
        "print(buy(1, 2), buy(3), 'x')\n",
        "(a, b, c, d, e)",
        "[a, b, c, d, e]",
        "def buy(a, b, c, d, e):\n",
        "class Buy(A, B, C, D, E):\n",
        "'buy(1, 2, 3, 4, 5)'",
        "# buy(1, 2, 3, 4, 5)\n",
    ],
)
def test_what_fits_the_signature_is_allowed(text: str) -> None:
    """What strings, brackets, comments, lambdas and definitions hold does not count."""
    assert drive(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "buy()",
        "buy( )",
        "buy(# nothing\n)",
        "buy(1, 2, 3, 4",
        "buy(1, 2, 3, 4)",
        "buy(1, 2, 3, # more\n 4",
        "buy(1, 2, 3, rush=4",
        "buy(1, cout=2",
        "buy(1, item=2",
        "buy(1, rush=1, rush=2",
        "print(buy(), 1)",
        "buy(buy(1), buy())",
        "buy([buy()])",
    ],
)
def test_what_does_not_fit_is_refused(text: str) -> None:
    """Too few, too many, a name that there is not, or one that was given."""
    assert not drive(text)[0]


def test_a_call_is_asked_about_at_its_parenthesis_and_once() -> None:
    """Whatever its arguments are; nested calls are calls of their own."""
    assert drive("buy(1, 2)")[1] == ["x = 1\nbuy("]
    assert drive("a.buy(b(1), 2)")[1] == ["x = 1\na.buy(", "x = 1\na.buy(b("]


@pytest.mark.parametrize("answer", [Unavailable(Reason.UNKNOWN_TYPE), facts("get"), ANY])
def test_a_call_that_is_not_known_may_be_anything(answer: Answer) -> None:
    """Open signatures take any number, and any name."""
    assert drive("buy(1, 2, 3, 4, 5, x=1, y=2, z=3)", answer)[0]
    assert drive("buy()", answer)[0]


def test_overloads_are_met_one_at_a_time() -> None:
    """One argument or three, not two."""
    one, three = Parameter("a", P.POSITIONAL), [Parameter(name, P.POSITIONAL) for name in "abc"]
    overloads = Signatures((Signature((one,)), Signature(tuple(three))))

    assert drive("f(1)", overloads)[0]
    assert drive("f(1, 2, 3)", overloads)[0]
    assert not drive("f(1, 2)", overloads)[0]
    assert not drive("f(1, 2, 3, 4", overloads)[0]


def test_what_the_prompt_holds_of_a_call_counts() -> None:
    """The cursor stands in the second argument."""
    prefix = "def f():\n    return buy(first(1,\n 2), "
    monitor = ArgumentMonitor(LANGUAGES["python"])
    state = monitor.start(Document("python", "/p/file", prefix, "\n"))
    [query] = monitor.queries(state)

    assert query.document.prefix.endswith("return buy(")
    assert drive("2, 3)", prefix=prefix)[0]
    assert not drive("2, 3, 4", prefix=prefix)[0]


def test_a_full_call_can_only_be_closed() -> None:
    """There the mask itself says so: white space, comments, and what may stand for nothing."""
    monitor = ArgumentMonitor(LANGUAGES["python"])
    _, _, empty = drive("buy(", NONE)
    empty = answered(monitor, empty, NONE)
    constraint = monitor.maskgen(empty)

    assert isinstance(constraint, Names)
    assert constraint.allows(b")")
    assert constraint.allows(b"\n    ).then")
    assert constraint.allows(b"*")
    assert not constraint.allows(b"1")
    full = drive("buy(1, 2, 3, ")[2]
    assert isinstance(monitor.maskgen(full), Names)
    assert monitor.maskgen(drive("buy(1, 2, ")[2]) is ANYTHING


def test_what_became_of_a_call_is_told_for_each_rule() -> None:
    """Any name may be given to ``**kwargs``; what the prompt holds may not fit at all."""
    monitor = ArgumentMonitor(LANGUAGES["python"])

    def outcomes(prefix: str, answer: Answer) -> list[Reason | None]:
        state = monitor.start(Document("python", "/p/file", prefix, ""))
        [query] = monitor.queries(state)
        found = monitor.answer(state, query, answer).outcomes
        assert [each.monitor for each in found] == [ARGUMENT_COUNT, KEYWORD_ARGUMENT]
        return [each.reason for each in found]

    assert outcomes("buy(", ORDER) == [None, None]
    assert outcomes("buy(", ANY) == [None, Reason.OPEN_TYPE]
    assert outcomes("buy(1, 2, 3, 4", ORDER) == [Reason.NO_MATCH] * 2
    assert outcomes("buy(", Unavailable(Reason.TIMEOUT)) == [Reason.TIMEOUT] * 2
    assert Outcome(ARGUMENT_COUNT, None) in (
        monitor.answer(
            monitor.start(Document("python", "/p/f", "f(")),
            monitor.queries(monitor.start(Document("python", "/p/f", "f(")))[0],
            ORDER,
        ).outcomes
    )


def test_each_rule_can_go_alone() -> None:
    """Names without counts, and counts without names."""
    document = Document("python", "/p/file", "x = 1\n", "")
    for rule, fine, wrong in (
        (ARGUMENT_COUNT, "buy(1, cout=2)", "buy()"),
        (KEYWORD_ARGUMENT, "buy()", "buy(1, cout=2)"),
    ):
        monitor = ArgumentMonitor(LANGUAGES["python"], [rule])
        for text, valid in ((fine, True), (wrong, False)):
            state, rest, ok = monitor.update(monitor.start(document), text)
            while rest:
                state, rest, still = monitor.update(answered(monitor, state, ORDER), rest)
                ok = ok and still
            assert ok is valid, (rule, text)


@pytest.mark.parametrize(
    ("language", "text", "valid"),
    [
        ("typescript", "buy(1, (a, b) => a, [1, 2])", True),
        ("typescript", "buy(f<A, B>(1), {a, b}, c)", True),
        ("typescript", "buy(a < b, c > d, e, f, g)", True),
        ("typescript", "buy(...args, 1, 2, 3)", True),
        ("typescript", "buy(1, 2, 3, 4", False),
        ("typescript", "buy(/* none, at all */)", False),
        ("typescript", "if (a, b, c, d) {}", True),
        ("typescript", "function f(a, b, c, d) {}", True),
        ("rust", "buy(|a, b, c, d| a, 2)", True),
        ("rust", "buy(Vec::<(A, B)>::new(1), 2, 3)", True),
        ("rust", "fn f(a: A, b: B, c: C, d: D) {}", True),
        ("rust", "vec!(1, 2, 3, 4, 5)", True),
        ("rust", "s.buy()", False),
        ("go", "func f(a, b, c, d int) {}", True),
        ("go", "func (s S) f(a, b, c, d int) {}", True),
        ("go", "s.Buy(1, 2, 3, 4", False),
        ("go", "buy(func(a, b, c, d int) {}, 1)", True),
        ("cpp", "buy(std::pair<A, B>{1, 2}, 3, 4, 5)", True),
        ("cpp", "buy(1, 2, 3,", False),
        ("cpp", "if (a, b, c, d) {}", True),
        ("cpp", "Kettle made(int a, int b, int c, int d);", True),
        ("cpp", "std::vector<int> Kettle::all(int a, int b, int c, int d) {", True),
        ("cpp", "const char *name();", True),
        ("cpp", "return buy();", False),
        ("cpp", "x = new Kettle();", False),
        ("php", "buy(1, count: 2)", True),
        ("php", "buy(1, cout: 2", False),
        ("php", "buy($a ? $b : $c, A::B)", True),
        ("php", "function f($a, $b, $c, $d) {}", True),
    ],
)
def test_other_languages(language: str, text: str, valid: bool) -> None:
    """Where a comma may belong to type arguments, closures or spreads, nothing is counted."""
    prefix = "<?php\n" if language == "php" else "\n"

    assert drive(text, language=language, prefix=prefix)[0] is valid


def test_a_call_may_give_several_arguments_in_go() -> None:
    """As the only one."""
    two = signature(Parameter("a", P.POSITIONAL), Parameter("b", P.POSITIONAL))

    assert drive("buy(pair(1, 2))", two, "go")[0]
    assert not drive("buy(pair(1, 2))", two, "typescript", prefix="\n")[0]
    assert not drive("buy(1)", two, "go")[0]


def test_where_nothing_is_given_by_name_nothing_is_said_of_names() -> None:
    """Neither constrained nor counted."""
    monitor = ArgumentMonitor(LANGUAGES["go"])
    state = monitor.start(Document("go", "/p/a.go", "buy("))
    [query] = monitor.queries(state)

    assert monitor.answer(state, query, ORDER).outcomes == (Outcome(ARGUMENT_COUNT, None),)


def test_a_call_that_is_never_closed_is_over_where_a_statement_begins() -> None:
    """As the lexer gives up its bracket; a name that begins like a keyword begins none."""
    assert drive("buy(1,\ndef f():\n", ANY)[2].calls.open == ()
    assert drive("buy(1,\nreturn_value", ANY)[2].calls.open != ()


def test_a_language_whose_calls_are_not_known_is_refused() -> None:
    """At once, with those that are."""
    with pytest.raises(UsageError, match="ruby; expected c, cpp, go"):
        ArgumentMonitor(LANGUAGES["ruby"])


def test_every_language_of_calls_has_a_lexer() -> None:
    """By the same name."""
    assert CALLS.keys() <= LANGUAGES.keys()


_PIECES = [
    "class",
    "for",
    "_x",
    "buy",
    "(",
    ")",
    ",",
    " ",
    "1",
    "x",
    "=",
    "==",
    "[",
    "]",
    "'",
    "\n",
    "*",
    "# c\n",
    "rush",
    "{",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=14), st.data())
def test_reading_in_pieces_is_reading_at_once(pieces: list[str], data: st.DataObject) -> None:
    """Wherever tokens end, the same text is allowed, and the same calls are open behind it."""
    assume(("=", "=") not in pairwise(pieces))  # tokenizers have `==` in one piece
    text = "".join(pieces)
    whole, _, state = drive(text)
    monitor = ArgumentMonitor(LANGUAGES["python"])
    parts = monitor.start(Document("python", "/p/file", "x = 1\n", ""))
    valid = True
    for piece in pieces:
        parts, rest, still = monitor.update(parts, piece)
        valid = valid and still
        while rest:
            parts, rest, still = monitor.update(answered(monitor, parts, ORDER), rest)
            valid = valid and still

    assert valid == whole
    if valid:
        assert [(call.end, call.given) for call in parts.calls.open] == [
            (call.end, call.given) for call in state.calls.open
        ]


@given(st.lists(st.sampled_from(_PIECES), max_size=14), st.integers(0, 14))
def test_a_prompt_is_read_as_what_was_generated(pieces: list[str], cut: int) -> None:
    """What stands in the prompt and what was generated give the same calls."""
    before, behind = "".join(pieces[:cut]), "".join(pieces[cut:])
    assume(not (before + behind)[-1:].isidentifier())  # a keyword may yet become a name
    monitor = ArgumentMonitor(LANGUAGES["python"])
    prompted = monitor.start(Document("python", "/p/file", "x = 1\n" + before + behind, ""))
    valid, _, generated = drive(before + behind)
    if valid:
        assert [(call.done, call.argument) for call in prompted.calls.open] == [
            (call.done, call.argument) for call in generated.calls.open
        ]
