"""How a replay's report is printed, and what it skips."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from decoding.replay import Forbidden, Report
from mgd.models import BUNDLED_MODEL
from mgd.replaying import print_report, replay_paths
from monitors.errors import UsageError


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
