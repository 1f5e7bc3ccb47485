"""Which compiler typescript-language-server is told to drive."""

from pathlib import Path

import pytest

from lsp_bridge.profiles.typescript_language_server import compiler
from lsp_bridge.servers.project import Project


def install(folder: Path, package: str, script: str) -> Path:
    """Make a package's script in a folder of modules."""
    path = folder / "node_modules" / package / "lib" / script
    path.parent.mkdir(parents=True)
    path.touch()
    return path


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """The server's program, a link as npm makes it."""
    script = install(tmp_path / "prefix/lib", "typescript-language-server", "cli.mjs")
    program = tmp_path / "prefix/bin/typescript-language-server"
    program.parent.mkdir()
    program.symlink_to(script)
    return program


def test_the_one_beside_the_server(tmp_path: Path, server: Path) -> None:
    """Not the workspace's own."""
    script = install(tmp_path / "prefix/lib", "typescript", "tsserver.js")
    install(tmp_path / "workspace", "typescript", "tsserver.js")

    assert compiler(str(server), Project(tmp_path / "workspace", "python")) == script


def test_a_trusted_workspace_brings_its_own(tmp_path: Path, server: Path) -> None:
    """If it has any."""
    script = install(tmp_path / "prefix/lib", "typescript", "tsserver.js")
    project = Project(tmp_path / "workspace", "python", trusted=True)

    assert compiler(str(server), project) == script
    own = install(tmp_path / "workspace", "typescript", "tsserver.js")
    assert compiler(str(server), project) == own


def test_a_server_in_the_workspace(tmp_path: Path, server: Path) -> None:
    """What is installed beside it is the workspace's all the same."""
    install(tmp_path / "prefix/lib", "typescript", "tsserver.js")

    with pytest.raises(FileNotFoundError, match="npm install --global typescript@5"):
        compiler(str(server), Project(tmp_path / "prefix", "python"))


def test_versions_without_a_tsserver(tmp_path: Path, server: Path) -> None:
    """TypeScript 7 is a server of its own."""
    install(tmp_path / "prefix/lib", "typescript", "tsc.js")

    with pytest.raises(FileNotFoundError, match=str(server)):
        compiler(str(server), Project(tmp_path / "workspace", "python"))
