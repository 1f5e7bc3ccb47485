"""Which module is asked about, and where modules of a package are listed."""

from dataclasses import replace

import pytest

from lsp_bridge.answers.imports import is_outermost, joined, submodules
from lsp_bridge.documents.question import Question
from monitors.protocols import Members, Name, QueryKind, Reason, Unavailable


def question(text: str) -> Question:
    """What is asked at the end of ``text``, in the middle of a file."""
    rest = "\n\nfrom other import thing\n"
    return Question(QueryKind.IMPORTS, "/p/a.py", "python", text + rest, len(text))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import o", True),
        ("import sys, o", True),
        ("import sys as system, o", True),
        ("import \\\n  o", True),
        ("from o", True),
        ("x = 1\nfrom o", True),
        ("import os.p", False),
        ("import sys, os.p", False),
        ("from os.p", False),
        ("from .o", False),
        ("from . import o", False),
        ("from os import p", False),
        ("from os import sep, p", False),
        ("import os\nfrom os import (\n    sep,\n    p", False),
    ],
)
def test_a_module_that_no_other_one_holds(text: str, expected: bool) -> None:
    """It may be installed somewhere else."""
    assert is_outermost(question(text)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from a import b", "from a.b"),
        ("from a.b import c, d", "from a.b.d"),
        ("x = 1\nfrom a import (\n    b,\n    c", "x = 1\nfrom a.c"),
        ("from . import b", "from .b"),
        ("from ..a import b", "from ..a.b"),
        ("from a import b\nimport c", None),
        ("from a import b\nfrom c", None),
        ("from a.b", None),
        ("import a.b", None),
    ],
)
def test_modules_of_a_package_are_asked_about_behind_its_dot(
    text: str, expected: str | None
) -> None:
    """With the same file around it."""
    asked = question(text)
    found = submodules(asked)

    if expected is None:
        assert found is None
    else:
        whole = expected + asked.text[asked.cursor :]
        assert found == replace(asked, text=whole, cursor=len(expected))


def test_both_lists_are_one() -> None:
    """Each name once; a package without modules has names all the same."""
    names = Members((Name("a"), Name("b")))

    assert joined(names, Members((Name("b"), Name("c")))).names == (
        Name("a"),
        Name("b"),
        Name("c"),
    )
    assert joined(names, Unavailable(Reason.EMPTY)) == names
