"""How a replay's report is printed, and what it skips."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from evaluation.replay import Forbidden, Report
from mgd.models import BUNDLED_MODEL
from mgd.replaying import print_report, replay_paths, share_to_fail_under, warnings
from monitors.errors import UsageError


def printed(report: Report) -> list[str]:
    """Lines of the table."""
    out = io.StringIO()
    print_report(report, Console(file=out, width=200, emoji=False))
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


def test_a_report_is_printed_with_shares_and_forbidden_names() -> None:
    """Each forbidden name as a place that editors and terminals can open."""
    report = Report("pyrefly", "model", "/a[b]", files=1, tokens=50, dereference_sites=4)
    report.constrained_sites, report.allowed_sites = 2, 1
    report.fail_open["timeout"] = 2
    report.forbidden.append(Forbidden("a[b].py", 100, 5, "nope", "not in the list [3 names]"))
    report.wall_s, report.baseline_s = 1.1, 1.0
    lines = printed(report)

    assert "workspace /a[b]" in lines
    assert "constrained sites 2 (50.00%)" in lines
    assert "allowed sites 1 (50.00%)" in lines
    assert "fail-open timeout 2" in lines
    assert "overhead 10.0% over 1.0 s" in lines
    assert lines[-1] == "forbidden: a[b].py:100:5 nope: not in the list [3 names]"


def test_an_empty_report_is_said_in_words() -> None:
    """Not in rows of nothing."""
    assert printed(Report("pyrefly", "model")) == ["nothing is written there"]
    lines = printed(Report("pyrefly", "model", tokens=7))

    assert "refused tokens 0 (100.000% allowed)" in lines
    assert lines[-1] == "warning: nothing is dereferenced there: no name was constrained"
    assert not any("None" in line for line in lines)


def report_of(sites: int, constrained: int, allowed: int, refused: int, **reasons: int) -> Report:
    """A report on 1,000 tokens."""
    report = Report("pyrefly", "model", tokens=1000, dereference_sites=sites)
    report.constrained_sites, report.allowed_sites = constrained, allowed
    report.refused_tokens = refused
    report.fail_open.update(reasons)
    return report


@pytest.mark.parametrize(
    ("report", "share"),
    [
        (report_of(10, 10, 10, 0), 1.0),
        (report_of(10, 10, 9, 1), 0.9),
        (report_of(10, 10, 10, 20), 0.98),
        (report_of(10, 0, 0, 0, unknown_type=10), 1.0),
        (report_of(10, 4, 4, 0, server_error=6), 0.0),
        (report_of(10, 5, 5, 0, timeout=3, server_crashed=2), 1.0),
    ],
)
def test_what_a_replay_fails_under(report: Report, share: float) -> None:
    """Refused names and tokens count, and so does a server that failed at most sites."""
    assert share_to_fail_under(report) == share
    assert any("failed" in each for each in warnings(report)) is (share == 0)


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
    (tmp_path / "good.py").unlink()
    with pytest.raises(UsageError, match=r"no source file can be read: .*latin.py is not UTF-8"):
        replay_paths([tmp_path], Path(BUNDLED_MODEL), workspace=tmp_path)


@pytest.mark.e2e
def test_a_limit_is_shared_by_all_paths(tmp_path: Path) -> None:
    """The first one does not use it up, and a file that two of them hold counts once."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("import os\n" + "x = os.nope\n" * 10)
    paths = [tmp_path / "one", tmp_path / "two", tmp_path]
    report = replay_paths(paths, Path(BUNDLED_MODEL), workspace=tmp_path, limit=4)
    whole = replay_paths(paths, Path(BUNDLED_MODEL), workspace=tmp_path)

    assert [Path(entry.path).parent.name for entry in report.forbidden] == [
        *("one", "one"),
        *("two", "two"),
    ]
    assert (whole.files, whole.dereference_sites) == (2, 20)
