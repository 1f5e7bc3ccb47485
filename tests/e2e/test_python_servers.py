"""What distinguishes the real servers for Python; what they share is in `test_servers`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitors.protocols import Members, Reason, Unavailable
from tests.e2e.served import Served, is_special, serving
from tests.servers import PYTHON
from tests.workspaces import held

pytestmark = pytest.mark.e2e

FILES = {
    "order.py": "class Order:\n    amount: int = 1\n\n    def total(self) -> int: ...\n",
}
ORDER = "from order import Order\n"


@pytest.fixture(scope="module", params=PYTHON)
def server(request: pytest.FixtureRequest, root: Path) -> Iterator[Served]:
    """One server on a workspace with one file."""
    with serving(root, request.param, "main.py", is_special) as served:
        yield served


@pytest.fixture(scope="module")
def ty(root: Path) -> Iterator[Served]:
    """ty on that workspace."""
    with serving(root, "ty", "main.py", is_special) as served:
        yield served


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("class A:\n    größe = 1\n    Straße = 2\n\nA().‸\n", {"größe", "Straße"}),
        (ORDER + "x = {'😀': Order().‸}\n", {"amount", "total"}),
        (ORDER + "x = '''\n😀 ''' + Order().‸\n", {"amount", "total"}),
        (ORDER + "for each in [Order()]:\n    each.‸\n", {"amount", "total"}),
    ],
)
def test_members(server: Served, text: str, expected: set[str]) -> None:
    """Exactly the members, whatever stands on the line before the cursor."""
    assert server.names(text) == expected


def test_a_killed_server_comes_back(server: Served) -> None:
    """The next question is answered by a new process."""
    assert server.names_again(ORDER + "again = Order().‸\n") == {"amount", "total"}


def test_nothing_was_written(server: Served) -> None:
    """The workspace holds what it held."""
    server.answer(ORDER + "Order().‸\n")

    assert held(server.root) == set(FILES)


@pytest.mark.parametrize(("count", "is_whole"), [(900, True), (1100, False)])
def test_ty_cuts_long_lists(ty: Served, count: int, is_whole: bool) -> None:
    """At a thousand names, which it does not tell: it flags every list."""
    members = "".join(f"    x{number} = 1\n" for number in range(count))
    answer = ty.answer(f"class Wide:\n{members}\nWide().‸\n")

    assert (answer == Unavailable(Reason.INCOMPLETE, "1000 items")) is not is_whole


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("from nope import B\nclass A(B):\n    z = 1\nA().‸\n", Reason.OPEN_TYPE),
        ("from nope import B\nclass A(B):\n    z = 1\nA.‸\n", Reason.OPEN_TYPE),
        ("from unittest import mock\nmock.Mock().‸\n", Reason.OPEN_TYPE),
        (ORDER + "def f(x: Order | None):\n    x.‸\n", Reason.UNKNOWN_TYPE),
    ],
)
def test_ty_shows_what_it_does_not_know(ty: Served, text: str, reason: Reason) -> None:
    """Unknown bases in the types of what every object has; of unions it lists what is common."""
    assert ty.reason(text) is reason


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("def f(x: float):\n    x.‸\n", "hex is_integer"),
        ("def f(x: list[float]):\n    x[0].‸\n", "hex is_integer"),
        ("import time\ntime.time().‸\n", "is_integer"),
        ("def f(x: complex):\n    x.‸\n", "conjugate"),
        ("def f(x: object):\n    if isinstance(x, int):\n        x.‸\n", "bit_length"),
        ("def f(x: float):\n    if isinstance(x, int):\n        x.‸\n", "bit_length"),
        ("def f(x: str | bytes):\n    x.‸\n", "encode decode"),
        ("def f(x: Order | str):\n    x.‸\n", "total upper"),
        ("from collections import namedtuple\nP = namedtuple('P', 'a b')\nP(1, 2).‸\n", "a b"),
        ("from typing import NamedTuple\nP = NamedTuple('P', [('a', int)])\nP(1).‸\n", "a"),
        (
            (
                "from collections import namedtuple\nclass Q(namedtuple('Q', 'a b')):\n"
                "    def f(self):\n        return self.‸\n"
            ),
            "a b",
        ),
        ("from enum import Enum\nC = Enum('C', 'RED BLUE')\nC.‸\n", "RED"),
        ("from enum import Enum\nC = Enum('C', 'RED BLUE')\nC.RED.‸\n", "name value"),
        ("import abc\nclass A(abc.ABC):\n    x = 1\nA.‸\n", "register __abstractmethods__"),
    ],
)
def test_what_some_servers_leave_out_is_not_refused(server: Served, text: str, names: str) -> None:
    """Parts of unions, and what calls of ``namedtuple`` and ``Enum`` make."""
    answer = server.answer(ORDER + text)
    listed = {name.text for name in answer.names} if isinstance(answer, Members) else None

    assert listed is None or set(names.split()) <= listed


def test_ty_does_not_give_up_classes_of_enumerations_and_named_tuples(ty: Served) -> None:
    """Those that are written out are listed whole."""
    enumeration = "from enum import Enum\nclass C(Enum):\n    RED = 1\nC.‸\n"
    point = "from typing import NamedTuple\nclass P(NamedTuple):\n    x: int\nP(1).‸\n"

    assert "RED" in ty.names(enumeration)
    assert "x" in ty.names(point)
    assert {"hex", "real"} <= ty.names("def f(x: float):\n    x.‸\n")
