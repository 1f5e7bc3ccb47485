"""Several ranks of one engine, for real: all must mask alike, whatever the language server does."""

import itertools
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mgd
from decoding.engines.vllm.request import PROCESSOR, GuideRequest, name_workspace
from lsp_bridge.bridge import BridgeClient
from monitors.protocols import Members
from tests.e2e.test_generate import CURSORS, FILES
from tests.engines import close, vllm
from tests.fakes import members
from tests.lsp_bridge.bridge.bridges import Running
from tests.workspaces import written

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(600),
    pytest.mark.filterwarnings("ignore"),  # vLLM and what it imports warn of their own future
]
FLAKY = Path(__file__).parents[1] / "flaky_server.py"
SETTINGS: dict[str, Any] = {
    "model": str(mgd.BUNDLED_MODEL),
    "dtype": "float32",
    "enforce_eager": True,
    "max_model_len": 1024,
    "max_num_seqs": 16,
    "gpu_memory_utilization": 0.2,
    "logits_processors": [PROCESSOR],
}
REQUESTS = 24
TOKENS = 48
TURNS = 12
DEADLINE_MS = 600.0
THREADS = {1: "0", 2: "0|1"}
"""Where the ranks run, since there is one NUMA node only."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project on disk."""
    return written(tmp_path_factory.mktemp("shop"), FILES)


@pytest.fixture(scope="module")
def bridge(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One whose pyrefly is slow and flaky."""
    home = tmp_path_factory.mktemp("home")
    command = json.dumps([sys.executable, str(FLAKY), "pyrefly", "lsp"])
    (home / "mgd").mkdir()
    (home / "mgd" / "mgd.toml").write_text(
        f"[profiles.pyrefly]\ncommand = {command}\nrestart_delay_s = 0.05\n"
    )
    running = Running([root], environment={"XDG_CONFIG_HOME": str(home)})
    warm_up(running, root)
    yield running
    running.end(15)


def warm_up(running: Running, root: Path) -> None:
    """Wait until the server has answered once."""
    end_s = time.monotonic() + 60
    with BridgeClient(running.path) as client:
        for number in itertools.count():
            query = members(root / "src/shop/app.py", f"# warm {number}\nimport os\nos.")
            if isinstance(client.ask(query).result(5.0), Members):
                return
            assert time.monotonic() < end_s


@pytest.fixture(scope="module")
def engines(root: Path, bridge: Running) -> Iterator[dict[int, Any]]:
    """One of one rank and one of two; all three ask the same bridge."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VLLM_CPU_KVCACHE_SPACE", "1")
        patch.setenv("VLLM_LOGGING_LEVEL", "ERROR")
        patch.setenv("MGD_BRIDGE", str(bridge.path))
        patch.setenv("MGD_WORKSPACES", str(root))
        for ranks, threads in THREADS.items():
            patch.setenv("VLLM_CPU_OMP_THREADS_BIND", threads)
            made[ranks] = vllm.LLM(**SETTINGS, tensor_parallel_size=ranks)
    name_workspace(root)
    yield made
    for each in made.values():
        close(each)


def requests(root: Path, tokenizer: Any, turn: int) -> tuple[list[Any], list[Any]]:
    """Prompts and parameters, other ones in each turn; every fourth is unguided."""
    prompts, params = [], []
    for number in range(REQUESTS):
        before = list(CURSORS.values())[number % len(CURSORS)].partition("|")[0]
        prefix = f"# {turn} {number}\n{before}"
        file = root / f"src/shop/app_{number}.py"  # so that no request waits for another one
        request = GuideRequest(str(file), str(root), prefix=prefix, deadline_ms=DEADLINE_MS)
        ids = tokenizer.encode(prefix, add_special_tokens=False)
        prompts.append({"prompt_token_ids": [0, *ids]})
        params.append(
            vllm.SamplingParams(
                temperature=0,
                max_tokens=TOKENS,
                extra_args=request.as_argument() if number % 4 else None,
            )
        )
    return prompts, params


def counts(statistics: dict[str, Any]) -> dict[str, Any]:
    """All that does not depend on the clock."""
    found: dict[str, Any] = statistics["statistics"]
    return {name: value for name, value in found.items() if not name.endswith("_s")}


def test_ranks_mask_alike_with_a_slow_and_flaky_server(engines: dict[int, Any], root: Path) -> None:
    """Two ranks give what one rank gives that hears the same verdicts, time-outs included.

    As often as it takes until some names were constrained and some answers came too late.
    """
    for turn in range(TURNS):
        prompts, params = requests(root, engines[1].get_tokenizer(), turn)
        two, one = (texts(engines[ranks], prompts, params) for ranks in (2, 1))
        first, *others = [
            counts(each)
            for engine in engines.values()
            for each in engine.collective_rpc("mgd_statistics")
        ]

        assert two == one
        assert len(others) == 2
        assert all(each == first for each in others)
        if first["constrained"] > 10 and first["fail_open"].get("timeout"):
            break
    else:
        pytest.fail(f"too little happened: {first}")
    free = vllm.SamplingParams(temperature=0, max_tokens=TOKENS)
    assert texts(engines[1], prompts, [free] * len(prompts)) != one


def texts(engine: Any, prompts: list[Any], params: list[Any]) -> list[str]:
    """What is generated for all of them together."""
    outputs = engine.generate(prompts, params, use_tqdm=False)
    return [each.outputs[0].text for each in outputs]
