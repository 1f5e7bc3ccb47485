"""The real servers for Python, through one contract."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lsp_bridge import ServerPool
from monitors.protocols import Document, Members, Query, QueryKind, Reason, Unavailable
from tests.e2e.served import DEADLINE_S, Served, closed, is_special, serving
from tests.servers import PYTHON
from tests.workspaces import held

pytestmark = pytest.mark.e2e

FILES = {
    "shop/__init__.py": "",
    "shop/order.py": "class Order:\n    amount: int = 1\n\n    def total(self) -> int: ...\n",
    "src/inner/__init__.py": "",
    "src/inner/deep.py": "class Deep:\n    def depth(self): ...\n",
    "made_up.py": "known = 1\n\ndef __getattr__(name): ...\n",
    "tools/pyproject.toml": "",
    "tools/src/crane/__init__.py": "class Crane:\n    reach: int = 1\n",
    ".venv/pyvenv.cfg": "home = /usr/bin\n",
    ".venv/lib/python3.11/site-packages/stocked.py": "def from_stock(): ...\n",
    ".venv/bin/python": '#!/bin/sh\ntouch "$(dirname "$0")/../../ran"\n',
}


@pytest.fixture(scope="module")
def root(root: Path) -> Path:
    """A small project on disk, with an interpreter that shows whether it was started."""
    (root / ".venv/bin/python").chmod(0o755)
    return root


@pytest.fixture(scope="module", params=PYTHON)
def server(request: pytest.FixtureRequest, root: Path) -> Iterator[Served]:
    """One server on that project, asked about a file that is not on disk."""
    with serving(root, request.param, "main.py", is_special) as served:
        yield served


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from shop.order import Order\nOrder().‸", {"amount", "total"}),
        ("import shop.order\nshop.order.‸", {"Order"}),
        ("from inner.deep import Deep\nDeep().‸", {"depth"}),
        ("import stocked\nstocked.‸", {"from_stock"}),
        ("from crane import Crane\nCrane().‸", {"reach"}),
        (
            "class A:\n    def f(self):\n        self.‸\n\n    def later(self): ...\n",
            {"f", "later"},
        ),
        ("from shop.order import Order\nx = print(len(Order().‸\ny = 1\n", {"amount", "total"}),
        ('from shop.order import Order\nx = f"{Order().‸}"\n', {"amount", "total"}),
        ('from shop.order import Order\nx = "😀😀"; Order().‸', {"amount", "total"}),
        ("from shop.order import Order\r\nx = 1\r\nOrder().‸\r\n", {"amount", "total"}),
        ("from shop.order import Order\n\f\nx = 'a\u2028b'\nOrder().‸\n", {"amount", "total"}),
    ],
    ids=[
        "sibling",
        "module",
        "src",
        "venv",
        "nested project",
        "later",
        "open brackets",
        "f-string",
        "emoji",
        "crlf",
        "odd line ends",
    ],
)
def test_members(server: Served, text: str, expected: set[str]) -> None:
    """Exactly the members, wherever they are defined and whatever the text around them."""
    assert server.names(text) == expected


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("def f(x):\n    x.‸\n", {Reason.EMPTY, Reason.UNKNOWN_TYPE}),
        ("import not_there\nnot_there.‸\n", {Reason.EMPTY, Reason.UNKNOWN_TYPE}),
        (
            "class A:\n  def __init__(self):\n    self.q = None\n\n  def f(self):\n    self.q.‸\n",
            {Reason.UNKNOWN_TYPE, Reason.OPEN_TYPE},  # pyrefly: None, or something unknown
        ),
        ("class A:\n    def __getattr__(self, n): ...\n\nA().‸\n", {Reason.OPEN_TYPE}),
        ("import made_up\nmade_up.‸\n", {Reason.OPEN_TYPE}),
        ("import argparse\ndef f(a: argparse.Namespace):\n    a.‸\n", {Reason.OPEN_TYPE}),
        ("from unittest import mock\nmock.Mock().‸\n", {Reason.OPEN_TYPE}),
        ("import ctypes\nctypes.CDLL('x').‸\n", {Reason.OPEN_TYPE}),
        ("from types import SimpleNamespace as S\nS(a=1).‸\n", {Reason.UNKNOWN_TYPE}),
        ("# x.‸\n", {Reason.EMPTY, Reason.NOT_MEMBERS}),
    ],
)
def test_lists_that_are_not_closed(server: Served, text: str, reasons: set[Reason]) -> None:
    """Unknown and open receivers go unconstrained, with the reason."""
    answer = server.answer(text)

    if server.name == "ty" and "made_up" in text:
        # It lists every module with a `__getattr__`, those without one too.
        assert isinstance(answer, Members)
        return
    assert isinstance(answer, Unavailable)
    assert answer.reason in reasons


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("class A:\n    y = 1\nA.‸\n", "__name__"),
        ("class A:\n    def f(self):\n        self.__class__.‸\n", "__qualname__"),
        ("import enum\nclass E(enum.Enum):\n    RED = 1\nE.‸\n", "__members__"),
        ("class A:\n    y = 1\nclass B(A):\n    def f(self):\n        super().‸\n", "__init__"),
        ("import importlib.metadata\nimportlib.‸\n", "metadata"),
        ("import os\nos.‸\n", "__dict__"),
    ],
)
def test_names_that_are_easily_missed(server: Served, text: str, written: str) -> None:
    """What every class, enumeration or value has is listed."""
    answer = server.answer(text)

    if server.name == "ty" and "super()" in text:
        # It lists the members of `object` alone, as if nothing were known.
        assert isinstance(answer, Unavailable)
        return
    assert isinstance(answer, Members)
    assert written in {name.text for name in answer.names}


def test_sessions_do_not_mix(server: Served) -> None:
    """Sixteen sessions with contents of their own for one file."""
    wrong: list[object] = []

    def session(number: int) -> None:
        for step in range(3):
            name = f"only_{number}_{step}"
            text = f"class A:\n    {name} = 1\n" + "# 😀\n" * (number % 4) + "A().‸\n"
            try:
                if (names := server.names(text)) != {name}:
                    wrong.append((name, names))
            except AssertionError as error:
                wrong.append((name, error))

    threads = [threading.Thread(target=session, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []


def test_answers_do_not_depend_on_other_open_documents(server: Served) -> None:
    """What another session says about another file is not what is on disk."""
    text = "class Order:\n    changed = 1\nOrder().‸"
    assert "changed" in server.names(text, "shop/order.py")

    assert server.names("from shop.order import Order\nx = 2\nOrder().‸") == {"amount", "total"}


def test_nothing_was_written_or_run(server: Served) -> None:
    """The project holds what it held, and its interpreter was not started."""
    server.answer("import stocked\nstocked.‸")

    assert held(server.root) == set(FILES)


@pytest.mark.parametrize("name", PYTHON)
def test_close_leaves_no_process(root: Path, name: str) -> None:
    """Neither the server nor what it has started."""
    assert closed(serving(root, name, "main.py"), "import os\nos.‸")


def test_a_workspace_that_is_a_package_itself(server: Served) -> None:
    """Its files import from it by its own name."""
    with ServerPool(server.root / "shop") as pool:
        prefix = "from shop.order import Order\nOrder()."
        query = Query(
            QueryKind.MEMBERS, Document("python", str(server.root / "shop/new.py"), prefix, "\n")
        )
        answer = pool.wait(pool.ask(query, server=server.name), DEADLINE_S)

    assert isinstance(answer, Members)
    assert {"amount", "total"} <= {name.text for name in answer.names}
