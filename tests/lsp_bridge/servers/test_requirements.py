"""Whether what a Python project needs is installed."""

from pathlib import Path

import pytest

from lsp_bridge.servers.project import discover
from lsp_bridge.servers.requirements import why_unknown
from tests.workspaces import written

ENVIRONMENT = {
    ".venv/pyvenv.cfg": "",
    ".venv/lib/python3.11/site-packages/Zope_Interface-7.0.dist-info/METADATA": "",
    ".venv/lib/python3.11/site-packages/attrs-25.1.dist-info/METADATA": "",
}
NOTHING = "neither an environment nor declared packages"


def why(root: Path, files: dict[str, str]) -> str:
    """Why a project of these files may have other modules."""
    return why_unknown(discover(written(root, files)))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", ""),
        ("[project]\nname = 'x'\n", ""),
        ("[project]\ndependencies = ['attrs>=20', 'zope.interface']\n", ""),
        ("[project]\ndependencies = ['requests']\n", "requests is not installed"),
        ("[project]\ndependencies = ['requests; python_version < \"3\"']\n", ""),
        ("[project.optional-dependencies]\ntest = ['pytest']\n", "pytest is not installed"),
        ("[dependency-groups]\na = ['attrs']\nb = [{include-group = 'a'}]\n", ""),
        ("[dependency-groups]\na = ['nox']\n", "nox is not installed"),
        ("[project]\nname = 'My.Lib'\n[project.optional-dependencies]\na = ['my-lib[b]']\n", ""),
    ],
)
def test_what_is_declared_has_to_be_installed(content: str, expected: str, tmp_path: Path) -> None:
    """In the project's own environment, if it has one."""
    assert why(tmp_path, ENVIRONMENT | {"pyproject.toml": content}) == expected


def test_files_of_requirements_count(tmp_path: Path) -> None:
    """Comments and options are no requirements."""
    lines = "-r other.txt\nattrs  # classes\n# nothing\nrequests==2.0\n"

    assert why(tmp_path, ENVIRONMENT | {"requirements-dev.txt": lines}) == (
        "requests is not installed"
    )


def test_a_project_that_says_nothing_may_need_anything(tmp_path: Path) -> None:
    """Unless it has an environment; else what is declared is looked for beside this program."""
    assert why(tmp_path / "a", {"a.py": ""}) == NOTHING
    assert why(tmp_path / "b", ENVIRONMENT) == ""
    assert why(tmp_path / "c", {"requirements.txt": "pytest\n"}) == ""
    assert why(tmp_path / "d", {"requirements.txt": "nobody-has-this\n"}) == (
        "nobody-has-this is not installed"
    )


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("pyproject.toml", "[project"),
        ("pyproject.toml", "project = 1\n"),
        ("pyproject.toml", "[project]\ndependencies = ['!!']\n"),
        ("pyproject.toml", "[project]\ndependencies = 1\n"),
        ("requirements.txt", "./local/folder\n"),
    ],
)
def test_what_cannot_be_read_may_name_anything(name: str, content: str, tmp_path: Path) -> None:
    """No mistake of the project's raises."""
    assert why(tmp_path, ENVIRONMENT | {name: content}).startswith("what the project needs cannot")
