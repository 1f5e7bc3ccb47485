"""What is made of counts: checks, merged reports, accounts of time."""

import json
from pathlib import Path

import pytest

from benchmarks import merging, overhead, results, soundness, steps
from benchmarks.results import Check, Outcome
from evaluation.replay import Report
from monitors.protocols import Reason


@pytest.mark.parametrize(
    ("measured", "at_least", "met"),
    [(0.9, True, False), (0.99, True, True), (2.0, False, False), (0.1, False, True)],
)
def test_a_check_compares_in_its_direction(measured: float, at_least: bool, met: bool) -> None:
    """Some targets are lower bounds, some are upper ones."""
    assert Check("x", measured, 0.95, "", at_least=at_least).met is met


def test_nothing_measured_is_not_met() -> None:
    """An empty sample proves nothing."""
    assert not Check("x", None, 0.0, "", at_least=True).met
    assert not Check("x", None, 1.0, "").met


def test_result_files_come_back_as_they_were_saved(tmp_path: Path) -> None:
    """Saved again, a result replaces the older one."""
    outcome = Outcome({"sites": 3}, {"größe": None}, [Check("x", 1, 2, "ms")])
    for _ in range(2):
        results.save(outcome.as_dict("steps", {"cpu": "some"}), tmp_path)
    [found] = results.load(tmp_path).values()

    assert found == json.loads(json.dumps(outcome.as_dict("steps", {"cpu": "some"})))
    assert found["checks"][0]["met"] is True


def test_spread_and_share_of_nothing_are_none() -> None:
    """Never a division by zero, never a made-up zero."""
    assert set(results.spread([]).values()) == {None}
    assert results.share(0, 0) is None
    assert results.spread([1.0, 2.0, 3.0])["p50"] == 2.0


def test_merged_reports_add_everything_up() -> None:
    """Counts, lists and reasons of all parts."""
    first, second = Report("s", "t", tokens=2), Report("s", "t", tokens=3, wall_s=1.5)
    first.fail_open.update({Reason.EMPTY: 1})
    second.fail_open.update({Reason.EMPTY: 2})
    second.mask_us.append(7.0)
    total = merging.merge([first, second])

    assert (total.tokens, total.wall_s, total.mask_us) == (5, 1.5, [7.0])
    assert total.fail_open == {Reason.EMPTY: 3}
    assert first.mask_us == []


def test_accounted_seconds_add_up_to_the_whole_time() -> None:
    """Nothing is counted twice and nothing is lost."""
    report = Report("s", "t", tokens=100, wall_s=3.0, baseline_s=2.2, waited_s=0.5)
    report.unconstrained_us.extend([1000.0] * 90)
    report.constrained_us.extend([2000.0] * 10)
    report.mask_us.extend([500.0] * 10)
    account = overhead.account(report, 0.02)

    assert sum(account["seconds"].values()) == pytest.approx(3.0)
    assert account["overhead"] == pytest.approx(0.8 / 2.2, abs=1e-4)


def test_targets_of_soundness_count_all_tallies() -> None:
    """One invented name anywhere is one too many."""
    good = soundness.Tally(judged=1500)
    bad = soundness.Tally(judged=600, violations=[{"name": "x"}])

    assert [check.met for check in soundness.checks([good, bad])] == [True, False]


def test_targets_of_steps_are_median_and_tail() -> None:
    """A slow tail does not hide behind a fast median."""
    assert [check.met for check in steps.checks([5.0] * 90 + [500.0] * 10)] == [True, False]
