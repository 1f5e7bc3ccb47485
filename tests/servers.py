"""What tests need to know about the live language servers."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from lsp_bridge import PROFILES
from lsp_bridge.servers.launch import executable
from monitors.protocols import Document, Query, QueryKind
from tests.workspaces import written

PYTHON = sorted(name for name, profile in PROFILES.items() if "python" in profile.languages)
"""The servers for Python."""


def require(server: str) -> None:
    """Go on if the server is installed; else skip, or fail where everything has to be there."""
    profile = PROFILES[server]
    if executable(profile.command[0]) is None:
        message = f"{server} is not installed: {profile.install}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)


@dataclass(frozen=True)
class Sample:
    """A small file in one language, in which a box has the members ``alpha`` and ``beta``.

    ``{n}`` is a number in the names of the members; ``‸`` is behind a box's operator.
    """

    language: str
    file: str
    text: str
    project: tuple[tuple[str, str], ...] = ()
    """Further files that make the folder a project: name and content."""

    def write(self, root: Path, number: int | str = "") -> Path:
        """Put the project below ``root``, the box used; returns the file's path."""
        text = self.text.replace("{n}", str(number)).replace("‸", f"alpha{number}")
        return written(root, {**dict(self.project), self.file: text}) / self.file

    def query(self, path: Path, number: int | str = "") -> Query:
        """The members of the box whose members have ``number`` in their names."""
        prefix, suffix = self.text.replace("{n}", str(number)).split("‸")
        return Query(QueryKind.MEMBERS, Document(self.language, str(path), prefix, suffix))


_CONFIG = '{"compilerOptions": {"strict": true, "allowJs": true, "checkJs": true}}\n'
_PYTHON = Sample(
    "python",
    "app.py",
    "class Box:\n    beta{n}: int = 0\n\n    def alpha{n}(self) -> int: ...\n\n\n"
    "box = Box()\nbox.‸\n",
)
_TYPESCRIPT = Sample(
    "typescript",
    "app.ts",
    "class Box {\n  beta{n} = 0;\n  alpha{n}(): number { return 1; }\n}\n"
    "const box = new Box();\nbox.‸;\n",
    (("tsconfig.json", _CONFIG),),
)
_JAVASCRIPT = Sample(
    "javascript",
    "app.js",
    "class Box {\n  beta{n} = 0;\n  alpha{n}() { return 1; }\n}\nconst box = new Box();\nbox.‸;\n",
    (("jsconfig.json", _CONFIG),),
)
_C = Sample(
    "c",
    "app.c",
    "struct box { int beta{n}; int alpha{n}; };\nint use(struct box *box) {\n  return box->‸;\n}\n",
)
_CPP = Sample(
    "cpp",
    "app.cpp",
    "struct Box { int beta{n}; int alpha{n}() const; };\nint use(Box &box) {\n  return box.‸;\n}\n",
)
_RUST = Sample(
    "rust",
    "src/lib.rs",
    "pub struct Crate {\n    pub beta{n}: i32,\n}\n\nimpl Crate {\n"
    "    pub fn alpha{n}(&self) -> i32 { 1 }\n}\n\n"
    "pub fn open(it: &Crate) -> i32 {\n    it.‸\n}\n",
    (("Cargo.toml", '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n'),),
)
_GO = Sample(
    "go",
    "app.go",
    "package app\n\ntype Box struct{ beta{n} int }\n\nfunc (b Box) alpha{n}() int { return 1 }\n\n"
    "func use(box Box) {\n\tbox.‸\n}\n",
    (("go.mod", "module example.org/app\n\ngo 1.19\n"),),
)
_PHP = Sample(
    "php",
    "app.php",
    "<?php\nclass Box {\n    public int $beta{n} = 0;\n"
    "    public function alpha{n}(): int { return 1; }\n}\n"
    "function open(Box $box): int {\n    return $box->‸;\n}\n",
)

SAMPLES: dict[str, Sample] = {
    "pyrefly": _PYTHON,
    "pyright": _PYTHON,
    "basedpyright": _PYTHON,
    "jedi": _PYTHON,
    "ty": _PYTHON,
    "typescript-language-server": _TYPESCRIPT,
    "vtsls": _JAVASCRIPT,
    "clangd": _CPP,
    "rust-analyzer": _RUST,
    "gopls": _GO,
    "intelephense": _PHP,
}
"""The live servers, each with a file to ask about."""
