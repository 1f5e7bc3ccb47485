"""vLLM for real, on the CPU: the processor inside its worker guides many requests at once."""

import itertools
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import mgd
from decoding.engines.vllm.request import PROCESSOR, GuideRequest, name_workspace
from monitors.errors import AnalysisError, UsageError
from monitors.protocols import Reason
from tests.e2e.test_generate import APP, CURSORS, FILES, Project
from tests.engines import close, vllm
from tests.fakes import misbehaving
from tests.servers import require
from tests.workspaces import written

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore"),  # vLLM and what it imports warn of their own future
]
DEADLINE_S = 20.0
BLOCKS = 48
"""Of 32 tokens each: too few for 64 requests at once, enough for the longest one."""
SETTINGS: dict[str, Any] = {
    "model": str(mgd.BUNDLED_MODEL),
    "dtype": "float32",
    "enforce_eager": True,
    "max_model_len": 1024,
    "max_num_seqs": 64,
    "max_num_batched_tokens": 256,
    "block_size": 32,
    "num_gpu_blocks_override": BLOCKS,
    "logprobs_mode": "processed_logits",
    "enable_chunked_prefill": True,
    "enable_prefix_caching": True,
    "disable_log_stats": False,
    "gpu_memory_utilization": 0.3,
}


@pytest.fixture(scope="module", autouse=True)
def _small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Room for little, and few threads, as on the machines that run the tests.

    The user's configuration adds a language server that never answers.
    """
    home = tmp_path_factory.mktemp("home")
    command = json.dumps(misbehaving("deaf").command)
    text = f'[profiles.deaf]\nlanguages = ["python"]\ncommand = {command}\ninstall = "none"\n'
    written(home, {"mgd/mgd.toml": text})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(home))
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        patch.setenv("VLLM_LOGGING_LEVEL", "ERROR")
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project on disk."""
    return written(tmp_path_factory.mktemp("shop"), FILES)


@pytest.fixture(scope="module")
def llm(_small: None) -> Iterator[Any]:
    """An engine with the processor."""
    made = vllm.LLM(**SETTINGS, logits_processors=[PROCESSOR])
    yield made
    close(made)


@pytest.fixture(scope="module")
def project(root: Path) -> Project:
    """The project with a file to complete; its servers are the engine's."""
    return Project(root, None)  # type: ignore[arg-type]


@cache
def transformers_model() -> tuple[Any, Any]:
    """The same weights with the precision that the engine uses."""
    model, tokenizer = mgd.load_model(str(mgd.BUNDLED_MODEL))
    return model.float(), tokenizer


@pytest.mark.parametrize("cursor", CURSORS)
def test_greedy_completions_equal_those_of_transformers(
    llm: Any, project: Project, cursor: str
) -> None:
    """Two engines, one session: the same text, healed tokens and ends included."""
    text = CURSORS[cursor]
    where = (project.file, project.write(text), project.root)
    options: dict[str, Any] = {"max_new_tokens": 32, "deadline_s": DEADLINE_S, "until": "statement"}
    ours = mgd.generate(llm, None, *where, **options)
    theirs = mgd.generate(*transformers_model(), *where, **options)

    assert ours.text == theirs.text
    assert ours.stats.constrained == theirs.stats.constrained
    assert ours.stats.tokens == theirs.stats.tokens


def test_completions_name_only_members_that_exist(llm: Any, project: Project) -> None:
    """Several hot samples of one prompt; unguided ones do invent names."""
    position = project.write(CURSORS["operator"])
    options: dict[str, Any] = {"temperature": 1.5, "seed": 3, "num_return_sequences": 8}
    found = {
        monitors: mgd.generate(
            llm,
            None,
            project.file,
            position,
            project.root,
            monitors=monitors,
            deadline_s=DEADLINE_S,
            **options,
        )
        for monitors in (True, False)
    }

    def invented(result: mgd.Completion) -> list[str]:
        texts = result.texts
        names = (mgd.invented_names(project.file, position, text, project.root) for text in texts)
        return [name for each in names for name in each]

    assert len(found[True].texts) == 8
    assert found[True].stats.constrained > 0
    assert invented(found[True]) == []
    assert invented(found[False])


def test_until_ends_the_generation_early(llm: Any, project: Project) -> None:
    """Tokens behind the end of the line are not generated."""
    position = project.write(CURSORS["operator"])
    result = mgd.generate(
        llm, None, project.file, position, project.root, until="line", max_new_tokens=200
    )

    assert "\n" not in result.text
    assert result.stats.tokens < 50
    assert not llm.llm_engine.has_unfinished_requests()


class Batch:
    """64 requests of different lengths, every other one guided."""

    def __init__(self, root: Path, tokenizer: Any) -> None:
        name_workspace(root)
        texts = [CURSORS["operator"], CURSORS["f-string"], CURSORS["new line"], APP]
        self.prompts: list[Any] = []
        self.params: list[Any] = []
        for number, text in zip(range(64), itertools.cycle(texts), strict=False):
            before, _, behind = text.partition("|")
            prefix = f"# {number}: " + "words " * (number * 3) + "\n" + before
            request = GuideRequest(
                str(root / "src/shop/app.py"),
                str(root),
                prefix=prefix,
                suffix=behind,
                deadline_ms=DEADLINE_S * 1000,
                crossing="split" if number % 8 == 2 else "verify",
            )
            guided = request.as_argument() if number % 2 == 0 else None
            ids = tokenizer.encode(prefix, add_special_tokens=False)
            self.prompts.append({"prompt_token_ids": [0, *ids]})
            self.params.append(
                vllm.SamplingParams(
                    temperature=0,
                    max_tokens=24 + number % 7 * 16,
                    ignore_eos=number % 3 == 0,
                    extra_args=guided,
                )
            )


