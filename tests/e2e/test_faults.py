"""A language server that misbehaves never stops, falsifies or delays a generation for long."""

import logging
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import psutil
import pytest

import mgd
from lsp_bridge import ServerPool
from monitors.protocols import Reason
from tests.fakes import descendants, gone, misbehaving

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
DEADLINE_S = 0.3
TEXT = "# alpha beta\nimport os\n\nhome = os.\n"


@cache
def model() -> tuple[Any, Any]:
    """The bundled model and its tokenizer."""
    return mgd.load_model(mgd.BUNDLED_MODEL)


@pytest.fixture
def file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Path:
    """A file with a cursor behind ``os.``; what the pool logs about failures is left out."""
    caplog.set_level(logging.CRITICAL)
    (tmp_path / "project").mkdir()
    path = tmp_path / "project" / "app.py"
    path.write_text(TEXT)
    return path


def complete(file: Path, pool: ServerPool, **options: Any) -> mgd.Completion:
    """A completion behind ``os.``, greedy; the server has been started and was not asked ahead."""
    with suppress(TimeoutError):
        pool.start("python").result(30.0)
    settings: dict[str, Any] = {
        "max_new_tokens": 10,
        "deadline_s": DEADLINE_S,
        "start_timeout_s": 0.0,
    }
    return mgd.generate(*model(), file, (4, 11), pool=pool, **(settings | options))


def pool_of(file: Path, fault: str, marker: Path | None = None, **changes: Any) -> ServerPool:
    """A pool whose server has ``fault``."""
    settings = {"start_timeout_s": 1.0, "patience_s": 5.0} | changes
    profiles = {"fake": misbehaving(fault, marker, **settings)}
    return ServerPool(file.parent, profiles=profiles)


@pytest.mark.parametrize(
    ("fault", "reasons"),
    [
        ("crash", {Reason.CRASHED}),
        ("crash_at_start", {Reason.CRASHED, Reason.NOT_STARTED}),
        ("bad_initialize", {Reason.CRASHED, Reason.NOT_STARTED}),
        ("hang", {Reason.TIMEOUT, Reason.CRASHED, Reason.NOT_STARTED}),
        ("hang_at_start", {Reason.NOT_STARTED, Reason.CRASHED}),
        ("deaf", {Reason.TIMEOUT, Reason.CRASHED, Reason.NOT_STARTED}),
        ("late", {Reason.TIMEOUT}),
        ("garbage", {Reason.BAD_ANSWER}),
        ("wrong_type", {Reason.BAD_ANSWER}),
        ("wrong_item", {Reason.BAD_ANSWER}),
        ("bad_error", {Reason.BAD_ANSWER}),
        ("error", {Reason.SERVER_ERROR}),
        ("null", {Reason.EMPTY}),
        ("empty", {Reason.EMPTY}),
        ("incomplete", {Reason.INCOMPLETE}),
    ],
)
def test_generation_goes_on_unconstrained(file: Path, fault: str, reasons: set[Reason]) -> None:
    """The text is whole, the reason is counted, the wait is bounded, no process is left."""
    before = descendants()
    with pool_of(file, fault) as pool:
        began_s = time.monotonic()
        result = complete(file, pool)
        spent_s = time.monotonic() - began_s

    stats = result.stats
    assert stats.tokens > 0
    assert stats.constrained == 0
    assert stats.fail_open
    assert set(stats.fail_open) <= reasons
    assert Reason.REJECTED not in stats.fail_open
    assert stats.waited_s <= 1.1 * DEADLINE_S * (stats.tokens + 1)  # one deadline for each step
    assert spent_s < 60
    assert gone(descendants() - before)


@pytest.mark.parametrize("fault", ["crash", "hang", "hang_at_start", "garbage"])
def test_a_fault_in_the_first_answer_delays_no_longer_than_the_start_may_take(
    file: Path, fault: str
) -> None:
    """Then decoding goes on as it would have."""
    model()
    with pool_of(file, fault, start_timeout_s=30.0, patience_s=30.0) as pool:
        began_s = time.monotonic()
        stats = complete_cold(file, pool, start_timeout_s=1.0)
        spent_s = time.monotonic() - began_s

    assert stats.tokens > 0
    assert stats.fail_open
    assert stats.start_s < 3
    assert spent_s < 60


def complete_cold(file: Path, pool: ServerPool, **options: Any) -> mgd.Statistics:
    """Statistics of a completion that is the first thing that happens to the pool."""
    settings: dict[str, Any] = {"max_new_tokens": 3, "deadline_s": DEADLINE_S}
    return mgd.generate(*model(), file, (4, 11), pool=pool, **(settings | options)).stats


def test_the_text_does_not_depend_on_the_fault(file: Path) -> None:
    """Where nothing is known, nothing is changed."""
    texts = set()
    for fault in ("crash_at_start", "null", "error"):
        with pool_of(file, fault) as pool:
            texts.add(complete(file, pool).text)

    assert len(texts) == 1


def test_a_server_that_recovers_constrains_again(file: Path, tmp_path: Path) -> None:
    """It crashes once; a later generation is held to its list."""
    with pool_of(file, "crash", tmp_path / "struck", restart_delay_s=0.01) as pool:
        complete(file, pool, deadline_s=10.0)
        assert (tmp_path / "struck").exists()
        end_s = time.monotonic() + 30
        while time.monotonic() < end_s:
            second = complete(file, pool, deadline_s=10.0, max_new_tokens=3)
            if second.stats.constrained:
                break

    name = second.text.lstrip(" \t\f\\\n")
    assert second.stats.constrained
    assert not name or any(word.startswith(name[:3]) for word in ("alpha", "beta", "open_1"))


def test_a_server_that_dies_between_two_generations(file: Path) -> None:
    """It is started again, and nobody notices."""
    with pool_of(file, "none", restart_delay_s=0.01) as pool:
        assert complete(file, pool, deadline_s=10.0).stats.constrained
        [pid] = pool.process_ids
        psutil.Process(pid).kill()
        assert gone({pid})
        file.write_text(TEXT.replace("alpha", "gamma"))
        end_s = time.monotonic() + 30
        while not complete(file, pool, deadline_s=10.0, max_new_tokens=2).stats.constrained:
            assert time.monotonic() < end_s

        assert pool.process_ids != (pid,)
