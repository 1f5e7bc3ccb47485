"""Hole repair in languages with braces: the rest of the statement goes, what is open is closed."""

import pytest
from hypothesis import given, settings

from lsp_bridge.documents.holes import repair
from monitors.languages.c import C
from monitors.languages.go import GO
from monitors.languages.language import Language
from monitors.languages.php import PHP
from monitors.languages.reading import advance
from monitors.languages.rust import RUST
from monitors.languages.typescript import TYPESCRIPT
from tests.strategies import brace_like, splits

# (document with ‸ for the cursor, repaired text with ‸ there)
CASES = [
    ("int f() {\n  foo(a.‸b, c);\n  int y;\n}\n", "int f() {\n  foo(a.‸);\n  int y;\n}\n"),
    ("int f() {\n  foo(a.‸\n  int y;\n}\n", "int f() {\n  foo(a.‸);\n  int y;\n}\n"),
    ("int f() {\n  foo(a.‸)\n  y(b];\n}\n", "int f() {\n  foo(a.‸);\n  y(b];\n}\n"),
    ("int f() {\n  foo(a.‸]\n}\n", "int f() {\n  foo(a.‸);\n}\n"),
    ("int f() {\n  if (a.‸b) {\n  y;\n }\n}\n", "int f() {\n  if (a.‸){\n  y;\n }\n}\n"),
    ("{\n  for (i = a.‸b; i < 3; i++) {\n  }\n}\n", "{\n  for (i = a.‸; i < 3; i++) {\n  }\n}\n"),
    ("{\n  for (i = a.‸b; i < 3; i++) x;\n}\n", "{\n  for (i = a.‸; i < 3; i++) x;\n}\n"),
    ("int f() {\n  if (x) {\n    y.‸\n}\n", "int f() {\n  if (x) {\n    y.‸;}\n}\n"),
    ("f() {\n  g({\n  if (x.‸\n}\n", "f() {\n  g({\n  if (x.‸);})\n}\n"),
    ("int f() {\n  return a.‸b\n ? c : d;\n}\n", "int f() {\n  return a.‸;\n}\n"),
    ("int f() {\n  x = a.‸b +\n  c;\n}\n", "int f() {\n  x = a.‸;\n}\n"),
    ("int f() {\n  a.‸\n  *p = 3;\n}\n", "int f() {\n  a.‸;\n  *p = 3;\n}\n"),
    ("int f() {\n  a.‸\n  // c\n  b;\n}\n", "int f() {\n  a.‸;\n  // c\n  b;\n}\n"),
    ("int f() {\n  a.‸ // c\n  b;\n}\n", "int f() {\n  a.‸;\n  b;\n}\n"),
    ("struct x y = { .a = b.‸c, .d = e };\n", "struct x y = { .a = b.‸, .d = e };\n"),
    ("struct x y = { .d = e, .a = b.‸c };\n", "struct x y = { .d = e, .a = b.‸};\n"),
    ("struct x y = {\n  .a = b.‸c\n};\n", "struct x y = {\n  .a = b.‸\n};\n"),
    ("x = a[b.‸c] + ';';\ny;\n", "x = a[b.‸];\ny;\n"),
    ('x = f("}", a.‸b, "{");\ny;\n', 'x = f("}", a.‸);\ny;\n'),
    ("x = a.‸", "x = a.‸;\n"),
    ("int f() {\n  a.‸", "int f() {\n  a.‸;}\n"),
    ("f(a.‸, /* ; */ b);\ny;\n", "f(a.‸);\ny;\n"),
    ("{ a.‸b(c, { d; }); }\n", "{ a.‸; }\n"),
    ("{\n case A::‸b:\n  x;\n}\n", "{\n case A::‸:\n  x;\n}\n"),
    ("{\n case A::b: case f(a.‸c):\n  x;\n}\n", "{\n case A::b: case f(a.‸):\n  x;\n}\n"),
    ("{\n case A::‸b::c ? d : e;\n}\n", "{\n case A::‸: e;\n}\n"),
    ("{\n case a.‸\n  x;\n}\n", "{\n case a.‸;\n  x;\n}\n"),
    ("{\n case a.b: x.‸y;\n l: z;\n}\n", "{\n case a.b: x.‸;\n l: z;\n}\n"),
]


