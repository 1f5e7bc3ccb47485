"""Sessions of an engine's requests: found by content, punctual, none in the way of another."""

import json
import logging
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.vllm_sessions import Guided, PunctualAnalyst, Text, Totals
from monitors.protocols import Document, Facts, Query, QueryKind, Reason, Unavailable
from tests.analysts import TimedAnswers, facts
from tests.decoding.vllm_fakes import PREFIX, argument, ids_of, scripted_store

MARGIN = 7.0


def query(text: str) -> Query:
    """Members behind ``text``."""
    return Query(QueryKind.MEMBERS, Document("python", "/p/a.py", text))


def punctual(delay_s: float, deadline_s: float) -> tuple[PunctualAnalyst, TimedAnswers]:
    """One whose server takes ``delay_s``."""
    answers = TimedAnswers(lambda prefix: facts("a"), delay_s)
    return PunctualAnalyst(answers, deadline_s, Totals()), answers


def test_a_question_is_asked_once_until_it_is_answered() -> None:
    """Whoever asks again joins; behind the answer one asks anew."""
    analyst, answers = punctual(0.01, 1.0)
    first, second = analyst.ask(query("a.")), analyst.ask(query("a."))

    assert first is second
    assert isinstance(first.result(1.0), Facts)
    analyst.ask(query("a."))
    assert len(answers.asked) == 2


def test_a_question_that_is_given_up_is_asked_anew() -> None:
    """And its ticket is told."""
    analyst, answers = punctual(0.01, 1.0)
    analyst.ask(query("a.")).cancel()
    analyst.ask(query("a."))

    assert [ticket.cancelled for ticket in answers.tickets] == [True, False]


def test_deadlines_run_from_the_moment_of_need() -> None:
    """What was needed before the forward pass is not waited for as long behind it."""
    analyst, answers = punctual(600.0, 20.0)
    analyst.hasten(query("a."))
    analyst.ask(query("a.")).needed_s = time.perf_counter() - 19.9
    started = time.perf_counter()
    answer = analyst.ask(query("a.")).result(20.0)

    assert answer == Unavailable(Reason.TIMEOUT)
    assert time.perf_counter() - started < 10
    assert answers.tickets[0].hurried


def test_a_guess_starts_no_clock() -> None:
    """A question asked early, needed late, may still take its time."""
    analyst, _ = punctual(0.5, 0.4)
    ticket = analyst.ask(query("a."))
    time.sleep(0.4)

    assert isinstance(ticket.result(0.4), Facts)


def test_a_step_is_held_for_one_deadline_at_most() -> None:
    """However many questions come up in it; the next step starts anew."""
    analyst, _ = punctual(600.0, 0.1)
    started = time.perf_counter()
    for number in range(200):
        analyst.ask(query(f"a{number}.")).result(0.1)
    assert time.perf_counter() - started < 10  # 20 s, if each had its own
    analyst.begin_step()
    started = time.perf_counter()
    analyst.ask(query("b.")).result(0.1)

    assert time.perf_counter() - started > 0.05


def test_the_waits_of_many_requests_overlap() -> None:
    """A hundred slow ones hold the batch no longer than one."""
    analysts = [punctual(600.0, 0.2)[0] for _ in range(100)]
    started = time.perf_counter()
    for analyst in analysts:
        analyst.hasten(query("a."))
    for analyst in analysts:
        assert analyst.ask(query("a.")).result(0.2) == Unavailable(Reason.TIMEOUT)

    assert time.perf_counter() - started < 10  # 20 s, one after the other


def test_a_start_lets_the_server_answer_about_the_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a limit of its own; without monitors nobody is asked, without time nothing ahead."""
    store, answers = scripted_store(monkeypatch, delay_s=0.1)
    store.start(argument(tmp_path, monitors=False), 5.0)
    store.start(argument(tmp_path), 0.0)
    assert (answers.started, answers.asked) == (["python"], [])
    started_s = time.perf_counter()
    for _ in range(2):
        store.start(argument(tmp_path, PREFIX + "."), 5.0)

    assert time.perf_counter() - started_s >= 0.1
    assert answers.started == ["python"] * 3
    assert answers.asked == [PREFIX + "."] * 2


def test_whoever_comes_back_finds_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By arguments and prompt, not by anything else."""
    store, answers = scripted_store(monkeypatch)
    text = argument(tmp_path)
    one = store.open(text, [1, 2], MARGIN, is_new=True)

    assert one is not None
    assert store.open(text, [1, 2], MARGIN, is_new=False) is one
    assert store.open(text, [1, 3], MARGIN, is_new=False) is not one
    assert store.open(argument(tmp_path, tag="b"), [1, 2], MARGIN, is_new=False) is not one
    assert len(set(answers.scopes)) == 3