def _ids(outputs: list[Any]) -> list[list[int]]:
    return [list(each.outputs[0].token_ids) for each in outputs]


def _preemptions(llm: Any) -> int:
    found = {each.name: each for each in llm.get_metrics()}
    return int(found["vllm:num_preemptions"].value)


def test_64_requests_under_preemption_give_what_each_gives_alone(llm: Any, root: Path) -> None:
    """Guided and unguided, long and short, with chunked prefill and prefix caching."""
    batch = Batch(root, llm.get_tokenizer())
    llm.collective_rpc("mgd_start", args=(batch.params[0].extra_args["mgd"], 30.0))
    before = _preemptions(llm)
    together = _ids(llm.generate(batch.prompts, batch.params, use_tqdm=False))
    preempted = _preemptions(llm) - before
    alone = [
        _ids(llm.generate([prompt], [params], use_tqdm=False))[0]
        for prompt, params in zip(batch.prompts, batch.params, strict=True)
    ]
    unguided = [
        vllm.SamplingParams(temperature=0, max_tokens=each.max_tokens, ignore_eos=each.ignore_eos)
        for each in batch.params
    ]
    free = _ids(llm.generate(batch.prompts, unguided, use_tqdm=False))

    assert preempted > 5
    assert [i for i in range(64) if together[i] != alone[i]] == []
    assert [i for i in range(1, 64, 2) if together[i] != free[i]] == []
    assert sum(together[i] != free[i] for i in range(0, 64, 2)) > 8


def test_an_aborted_request_leaves_the_others_alone(llm: Any, root: Path) -> None:
    """Half of the requests end in the middle; their slots go to others."""
    batch = Batch(root, llm.get_tokenizer())
    engine = llm.llm_engine
    names = [
        engine.add_request(f"abort-{number}", prompt, params)
        for number, (prompt, params) in enumerate(zip(batch.prompts, batch.params, strict=True))
    ]
    done: dict[str, list[int]] = {}
    for step in itertools.count():
        if step == 12:
            engine.abort_request(names[::3], internal=True)
        for output in engine.step():
            if output.finished:
                done[output.request_id] = list(output.outputs[0].token_ids)
        if not engine.has_unfinished_requests():
            break
    alone = {
        f"abort-{i}": _ids(llm.generate([batch.prompts[i]], [batch.params[i]], use_tqdm=False))[0]
        for i in range(64)
        if i % 3
    }

    assert {name: ids for name, ids in done.items() if name in alone} == alone


BAD: dict[str, tuple[Any, str]] = {
    "no text": (5, "JSON object as text"),
    "no json": ("{", "no JSON"),
    "outside": ('{"path": "/etc/passwd", "position": [1, 1]}', "outside the workspace"),
    "no file": ('{"path": "none.py", "position": [1, 1]}', "No such file"),
    "no position": ('{"path": "src/shop/app.py"}', "either position"),
    "beyond": ('{"path": "src/shop/order.py", "position": [9999, 1]}', "line 9999"),
    "server": ('{"path": "src/shop/order.py", "position": [1, 1], "server": "no"}', "'no'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_refused_at_admission(llm: Any, root: Path, case: str) -> None:
    """As what a server answers with HTTP 400; the engine goes on."""
    name_workspace(root)
    value, message = BAD[case]
    params = vllm.SamplingParams(max_tokens=2, extra_args={"mgd": value})
    with pytest.raises(vllm.exceptions.VLLMValidationError, match=message):
        llm.generate(["x = 1"], [params], use_tqdm=False)
    assert _ids(llm.generate(["x = 1"], [vllm.SamplingParams(max_tokens=2)], use_tqdm=False))


def test_a_silent_server_is_not_waited_for(llm: Any, project: Project) -> None:
    """Time-outs are counted, or raised where the caller is strict."""
    options: dict[str, Any] = {"deadline_s": 0.2, "max_new_tokens": 8, "server": "deaf"}
    options["start_timeout_s"] = 1.0
    position = project.write(CURSORS["operator"])
    result = mgd.generate(llm, None, project.file, position, project.root, **options)
    with pytest.raises(AnalysisError, match="timeout"):
        mgd.generate(llm, None, project.file, position, project.root, strict=True, **options)

    assert result.stats.fail_open[Reason.TIMEOUT] > 0
    assert result.stats.start_s < 5.0


def test_a_first_completion_is_guided(llm: Any, project: Project) -> None:
    """A server that nobody has asked yet is slow once, which does not count as its answer."""
    require("basedpyright")
    position = project.write(CURSORS["operator"])
    result = mgd.generate(
        *(llm, None, project.file, position, project.root), server="basedpyright", max_new_tokens=4
    )

    assert result.stats.constrained >= 1, result.stats
    assert Reason.TIMEOUT not in result.stats.fail_open
    assert result.stats.start_s > 0


def test_unguided_logits_are_those_of_an_engine_without_the_processor(
    llm: Any, project: Project
) -> None:
    """Bit for bit; and `generate` refuses an engine that would not guide."""
    plain = vllm.LLM(**SETTINGS)
    prompts = ["def f(order):\n    return order", "import os\nprint(os", "class A:\n"]
    params = vllm.SamplingParams(temperature=1.0, seed=7, max_tokens=40, logprobs=5)
    ours, theirs = (each.generate(prompts, params, use_tqdm=False) for each in (llm, plain))

    assert _ids(ours) == _ids(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.outputs[0].logprobs == other.outputs[0].logprobs
    with pytest.raises(UsageError, match="logits_processors="):
        mgd.generate(plain, None, project.file, project.write(), project.root)
    close(plain)
