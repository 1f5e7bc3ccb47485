"""What the processor counted reaches whoever shows it, soon and once."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from decoding.vllm_reports import Reports
from decoding.vllm_sessions import Text
from monitors.protocols import Reason
from tests.decoding.vllm_fakes import argument, ids_of, scripted_store

PERIOD_S = 0.02
LOAD_S = 1.0


def wait_for(received: Counter[str], name: str, count: float) -> None:
    """Until as much was reported under a name."""
    end_s = time.monotonic() + 30
    while received[name] < count:
        assert time.monotonic() < end_s, received
        time.sleep(PERIOD_S)


def test_counts_are_sent_soon_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what has grown, whatever is counted in between; and nothing while nothing is done."""
    store, answers = scripted_store(monkeypatch, delay_s=60.0)
    received: Counter[str] = Counter()
    calls: list[Mapping[str, float]] = []

    def send(counts: Mapping[str, float]) -> None:
        calls.append(counts)
        received.update(counts)  # type: ignore[arg-type]  # seconds are no integers

    reports = Reports(store, send, PERIOD_S)
    reports.due()
    assert not calls
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

    assert len(calls) == 3
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
    received: Counter[str] = Counter()
    reports = Reports(store, received.update, 1e-4)
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
