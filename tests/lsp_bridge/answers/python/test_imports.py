"""Which module is asked about, and where modules of a package are listed."""

from dataclasses import replace
from pathlib import Path

import pytest

from lsp_bridge.answers.python.imports import (
    joined,
    of_source,
    place,
    submodules,
)
from lsp_bridge.answers.python.modules import Sources
from lsp_bridge.documents.question import Question
from lsp_bridge.profiles.profile import Extra
from lsp_bridge.servers.project import discover
from monitors.protocols import Members, Name, QueryKind, Reason, Unavailable
from tests.workspaces import written


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
    assert place(question(text)).is_outermost == expected


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
    found = submodules(asked, place(asked))

    if expected is None:
        assert found is None
    else:
        whole = expected + asked.text[asked.cursor :]
        assert found == replace(asked, text=whole, cursor=len(expected))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a = 1\n", Extra()),
        ("def __getattr__(name): ...\n", Extra(why_open="the module has a __getattr__")),
        ("globals()['made'] = 1\n", Extra(frozenset({"made"}))),
    ],
)
def test_what_a_modules_source_says(source: str, expected: Extra, tmp_path: Path) -> None:
    """Servers list neither names that are made up nor those that are written."""
    root = written(tmp_path, {"pack/__init__.py": "", "pack/made.py": source})
    sources = Sources(discover(root))
    asked = replace(question("from pack.made import m"), path=str(root / "app.py"))
    inside = replace(question("from .made import m"), path=str(root / "pack/other.py"))

    assert (
        of_source(asked, place(asked), sources)
        == of_source(inside, place(inside), sources)
        == expected
    )
    outermost, inner = question("import _"), question("import os.p")
    assert "_string" in of_source(outermost, place(outermost), sources).names
    assert of_source(inner, place(inner), sources) == Extra()


def test_both_lists_are_one() -> None:
    """Each name once; a package without modules has names all the same."""
    names = Members((Name("a"), Name("b")))

    assert joined(names, Members((Name("b"), Name("c")))).names == (
        Name("a"),
        Name("b"),
        Name("c"),
    )
    assert joined(names, Unavailable(Reason.EMPTY)) == names
