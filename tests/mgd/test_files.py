"""Which files a command finds under the paths that it is given."""

from pathlib import Path

import pytest

from mgd.files import common_root, readable, source_files
from monitors.errors import UsageError, WorkspaceError
from tests.workspaces import written


def tree(root: Path, *names: str) -> None:
    """Empty files."""
    written(root, dict.fromkeys(names, ""))


def test_files_under_folders_come_in_order_and_without_what_is_not_source(tmp_path: Path) -> None:
    """Hidden folders, caches and installed packages are left out."""
    tree(
        tmp_path,
        *("b.rs", "a.pyi", "notes.txt", "pkg/z.py", "pkg/__pycache__/z.py", ".venv/x.py"),
        *("node_modules/y.py", "lib/site-packages/w.py", "lib/v.py"),
    )
    found = [str(path.relative_to(tmp_path)) for path in source_files([tmp_path])]

    assert found == ["a.pyi", "b.rs", "lib/v.py", "pkg/z.py"]


def test_a_file_that_is_named_is_taken_as_it_is(tmp_path: Path) -> None:
    """In the order in which files are named, hidden or not."""
    tree(tmp_path, ".venv/x.py", "a.py")
    named = [tmp_path / ".venv/x.py", tmp_path / "a.py"]

    assert list(source_files(named)) == named


def test_what_does_not_exist_is_refused(tmp_path: Path) -> None:
    """Also behind files that do."""
    tree(tmp_path, "a.py")
    with pytest.raises(UsageError, match=r"b\.py does not exist"):
        list(source_files([tmp_path / "a.py", tmp_path / "b.py"]))


def test_unreadable_files_are_left_out_unless_they_were_named(tmp_path: Path) -> None:
    """Whoever names a file wants that file."""
    tree(tmp_path, "a.py")
    bad = tmp_path / "b.py"
    bad.write_bytes(b"\xe4")
    files, skipped = readable([tmp_path / "a.py", bad], named=set(), root=tmp_path)

    assert files == [tmp_path / "a.py"]
    assert "b.py is not UTF-8" in skipped[0]
    with pytest.raises(WorkspaceError, match="not UTF-8"):
        readable([bad], named={bad}, root=tmp_path)


def test_files_of_one_project_share_its_root(tmp_path: Path) -> None:
    """The mark is looked for above what they have in common."""
    tree(tmp_path, "shop/Cargo.toml", "shop/src/a.rs", "shop/src/deep/b.rs")

    assert common_root(list(source_files([tmp_path / "shop"]))) == tmp_path / "shop"
