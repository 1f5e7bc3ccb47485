"""The processor as vLLM's V1 model runner drives it, with vLLM's own batch updates."""

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analysts import TimedAnswers
from tests.decoding.engines.vllm.fakes import (
    OPEN,
    ORDER,
    PREFIX,
    argument,
    ids_of,
    index,
    names,
    scripted_store,
)
from tests.engines import vllm

if vllm:  # behind the check that it is there
    from vllm.v1.sample.logits_processor.interface import MoveDirectionality
    from vllm.v1.sample.logits_processor.state import BatchUpdateBuilder

    from decoding.engines.vllm.batch_v1 import BatchRows

pytestmark = pytest.mark.filterwarnings("ignore")
PROMPT = [1, 2, 3]


class Engine:
    """Keeps a batch as V1 does: lists that grow in place, rows that move."""

    def __init__(self, rows: BatchRows) -> None:
        self.rows = rows
        self.outputs: list[list[int]] = []
        self.builder = BatchUpdateBuilder()

    def add(self, params: Any, prompt: list[int], output: list[int]) -> int:
        """A request enters at the lowest empty row, or at the end."""
        row = self.builder.pop_removed()
        row = len(self.outputs) if row is None else row
        if row == len(self.outputs):
            self.outputs.append(output)
        else:
            self.outputs[row] = output
        self.builder.added.append((row, params, prompt, output))
        return row

    def step(self, logits: torch.Tensor | None = None) -> torch.Tensor:
        """Tell of the changes, and have logits masked."""
        self.rows.update(self.builder.get_and_reset(len(self.outputs)))
        logits = torch.zeros(len(self.outputs), index().size) if logits is None else logits
        return self.rows.apply(logits)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> TimedAnswers:
    """Whoever answers."""
    store, found = scripted_store(monkeypatch)
    found.store = store  # type: ignore[attr-defined]
    return found


@pytest.fixture
def engine(answers: TimedAnswers) -> Engine:
    """An engine without requests."""
    return Engine(BatchRows(answers.store))  # type: ignore[attr-defined]


def params(root: Path | None, **content: Any) -> Any:
    """Sampling parameters, guided in ``root``."""
    extra = None if root is None else {"mgd": argument(root, **content)}
    return vllm.SamplingParams(temperature=0, extra_args=extra)


def test_rows_without_arguments_keep_their_logits(engine: Engine) -> None:
    """The very same tensor, bit for bit, and nobody is asked."""
    engine.add(params(None), PROMPT, ids_of("."))
    logits = torch.randn(1, index().size)
    before = logits.clone()

    assert engine.step(logits) is logits
    assert torch.equal(logits, before)


def test_a_guided_row_is_masked_and_its_neighbours_are_not(engine: Engine, tmp_path: Path) -> None:
    """Whatever row it is in."""
    engine.add(params(None), PROMPT, ids_of("."))
    engine.add(params(tmp_path), PROMPT, ids_of("."))
    engine.add(params(None), PROMPT, ids_of("."))
    logits = torch.randn(3, index().size)
    before = logits.clone()
    masked = engine.step(logits)

    assert names(masked[1]) == ORDER
    assert torch.equal(masked[[0, 2]], before[[0, 2]])


def test_questions_are_under_way_before_the_forward_pass(
    engine: Engine, answers: TimedAnswers, tmp_path: Path
) -> None:
    """`update_state` asks, and waits for nothing."""
    answers.delay_s = 0.2
    engine.add(params(tmp_path), PROMPT, ids_of("."))
    engine.rows.update(engine.builder.get_and_reset(1))

    assert answers.asked == [PREFIX + "."]
    assert answers.tickets[0].hurried
    assert names(engine.rows.apply(torch.zeros(1, index().size))[0]) == ORDER


def test_a_chunk_of_a_prompt_changes_nothing(
    engine: Engine, answers: TimedAnswers, tmp_path: Path
) -> None:
    """Applied again without a new token, the row gets the same mask and nothing is asked again."""
    engine.add(params(tmp_path), PROMPT, ids_of("."))
    first = engine.step()
    asked = len(answers.asked)

    assert torch.equal(engine.step(), first)
    assert len(answers.asked) == asked


def test_placeholders_are_read_when_they_are_repaired(
    engine: Engine, answers: TimedAnswers, tmp_path: Path
) -> None:
    """Asynchronous scheduling: -1 before the forward pass, the token right before `apply`."""
    output: list[int] = []
    engine.add(params(tmp_path), PROMPT, output)
    engine.step()
    output.append(-1)
    engine.rows.update(None)
    output[:] = ids_of(".")
    logits = torch.zeros(1, index().size)
    logits[0, ids_of("total")[0]] = 9.0

    assert names(engine.rows.apply(logits)[0]) == ORDER


