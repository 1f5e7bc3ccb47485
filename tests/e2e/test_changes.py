"""Another file of the workspace changes on disk: every live server answers from the new one."""

import time
from pathlib import Path
from typing import NamedTuple

import pytest

from lsp_bridge import PROFILES, ServerPool
from monitors.protocols import Answer, Document, Members, Query, QueryKind
from tests.servers import SAMPLES, require
from tests.workspaces import written

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
DEADLINE_S = 60.0
NOTICED_S = 30.0


class Workspace(NamedTuple):
    """A box in one file and its use in another; ``{name}`` is its member, ``‸`` the cursor."""

    box: tuple[str, str]
    use: tuple[str, str]
    project: tuple[tuple[str, str], ...] = ()


_CONFIG = '{"compilerOptions": {"strict": true, "module": "esnext", "moduleResolution": "node"}}'
WORKSPACES = {
    "python": Workspace(
        ("box.py", "class Box:\n    def {name}(self) -> int: ...\n"),
        ("app.py", "from box import Box\n\n\ndef use(box: Box) -> None:\n    box.‸\n"),
        (("pyproject.toml", ""),),
    ),
    "typescript": Workspace(
        ("box.ts", "export class Box {\n  {name}(): number { return 1; }\n}\n"),
        ("app.ts", 'import { Box } from "./box";\nexport function use(box: Box) {\n  box.‸;\n}\n'),
        (("tsconfig.json", _CONFIG),),
    ),
    "cpp": Workspace(
        ("box.h", "#pragma once\nstruct Box { int {name}() const; };\n"),
        ("app.cpp", '#include "box.h"\nint use(Box &box) { return box.‸; }\n'),
    ),
    "rust": Workspace(
        ("src/boxed.rs", "pub struct Thing;\nimpl Thing { pub fn {name}(&self) -> u8 { 1 } }\n"),
        ("src/lib.rs", "mod boxed;\npub fn using(thing: boxed::Thing) -> u8 { thing.‸ }\n"),
        (("Cargo.toml", '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n'),),
    ),
    "go": Workspace(
        ("box.go", "package app\n\ntype Box struct{}\n\nfunc (b Box) {name}() int { return 1 }\n"),
        ("app.go", "package app\n\nfunc use(box Box) int { return box.‸ }\n"),
        (("go.mod", "module example.com/app\n\ngo 1.19\n"),),
    ),
    "php": Workspace(
        ("Box.php", "<?php\nclass Box { public function {name}(): int { return 1; } }\n"),
        ("app.php", "<?php\nfunction take(Box $box): int { return $box->‸; }\n"),
    ),
}


def names(answer: Answer) -> set[str]:
    """Which of the two members are listed."""
    assert isinstance(answer, Members), answer
    return {name.text for name in answer.names} & {"Before", "Behind"}


@pytest.mark.parametrize("server", sorted(SAMPLES))
def test_a_file_that_changes_on_disk_is_noticed(server: str, tmp_path: Path) -> None:
    """The same question, asked again until the old member is gone."""
    require(server)
    language = next(each for each in WORKSPACES if each in PROFILES[server].languages)
    (box, content), (use, text), project = WORKSPACES[language]
    prefix, suffix = text.split("‸")
    files = {**dict(project), use: text.replace("‸", "Before()")}
    written(tmp_path, files | {box: content.replace("{name}", "Before")})
    query = Query(QueryKind.MEMBERS, Document(language, str(tmp_path / use), prefix, suffix))
    with ServerPool(tmp_path, watch=True) as pool:
        assert names(pool.wait(pool.ask(query, server=server), DEADLINE_S)) == {"Before"}
        (tmp_path / box).write_text(content.replace("{name}", "Behind"))
        end_s = time.monotonic() + NOTICED_S
        while names(pool.wait(pool.ask(query, server=server), DEADLINE_S)) != {"Behind"}:
            assert time.monotonic() < end_s
            time.sleep(0.1)
