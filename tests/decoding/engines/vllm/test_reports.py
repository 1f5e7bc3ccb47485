"""What the processor counted reaches whoever shows it, soon and once."""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from decoding.engines.vllm.reports import Reports
from decoding.engines.vllm.sessions import Text
from lsp_bridge.bridge import Outcome
from monitors.protocols import Reason
from tests.decoding.engines.vllm.fakes import PREFIX, argument, ids_of, scripted_store

PERIOD_S = 0.02
LOAD_S = 1.0


class Audience:
    """Hears everything."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.reports = 0
        self.told: list[tuple[str, Outcome]] = []

    def report(self, counts: Mapping[str, float]) -> None:
        """Add up."""
        self.reports += 1
        self.counts.update(counts)  # type: ignore[arg-type]  # seconds are no integers

    def tell(self, key: str, outcome: Outcome) -> None:
        """Remember."""
        self.told.append((key, outcome))


def wait_for(received: Counter[str], name: str, count: float) -> None:
    """Until as much was reported under a name."""
    end_s = time.monotonic() + 30
    while received[name] < count:
        assert time.monotonic() < end_s, received
        time.sleep(PERIOD_S)


def test_counts_are_sent_soon_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what has grown, whatever is counted in between; and nothing while nothing is done."""
    store, answers = scripted_store(monkeypatch, delay_s=60.0)
    audience = Audience()
    received = audience.counts
    reports = Reports(store, audience, PERIOD_S)
    reports.due()
    assert not audience.reports
    for number in range(3):
        opened = store.open(argument(tmp_path, deadline_ms=1), [number], 7.0, is_new=True)
        assert opened is not None
        text = Text(opened)
        text.follow(ids_of("."))
        text.session.step(text.node)
        store.totals.steps += 1
        store.totals.rows += 2
        store.totals.spent_s += 0.5
        store.stepped = {opened}
        reports.due()
        reports.due()
        wait_for(received, "steps", number + 1)
    time.sleep(3 * PERIOD_S)
    reports.due()
    time.sleep(3 * PERIOD_S)

    assert audience.reports == 3
    assert received["steps"] == 3
    assert received["rows"] == 6
    assert received["requests"] == received["triggers"] == 3
    assert received[f"fail_opens:{Reason.TIMEOUT}"] == 3
    assert received["mask_seconds"] + received["wait_seconds"] == pytest.approx(1.5)
    assert answers.asked


@pytest.fixture
def _hasty() -> Iterator[None]:
    """Threads take turns as often as they can."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before_s)


@pytest.mark.usefixtures("_hasty")
def test_reports_are_whole_while_the_engine_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread reads while another opens, steps and forgets requests: nothing is lost or torn."""
    failed: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", failed.append)
    store, _ = scripted_store(monkeypatch, capacity=64)
    audience = Audience()
    received = audience.counts
    reports = Reports(store, audience, 1e-4)
    opened, end_s = 0, time.monotonic() + LOAD_S
    while time.monotonic() < end_s:
        request = store.open(argument(tmp_path), [opened], 7.0, is_new=True)
        assert request is not None
        text = Text(request)
        text.follow(ids_of("."))
        text.session.step(text.node)
        opened += 1
        store.totals.steps += 1
        store.stepped = {request}
        reports.due()
    wait_for(received, "steps", opened)

    assert not failed
    assert opened > 64, "none was forgotten"
    assert received["triggers"] == received["constrained"] == received["requests"] == opened


def test_what_becomes_of_a_request_is_told_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When it is first seen and whenever something was counted; only of those that have a key."""
    store, _ = scripted_store(monkeypatch)
    audience = Audience()
    reports = Reports(store, audience, 60)
    texts = []
    for key in ("a", ""):
        request = store.open(argument(tmp_path, key=key), [1], 7.0, is_new=True)
        assert request is not None
        texts.append(Text(request))
    written: list[int] = []
    for piece in ("", "", ".", "total", " + order", "."):
        written += ids_of(piece)
        for text in texts:
            text.follow(written)
            text.session.step(text.node)
        store.totals.steps += 1
        store.stepped = {text.request for text in texts}
        reports.due()

    assert [key for key, _ in audience.told] == ["a"] * 3
    outcomes = [outcome for _, outcome in audience.told]
    assert [(each.points, each.constrained) for each in outcomes] == [(0, 0), (1, 1), (2, 2)]
    assert not any(each.unconstrained or each.unguided for each in outcomes)


def test_who_follows_hears_that_nothing_is_guided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A prompt that is not what the arguments say, met where nobody checked it before."""
    store, _ = scripted_store(monkeypatch)
    audience = Audience()
    reports = Reports(store, audience, 60)
    text = argument(tmp_path, key="a", prompt_check=True)

    assert store.open(text, ids_of("hello world"), 7.0, is_new=True) is None
    reports.due()
    assert store.open(text, ids_of(PREFIX), 7.0, is_new=True) is not None
    ((key, outcome),) = audience.told
    assert key == "a"
    assert "ends in 'hello world'" in outcome.unguided


def test_a_file_is_not_quoted_to_who_follows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may ask need not be allowed to read."""
    (tmp_path / "a.py").write_text("secret.key")
    store, _ = scripted_store(monkeypatch)
    content = {"path": "a.py", "workspace": str(tmp_path), "position": [1, 8], "key": "a"}

    assert store.open(json.dumps(content), ids_of("hello"), 7.0, is_new=True) is None
    ((_, why),) = store.unopened
    assert "hello" in why
    assert "secret" not in why
