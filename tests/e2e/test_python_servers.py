"""What distinguishes the real servers for Python; what they share is in `test_servers`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitors.protocols import Reason, Unavailable
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