def test_samples_of_one_prompt_share_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as one of them is being generated."""
    store, _ = scripted_store(monkeypatch)
    text = argument(tmp_path)
    one = store.open(text, [1], MARGIN, is_new=True)
    assert one is not None
    sample = Text(one)

    assert store.open(text, [1], MARGIN, is_new=True) is one
    del sample
    assert store.open(text, [1], MARGIN, is_new=True) is not one
    assert store.totals.requests == 2


def test_a_new_request_inherits_no_time_outs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same text completed again a moment later, when the server has woken up."""
    store, answers = scripted_store(monkeypatch, delay_s=60.0)
    text = argument(tmp_path, tag="t", deadline_ms=1)
    rows = []
    for is_new in (True, False, True):
        answers.delay_s = 60.0 if not rows else 0.0
        opened = store.open(text, [1], MARGIN, is_new=is_new)
        assert opened is not None
        place = Text(opened)
        place.follow(ids_of("."))
        rows.append(place.session.step(place.node).row)
        del place

    assert [row is None for row in rows] == [True, True, False]
    assert len(set(answers.scopes)) == len(answers.scopes) == 2
    assert store.statistics("t").fail_open == {Reason.TIMEOUT: 1}
    assert store.statistics("t").constrained == 1


def test_the_least_recently_used_session_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its counts stay."""
    store, _ = scripted_store(monkeypatch, capacity=2)
    text = argument(tmp_path, tag="t")

    def opened(prompt: int) -> Guided:
        found = store.open(text, [prompt], MARGIN, is_new=False)
        assert found is not None
        return found

    first = opened(1)
    Text(first).follow(ids_of("."))
    second = opened(2)
    opened(1)
    opened(3)

    assert opened(1) is first
    assert opened(2) is not second
    opened(4)
    opened(5)
    assert store.statistics().tokens == 1
    assert store.statistics("t").tokens == 0


def test_a_request_that_cannot_be_opened_goes_unguided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that has vanished since admission must not end the engine."""
    store, _ = scripted_store(monkeypatch)
    text = json.dumps({"path": "gone.py", "workspace": str(tmp_path), "position": [1, 1]})
    with caplog.at_level(logging.ERROR):
        assert store.open(text, [1], MARGIN, is_new=True) is None

    assert store.totals.unopened == 1
    assert "gone.py" in caplog.text


def test_left_out_text_is_generated_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And belongs to the document once it is there."""
    store, answers = scripted_store(monkeypatch)
    opened = store.open(
        argument(tmp_path, PREFIX + ".it", healed_bytes=3), [1], MARGIN, is_new=True
    )
    assert opened is not None
    text = Text(opened)
    step = text.session.step(text.node)
    assert step.row is not None
    text.follow(ids_of(".it"))
    text.session.step(text.node)

    assert answers.asked[-1] == PREFIX + "."


@given(st.data())
def test_a_text_is_where_its_tokens_are(data: st.DataObject) -> None:
    """However the engine's list jumps: appended, cut, replaced, or with tokens unknown."""
    with pytest.MonkeyPatch.context() as patch:
        store, _ = scripted_store(patch)
        patch.setenv("MGD_WORKSPACES", "/tmp")
        pieces = [ids_of(each) for each in (".", "total", " +", " x", ".get", "(", ")", "\n")]
        opened = store.open(argument(Path("/tmp")), [1], MARGIN, is_new=True)
        assert opened is not None
        text = Text(opened)
        output: list[int] = []
        for _ in range(8):
            cut = data.draw(st.integers(0, len(output)))
            del output[cut:]
            for piece in data.draw(st.lists(st.sampled_from(pieces), max_size=3)):
                output += piece
            unknown = data.draw(st.integers(0, 2))
            known = text.follow(output + [-1] * unknown)
            node = opened.session.root
            for token_id in output:
                node = opened.session.accept(node, token_id)

            assert text.node is node
            assert known == (unknown == 0)
