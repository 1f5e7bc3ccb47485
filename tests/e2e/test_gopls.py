"""gopls: Go as it really answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitors.protocols import Reason
from tests.e2e.served import Served, serving

pytestmark = pytest.mark.e2e

FILES = {
    "go.mod": "module shop\n\ngo 1.19\n",
    "order/order.go": (
        "package order\n\ntype Order struct{ Amount, secret int }\n\nvar Limit = 3\n\n"
        "func New() *Order { return nil }\n\nfunc (o *Order) Total() int { return o.secret }\n"
    ),
    "main.go": "package main\n",
}
HEAD = 'package main\n\nimport "shop/order"\n\n'


@pytest.fixture(scope="module")
def gopls(root: Path) -> Iterator[Served]:
    """gopls on a module of two packages."""
    with serving(root, "gopls", "main.go") as served:
        yield served


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HEAD}func f() {{\n\torder.‸\n}}\n", {"Order", "Limit", "New"}),
        (f"{HEAD}func f(o order.Order) {{\n\to.‸\n}}\n", {"Amount", "Total"}),
        (f"{HEAD}func f() {{\n\torder.New().‸\n}}\n", {"Amount", "Total"}),
        (f"{HEAD}func f(o []*order.Order) {{\n\to[0].‸\n}}\n", {"Amount", "Total"}),
        (f"{HEAD}func f(o order.‸\n", {"Order"}),
        (
            f"{HEAD}type T struct{{ order.Order; own int }}\n\nfunc f(t T) {{\n\tt.‸\n}}\n",
            {"Order", "own", "Amount", "Total"},
        ),
        (
            f"{HEAD}type T struct{{}}\n\nfunc f(t T) {{\n\tt.‸\n}}\n\nfunc (T) later() {{}}\n",
            {"later"},
        ),
        ("package main\n\nfunc f(e error) {\n\te.‸\n}\n", {"Error"}),
        ("package main\n\nfunc f[T interface{ Len() int }](t T) {\n\tt.‸\n}\n", {"Len"}),
    ],
    ids=[
        "package",
        "value",
        "call",
        "element",
        "type",
        "embedded",
        "later",
        "interface",
        "type parameter",
    ],
)
def test_members(gopls: Served, text: str, expected: set[str]) -> None:
    """Exactly the members: no chains, no postfix templates, nothing that is not exported."""
    assert gopls.names(text) == expected


CLUSTER = """package main

type Spec struct {
	Replicas *int
	Name     string
	Next     *Spec
	Fn       func() *int
	Ch       chan int
	M        map[string]*int
}

type Deployment struct{ Spec *Spec }

func (d *Deployment) Latest() *Deployment { return d }

func takes(int)         {}
func points(*int) error { return nil }

func f(d *Deployment, crates map[string][]*Spec) string {
	HERE
	return ""
}
"""


@pytest.mark.parametrize(
    "statement",
    [
        "d.Spec.‸",
        "if *d.Spec.‸ > 2 {\n\t}",
        "_ = *d.Latest().Spec.‸",
        '_ = *crates["c"][0].‸',
        "p := &d.Spec.‸",
        "v := <-d.Spec.‸",
        "for range d.Spec.‸ {\n\t}",
        "takes(d.Spec.‸)",
        "takes(*d.Spec.‸)",
        "points(d.Spec.‸)",
        "points(&d.Spec.‸)",
        "var s string = d.Spec.‸",
        "return d.Spec.‸",
        "if d.Spec.‸ == 1 {\n\t}",
        "x := []int{d.Spec.‸}",
        "x := Spec{Name: d.Spec.‸}",
        "switch d.Spec.‸ {\n\t}",
        "d.Spec.Ch <- d.Spec.‸",
        "*d.Spec.‸ = 1",
        "x := !d.Spec.‸",
        "x := -*d.Spec.‸",
    ],
)
def test_the_expected_type_hides_no_member(gopls: Served, statement: str) -> None:
    """What stands around a receiver may want another type: the members stay the same."""
    names = gopls.names(CLUSTER.replace("HERE", statement))

    assert names == {"Replicas", "Name", "Next", "Fn", "Ch", "M"}


@pytest.mark.parametrize(
    "text",
    [
        "package main\n\nfunc f() {\n\tunknown.‸\n}\n",
        "package main\n\nfunc f(a any) {\n\ta.‸\n}\n",
        "package main\n\nfunc f() {\n\tfmt.‸\n}\n",
    ],
    ids=["unknown", "any", "not imported"],
)
def test_nothing_to_say(gopls: Served, text: str) -> None:
    """Unknown names, values without members and packages that are not imported."""
    assert gopls.reason(text) in {Reason.EMPTY, Reason.NOT_MEMBERS}


def test_a_file_that_was_never_saved(gopls: Served) -> None:
    """It belongs to the package of its folder."""
    text = "package order\n\nfunc f(o Order) {\n\to.‸\n}\n"

    assert gopls.names(text, "order/unsaved.go") == {"Amount", "secret", "Total"}
