"""clangd, rust-analyzer and gopls, through one contract."""

from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.served import Served, closed, serving
from tests.workspaces import held, written

pytestmark = pytest.mark.e2e


@dataclass(frozen=True)
class Project:
    """A small project, and a file of it that asks for the members of a type in another one."""

    files: Mapping[str, str]
    file: str
    template: str
    members: Set[str]

    def text(self, literal: str = "") -> str:
        """A call that is not closed, with ``literal`` before the cursor."""
        return self.template.format(literal)


CPP = {
    "shop/order.h": "#pragma once\nstruct Order { int amount; int total() const; };\n",
    "main.cpp": "",
}
RUST = {
    "Cargo.toml": '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n',
    "src/lib.rs": "pub mod order;\npub mod page;\n",
    "src/order.rs": (
        "pub struct Order { pub amount: i64, secret: u8 }\n"
        "impl Order { pub fn total(&self) -> i64 { self.amount + i64::from(self.secret) } }\n"
    ),
    "src/page.rs": "",
}
GO = {
    "go.mod": "module shop\n\ngo 1.19\n",
    "order/order.go": (
        "package order\n\ntype Order struct { Amount, secret int }\n\n"
        "func (o *Order) Total() int { return o.Amount + o.secret }\n"
    ),
    "main.go": "package main\n",
}
PROJECTS = {
    "clangd": Project(
        CPP,
        "main.cpp",
        (
            '#include "shop/order.h"\nint f(const char *, int);\n'
            'int g(Order order) {{ return f("{}", order.‸\n}}\n\nint later();\n'
        ),
        {"amount", "total"},
    ),
    "rust-analyzer": Project(
        RUST,
        "src/page.rs",
        (
            "use crate::order::Order;\nfn f(a: &str, b: i64) -> i64 {{ b }}\n"
            'fn g(order: Order) -> i64 {{ f("{}", order.‸\n}}\n\nfn later() {{}}\n'
        ),
        {"amount", "total", "into", "try_into"},
    ),
    "gopls": Project(
        GO,
        "main.go",
        (
            'package main\n\nimport "shop/order"\n\nfunc f(a string, b int) int {{ return b }}\n\n'
            'func g(o order.Order) int {{\n\treturn f("{}", o.‸\n}}\n\nfunc main() {{}}\n'
        ),
        {"Amount", "Total"},
    ),
}


@pytest.fixture(scope="module", params=PROJECTS)
def name(request: pytest.FixtureRequest) -> str:
    """Name of the server."""
    return str(request.param)


def qualifies(name: str) -> bool:
    """Whether a name is that of a class which may qualify a member, and no member."""
    return name.endswith(":")


@pytest.fixture(scope="module")
def project(name: str) -> Project:
    """Its project."""
    return PROJECTS[name]


@pytest.fixture(scope="module")
def root(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its project on disk."""
    return written(tmp_path_factory.mktemp("workspace"), project.files)


@pytest.fixture(scope="module")
def server(name: str, project: Project, root: Path) -> Iterator[Served]:
    """The server on that project."""
    with serving(root, name, project.file, qualifies) as served:
        yield served


def test_the_first_answer_is_right(server: Served, project: Project) -> None:
    """However early it is asked for: exactly the members, of a type in another file."""
    assert server.names(project.text()) == project.members
    assert server.pool.statistics.restarts == 0


@pytest.mark.parametrize("literal", ["äö", "😀😀", "日本\u2028語"])
def test_columns(server: Served, project: Project, literal: str) -> None:
    """Characters of several units before the cursor."""
    assert server.names(project.text(literal)) == project.members


def test_line_ends(server: Served, project: Project) -> None:
    """Files with two characters at line ends."""
    assert server.names(project.text().replace("\n", "\r\n")) == project.members


def test_a_growing_document(server: Served, project: Project) -> None:
    """Every answer belongs to its own text, typed character by character."""
    before, mark, after = project.text().partition("‸")
    for count in range(5):
        comment = "/* " + "x" * count + " */ "
        assert server.names(before.replace("later", comment) + mark + after) == project.members


def test_a_killed_server_comes_back(name: str, project: Project, root: Path) -> None:
    """Its documents come with the questions."""
    with serving(root, name, project.file, qualifies) as server:
        assert server.names(project.text("first")) == project.members
        assert server.names_again(project.text("second")) == project.members
        assert server.pool.statistics.restarts == 1


def test_nothing_is_written(server: Served, project: Project) -> None:
    """The project holds what it held."""
    server.answer(project.text())

    assert held(server.root) - {"Cargo.lock"} == set(project.files)


def test_close_leaves_no_process(name: str, project: Project, root: Path) -> None:
    """Neither the server nor what it has started."""
    assert closed(serving(root, name, project.file), project.text())
