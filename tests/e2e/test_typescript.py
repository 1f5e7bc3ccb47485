"""The real servers for TypeScript and JavaScript."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lsp_bridge.profiles.rules.typescript import OBJECT_MEMBERS
from monitors.protocols import Reason
from tests.e2e.served import Served, closed, serving
from tests.workspaces import held, written

pytestmark = pytest.mark.e2e
SERVERS = ("typescript-language-server", "vtsls")

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


@pytest.fixture(scope="module", params=SERVERS)
def server(request: pytest.FixtureRequest, root: Path) -> Iterator[Served]:
    """One server on a workspace with three projects in it."""
    with on(root, request.param) as served:
        yield served


def on(root: Path, name: str) -> AbstractContextManager[Served]:
    """A server on a workspace; members of every object do not count."""
    return serving(root, name, "src/main.ts", OBJECT_MEMBERS.__contains__)


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
    assert server.names(text) == expected


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
    assert server.reason(ORDER + text) in (Reason.EMPTY, Reason.OPEN_TYPE)


def test_every_dialect(server: Served) -> None:
    """TSX and JavaScript; in the latter words of the file are no members."""
    element = "const node = <b>{order.‸}</b>;\n"
    script = "class A {\n  f() {}\n}\nconst a = new A();\nconst word = 1;\nprint(a.‸);\n"
    both = script.replace("print(a.‸)", "c(<b>{a.‸}</b>)")

    assert server.names(ORDER + element, "src/view.tsx") == {"amount", "total"}
    assert server.names(script, "tool/main.js") == {"f"}
    assert server.names(both, "tool/view.jsx") == {"f"}


def test_several_projects(server: Served) -> None:
    """A file outside every project, one that was never saved, and one of another project."""
    text = "const order = { amount: 1 };\norder.‸\n"

    for file in ("src/fresh.ts", "outside.ts", "other/lose.ts", "src/main.ts"):
        assert server.names(text, file) == {"amount"}


def test_what_is_on_disk_counts(server: Served) -> None:
    """Another session's text of another file is not what is imported."""
    changed = server.names("class Order { changed = 1 }\nnew Order().‸\n", "src/order.ts")

    assert changed == {"changed"}
    assert server.names(ORDER + "const after = order.‸;\n") == {"amount", "total"}


def test_a_killed_server_comes_back(server: Served) -> None:
    """The next question is answered by a new process."""
    assert server.names_again(ORDER + "const again = order.‸;\n") == {"amount", "total"}


def test_nothing_was_written(server: Served) -> None:
    """The workspace holds what it held."""
    server.answer(ORDER + "order.‸\n")

    assert held(server.root) == set(FILES)


@pytest.mark.parametrize("name", SERVERS)
def test_close_leaves_no_process(root: Path, name: str) -> None:
    """Neither the server nor the compiler."""
    assert len(closed(on(root, name), ORDER + "order.‸\n")) > 1


@pytest.mark.parametrize("name", SERVERS)
def test_the_compiler_of_the_workspace_is_not_run(tmp_path: Path, name: str) -> None:
    """Nor are plug-ins that a project names."""
    mark = f"require('fs').writeFileSync({str(tmp_path / 'mark')!r}, '')"
    files = {
        "node_modules/typescript/lib/tsserver.js": mark,
        "node_modules/typescript/lib/typescript.js": mark,
        "node_modules/typescript/package.json": '{"name": "typescript", "version": "5.9.3"}',
        "node_modules/plug/index.js": mark,
        "tsconfig.json": '{"compilerOptions": {"plugins": [{"name": "plug"}]}}',
    }
    with on(written(tmp_path / "workspace", files), name) as served:
        assert served.names("const a = { b: 1 };\na.‸\n", "main.ts") == {"b"}

    assert not (tmp_path / "mark").exists()
