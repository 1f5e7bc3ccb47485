"""The ground truth of replays: which names in a finished file stand behind a dereference."""

import pytest

from decoding.prompt.workspace import offset_at
from evaluation.sites import dereference_sites


def names(text: str) -> list[str]:
    """Names of the sites, in text order."""
    return [site.name for site in dereference_sites(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x = a.b\n", ["b"]),
        ("a.b.c(d.e).f[g.h].i\n", ["b", "c", "e", "f", "h", "i"]),
        ("x = (a\n     .b()\n     .c())\n", ["b", "c"]),
        ("x = a \\\n    .b\n", ["b"]),
        ("x = a. \\\n    b\n", ["b"]),
        ("x = a . b\n", ["b"]),
        ("@a.b(c.d)\ndef f(x: e.f = g.h) -> i.j: ...\n", ["b", "d", "f", "h", "j"]),
        ("class A(b.c): ...\n", ["c"]),
        ("lambda: self.x\n", ["x"]),
        ("del self.x\n", ["x"]),
        ("'a'.join(b)\n1.0.real\n(1).imag\n[].append\n", ["join", "real", "imag", "append"]),
        ("if a:\n    b.c\n  d.e\n", ["c", "e"]),
    ],
    ids=[
        "plain",
        "chains",
        "lines in brackets",
        "escaped line end before",
        "escaped line end behind",
        "blanks",
        "decorators and signatures",
        "base classes",
        "lambda",
        "del",
        "literals",
        "broken indentation",
    ],
)
def test_uses_of_members_are_sites(text: str, expected: list[str]) -> None:
    """Every name behind a dot in code, wherever the expression stands."""
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "self.x = 1\n",
        "cls.x = 1\n",
        "self.x: int = 1\n",
        "self.x: int\n",
        "self.x = cls.y = 1\n",
        "self.x, y = 1, 2\n",
        "(self.x, [self.y, *self.z]) = f()\n",
        "[self.x, self.y] = f()\n",
        "for self.x in y: ...\n",
        "for i, (self.x, self.y) in z: ...\n",
        "async def f():\n    async for self.x in y: ...\n",
        "[1 for self.x in y]\n",
        "with a as self.x: ...\n",
        "with a as self.x, b as (self.y, self.z): ...\n",
        "with (a as self.x): ...\n",
        "async def f():\n    async with a as self.x: ...\n",
    ],
)
def test_targets_on_self_define_members_and_are_no_sites(text: str) -> None:
    """Assignments, loops and ``with`` bind the name: no list could hold it yet."""
    assert names(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("self.x += 1\n", ["x"]),
        ("self.x = self.y\n", ["y"]),
        ("self.x[self.y] = 1\n", ["x", "y"]),
        ("self.x.y = 1\n", ["x", "y"]),
        ("self.f().y = 1\n", ["f", "y"]),
        ("other.x = 1\n", ["x"]),
        ("for self.x in self.y: ...\n", ["y"]),
        ("with self.a as self.b: self.c\n", ["a", "c"]),
        ("if self.x == self.y: ...\n", ["x", "y"]),
        ("f(x=self.y)\n", ["y"]),
        ("self.x: a.b = c.d\n", ["b", "d"]),
    ],
)
def test_only_the_target_itself_is_a_definition(text: str, expected: list[str]) -> None:
    """Augmented assignments use the member; what is inside a target, or beside it, is a use."""
    assert names(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "# a.b\n",
        "'a.b'\n",
        '"""\na.b\n"""\n',
        "r'a.b' b'a.b' rb'{a.b}'\n",
        "'{a.b}'\n",
        "f'{{a.b}} c.d'\n",
        "import a.b.c\n",
        "import a.b as c\n",
        "from a.b import c\n",
        "from . import c\n",
        "from .. a.b import (c,\n  d)\n",
        "1.5 + 1.e3 + 1.\n",
        "x = ...\n",
        "x.\n",
    ],
)
def test_what_is_no_code_or_no_member_is_no_site(text: str) -> None:
    """Comments, strings, imports, numbers, and operators without a name."""
    assert names(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("f'{a.b}'\n", ["b"]),
        ("f'x.y {a.b!r:>{c.d}} e.f'\n", ["b", "d"]),
        ("rf'{a.b=}'\n", ["b"]),
        ('f"""\n{a.b(\n  c.d)}\n"""\n', ["b", "d"]),
        ("f'{f\"{a.b}\"}'\n", ["b"]),
    ],
)
def test_fields_of_f_strings_are_code(text: str, expected: list[str]) -> None:
    """Format specifications included, the text around them not."""
    assert names(text) == expected


ANNOTATED = """\
größe = maß.größe; s = "😀😀"; t = s.länge
\tx.y
a\fb.c
(z
   . w)
"""


def test_lines_columns_and_offsets_count_characters_from_one() -> None:
    """Behind umlauts, emoji, tabs and form feeds; the offsets lead to the same places."""
    sites = dereference_sites(ANNOTATED)
    found = [(site.name, site.line, site.column) for site in sites]

    assert found == [("größe", 1, 13), ("länge", 1, 36), ("y", 2, 4), ("c", 3, 5), ("w", 5, 6)]
    for site in sites:
        assert site.name_start == offset_at(ANNOTATED, site.line, site.column)
        assert ANNOTATED[site.name_start : site.name_end] == site.name
        assert ANNOTATED[: site.operator_end].endswith(".")
        assert not ANNOTATED[site.operator_end : site.name_start].strip()


def test_line_ends_of_windows_change_no_position() -> None:
    """A CR in front of the LF belongs to the line end."""
    unix, windows = (dereference_sites(f"a.b{end}c.d{end}") for end in ("\n", "\r\n"))

    assert [(s.line, s.column) for s in unix] == [(s.line, s.column) for s in windows]


def test_sites_come_in_text_order() -> None:
    """However deep the expressions are nested; deep nesting is no problem."""
    text = "a.b(c.d(e.f).g).h\n" + "x" + ".y()" * 2000 + "\n"
    starts = [site.name_start for site in dereference_sites(text)]

    assert starts == sorted(starts)
    assert len(starts) == 5 + 2000
