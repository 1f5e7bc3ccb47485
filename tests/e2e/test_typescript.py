"""The real servers for TypeScript and JavaScript."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lsp_bridge import ServerPool
from lsp_bridge.profiles.typescript_rules import OBJECT_MEMBERS
from lsp_bridge.transport import kill_tree
from monitors.protocols import Reason, Unavailable
from tests.e2e.served import Served, write
from tests.fakes import descendants, gone
from tests.servers import require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(60)]
SERVERS = ("typescript-language-server", "vtsls")
DEADLINE_S = 40.0

FILES = {
    "tsconfig.json": '{"compilerOptions": {"strict": true}, "include": ["src"]}',
    "src/order.ts": "export class Order {\n  amount = 1;\n  total(): number { return 1; }\n}\n",
    "src/main.ts": "",
    "src/view.tsx": "",
    "other/tsconfig.json": '{"compilerOptions": {"strict": false}}',
    "other/lose.ts": "",
    "tool/jsconfig.json": "{}",
    "tool/main.js": "",
    "tool/view.jsx": "",
}
ORDER = 'import { Order } from "./order";\nconst order = new Order();\n'
"""The beginning of a text that uses another file."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with three projects in it."""
    root = tmp_path_factory.mktemp("workspace")
    write(root, FILES)
    return root


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, root: Path) -> Iterator[Served]:
    """One server on that workspace."""
    require(request.param)
    with ServerPool(root) as pool:
        yield Served(pool, root, request.param, OBJECT_MEMBERS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ORDER + "order.‸\n", {"amount", "total"}),
        (ORDER + "const x = '😀😀' + order.‸;\n", {"amount", "total"}),
        (ORDER + "const x = `😀 ${order.‸}`;\n", {"amount", "total"}),
        (ORDER + "order\n  .‸\n", {"amount", "total"}),
        (ORDER.replace("\n", "\r\n") + "order.‸\r\n", {"amount", "total"}),
        ('import * as all from "./order";\nconst x = all.‸;\n', {"Order"}),
        ("declare const o: { größe: 1; $x: 1; 'a-b': 1 } | undefined;\no?.‸\n", {"größe", "$x"}),
        ("class A { #p = 1; private q = 2; f() { this.‸ } }\n", {"#p", "q", "f"}),
        ("class A { #p = 1; private q = 2; f() {} }\nnew A().‸\n", {"f"}),
        ("enum E { A, B }\nconst e = E.‸;\n", {"A", "B"}),
    ],
)
def test_members(server: Served, text: str, expected: set[str]) -> None:
    """Exactly the members."""
    assert server.names("src/main.ts", text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "declare const r: any;\nr.‸\n",
        "declare const r: Record<string, number>;\nr.‸\n",
        "declare const r: { a: 1; [k: string]: number };\nr.‸\n",
        "not_there.‸\n",
        "// order.‸\n",
    ],
)
def test_lists_that_are_not_closed(server: Served, text: str) -> None:
    """What nothing is known of, or anything may be a member of, goes unconstrained."""
    answer = server.answer("src/main.ts", ORDER + text)

    assert isinstance(answer, Unavailable)
    assert answer.reason in (Reason.EMPTY, Reason.OPEN_TYPE)


def test_every_dialect(server: Served) -> None:
    """TSX and JavaScript; in the latter words of the file are no members."""
    element = "const node = <b>{order.‸}</b>;\n"
    script = "class A {\n  f() {}\n}\nconst a = new A();\nconst word = 1;\nprint(a.‸);\n"

    assert server.names("src/view.tsx", ORDER + element) == {"amount", "total"}
    assert server.names("tool/main.js", script) == {"f"}
    assert server.names("tool/view.jsx", script.replace("print(a.‸)", "c(<b>{a.‸}</b>)")) == {"f"}


def test_several_projects(server: Served) -> None:
    """A file outside every project, one that was never saved, and one of another project."""
    text = "const order = { amount: 1 };\norder.‸\n"

    for file in ("src/fresh.ts", "outside.ts", "other/lose.ts", "src/main.ts"):
        assert server.names(file, text) == {"amount"}


def test_what_is_on_disk_counts(server: Served) -> None:
    """Another session's text of another file is not what is imported."""
    changed = server.names("src/order.ts", "class Order { changed = 1 }\nnew Order().‸\n")

    assert changed == {"changed"}
    assert server.names("src/main.ts", ORDER + "const after = order.‸;\n") == {"amount", "total"}


def test_a_killed_server_comes_back(server: Served) -> None:
    """The next question is answered by a new process."""
    (pid,) = server.pool.process_ids
    kill_tree(pid)
    assert gone({pid})

    assert server.names_again("src/main.ts", ORDER + "const again = order.‸;\n") == {
        "amount",
        "total",
    }
    assert server.pool.process_ids != (pid,)


def test_nothing_was_written(server: Served) -> None:
    """The workspace holds what it held."""
    server.answer("src/main.ts", ORDER + "order.‸\n")

    assert server.files() == set(FILES)


@pytest.mark.parametrize("name", SERVERS)
def test_close_leaves_no_process(root: Path, name: str) -> None:
    """Neither the server nor the compiler."""
    require(name)
    before = descendants()
    with ServerPool(root) as pool:
        assert Served(pool, root, name, OBJECT_MEMBERS).names(
            "src/main.ts", ORDER + "order.‸\n"
        ) == {"amount", "total"}
        started = descendants() - before

    assert len(started) > 1
    assert gone(started)


@pytest.mark.parametrize("name", SERVERS)
def test_the_compiler_of_the_workspace_is_not_run(tmp_path: Path, name: str) -> None:
    """Nor are plug-ins that a project names."""
    require(name)
    root = tmp_path / "workspace"
    mark = f"require('fs').writeFileSync({str(tmp_path / 'mark')!r}, '')"
    config = '{"compilerOptions": {"plugins": [{"name": "plug"}]}}'
    for file in ("typescript/lib/tsserver.js", "typescript/lib/typescript.js", "plug/index.js"):
        path = root / "node_modules" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(mark)
    version = '{"name": "typescript", "version": "5.9.3"}'
    (root / "node_modules/typescript/package.json").write_text(version)
    (root / "tsconfig.json").write_text(config)
    with ServerPool(root) as pool:
        names = Served(pool, root, name, OBJECT_MEMBERS).names(
            "main.ts", "const a = { b: 1 };\na.‸\n"
        )

    assert names == {"b"}
    assert not (tmp_path / "mark").exists()
