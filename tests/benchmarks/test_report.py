"""The report shows what the result files say."""

from pathlib import Path
from typing import Any

from benchmarks import overhead, report, results
from benchmarks.causes import SILENCED
from benchmarks.results import Check, Outcome
from evaluation.replay import Report
from tests.benchmarks.machine import machine

MACHINE = machine(pyrefly="1.0", jedi=None)
FORBIDDEN = {
    "path": "shop/order.py",
    "line": 7,
    "name": "total",
    "source": "a = x.total | `y`",
    "reason": "not in the server's list (3 names)",
    "cause": SILENCED,
    "package": "shop",
}


def _server(forbidden: list[dict[str, Any]]) -> dict[str, Any]:
    total = Report("pyrefly", "t", files=2, dereference_sites=1200, constrained_sites=1100)
    total.fail_open.update({"empty_list": 100})
    row = {"covered_share": 0.91667, "allowed_share": 0.999}
    return total.as_dict() | {
        "forbidden": forbidden,
        "silenced": len(forbidden),
        "allowed_share_unless_silenced": 1.0,
        "packages": {"shop": row},
    }


def _project(**counts: int) -> dict[str, Any]:
    entry = {
        "path": "a.cc",
        "line": 3,
        "name": "Pump",
        "source": "void a::Pump() {",
        "project": "p",
    }
    shares = {"allowed_token_share": 0.99, "covered_share": 0.9, "allowed_share": None}
    return {
        "forbidden": [entry | {"reason": "no dereference site here"}],
        "projects": {"p": counts | shares},
    }


def _results() -> dict[str, dict[str, Any]]:
    sample = Report("pyrefly", "t", tokens=100, wall_s=2.2, baseline_s=2.0, waited_s=0.1)
    outcomes = {
        "replay": Outcome(
            {
                "vocabulary": "big, 131,072 entries",
                "sites_per_package": 160,
                "packages": {"shop": "1.0"},
                "annotated_share": {"shop": 0.5},
            },
            {"pyrefly": _server([FORBIDDEN])},
            [Check("pyrefly: true token allowed", 0.99123, 0.995, "share", at_least=True)],
        ),
        "monitors": Outcome(
            {"vocabulary": "big", "sites_per_project": 60},
            {
                "replay": {
                    "argument_count, python": {
                        "sites": 10,
                        "covered_share": 0.9,
                        "allowed_share": 0.99,
                        "forbidden": [
                            {"project": "shop", "file": "order.py", "line": 7, "name": ") | x"}
                        ],
                    }
                },
                "steps": {
                    "dereference": {"unconstrained_us": {"p50": 9.5, "p99": 40.0}, "mean_us": 20.0}
                },
            },
            [
                Check(
                    "argument_count, python: true text allowed", 0.99, 0.99, "share", at_least=True
                )
            ],
        ),
        "replay-languages": Outcome(
            {"vocabulary": "big", "sites_per_project": 160, "projects": {"p": "2.0"}},
            {"clangd, cpp": _project(files=2, tokens=100, refused_tokens=1, sites=0)},
            [Check("clangd, cpp: tokens", 0.99, 0.999, "share", at_least=True)],
        ),
        "masks": Outcome(
            {},
            {
                "big": {
                    "entries": 131072,
                    "build_s": 0.8,
                    "load_s": 0.1,
                    "fresh_ms": 0.3,
                    "repeated_ms": 0.01,
                }
            },
            [Check("index, built", 0.8, 1.0, "s")],
        ),
        "overhead": Outcome(
            {"server": "pyrefly", "step_ms": 20.0, "files": ["shop: order.py"]},
            {"asking ahead": overhead.account(sample, 0.02)},
            [Check("added", None, 0.15, "share")],
        ),
    }
    return {name: outcome.as_dict(name, MACHINE) for name, outcome in outcomes.items()}


def test_every_check_is_a_line_with_its_verdict() -> None:
    """Figure, target, met or not; a figure that is missing is not met."""
    page = report.render(_results())

    assert "| pyrefly: true token allowed | 99.12 % | ≥ 99.50 % | **not met** |" in page
    assert "| index, built | 0.8 s | ≤ 1 s | met |" in page
    assert "| added | – | ≤ 15.00 % | **not met** |" in page


def test_forbidden_names_are_listed_with_their_causes() -> None:
    """Marks that mean something in a table are escaped."""
    page = report.render(_results())

    assert f"- 1 × {SILENCED}" in page
    assert "| `shop/order.py:7` | `a = x.total \\| 'y'` | " + SILENCED in page


def test_what_other_monitors_refused_is_listed() -> None:
    """With what a step costs under each."""
    page = report.render(_results())

    assert "| argument_count, python | 10 | 90.00 % | 99.00 % | 1 |" in page
    assert "| `shop` | `order.py` | `7` | `) \\| x` |" in page
    assert "| dereference | 9.5 | 40.0 | 20.0 |" in page


def test_refused_tokens_of_every_language_are_listed_where_no_site_is() -> None:
    """They are what the figure over all tokens is about."""
    page = report.render(_results())

    assert "## Replay in other languages" in page
    assert "| clangd, cpp: p 2.0 | 2 | 100 | 1 | 99.00 % | 0 | 90.00 % | – |" in page
    assert "| p | `a.cc:3` | `void a::Pump() {` | `Pump` | no dereference site here |" in page


def test_results_from_before_are_rendered_as_they_were_measured() -> None:
    """Samples were of a file's first sites, and refused tokens were not counted."""
    results = _results()
    results["replay"]["settings"]["sites_per_file"] = 40
    del results["replay"]["figures"]["pyrefly"]["refused_tokens"]
    page = report.render(results)

    assert "at most 160 sites of a package and 40 of a file." in page
    assert "| of these refused | – |" in page


def test_the_page_says_where_and_when_and_where_the_time_went() -> None:
    """Machine, versions, and parts that add up."""
    page = report.render(_results())

    assert "2026-01-02 03:04 UTC at `abc1234` on Some CPU, 2 cores" in page
    assert "| waiting for the language server | 0.10 s (5.00 %) |" in page
    assert "| shop 1.0 | 50.00 % | 91.67 % / 99.90 % |" in page


def test_benchmarks_without_results_are_left_out() -> None:
    """No file, no section, no figure."""
    assert "## " not in report.render({})
    assert "## Masks" in report.render({"masks": _results()["masks"]})


def test_only_result_files_are_read(tmp_path: Path) -> None:
    """The page is the same whenever it is rendered."""
    for result in _results().values():
        results.save(result, tmp_path / "results")
    for name in ("a.md", "b.md"):
        report.write(tmp_path / "results", tmp_path / name)

    assert (tmp_path / "a.md").read_text() == (tmp_path / "b.md").read_text()
