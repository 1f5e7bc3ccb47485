"""The processor as Model Runner V2 drives it: vLLM's own loader, states and context, on the CPU."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from decoding.engines.vllm import sessions as vllm_sessions
from decoding.engines.vllm.request import PROCESSOR
from tests.analysts import TimedAnswers
from tests.decoding.engines.vllm.fakes import ANSWER, OPEN, ORDER, PREFIX, argument, ids_of, names
from tests.engines import vllm

if vllm:  # behind the check that it is there
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.worker.gpu import buffer_utils
    from vllm.v1.worker.gpu.sample.logits_processor import (
        LogitsContext,
        build_custom_logits_processors,
        build_custom_logits_processors_params_validator,
    )
    from vllm.v1.worker.gpu.states import RequestState

    from mgd.models import BUNDLED_MODEL

pytestmark = pytest.mark.filterwarnings("ignore")
VOCABULARY = 16384
SLOTS = 4
PROMPT = [1, 2, 3]


@cache
def config() -> Any:
    """An engine's configuration for the bundled model."""
    return EngineArgs(model=str(BUNDLED_MODEL), max_num_seqs=SLOTS).create_engine_config()


class Runner:
    """Keeps requests in slots as Model Runner V2 does."""

    def __init__(self) -> None:
        self.states = RequestState(SLOTS, 64, 64, 3, VOCABULARY, torch.device("cpu"))
        (self.processor,) = build_custom_logits_processors(
            config(), self.states, False, [PROCESSOR]
        )
        self.number = 0

    def add(self, params: Any, output: list[int], prompt: list[int] = PROMPT) -> int:
        """A request enters a slot, as new or back from preemption."""
        self.number += 1
        name = str(self.number)
        ids = [*prompt, *output]
        self.states.add_request(name, len(prompt), ids, 0, 16)
        slot = int(self.states.req_id_to_index[name])
        self.write(slot, ids)
        self.guided = self.processor.add_request(slot, params)
        return slot

    def remove(self, slot: int) -> None:
        """A request ends, is aborted or preempted: nobody is told."""
        self.states.remove_request(self.states.index_to_req_id[slot])

    def write(self, slot: int, ids: list[int]) -> None:
        """What the runner's kernels, which need a GPU, write to the device."""
        self.states.all_token_ids.gpu[slot, : len(ids)] = torch.tensor(ids, dtype=torch.int32)
        self.states.total_len.gpu[slot] = len(ids)

    def grow(self, slot: int, *token_ids: int) -> None:
        """Tokens were sampled."""
        length = int(self.states.total_len.gpu[slot])
        self.write(slot, [*self.states.all_token_ids.gpu[slot, :length].tolist(), *token_ids])

    def step(self, slots: list[int], drafts: dict[int, list[int]] | None = None) -> torch.Tensor:
        """One step; returns masked logits, one row for each slot and each draft."""
        self.processor.apply_staged_writes()
        return self.apply(slots, drafts or {})

    def apply(self, slots: list[int], drafts: dict[int, list[int]], cut: int = 0) -> torch.Tensor:
        """Behind the forward pass; ``cut``: how many tokens of the prompt are not read yet."""
        rows = []
        for slot in slots:
            length = int(self.states.total_len.gpu[slot]) - cut
            last = int(self.states.all_token_ids.gpu[slot, length - 1])
            for offset, token in enumerate([last, *drafts.get(slot, [])]):
                rows.append((slot, offset, token, length - 1 + offset))
        mapping, offsets, tokens, positions = (
            torch.tensor(column) for column in zip(*rows, strict=True)
        )
        context = LogitsContext(
            expanded_idx_mapping=mapping,
            idx_mapping=torch.tensor(slots),
            idx_mapping_np=np.array(slots),
            expanded_local_pos=offsets.to(torch.int32),
            input_ids=tokens.to(torch.int32),
            pos=positions,
            seq_lens_upper_bound_np=np.array([64] * len(slots)),
        )
        return self.processor.apply(torch.zeros(len(rows), VOCABULARY), context)


@pytest.fixture(autouse=True)
def _no_pinned_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What vLLM's states do on a machine without pinned memory, such as one without a GPU."""
    monkeypatch.setattr(buffer_utils, "is_uva_available", lambda: False)


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> TimedAnswers:
    """Whoever answers."""
    found = TimedAnswers(ANSWER)
    monkeypatch.setattr(vllm_sessions, "open_answers", lambda root, trust: found)
    return found


@pytest.fixture
def runner(answers: TimedAnswers) -> Runner:
    """A runner without requests."""
    return Runner()


def params(root: Path | None, **content: Any) -> Any:
    """Sampling parameters, guided in ``root``."""
    extra = None if root is None else {"mgd": argument(root, **content)}
    return vllm.SamplingParams(temperature=0, extra_args=extra)


[DOT] = ids_of(".")


