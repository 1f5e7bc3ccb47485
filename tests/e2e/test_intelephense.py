"""The real server for PHP."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitors.protocols import Reason
from tests.e2e.served import Served, closed, serving
from tests.workspaces import held

pytestmark = pytest.mark.e2e

FILES = {
    "src/Order.php": (
        "<?php\nnamespace Shop;\n\nclass Order\n{\n    public int $amount = 1;\n"
        "    private $secret;\n    const LIMIT = 9;\n\n"
        "    public function total(): int { return 1; }\n"
        "    public static function make(): self { return new self; }\n}\n"
    ),
    "main.php": "",
}
ORDER = "<?php\nuse Shop\\Order;\n$order = new Order;\n"
"""The beginning of a text that uses another file."""


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[Served]:
    """The server on a small workspace."""
    with serving(root, "intelephense", "main.php") as served:
        yield served


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ORDER + "$order->‸;\n", {"amount", "make", "total"}),
        (ORDER + "$x = '😀😀' . $order->‸;\n", {"amount", "make", "total"}),
        (ORDER.replace("\n", "\r\n") + "$order->‸;\r\n", {"amount", "make", "total"}),
        (ORDER + "Order::‸;\n", {"LIMIT", "__construct", "class", "make"}),
        (ORDER + "function f(?Order $o) { $o?->‸; }\n", {"amount", "make", "total"}),
        ("<?php\nclass A { public $größe; public $Straße; }\n(new A)->‸;\n", {"größe", "Straße"}),
        ("<?php\nclass A { private $p; function f() { $this->‸; } }\n", {"p", "f"}),
        ("<?php\nclass A { function f() { $this->x = $this->‸; } }\n", {"f", "x"}),
        (
            "<?php\nenum E: int { case A = 1; }\n$x = E::A->‸;\n",
            {"cases", "from", "name", "tryFrom", "value"},
        ),
    ],
)
def test_members(server: Served, text: str, expected: set[str]) -> None:
    """Exactly the members; the first question waits until other files are indexed."""
    assert server.names(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("function f($x) { $x->‸; }\n", Reason.EMPTY),
        ("$x = new stdClass;\n$x->‸;\n", Reason.EMPTY),
        ("Nope::‸;\n", Reason.UNKNOWN_TYPE),
        ("class M { function __get($n) {} }\n(new M)->‸;\n", Reason.OPEN_TYPE),
        ("trait T { function f() { $this->‸; } }\n", Reason.OPEN_TYPE),
        ("// $order->‸\n", Reason.EMPTY),
    ],
)
def test_lists_that_are_not_closed(server: Served, text: str, reason: Reason) -> None:
    """Unknown and open receivers go unconstrained, with the reason."""
    assert server.reason(ORDER + text) is reason


def test_wide_types_are_listed_whole(server: Served) -> None:
    """By default it stops at a hundred names."""
    members = " ".join(f"public $x{number};" for number in range(150))
    text = f"<?php\nclass Wide {{ {members} }}\n(new Wide)->‸;\n"

    assert server.names(text) == {f"x{number}" for number in range(150)}


def test_a_killed_server_comes_back(server: Served) -> None:
    """The next question is answered by a new process, once it has indexed the workspace."""
    assert server.names_again(ORDER + "$again = $order->‸;\n") == {"amount", "make", "total"}


def test_nothing_was_written(server: Served) -> None:
    """The index lies outside of the workspace."""
    server.answer(ORDER + "$order->‸;\n")

    assert held(server.root) == set(FILES)


def test_close_leaves_no_process(root: Path) -> None:
    """None at all."""
    assert closed(serving(root, "intelephense", "main.php"), ORDER + "$order->‸;\n")
