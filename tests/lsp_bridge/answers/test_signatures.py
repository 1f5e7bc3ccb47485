"""Signatures to facts. The labels are what the live servers sent, character by character."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_bridge import PROFILES
from lsp_bridge.answers import signatures
from monitors.facts import Parameter, ParameterKind, Signatures
from monitors.protocols import Reason, Unavailable


def response(*found: tuple[str, list[Any]]) -> dict[str, Any]:
    """An answer with these labels, and those of their parameters."""
    return {
        "signatures": [
            {"label": label, "parameters": [{"label": each} for each in labels]}
            for label, labels in found
        ]
    }


def read(server: str, language: str, *found: tuple[str, list[Any]]) -> Signatures:
    """The facts of an answer, which must be some."""
    answer = signatures.read(response(*found), PROFILES[server], language)
    assert isinstance(answer, Signatures), answer
    return answer


def bounds(facts: Signatures) -> list[tuple[int, int | None]]:
    """Least and most arguments of each overload."""
    return [(each.least, each.most) for each in facts.overloads]


@pytest.mark.parametrize(
    ("server", "label", "labels", "expected"),
    [
        ("pyrefly", "def plain(a: Unknown, b: int = 1, *, k: Unknown) -> None: ...", "abk", (2, 3)),
        ("pyright", "(a: Any, b: int = 1, *, k: Any) -> None", "ab*k", (2, 3)),
        ("ty", "(a, b=1, *, k, o=None) -> Unknown", "abko", (2, 4)),
        ("pyright", "(a: Any, ..., k: int = 1) -> None", "a.k", (1, None)),
        (
            "pyrefly",
            "def var(a: int, *args: int, *, k: int = 1, **kw: int) -> None: ...",
            "aakk",
            (1, None),
        ),
        (
            "pyright",
            "(z: dict[str, int] = {}, t: ((int) -> str) | None = None) -> None",
            "zt",
            (0, 2),
        ),
        ("pyright", '(r: Any, u: str = ",") -> None', "ru", (1, 2)),
        ("pyrefly", "(cls: type[range], stop: SupportsIndex, /) -> range", "s", (1, 1)),
        (
            "ty",
            "[_T](arg1: _T, arg2: _T, /, *_args: _T, key: None = None) -> _T",
            "abck",
            (2, None),
        ),
        ("pyrefly", "(int, str) -> None", "is", (2, 2)),
        ("pyright", "() -> dict", "", (0, 0)),
    ],
)
def test_labels_of_python_are_read(
    server: str, label: str, labels: str, expected: tuple[int, int | None]
) -> None:
    """Markers, defaults with commas, variadic parameters, type parameters, nameless ones."""
    assert bounds(read(server, "python", (label, list(labels)))) == [expected]


def test_python_tells_how_a_parameter_is_passed() -> None:
    """By position only, by either, or by name only."""
    facts = read("pyright", "python", ("(a: int, /, b: int, *, c: int = 2) -> None", list("a/b*c")))

    assert facts.overloads[0].parameters == (
        Parameter("a", ParameterKind.POSITIONAL_ONLY),
        Parameter("b", ParameterKind.POSITIONAL),
        Parameter("c", ParameterKind.KEYWORD_ONLY, True),
    )


def test_a_receiver_that_is_not_listed_may_have_to_be_passed() -> None:
    """``K.m(`` and ``k.m(`` are shown alike; a class is never passed to its own construction."""
    method = ("def m(self: K, z: int, t: int = 1) -> None: ...", ["z: int", "t: int = 1"])
    made = ("(cls: type[int], x: str = 0, /) -> int", ["x: str = 0"])
    named = ("def f(cls: type[A], v: int) -> A: ...", ["v: int"])
    assert bounds(read("pyrefly", "python", method)) == [(1, 3)]
    assert bounds(read("pyrefly", "python", made)) == [(0, 1)]
    assert bounds(read("pyrefly", "python", named)) == [(1, 2)]


def test_what_is_called_tells_a_class_from_its_methods() -> None:
    """``Point(`` makes a ``Point``; ``str.join(`` may be given the string that joins."""
    point = ("(self: Point, x: int, y: int = ...) -> Point", ["x: int", "y: int = ..."])
    join = ("(self: str, iterable: Iterable[str], /) -> str", ["iterable: Iterable[str]"])

    def most(found: tuple[str, list[str]], before: str) -> int | None:
        answer = signatures.read(response(found), PROFILES["pyrefly"], "python", before)
        assert isinstance(answer, Signatures)
        return answer.overloads[0].most

    assert most(point, "x = Point(") == 2
    assert most(point, "x = P(") == 3
    assert most(join, "x = str.join(") == 2


def test_a_receiver_that_is_listed_is_a_parameter() -> None:
    """As where pyright shows a method that was taken from its class."""
    unbound = ("(self: K, z: int) -> None", ["self: K", "z: int"])

    assert bounds(read("pyright", "python", unbound)) == [(2, 2)]


@pytest.mark.parametrize(
    ("server", "language", "label", "labels", "expected"),
    [
        (
            "vtsls",
            "typescript",
            "m(a: string, b?: number, ...r: string[]): void",
            ["a: string", "b?: number", "...r: string[]"],
            (1, None),
        ),
        (
            "vtsls",
            "typescript",
            "opt(a: number, { b, c }?: { b: number; c: string; }, d?: string): void",
            ["a: number", "{ b, c }?: { b: number; c: string; }", "d?: string"],
            (1, 3),
        ),
        (
            "vtsls",
            "typescript",
            "g(f: (x: T, y: T) => T, [a, b]: [A, B]): void",
            ["f: (x: T, y: T) => T", "[a, b]: [A, B]"],
            (2, 2),
        ),
        (
            "clangd",
            "cpp",
            'm(int x, const std::string &s = "a,b") -> void',
            ["int x", 'const std::string &s = "a,b"'],
            (1, 2),
        ),
        ("clangd", "cpp", "var(const char *f, ...) -> void", ["const char *f", "..."], (1, None)),
        ("clangd", "cpp", "S(S &&)", ["S &&"], (1, 1)),
        ("clangd", "c", "f() -> int", [], (0, None)),
        ("clangd", "cpp", "f() -> int", [], (0, 0)),
        (
            "rust-analyzer",
            "rust",
            "fn m(&self, x: i32, f: impl Fn(i32, i32) -> i32)",
            ["x: i32", "f: impl Fn(i32, i32) -> i32"],
            (2, 2),
        ),
        ("rust-analyzer", "rust", "enum Option<T>::Some({unknown})", ["{unknown}"], (1, 1)),
        ("gopls", "go", "vr(f string, xs ...int)", ["f string", "xs ...int"], (1, None)),
        ("gopls", "go", "m(a int, b int, c string)", ["a int", "b int", "c string"], (3, 3)),
        (
            "intelephense",
            "php",
            "(string $a, ?int $b = null)",
            ["string $a", "?int $b = null"],
            (1, None),
        ),
    ],
)
def test_labels_of_other_languages_are_read(
    server: str, language: str, label: str, labels: list[str], expected: tuple[int, int | None]
) -> None:
    """Optional, variadic and default parameters; what C and PHP take besides."""
    assert bounds(read(server, language, (label, labels))) == [expected]


def test_parameters_may_be_ranges_of_the_label() -> None:
    """In UTF-16 units, as rust-analyzer may send them."""
    label = "fn f(größe𝔸: i32, b: i32)"
    facts = read("rust-analyzer", "rust", (label, [[5, 17], [19, 25]]))

    assert bounds(facts) == [(2, 2)]
    assert signatures._text([5, 17], label) == "größe𝔸: i32"


def test_an_unknown_overload_takes_anything() -> None:
    """ty lists ``(...)`` first for classes such as ``dict``."""
    facts = read("ty", "python", ("[_T](...) -> dict", []), ("(a: int) -> dict", ["a: int"]))

    assert bounds(facts) == [(0, None), (1, 1)]


@pytest.mark.parametrize(
    "label",
    [
        "Unknown",
        "Any",
        "type[super]",
        "(...) -> Unknown",
        "(self: Decorated) -> Decorated",
        "((self: A, x: int) -> int) | Unknown",
        "def c[**_P](K, (ParamSpec(_P)) -> _T, ParamSpec(_P)) -> _T: ...",
        "((self: A, x: int) -> int) | ((self: B) -> int)",
    ],
)
def test_what_is_not_known_is_no_signature(label: str) -> None:
    """Neither are the parts of a union, of which one may be unknown."""
    answer = signatures.read(response((label, [])), PROFILES["pyrefly"], "python")

    assert isinstance(answer, Unavailable)
    assert answer.reason is Reason.UNKNOWN_TYPE


@pytest.mark.parametrize(
    ("server", "language", "answer", "reason"),
    [
        ("pyrefly", "python", None, Reason.EMPTY),
        ("clangd", "cpp", {"signatures": []}, Reason.EMPTY),
        ("vtsls", "javascript", response(("f(a: any): void", ["a: any"])), Reason.NOT_OFFERED),
        ("jedi", "python", response(("def f(a)", ["a"])), Reason.NOT_OFFERED),
        ("vtsls", "typescript", response(("f(a)", ["a"])), Reason.BAD_ANSWER),
        ("vtsls", "typescript", {"signatures": [{"label": 1}]}, Reason.BAD_ANSWER),
        ("pyright", "python", {"signatures": [3]}, Reason.BAD_ANSWER),
        ("pyright", "python", response(("(a: list[int", [])), Reason.BAD_ANSWER),
    ],
)
def test_no_signature_is_no_constraint(
    server: str, language: str, answer: Any, reason: Reason
) -> None:
    """JavaScript takes any number of arguments; jedi looks through no decorator."""
    found = signatures.read(answer, PROFILES[server], language)

    assert isinstance(found, Unavailable)
    assert found.reason is reason


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text("(a: int, *=[]{}\"'|->.)/ "),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(st.sampled_from(["signatures", "label", "parameters"]), inner)
    ),
    max_leaves=12,
)


@given(_JSON, st.sampled_from(["python", "typescript", "cpp", "c", "go", "rust", "php"]))
def test_nothing_that_a_server_sends_raises(answer: Any, language: str) -> None:
    """It is a bad answer, or some facts."""
    found = signatures.read(answer, PROFILES["pyrefly"], language)

    assert isinstance(found, (Signatures, Unavailable))
