"""Samples of packages: the same in every process, and nobody's tests."""

from pathlib import Path

from benchmarks.packages import PACKAGES, Package, Workspace, requirements, shuffled
from tests.workspaces import written


def test_the_order_of_files_depends_on_names_and_seed_alone() -> None:
    """However they are listed, the same seed gives the same order; another seed another one."""
    paths = [Path(f"module_{number}.py") for number in range(30)]

    assert shuffled(paths, "a") == shuffled(reversed(paths), "a")
    assert sorted(shuffled(paths, "a")) == sorted(paths)
    assert shuffled(paths, "a") != shuffled(paths, "b")
    assert [path.stem for path in shuffled(paths, "a")][:3] == [
        "module_1",
        "module_9",
        "module_3",
    ]


def test_tests_vendored_copies_and_environments_are_left_out(tmp_path: Path) -> None:
    """Only the package's own modules are measured."""
    kept = {"package/api.py", "package/sub/deep.py"}
    others = {"package/tests/t.py", "package/_vendor/v.py", ".venv/lib/x.py", "package/api.pyi"}
    root = written(tmp_path, dict.fromkeys(kept | others, ""))
    files = Workspace(Package("package", "1"), root).files()

    assert {file.relative_to(tmp_path).as_posix() for file in files} == kept


def test_requirements_of_extras_are_left_out() -> None:
    """Markers on anything else stay, for pip to judge."""
    metadata = (
        "Metadata-Version: 2.4\nName: x\n"
        "Requires-Dist: idna>=2\n"
        'Requires-Dist: chardet; extra == "use"\n'
        'Requires-Dist: tomli; python_version < "3.11"\n\nText\n'
    )
    assert requirements(metadata) == ["idna>=2", 'tomli; python_version < "3.11"']


def test_at_least_ten_packages_are_pinned() -> None:
    """Each one has a version and a name of its own."""
    assert len({package.name for package in PACKAGES}) == len(PACKAGES) >= 12
    assert all(package.version for package in PACKAGES)
