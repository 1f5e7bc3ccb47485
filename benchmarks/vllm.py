"""What guiding costs inside vLLM, with a bridge beside it as `mgd serve` starts one.

One engine serves the same prompts unguided and guided, in turns, so both meet the same machine.
The prompts end where real code dereferences; every request has a text of its own, so no answer is
in the cache of another one.
"""

import importlib.util
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, NamedTuple, Self

from benchmarks.packages import PACKAGES, Workspace, prepare
from benchmarks.processes import running, surroundings, wait_for
from benchmarks.results import Check, Outcome
from benchmarks.vllm_figures import Asked, Round, Run, State, difference, figures
from decoding.sites import dereference_sites
from decoding.vllm_request import PROCESSOR, GuideRequest
from decoding.workspace import read_text
from lsp_bridge.bridge import BridgeClient, sockets
from mgd import serving
from mgd.models import BUNDLED_MODEL
from monitors.errors import UsageError
from monitors.protocols import Facts, Query, QueryKind

OWN_SHARE = 0.05
THROUGHPUT = 0.85
STEP_MS = 20.0
TOKENS = 64
PROMPT_TOKENS = 256
DEADLINE_MS = 1000.0
PACKAGE = "httpx"
WARM_UP = 3
"""Guided batches of 8 before anything is measured."""
_SEED = 4
_SITES_STEP = 4
_START_S = 60.0
_FORWARD = "benchmarks.vllm_step:Forward"
PAUSE_VARIABLE = "MGD_BENCHMARK_STEP_MS"
"""Environment variable: how long a step takes, in milliseconds, beside the model's own time."""
QUERIES = "mgd_benchmark_queries"
"""What `LLM.collective_rpc` calls to take the times of the queries out of a worker."""


class Case(NamedTuple):
    """Batches of one kind."""

    size: int
    rounds: int
    temperature: float = 0.0

    @property
    def name(self) -> str:
        """As the report calls it."""
        sampled = f", temperature {self.temperature:g}" if self.temperature else ""
        return f"batch {self.size}{sampled}"


MAIN = Case(8, 10)
CASES = (Case(1, 24), MAIN, Case(8, 8, 0.8), Case(32, 5))


class Prompt(NamedTuple):
    """A place in real code."""

    ids: list[int]
    request: GuideRequest


def require() -> None:
    """Raise `UsageError` with the remedy if vLLM is not installed."""
    if not is_installed():
        raise UsageError(
            "vLLM is not installed: make .venv/.vllm-installed, or see docs/serving.md"
        )


def is_installed() -> bool:
    """Whether vLLM can be imported."""
    return importlib.util.find_spec("vllm") is not None


def settle_down() -> None:
    """Have vLLM, which reads this when it is imported, take little memory and say little."""
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


def run(
    server: str, say: Callable[[str], None], limit: int | None = None, step_ms: float = 0.0
) -> Outcome:
    """All cases at the model's own pace, or a batch of 8 with a forced step time.

    ``limit``: rounds of each case.
    """
    require()
    settle_down()
    workspace = prepare(next(each for each in PACKAGES if each.name == PACKAGE))
    cases = [_limited(each, limit) for each in ((MAIN,) if step_ms else CASES)]
    found: dict[str, Any] = {}
    with bridge(workspace.root, server) as asker, Engine(step_ms) as engine:
        places = prompts(workspace, engine.tokenizer, server)
        for _ in range(WARM_UP):
            engine.run(_take(places, MAIN.size), guided=True)
        for case in cases:
            found[case.name] = measure(engine, asker, places, case)
            say(f"vllm, {case.name}: {_summary(found[case.name])}")
        settings = _settings(cases, step_ms, server, engine.version)
    return Outcome(settings, found, checks(found[MAIN.name], step_ms))


def run_step(server: str, say: Callable[[str], None], limit: int | None = None) -> Outcome:
    """Steps of `STEP_MS`."""
    return run(server, say, limit, STEP_MS)


def checks(found: Mapping[str, Any], step_ms: float) -> list[Check]:
    """The targets, for a batch of 8."""
    if step_ms:
        what = f"guided throughput, batch 8, steps {step_ms:g} ms longer"
        return [Check(what, found["ratio"], THROUGHPUT, "share", at_least=True)]
    what = "of a guided step neither model nor language server, batch 8"
    return [
        Check(f"{what}: wall time", found["own_share"], OWN_SHARE, "share"),
        Check(f"{what}: processor time", found["processor_share"], OWN_SHARE, "share"),
    ]


def _limited(case: Case, limit: int | None) -> Case:
    return case if limit is None else case._replace(rounds=min(limit, case.rounds))


def _settings(cases: Sequence[Case], step_ms: float, server: str, version: str) -> dict[str, Any]:
    return {
        "server": server,
        "vllm": version,
        "package": PACKAGE,
        "tokens": TOKENS,
        "prompt_tokens": PROMPT_TOKENS,
        "deadline_ms": DEADLINE_MS,
        "step_ms": step_ms,
        "warm_up_batches": WARM_UP,
        "rounds": {each.name: each.rounds for each in cases},
        "threads": os.environ.get("OMP_NUM_THREADS", "vLLM's default"),
    }


def _summary(found: Mapping[str, Any]) -> str:
    parts = ("ratio", "ratio_median", "own_share", "processor_share", "waiting_share")
    return ", ".join(f"{name} {found[name]}" for name in (*parts, "hidden_share"))