def cut(marked: str) -> tuple[str, str]:
    """Text before and behind the cursor."""
    prefix, suffix = marked.split("‸")
    return prefix, suffix


@pytest.mark.parametrize(("document", "expected"), CASES)
def test_the_statement_at_the_cursor_is_closed(document: str, expected: str) -> None:
    """What stands behind it stays as it is, and closes the blocks around it."""
    repaired = repair(C, None, *cut(document))

    assert repaired.text[: repaired.cursor] + "‸" + repaired.text[repaired.cursor :] == expected


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("func f() {\n\ta.‸b()\n\tc()\n}\n", "func f() {\n\ta.‸;\n\tc()\n}\n"),
        ("func f() {\n\tfor _, x := range a.‸b {\n\t}\n}\n", None),
        ("func f() {\n\tx := T{a.‸b, c}\n}\n", "func f() {\n\tx := T{a.‸, c}\n}\n"),
        ("func f() {\n\tgo func() {\n\t\ta.‸b\n\t}()\n}\n", None),
    ],
)
def test_line_ends_end_statements_in_go(document: str, expected: str | None) -> None:
    """Without a semicolon; None: the block that follows stays."""
    prefix, suffix = cut(document)
    repaired = repair(GO, None, prefix, suffix)

    if expected is not None:
        assert repaired.text == expected.replace("‸", "")
    assert not advance(GO.start(), repaired.text).open


@pytest.mark.parametrize(
    ("language", "document", "expected"),
    [
        (
            C,
            "f() {\n  if (b || a.‸\n  y;\n }\n}\ng;\n",
            "f() {\n  if (b || a.‸) {\n  y;\n }\n}\ng;\n",
        ),
        (
            C,
            "f() {\n  for (i = 0; i < a.‸\n  y;\n }\n}\n",
            "f() {\n  for (i = 0; i < a.‸) {\n  y;\n }\n}\n",
        ),
        (C, "f() {\n  x;\n } else if (a.‸\n  y;\n }\n}\n", None),
        (C, "f() {\n  if (a.‸\n  y;\n}\n", "f() {\n  if (a.‸);\n  y;\n}\n"),
        (C, "f() {\n  a.‸\n  y;\n }\n}\n", "f() {\n  a.‸; {\n  y;\n }\n}\n"),
        (C, "{\n  a.‸\n#if b\n}\n#else\n}\n#endif\n", "{\n  a.‸;\n#if b\n}\n#else\n}\n#endif\n"),
        (TYPESCRIPT, "class A {\n  f() {\n    this.‸\n      a: b,\n    })\n  }\n}\n", None),
        (
            GO,
            "func f() {\n\tif a.‸\n\t\ty()\n\t}\n}\n",
            "func f() {\n\tif a.‸ {\n\t\ty()\n\t}\n}\n",
        ),
        (GO, "func f() {\n\tfor _, x := range a.‸\n\t\ty()\n\t}\n}\n", None),
        (RUST, "fn f() {\n    match a.‸\n        B => {}\n    }\n}\n", None),
        (RUST, "fn f() {\n    if let Some(x) = a.‸\n        y;\n    }\n}\n", None),
        (PHP, "<?php\nclass A {\nfunction f() {\n  if (!$a->‸\n  y();\n }\n}\n}\n", None),
        (TYPESCRIPT, "class A {\n  f() {\n    while (a.‸\n      y();\n    }\n  }\n}\n", None),
    ],
)
def test_a_block_that_is_closed_behind_is_opened(
    language: Language, document: str, expected: str | None
) -> None:
    """Where the text behind closes one more block than is open; None: everything is closed."""
    prefix, suffix = cut(document)
    repaired = repair(language, None, prefix, suffix)

    if expected is not None:
        assert repaired.text == expected.replace("‸", "")
    elif "} else" not in document:
        assert repaired.text.count("{") == repaired.text.count("}")
    else:
        assert repaired.patch == ") {"


