"""What a workspace's files say about its Python projects."""

from pathlib import Path

from lsp_bridge.servers.project import discover
from tests.workspaces import written


def sources(root: Path) -> list[str]:
    """Folders from which modules are imported, besides the root, relative to it."""
    return [Path(each).relative_to(root.parent).as_posix() for each in discover(root).source_roots]


def test_a_project_with_a_folder_for_its_sources(tmp_path: Path) -> None:
    """Only that one is named: the root is searched anyway."""
    written(tmp_path / "one", {"pyproject.toml": "", "src/app/__init__.py": "", "tool.py": ""})

    assert sources(tmp_path / "one") == ["one/src"]
    assert sources(written(tmp_path / "flat", {"pyproject.toml": "", "app.py": ""})) == []


def test_projects_below_the_root_can_be_imported_from(tmp_path: Path) -> None:
    """Each from its own source folder; hidden, installed and built ones do not count."""
    marks = ["a/pyproject.toml", "b/deep/setup.py", "c/setup.cfg"]
    skipped = [
        ".tox/x/setup.py",
        "node_modules/y/setup.py",
        "build/lib/setup.py",
        "venv/z/setup.py",
    ]
    files = dict.fromkeys([*marks, *skipped, "pyproject.toml", "a/src/one.py", "docs/x.py"], "")

    assert sources(written(tmp_path / "mono", files)) == ["mono/a/src", "mono/c", "mono/b/deep"]


def test_their_environments_are_searched_too(tmp_path: Path) -> None:
    """Each project may have its own."""
    packages = "lib/python3.11/site-packages/x.py"
    files = {
        ".venv/pyvenv.cfg": "",
        f".venv/{packages}": "",
        "a/pyproject.toml": "",
        "a/.venv/pyvenv.cfg": "",
        f"a/.venv/{packages}": "",
    }
    found = discover(written(tmp_path, files)).site_packages

    assert [Path(each).relative_to(tmp_path).parts[0] for each in found] == [".venv", "a"]


def test_a_workspace_that_is_a_package_is_imported_from_outside(tmp_path: Path) -> None:
    """As its own files do: ``from pkg.inner import thing``."""
    written(tmp_path / "src", {"pkg/__init__.py": "", "pkg/inner/__init__.py": ""})

    assert discover(tmp_path / "src/pkg/inner").source_roots == (str(tmp_path / "src"),)


def test_the_search_is_bounded(tmp_path: Path) -> None:
    """Links are not followed, nor is everything looked at."""
    deep = "/".join("abcdefgh")
    written(tmp_path, {f"{deep}/pyproject.toml": "", "near/pyproject.toml": ""})
    (tmp_path / "loop").symlink_to(tmp_path, target_is_directory=True)

    assert discover(tmp_path).source_roots == (str(tmp_path / "near"),)
