"""Which files a replay finds, and how its report is printed."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from decoding.replay import Forbidden, Report
from mgd.models import BUNDLED_MODEL
from mgd.replaying import print_report, replay_paths, source_files
from monitors.errors import UsageError


def tree(root: Path, *names: str) -> None:
    """Empty files."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")


def test_files_under_folders_come_in_order_and_without_what_is_not_source(tmp_path: Path) -> None:
    """Hidden folders, caches and installed packages are left out."""
    tree(
        tmp_path,
        *("b.py", "a.pyi", "notes.txt", "pkg/z.py", "pkg/__pycache__/z.py", ".venv/x.py"),
        *("node_modules/y.py", "lib/site-packages/w.py", "lib/v.py"),
    )
    found = [str(path.relative_to(tmp_path)) for path in source_files([tmp_path])]

    assert found == ["a.pyi", "b.py", "lib/v.py", "pkg/z.py"]


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


def printed(report: Report) -> list[str]:
    """Lines of the table."""
    out = io.StringIO()
    print_report(report, Console(file=out, width=200, emoji=False))
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_a_report_is_printed_with_shares_and_forbidden_names() -> None:
    """Each forbidden name as a place that editors and terminals can open."""
    report = Report("pyrefly", "model", files=1, tokens=50, dereference_sites=4)
    report.constrained_sites, report.allowed_sites = 2, 1
    report.fail_open["timeout"] = 2
    report.forbidden.append(Forbidden("a[b].py", 100, 5, "nope", "not in the list [3 names]"))
    report.wall_s, report.baseline_s = 1.1, 1.0
    lines = printed(report)

    assert "constrained sites 2 (50.00%)" in lines
    assert "allowed sites 1 (50.00%)" in lines
    assert "fail-open timeout 2" in lines
    assert "overhead 10.0% over 1.0 s" in lines
    assert lines[-1] == "forbidden: a[b].py:100:5 nope: not in the list [3 names]"


def test_an_empty_report_is_printed_too() -> None:
    """Without shares and without an overhead."""
    lines = printed(Report("pyrefly", "model"))

    assert "constrained sites 0" in lines
    assert not any("overhead" in line for line in lines)


@pytest.mark.e2e
def test_an_unreadable_file_under_a_folder_is_skipped_and_said_so(tmp_path: Path) -> None:
    """One file in another encoding must not cost the whole report; a named one is a mistake."""
    (tmp_path / "good.py").write_text("import os\nx = os.path\n")
    bad = tmp_path / "latin.py"
    bad.write_bytes("x = 'größe'\n".encode("latin-1"))
    report = replay_paths([tmp_path], Path(BUNDLED_MODEL), workspace=tmp_path)

    assert report.files == 1
    assert "latin.py is not UTF-8" in report.skipped[0]
    with pytest.raises(UsageError, match="not UTF-8"):
        replay_paths([bad], Path(BUNDLED_MODEL), workspace=tmp_path)
