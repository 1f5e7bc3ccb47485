"""What the benchmarks of vLLM and of endpoints make of times and counts; neither is started."""

import importlib.util
import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks import endpoint, report, vllm
from benchmarks.__main__ import Name, _all
from benchmarks.packages import Package, Workspace
from benchmarks.processes import running, surroundings, wait_for
from benchmarks.results import Outcome
from benchmarks.vllm_figures import Asked, Round, Run, State, Work, difference, figures, ratio
from decoding.engines.endpoint.connection import EndpointStatistics
from monitors.errors import UsageError
from tests.benchmarks.machine import machine
from tests.workspaces import written

ROUNDS = [
    Round(Run(100, 1.0), Run(100, 2.0), Work(10, 80, 0.6, 0.05, [0.1, 0.4])),
    Round(Run(100, 1.0), Run(100, 1.25), Work(10, 80, 0.1, 0.05, [0.0])),
    Round(Run(100, 1.0), Run(100, 1.25), Work(10, 80, 0.05, 0.03, [])),
]
QUERIES = [Asked(0.0, 0.3, 0.1), Asked(1.0, 1.1, 1.5), Asked(2.0, 2.1, 1.9)]


class Characters:
    """A tokenizer with a token for each character."""

    bos_token_id = 0

    def encode(self, text: str, *, add_special_tokens: bool) -> list[int]:
        """Code points."""
        assert not add_special_tokens
        return [ord(character) for character in text]


def _state(spent_s: float, waits_s: list[float], triggers: int, **reasons: int) -> State:
    totals = {"steps": 5, "rows": 9, "spent_s": spent_s, "processor_s": spent_s / 2}
    totals |= {"requests": 3, "unopened": 0}
    counted = ("constrained", "masks", "crossing_judged", "crossing_rejected")
    statistics = dict.fromkeys(counted, 0) | {"triggers": triggers, "fail_open": reasons}
    return State(totals | {"waits_s": waits_s}, statistics)


def _measured(rounds: list[Round] = ROUNDS) -> dict[str, Any]:
    bridge = {"bridge_queries": 4, "bridge_remembered": 1, "server_cache_hits": 2}
    processor = {"triggers": 6, "constrained": 5, "crossing_judged": 0, "unconstrained: timeout": 1}
    again = {"ratio_again": ratio([each.free for each in rounds], [each.held for each in rounds])}
    return figures(rounds, QUERIES) | again | {"bridge": bridge, "processor": processor}


def test_shares_are_those_of_the_time_of_the_guided_batches() -> None:
    """Own, waiting and the rest: what is more than the unguided time."""
    found = figures(ROUNDS, QUERIES)

    assert found["own_share"] == pytest.approx(0.25 / 4.5, abs=1e-5)
    assert found["waiting_share"] == pytest.approx(0.5 / 4.5, abs=1e-5)
    assert found["rest_share"] == pytest.approx((4.5 - 3.0 - 0.75) / 4.5, abs=1e-5)
    assert found["processor_share"] == pytest.approx(0.13 / 4.5, abs=1e-5)
    assert found["own_ms_per_step"] == pytest.approx(8.33)


def test_throughput_is_compared_as_totals_and_as_a_median() -> None:
    """One slow round moves the total alone."""
    found = figures(ROUNDS, QUERIES)

    assert found["ratio"] == pytest.approx(3.0 / 4.5, abs=1e-5)
    assert found["ratio_median"] == pytest.approx(0.8)
    assert found["tokens_per_s"] == {"unguided": 100.0, "guided": 66.7}


def test_hidden_is_what_passed_before_the_logits_were_there() -> None:
    """In parts, wholly, and not at all where the question came after them."""
    hidden_s = [each.hidden_s for each in QUERIES]

    assert hidden_s == pytest.approx([0.1, 0.1, 0.0])
    assert figures(ROUNDS, QUERIES)["hidden_share"] == pytest.approx(0.2 / 0.5)


def test_nothing_asked_is_no_share_of_anything() -> None:
    """No query, no step: no figure is made up."""
    found = figures([Round(Run(1, 1.0), Run(1, 1.0), Work(0, 0, 0.0, 0.0, []))], [])

    assert found["hidden_share"] is None
    assert found["own_ms_per_step"] is None
    assert found["wait_ms"]["p50"] is None


def test_only_what_was_done_in_between_counts() -> None:
    """Times, waits and counts of the warm-up are left out."""
    before, after = _state(1.0, [0.3], 2, timeout=1), _state(3.0, [0.3, 0.5], 7, timeout=1, empty=2)
    work = before.work_until(after)
    counted = difference(before.counts, after.counts)

    assert (work.own_s, work.processor_s, work.waits_s) == (1.5, 1.0, [0.5])
    assert counted["triggers"] == 5
    assert (counted["unconstrained: timeout"], counted["unconstrained: empty"]) == (0, 2)


def test_each_benchmark_has_its_own_targets() -> None:
    """Own time at the model's own pace, throughput with long steps."""
    found = _measured()
    own = vllm.checks({"batch 1": _measured(ROUNDS[:1]), vllm.MAIN.name: found}, 0.0)
    [throughput] = vllm.checks({"a case": found}, 20.0)

    assert [check.measured for check in own] == [found["own_share"], found["processor_share"]]
    assert [check.met for check in own] == [False, True]
    assert throughput.at_least
    assert throughput.what.endswith("a case")
    assert (throughput.measured, throughput.met) == (found["ratio"], False)