def test_requests_without_arguments_are_declined(runner: Runner) -> None:
    """So that the runner skips a batch without guided ones; their logits stay as they are."""
    slot = runner.add(params(None), [DOT])

    assert runner.guided is False
    assert bool((runner.step([slot]) == 0).all())


def test_a_guided_row_is_masked_wherever_it_is(runner: Runner, tmp_path: Path) -> None:
    """Rows are in another order in every step."""
    free = runner.add(params(None), [DOT])
    slot = runner.add(params(tmp_path), [DOT])
    first, second = runner.step([free, slot]), runner.step([slot, free])

    assert runner.guided is True
    assert [names(row) for row in first] == [OPEN, ORDER]
    assert [names(row) for row in second] == [ORDER, OPEN]


def test_questions_are_under_way_during_the_forward_pass(
    runner: Runner, answers: TimedAnswers, tmp_path: Path
) -> None:
    """`apply_staged_writes` waits for nothing."""
    answers.delay_s = 0.3
    runner.add(params(tmp_path), [DOT])
    runner.processor.apply_staged_writes()
    runner.processor._slots._join()

    assert answers.asked == [PREFIX + "."]


def test_tokens_are_followed_from_step_to_step(runner: Runner, tmp_path: Path) -> None:
    """One, or several after accepted drafts, or more than the copy holds."""
    slot = runner.add(params(tmp_path), [])
    runner.step([slot])
    runner.grow(slot, DOT)
    assert names(runner.step([slot])[0]) == ORDER
    runner.grow(slot, *ids_of("total"), *ids_of(" + x"), DOT)
    assert names(runner.step([slot])[0]) == {"get"}
    runner.grow(slot, *ids_of("get + 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + order"), DOT)
    assert names(runner.step([slot])[0]) == ORDER


def test_each_draft_has_its_own_row(runner: Runner, tmp_path: Path) -> None:
    """Drafts are looked at without being taken for generated."""
    slot = runner.add(params(tmp_path), [])
    masked = runner.step([slot], {slot: [DOT, *ids_of("total"), *ids_of(" +")]})
    runner.grow(slot, *ids_of(" - order"), DOT)

    assert [names(row) == ORDER for row in masked] == [False, True, False, False]
    assert names(runner.step([slot])[0]) == ORDER


def test_a_chunk_of_a_prompt_is_left_alone(
    runner: Runner, answers: TimedAnswers, tmp_path: Path
) -> None:
    """What is sampled there is thrown away; nobody waits for it."""
    slot = runner.add(params(tmp_path), [DOT])
    masked = runner.apply([slot], {}, cut=2)

    assert names(masked[0]) == OPEN
    assert answers.asked == []


def test_a_slot_is_another_requests_after_its_end(runner: Runner, tmp_path: Path) -> None:
    """Guided after unguided, unguided after guided, in the same slot."""
    slot = runner.add(params(tmp_path), [DOT])
    runner.step([slot])
    runner.remove(slot)
    assert runner.add(params(None), [DOT]) == slot
    assert names(runner.step([slot])[0]) == OPEN
    runner.remove(slot)
    assert runner.add(params(tmp_path), [*ids_of(" + x"), DOT]) == slot
    assert names(runner.step([slot])[0]) == {"get"}


def test_a_request_comes_back_from_preemption(
    runner: Runner, answers: TimedAnswers, tmp_path: Path
) -> None:
    """In another slot, with its output as part of what is read again; nothing is asked twice."""
    guided = params(tmp_path)
    slot = runner.add(guided, [])
    runner.grow(slot, DOT)
    runner.step([slot])
    asked = len(answers.asked)
    runner.remove(slot)
    runner.add(params(None), [])
    back = runner.add(guided, [DOT])

    assert back != slot
    assert names(runner.step([back])[0]) == ORDER
    assert len(answers.asked) == asked


def test_a_slot_that_is_in_no_batch_is_not_asked_for(
    runner: Runner, answers: TimedAnswers, tmp_path: Path
) -> None:
    """Nobody tells of a request's end; one that was only not scheduled is found again."""
    slot = runner.add(params(tmp_path), [])
    other = runner.add(params(None), [])
    for _ in range(40):
        runner.step([other])
    asked = len(answers.asked)
    runner.grow(slot, DOT)
    runner.step([other])
    assert len(answers.asked) == asked
    assert names(runner.step([slot])[0]) == ORDER


def test_admission_refuses_bad_arguments() -> None:
    """Through vLLM's own validator for this runner."""
    validate = build_custom_logits_processors_params_validator([PROCESSOR])
    validate(vllm.SamplingParams())
    with pytest.raises(vllm.exceptions.VLLMValidationError, match="JSON object"):
        validate(vllm.SamplingParams(extra_args={"mgd": 5}))


def test_pooling_models_are_refused() -> None:
    """By vLLM itself."""
    states = RequestState(SLOTS, 64, 64, 3, VOCABULARY, torch.device("cpu"))
    with pytest.raises(ValueError, match="Pooling"):
        build_custom_logits_processors(config(), states, True, [PROCESSOR])
