"""The tables of the servers' page say what the result file says."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import corpora, missed, recall, recall_page, report, results
from tests.benchmarks.machine import machine

MACHINE = machine(ty="1.0", jedi="2.0")
MISS = {
    "path": "src/shop/order.py",
    "line": 7,
    "column": 5,
    "name": "total",
    "cause": "not listed (3 names)",
    "project": "shop",
    "source": "a = x.total | `y`",
}


def _values(server: str, unanswered: dict[str, int], rss_mb: int) -> dict[str, Any]:
    shares = {"sites": 200, "answered_share": 0.9, "recall": 0.995}
    return {
        "server": server,
        "version": "1.0",
        "language": "python",
        **shares,
        "latency_ms": {"p50": 1.5, "p90": 20.0, "p99": 333.0},
        "start_s": 0.4,
        "rss_mb": rss_mb,
        "unanswered": unanswered,
        "misses": [MISS],
        "projects": {"shop": shares | {"unanswered": unanswered}},
    }


def _result() -> dict[str, Any]:
    figures = {
        "ty, python": _values("ty", {"open_type": 20}, 1234),
        "jedi, python": _values("jedi", {"empty_list": 15, "open_type": 5}, 5),
    }
    settings = {"sites": 200, "deadline_s": 10.0, "projects": {"python: shop": "3.2.1"}}
    return {
        "benchmark": "recall",
        "machine": MACHINE,
        "settings": settings,
        "checks": [],
        "figures": figures,
    }


def test_every_server_is_a_line() -> None:
    """Its figures, its reasons, its projects."""
    text = recall_page.render(_result())

    row = "| ty 1.0 | python | 200 | 90.00 % | 99.50 % | 1.5 | 20.0 | 333.0 | 0.4 | 1,234 |"
    assert row in text
    assert "| server, language | empty_list | open_type |" in text
    assert "| jedi, python | 15 | 5 |" in text
    assert "| shop 3.2.1 | 90.00 % / 99.50 % | 90.00 % / 99.50 % |" in text
    assert "2026-01-02 03:04 UTC at `abc1234` on Some CPU, 2 cores" in text


def test_a_name_that_several_servers_miss_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the cause that was found by looking, or with what the server listed."""
    row = "| ty, jedi | shop, `order.py:7` | `a = x.total \\| 'y'` | "

    assert row + "not listed (3 names) |" in recall_page.render(_result())
    monkeypatch.setitem(missed.EXAMINED, ("shop", "src/shop/order.py", "total"), "a typing slip")
    assert row + "a typing slip |" in recall_page.render(_result())


def test_only_what_stands_between_the_marks_is_replaced(tmp_path: Path) -> None:
    """However often the report is written."""
    page = tmp_path / "servers.md"
    page.write_text("# A\n\n<!-- measured: by x -->\nold\n<!-- end of measured -->\n\nB\n")
    results.save(_result(), tmp_path / "results")
    for _ in range(2):
        report.write(tmp_path / "results", tmp_path / "benchmarks.md")

    text = page.read_text()
    assert text.startswith("# A\n\n<!-- measured: by x -->\n\nMeasured 2026")
    assert text.endswith("<!-- end of measured -->\n\nB\n")
    assert "old" not in text
    assert text.count("| ty 1.0 |") == 1
    assert "## Recall" in (tmp_path / "benchmarks.md").read_text()


def test_what_was_examined_is_there() -> None:
    """Every cause is one short phrase about a file of a project that is measured."""
    projects = {*recall.PYTHON, *(corpus.name for corpus in corpora.CORPORA)}
    for (project, path, _), cause in missed.EXAMINED.items():
        assert project in projects
        assert not path.startswith("/")
        assert 10 < len(cause) < 100