def test_counters_are_read_from_the_page_of_the_bridge() -> None:
    """Those without labels; gauges, histograms and comments are none."""
    page = "# TYPE x\nmgd_bridge_queries_total 4\nmgd_servers 1\n"
    page += 'mgd_bridge_fail_opens_total{reason="timeout"} 0\nmgd_server_cache_hits_total 2\n'

    assert vllm.counters_of(page) == {"bridge_queries": 4, "server_cache_hits": 2}


def test_the_page_shows_cases_side_by_side() -> None:
    """Columns are cases; reasons that never came up have no line."""
    settings = {"vllm": "0.32", "server": "pyrefly", "tokens": 64, "prompt_tokens": 256}
    settings |= {"package": "httpx", "step_ms": 0.0, "deadline_ms": 1000.0}
    outcome = Outcome(
        settings,
        {"batch 1": _measured(), "batch 8": _measured()},
        vllm.checks({"batch 8": _measured()}, 0.0),
    )
    page = report.render({"vllm": outcome.as_dict("vllm", machine(pyrefly="1.0"))})

    assert "## vLLM\n" in page
    assert "|  | batch 1 | batch 8 |" in page
    assert "| guided throughput, of unguided | 66.67 % | 66.67 % |" in page
    assert "| of these answered from memory or a cache | 3 | 3 |" in page
    assert "| unconstrained: timeout | 1 | 1 |" in page


def test_prompts_end_behind_operators_or_where_lines_begin(tmp_path: Path) -> None:
    """What stands there is left out."""
    root = written(tmp_path, {"package/m.py": "import a\n\n    b = a.c(d)\n"})
    workspace = Workspace(Package("package", "1"), root)

    def ends(places: vllm.Places) -> list[tuple[str | None, str | None]]:
        found = vllm.prompts(workspace, Characters(), "ty", places)
        return [(prompt.request.prefix, prompt.request.suffix) for prompt in found]

    assert ends(vllm.Places.OPERATORS) == [("import a\n\n    b = a.", "(d)\n")]
    assert ends(vllm.Places.LINES) == [("", "\n\n    b = a.c(d)\n")]  # one in four


def test_completions_at_an_endpoint_are_added_up() -> None:
    """Their time is compared with that of the unguided ones."""
    one = EndpointStatistics(tokens=4, wall_s=1.0, requests=3, resamples=1, dropped=2)
    found = endpoint.figures([one, one], alone_s=1.0)

    assert (found["requests"], found["resamples"], found["dropped"]) == (6, 2, 4)
    assert (found["wall_ratio"], found["tokens_per_s"]) == (2.0, 4.0)

    settings = {"server": "pyrefly", "places": 2, "package": "httpx", "tokens": 8}
    outcome = Outcome(settings | {"temperature": 0.0}, {"guided": found}, [])
    page = report.render({"endpoint": outcome.as_dict("endpoint", machine(pyrefly="1.0"))})
    assert "| guided | 8 | 6 | 2 | 4 | 0 | 0 | 4.0 | 0 s | 2.00 |" in page
    assert "| figure |" not in page


def test_a_place_is_behind_an_operator_and_the_rest_of_its_line_is_gone(tmp_path: Path) -> None:
    """Lines and columns from 1, as editors count; the file on the disk stays as it is."""
    text = "import a\nb = a.c(d)\ne = 1\n"
    root = written(tmp_path, {"package/m.py": text})
    [place] = endpoint.places(Workspace(Package("package", "1"), root), 5)

    assert (place.position, place.text) == ((2, 7), "import a\nb = a.\ne = 1\n")
    assert place.file.read_text() == text
    assert endpoint.place_at(place.file, "x.y", 2).text == "x."


def test_without_vllm_the_remedy_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One of them is refused; all of them are left out, and it is said."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for run in (vllm.run, vllm.run_step, endpoint.run):
        with pytest.raises(UsageError, match=r"make \.venv/\.vllm-installed"):
            run(["pyrefly"], print)

    assert {Name.VLLM, Name.VLLM_STEP, Name.ENDPOINT}.isdisjoint(_all())
    assert "vllm-step" in capsys.readouterr().err


def test_a_process_is_ended_with_its_context(tmp_path: Path) -> None:
    """Also one that does not listen; what it wrote is in the log."""
    log = tmp_path / "log"
    with running(["sh", "-c", "echo $GREETING; exec sleep 60"], log, {"GREETING": "hi"}) as process:
        wait_for(lambda: log.read_text() == "hi\n", "the shell", log, 10.0)

    assert process.returncode is not None
    with pytest.raises(UsageError, match=r"the shell did not come up in 0 s: hi"):
        wait_for(lambda: False, "the shell", log, 0.0)


def test_the_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there before, and what was not."""
    monkeypatch.setenv("MGD_TEST_A", "1")
    monkeypatch.delenv("MGD_TEST_B", raising=False)
    with surroundings({"MGD_TEST_A": "2", "MGD_TEST_B": "3"}):
        inside = os.environ["MGD_TEST_A"]

    assert inside == "2"
    assert os.environ["MGD_TEST_A"] == "1"
    assert "MGD_TEST_B" not in os.environ