def prompts(workspace: Workspace, tokenizer: Any, server: str) -> Iterator[Prompt]:
    """Places right behind an operator, one in four, in an order that is always the same."""
    texts = {file: read_text(file) for file in workspace.files()}
    sites = [
        (file, site)
        for file, text in texts.items()
        for site in dereference_sites(text)[::_SITES_STEP]
    ]
    Random(_SEED).shuffle(sites)
    for file, site in sites:
        text = texts[file]
        prefix, suffix = text[: site.operator_end], text[site.name_end :]
        ids = tokenizer.encode(prefix, add_special_tokens=False)[-PROMPT_TOKENS:]
        request = GuideRequest(
            str(file.resolve()),
            str(workspace.root.resolve()),
            prefix=prefix,
            suffix=suffix,
            server=server,
            deadline_ms=DEADLINE_MS,
        )
        yield Prompt([tokenizer.bos_token_id or 0, *ids], request)


def _take(places: Iterator[Prompt], count: int) -> list[Prompt]:
    """The next places, never fewer."""
    return [next(places) for _ in range(count)]


@contextmanager
def bridge(root: Path, server: str) -> Iterator[BridgeClient]:
    """A bridge whose language server has answered once; who is started meanwhile will find it."""
    plan = serving.plan(BUNDLED_MODEL, [root])
    folder = sockets.private_folder()
    path, log = folder / "bridge.sock", folder / "log"
    try:
        with running(plan.bridge_command(path), log, {}):
            wait_for(path.exists, "the bridge", log, _START_S)
            with (
                BridgeClient(path, name="benchmark") as asker,
                surroundings(plan.environment(path)),
            ):
                query = _first_query(plan.workspaces[0])
                wait_for(lambda: _is_answered(asker, query, server), server, log, _START_S)
                yield asker
    finally:
        path.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
        folder.rmdir()


def _first_query(root: Path) -> Query:
    request = GuideRequest(str(root / "benchmark_first.py"), str(root), prefix="''.")
    return Query(QueryKind.MEMBERS, request.document())


def _is_answered(asker: BridgeClient, query: Query, server: str) -> bool:
    scope = str(time.monotonic())  # answers, failures too, are remembered
    return isinstance(asker.ask(query, scope=scope, server=server).result(_START_S), Facts)


class Engine:
    """vLLM with the bundled model and the processor; ended with the context."""

    def __init__(self, step_ms: float) -> None:
        with surroundings({PAUSE_VARIABLE: str(step_ms)}):
            import vllm

            self.version = vllm.__version__
            self._llm = vllm.LLM(
                BUNDLED_MODEL,
                logits_processors=[_FORWARD, PROCESSOR],
                max_num_seqs=max(case.size for case in CASES),
                max_model_len=1024,
                enable_prefix_caching=False,
                gpu_memory_utilization=0.3,  # of the memory, whatever kind it is of
            )
        self.tokenizer = self._llm.get_tokenizer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._llm.llm_engine.engine_core.shutdown()

    def run(self, batch: Sequence[Prompt], *, guided: bool, temperature: float = 0.0) -> Run:
        """Generate for all at once."""
        from vllm import SamplingParams, TokensPrompt

        params = [
            SamplingParams(
                temperature=temperature,
                max_tokens=TOKENS,
                ignore_eos=True,
                detokenize=False,
                extra_args=each.request.as_argument() if guided else None,
            )
            for each in batch
        ]
        asked = [TokensPrompt(prompt_token_ids=each.ids) for each in batch]
        started_s = time.perf_counter()
        outputs = self._llm.generate(asked, params, use_tqdm=False)
        wall_s = time.perf_counter() - started_s
        return Run(sum(len(each.outputs[0].token_ids) for each in outputs), wall_s)

    def state(self) -> State:
        """What the processor has done so far."""
        (found,) = self._llm.collective_rpc("mgd_statistics")
        return State(found["totals"], found["statistics"])

    def queries(self) -> list[Asked]:
        """Those that steps have needed since the last call."""
        (found,) = self._llm.collective_rpc(QUERIES)
        return [Asked(*each) for each in found]


def measure(
    engine: Engine, asker: BridgeClient, places: Iterator[Prompt], case: Case
) -> dict[str, Any]:
    """Unguided and guided batches of one kind, in turns; each goes first in every other round."""
    _one_round(engine, _take(places, case.size), case, guided_first=True)  # to warm up
    engine.queries()
    before = {"processor": engine.state().counts, "bridge": counters(asker)}
    rounds = [
        _one_round(engine, _take(places, case.size), case, guided_first=bool(number % 2))
        for number in range(case.rounds)
    ]
    after = {"processor": engine.state().counts, "bridge": counters(asker)}
    counts = {name: difference(before[name], after[name]) for name in before}
    return figures(rounds, engine.queries()) | counts


def _one_round(engine: Engine, batch: Sequence[Prompt], case: Case, *, guided_first: bool) -> Round:
    before = engine.state()
    runs = {
        guided: engine.run(batch, guided=guided, temperature=case.temperature)
        for guided in (guided_first, not guided_first)
    }
    return Round(runs[False], runs[True], before.work_until(engine.state()))


def counters(asker: BridgeClient) -> dict[str, int]:
    """The bridge's own counters."""
    return counters_of(asker.metrics(_START_S) or "")


def counters_of(page: str) -> dict[str, int]:
    """What a bridge's metrics page counts, those with labels left out."""
    pairs = (line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    return {
        name.removeprefix("mgd_").removesuffix("_total"): int(value)
        for name, value in pairs
        if name.startswith(("mgd_bridge_", "mgd_server_")) and name.endswith("_total")
    }