def test_what_is_likely_is_asked_ahead_where_tokens_come_late(
    engine: Engine, answers: TimedAnswers, tmp_path: Path
) -> None:
    """The likeliest token's question is under way before the token is shown."""
    output: list[int] = []
    engine.add(params(tmp_path, prefix="def f(order):\n    z"), PROMPT, output)
    output[:] = [-1]
    engine.rows.update(engine.builder.get_and_reset(1))
    output[:] = ids_of(" = order")
    logits = torch.zeros(1, index().size)
    logits[0, ids_of(".")[0]] = 9.0
    engine.rows.apply(logits)

    assert "def f(order):\n    z = order." in answers.asked


def test_a_request_comes_back_from_preemption(
    engine: Engine, answers: TimedAnswers, tmp_path: Path
) -> None:
    """Removed, and added again with a new list: nothing is asked twice."""
    guided = params(tmp_path)
    engine.add(guided, PROMPT, ids_of("."))
    engine.step()
    asked = len(answers.asked)
    engine.builder.removed_append(0)
    engine.outputs.clear()
    engine.rows.update(engine.builder.get_and_reset(0))
    engine.builder = BatchUpdateBuilder()
    engine.add(params(None), PROMPT, [])
    engine.add(guided, PROMPT, ids_of("."))
    masked = engine.step()

    assert names(masked[0]) == OPEN
    assert names(masked[1]) == ORDER
    assert len(answers.asked) == asked


def test_an_aborted_request_gives_its_questions_up(
    engine: Engine, answers: TimedAnswers, tmp_path: Path
) -> None:
    """And the row that takes its place is another's."""
    answers.delay_s = 30.0
    engine.add(params(tmp_path), PROMPT, ids_of("."))
    engine.rows.update(engine.builder.get_and_reset(1))
    engine.builder.removed_append(0)
    engine.add(params(None), PROMPT, [])
    logits = torch.randn(1, index().size)
    before = logits.clone()

    assert torch.equal(engine.step(logits), before)
    assert answers.tickets[0].cancelled


def test_one_slow_row_holds_the_batch_for_its_deadline_only(
    engine: Engine, answers: TimedAnswers, tmp_path: Path
) -> None:
    """All rows wait together, and go on unconstrained together."""
    answers.delay_s = 600.0
    for number in range(100):
        engine.add(params(tmp_path, deadline_ms=200, tag=str(number)), PROMPT, ids_of("."))
    masked = engine.step()
    totals = answers.store.totals  # type: ignore[attr-defined]

    assert {frozenset(names(row)) for row in masked} == {frozenset(OPEN)}
    assert totals.spent_s < 10  # 20 s, one after the other


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_rows_follow_every_move_of_the_batch(data: st.DataObject) -> None:
    """Added, removed, moved, swapped, cut and extended at random: each row gets its own mask."""
    with pytest.MonkeyPatch.context() as patch:
        store, _ = scripted_store(patch, capacity=4)
        rows, builder = BatchRows(store), BatchUpdateBuilder()
        live: dict[int, tuple[bool, list[int]]] = {}
        for _ in range(6):
            for row in data.draw(st.lists(st.sampled_from(range(4)), max_size=2, unique=True)):
                if row in live:
                    del live[row]
                    builder.removed_append(row)
            for row in range(data.draw(st.integers(0, 4))):
                if row not in live and (builder.peek_removed() == row or not builder.has_removed()):
                    builder.pop_removed()
                    live[row] = (data.draw(st.booleans()), data.draw(_texts))
                    guided = params(Path("/tmp") if live[row][0] else None)
                    builder.added.append((row, guided, PROMPT, live[row][1]))
            a, b = data.draw(st.tuples(st.integers(0, 3), st.integers(0, 3)))
            if a != b and a in live:
                swap = b in live
                kind = MoveDirectionality.SWAP if swap else MoveDirectionality.UNIDIRECTIONAL
                builder.moved.append((a, b, kind))
                live[a], live[b] = live.get(b, (False, [])), live[a]
                if not swap:
                    del live[a]
            for _, output in live.values():
                output[:] = data.draw(_texts)
            rows.update(builder.get_and_reset(4))
            masked = rows.apply(torch.zeros(4, index().size))
            for row in range(4):
                guided_here, output = live.get(row, (False, []))
                expected = ORDER if guided_here and output == ids_of(".") else OPEN
                assert names(masked[row]) == expected


_texts = st.sampled_from([".", " +", " + x", ""]).map(ids_of)
