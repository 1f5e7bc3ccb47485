"""Waiting for answers: each question once, and one deadline for each step."""

import time
from itertools import count

import pytest
import torch

from decoding.engines import torch_rows as logits
from decoding.engines.numpy_rows import Place
from decoding.engines.transformers.processor import MonitorLogitsProcessor
from decoding.session.deadlines import Budget, Questions
from decoding.session.guide import Guide
from decoding.session.options import Options
from decoding.session.session import Session
from monitors.dereference import DereferenceMonitor
from monitors.languages.python import PYTHON
from monitors.protocols import Document, Members, Query, QueryKind, Reason, Unavailable
from tests.analysts import TimedAnswers, TimedTicket, facts
from tests.decoding.engines.vllm.fakes import ids_of, index

DEADLINE_S = 0.2


def query(text: str) -> Query:
    """Members behind ``text``."""
    return Query(QueryKind.MEMBERS, Document("python", "/p/a.py", text))


def questions(delay_s: float, deadline_s: float) -> tuple[Questions, TimedAnswers]:
    """Those of a text whose server takes ``delay_s``."""
    answers = TimedAnswers(lambda prefix: facts("a"), delay_s)
    return Questions(answers, deadline_s), answers


def test_a_question_is_asked_once() -> None:
    """Whoever asks again joins, before the answer and behind it."""
    text, answers = questions(0.01, 1.0)
    text.ask(query("a."))
    text.hasten(query("a."))

    assert isinstance(text.join(query("a.")), Members)
    assert isinstance(text.join(query("a.")), Members)
    assert not text.hasten(query("a."))
    assert answers.asked == ["a."]


def test_a_question_that_is_given_up_is_asked_anew() -> None:
    """And its ticket is told."""
    text, answers = questions(0.01, 1.0)
    text.keep_only([query("a."), query("b.")])
    text.keep_only([query("b.")])
    text.ask(query("a."))

    assert answers.asked == ["a.", "b.", "a."]
    assert [ticket.cancelled for ticket in answers.tickets] == [True, False, False]


def test_no_more_is_under_way_than_a_bound() -> None:
    """What was asked first and is wanted by nobody is given up."""
    text, answers = questions(600.0, 1.0)
    for number in range(300):
        text.ask(query(f"a{number}."))

    assert sum(not ticket.cancelled for ticket in answers.tickets) == 256


def test_deadlines_run_from_the_moment_of_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was needed before the forward pass is not waited for as long behind it."""
    clock = count(0.0, 19.9)
    text, answers = questions(600.0, 20.0)
    with monkeypatch.context() as patch:
        patch.setattr("decoding.session.deadlines.time.perf_counter", lambda: next(clock))
        text.hasten(query("a."))
        allowed: list[float] = []
        patch.setattr(
            TimedTicket,
            "result",
            lambda ticket, left_s: allowed.append(left_s) or Unavailable(Reason.TIMEOUT),
        )
        text.join(query("a."))

    assert answers.tickets[0].hurried
    assert allowed == [pytest.approx(0.1)]


def test_a_guess_starts_no_clock() -> None:
    """A question asked early, needed late, may still take its time."""
    text, _ = questions(0.5, 0.4)
    text.ask(query("a."))
    time.sleep(0.4)

    assert isinstance(text.join(query("a.")), Members)


def test_a_step_is_held_for_one_deadline_at_most() -> None:
    """However many questions come up in it; the next step starts anew."""
    text, _ = questions(600.0, 0.1)
    started = time.perf_counter()
    for number in range(200):
        text.join(query(f"a{number}."))
    assert time.perf_counter() - started < 10  # 20 s, if each had its own
    text.budget.renew()
    started = time.perf_counter()
    text.join(query("b."))

    assert time.perf_counter() - started > 0.05


def test_the_waits_of_many_texts_are_one() -> None:
    """A hundred that are late, one after the other, hold a step no longer than one."""
    budget = Budget()
    texts = [questions(600.0, 0.2)[0] for _ in range(100)]
    started = time.perf_counter()
    for text in texts:
        text.budget = budget
        assert text.join(query("a.")) == Unavailable(Reason.TIMEOUT)

    assert time.perf_counter() - started < 10  # 20 s, each by itself
    assert budget.held_s == pytest.approx(0.2, abs=0.1)


def sessions(prefix: str, number: int, answers: TimedAnswers) -> list[Session]:
    """As many sessions behind a text, with a server that takes its time."""
    guide = Guide(index(), PYTHON, DereferenceMonitor(PYTHON), answers)
    options = Options(deadline_s=DEADLINE_S)
    return [Session(guide, Document("python", "/p/a.py", prefix), options=options)] + [
        Session(guide, Document("python", f"/p/{each}.py", prefix), options=options)
        for each in range(1, number)
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["host", "device"])
@pytest.mark.parametrize("prefix", ["y = order", "y = order.", "order.", "f(a, b"])
def test_a_step_of_many_rows_is_held_for_one_deadline(prefix: str, dtype: torch.dtype) -> None:
    """With every token of every row as likely as any other, and a server that hangs.

    Each row judges up to 64 tokens that hold an operator behind as many different receivers.
    """
    answers = TimedAnswers(lambda text: facts("a"), 600.0)
    rows = sessions(prefix, 8, answers)
    processor = MonitorLogitsProcessor([(ids_of(prefix), session) for session in rows])
    input_ids = torch.tensor([ids_of(prefix)] * 8)
    started = time.perf_counter()
    processor(input_ids, torch.zeros(8, index().size, dtype=dtype))
    held_s = time.perf_counter() - started
    waited_s = sum(session.statistics.waited_s for session in rows)

    assert sum(session.statistics.fail_open[Reason.TIMEOUT] for session in rows) >= (
        8 if prefix.endswith(".") else 0
    )
    assert len(answers.asked) >= 8
    assert 0.5 * DEADLINE_S <= waited_s <= 1.5 * DEADLINE_S
    assert held_s < 8 * DEADLINE_S


@pytest.mark.parametrize("on_host", [True, False])
def test_everything_is_asked_before_anything_is_waited_for(
    on_host: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what judging the tokens of one row needs, while another row's list is missing."""
    answers = TimedAnswers(lambda text: facts("a"), 0.05)
    late, judging = sessions("y = order.", 1, answers) + sessions("y = order", 1, answers)
    asked_before_waiting: list[str] = []
    waits = TimedTicket.result

    def result(ticket: TimedTicket, deadline_s: float) -> object:
        asked_before_waiting.extend(answers.asked if not asked_before_waiting else ())
        return waits(ticket, deadline_s)

    monkeypatch.setattr(TimedTicket, "result", result)
    monkeypatch.setattr(logits, "_is_on_host", lambda tensor: on_host)
    rows = torch.zeros(2, index().size)
    rows[1, ids_of(".get")[0]] = 9.0
    places = [Place(row, each, each.root) for row, each in enumerate((late, judging))]
    logits.constrain(rows, places)

    assert asked_before_waiting.count("y = order.") == 2
    assert late.statistics.constrained == 1


def test_a_session_by_itself_has_a_deadline_for_each_token() -> None:
    """What was waited for at one token is not missing at the next."""
    answers = TimedAnswers(lambda text: facts("get"), 0.8 * DEADLINE_S)
    (session,) = sessions("y = order", 1, answers)
    node = session.root
    for token_id in ids_of(".get(1).get(2).get"):
        node = session.accept(node, token_id)
        session.step(node)

    assert session.statistics.fail_open[Reason.TIMEOUT] == 0
    assert session.statistics.constrained == 3