def test_a_chain_on_several_lines_is_one_statement() -> None:
    """As rustfmt writes it."""
    prefix, suffix = cut("fn f() {\n    a.‸b()\n        .c()\n        .d();\n    e();\n}\n")

    assert repair(RUST, None, prefix, suffix).text == "fn f() {\n    a.;\n    e();\n}\n"


@settings(deadline=None)
@given(pieces=splits(brace_like()))
def test_the_text_before_the_cursor_stays(pieces: list[str]) -> None:
    """Whatever it is, and so does the end of the text behind it."""
    prefix = "".join(pieces[:-1])
    repaired = repair(C, None, prefix, pieces[-1])

    assert repaired.text.startswith(prefix)
    kept = pieces[-1][repaired.dropped :]
    assert repaired.text == prefix + repaired.patch + kept


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("f = <A, B>(x: a.‸T) => x\n", "f = <A, B>(x: a.‸) => {};\n"),
        ("f = async (x: a.‸T) => x\n", "f = async (x: a.‸) => {};\n"),
        ("g(1, async (y: T, x: a.‸T) => x)\n", "g(1, async (y: T, x: a.‸) => {});\n"),
        ("g(({ y }: a.‸T) => y)\n", "g(({ y }: a.‸) => {});\n"),
        ("g((...x: a.‸T[]) => x)\n", "g((...x: a.‸) => {});\n"),
        ("f = (x?: Map<K, a.‸T>) => x\n", "f = (x?: Map<K, a.‸) => {};\n"),
        ("f = (x: a.‸T) => {\n  y\n}\n", "f = (x: a.‸) =>{\n  y\n}\n"),
        ("f = <A, B>(x: T): a.‸T => x\n", "f = <A, B>(x: T): a.‸ => {};\n"),
        ("f = <A, B>(): M<K, a.‸T> => {\n  y\n}\n", "f = <A, B>(): M<K, a.‸ =>{\n  y\n}\n"),
        ("g(1, async (x: T): a.‸T => x)\n", "g(1, async (x: T): a.‸ => {});\n"),
        ("f = (g: (x: a.‸T) => T) => x\n", "f = (g: (x: a.‸) => {});\n"),
    ],
)
def test_an_arrow_function_keeps_its_arrow(document: str, expected: str) -> None:
    """Without it, what is in parentheses would be an expression, in which no type can stand."""
    repaired = repair(TYPESCRIPT, None, *cut(document))

    assert repaired.text[: repaired.cursor] + "‸" + repaired.text[repaired.cursor :] == expected


@pytest.mark.parametrize(
    "document",
    [
        "function f(x: a.‸T) {}\n",
        "function f<A, B>(x: a.‸T) {}\n",
        "function* (x: a.‸T) {}\n",
        "class A {\n  [b](x: a.‸T) {}\n}\n",
        "interface A {\n  m?(x: a.‸T): void\n}\n",
        "function f(x: T): a.‸T {}\n",
        "x = a ? (b) : c.‸d\n",
        "x = a ? (b, c) : c.‸d\n",
        "x = a ? (() => b)() : c.‸d\n",
        "f(a ? b : c.‸d)\n",
        "f({ b: c.‸d })\n",
        "f(a, c.‸d)\n",
        "a.async(b, c.‸d)\n",
    ],
)
def test_nothing_else_gets_an_arrow(document: str) -> None:
    """Neither functions and methods with a name, nor what only looks like a type."""
    repaired = repair(TYPESCRIPT, None, *cut(document))

    assert "=>" not in repaired.text[repaired.cursor :]


def test_other_languages_know_no_such_arrow() -> None:
    """Go and Rust have other functions."""
    assert repair(RUST, None, *cut("f(|x: a::‸T| x)\n")).text.count("=>") == 0
