"""What guiding costs inside vLLM, with a bridge beside it as `mgd serve` starts one.

One engine serves the same prompts unguided and guided, in turns, so both meet the same machine.
Prompts end right behind operators of real code, so that all requests of a batch ask at once, or
where lines begin. Every request has a text of its own, so no answer is in the cache of another
one; served once more, all answers are.
"""

import importlib.util
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from functools import partial
from random import Random
from typing import Any, NamedTuple, Self

from benchmarks.packages import PACKAGES, Workspace, prepare
from benchmarks.processes import running, surroundings, wait_for
from benchmarks.results import Check, Outcome
from benchmarks.vllm_figures import Asked, Round, Run, State, difference, figures, ratio
from decoding.engines.vllm.request import PROCESSOR, GuideRequest
from decoding.prompt.workspace import read_text
from evaluation.sites import dereference_sites
from lsp_bridge.bridge import BridgeClient, sockets
from mgd.models import BUNDLED_MODEL
from mgd.serving import server as serving
from monitors.errors import UsageError
from monitors.protocols import Document, Members, Query, QueryKind

OWN_SHARE = 0.05
THROUGHPUT = 0.85
STEP_MS = 20.0
STEP_SERVERS = ("pyrefly", "ty")
"""The default, and the one that takes the least time for a query."""
TOKENS = 64
PROMPT_TOKENS = 256
DEADLINE_MS = 1000.0
PACKAGE = "httpx"
WARM_UP = 3
"""Guided batches of 8 before anything is measured."""
_SEED = 4
_PLACES_STEP = 4
_LINE = re.compile(r"^[ \t]*(\S.*)$", re.MULTILINE)
_START_S = 60.0
_FORWARD = "benchmarks.vllm_step:Forward"
PAUSE_VARIABLE = "MGD_BENCHMARK_STEP_MS"
"""Environment variable: how long a step takes, in milliseconds, beside the model's own time."""
_AS_WITH_A_GPU = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "OMP_NUM_THREADS": "1"}
"""Where a sleep stands for a GPU: there vLLM's core and its only worker are one process, and the
other processors are free. On CPUs they are two, and the core keeps a processor busy while it waits
for the worker. Counts only before torch is imported."""
QUERIES = "mgd_benchmark_queries"
"""What `LLM.collective_rpc` calls to take the times of the queries out of a worker."""


class Places(StrEnum):
    """Where prompts end."""

    OPERATORS = "behind operators"
    LINES = "where lines begin"


class Case(NamedTuple):
    """Batches of one kind."""

    size: int
    rounds: int
    temperature: float = 0.0
    places: Places = Places.OPERATORS
    server: str = ""
    """Empty: the first one that is asked for."""

    @property
    def name(self) -> str:
        """As the report calls it."""
        sampled = f", temperature {self.temperature:g}" if self.temperature else ""
        server = f", {self.server}" if self.server else ""
        where = f", {self.places}" if self.places is not Places.OPERATORS else ""
        return f"batch {self.size}{sampled}{where}{server}"


MAIN = Case(8, 10)
CASES = (Case(1, 24), MAIN, MAIN._replace(places=Places.LINES), Case(8, 8, 0.8), Case(32, 5))


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


def run(servers: Sequence[str], say: Callable[[str], None], limit: int | None = None) -> Outcome:
    """All cases at the model's own pace, with the first of ``servers``.

    ``limit``: rounds of each case.
    """
    return _run(servers[:1], [_limited(each, limit) for each in CASES], say)


def run_step(
    servers: Sequence[str], say: Callable[[str], None], limit: int | None = None
) -> Outcome:
    """Batches of 8 with steps of `STEP_MS`, with each of ``servers``."""
    cases = [
        _limited(MAIN, limit)._replace(places=places, server=server)
        for server in servers
        for places in Places
    ]
    return _run(servers, cases, say, STEP_MS)


def _run(
    servers: Sequence[str], cases: Sequence[Case], say: Callable[[str], None], step_ms: float = 0.0
) -> Outcome:
    require()
    settle_down()
    workspace = prepare(next(each for each in PACKAGES if each.name == PACKAGE))
    found: dict[str, Any] = {}
    with bridge(workspace, servers) as asker, Engine(step_ms) as engine:
        every = {
            (server, places): prompts(workspace, engine.tokenizer, server, places)
            for server in servers
            for places in Places
        }
        for _ in range(WARM_UP):
            for places in every.values():
                engine.run(_take(places, MAIN.size), guided=True)
        for case in cases:
            places = every[case.server or servers[0], case.places]
            found[case.name] = measure(engine, asker, places, case)
            say(f"vllm, {case.name}: {_summary(found[case.name])}")
        settings = _settings(cases, step_ms, servers, engine.version)
    return Outcome(settings, found, checks(found, step_ms))


def checks(found: Mapping[str, Any], step_ms: float) -> list[Check]:
    """The targets, for batches of 8."""
    if step_ms:
        what = f"guided throughput, steps {step_ms:g} ms longer"
        return [
            Check(f"{what}, {name}", values["ratio"], THROUGHPUT, "share", at_least=True)
            for name, values in found.items()
        ]
    what = f"of a guided step neither model nor language server, {MAIN.name}"
    own = found[MAIN.name]
    return [
        Check(f"{what}: wall time", own["own_share"], OWN_SHARE, "share"),
        Check(f"{what}: processor time", own["processor_share"], OWN_SHARE, "share"),
    ]


def _environment(step_ms: float) -> dict[str, str]:
    """What the engine finds in its environment, beyond what is there."""
    return {PAUSE_VARIABLE: str(step_ms)} | (_AS_WITH_A_GPU if step_ms else {})


def _limited(case: Case, limit: int | None) -> Case:
    return case if limit is None else case._replace(rounds=min(limit, case.rounds))


def _settings(
    cases: Sequence[Case], step_ms: float, servers: Sequence[str], version: str
) -> dict[str, Any]:
    return {
        "server": ", ".join(servers),
        "vllm": version,
        "package": PACKAGE,
        "tokens": TOKENS,
        "prompt_tokens": PROMPT_TOKENS,
        "deadline_ms": DEADLINE_MS,
        "step_ms": step_ms,
        "warm_up_batches": WARM_UP,
        "rounds": {each.name: each.rounds for each in cases},
        "threads": (os.environ | _environment(step_ms)).get("OMP_NUM_THREADS", "vLLM's default"),
    }


def _summary(found: Mapping[str, Any]) -> str:
    parts = ("ratio", "ratio_median", "ratio_again", "own_share", "processor_share")
    more = ("waiting_share", "hidden_share")
    return ", ".join(f"{name} {found[name]}" for name in (*parts, *more))


def prompts(workspace: Workspace, tokenizer: Any, server: str, places: Places) -> Iterator[Prompt]:
    """One place in four, in an order that is always the same."""
    texts = {file: read_text(file) for file in workspace.files()}
    gaps = _operators if places is Places.OPERATORS else _lines
    found = [(file, gap) for file, text in texts.items() for gap in gaps(text)[::_PLACES_STEP]]
    Random(_SEED).shuffle(found)
    for file, (begin, end) in found:
        prefix, suffix = texts[file][:begin], texts[file][end:]
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


def _operators(text: str) -> list[tuple[int, int]]:
    """Where names behind operators begin and end."""
    return [(site.operator_end, site.name_end) for site in dereference_sites(text)]


def _lines(text: str) -> list[tuple[int, int]]:
    """Where the code of lines begins and ends."""
    return [match.span(1) for match in _LINE.finditer(text)]


def _take(places: Iterator[Prompt], count: int) -> list[Prompt]:
    """The next places, never fewer."""
    return [next(places) for _ in range(count)]


@contextmanager
def bridge(workspace: Workspace, servers: Sequence[str]) -> Iterator[BridgeClient]:
    """A bridge whose language servers know every file; who is started meanwhile will find it."""
    plan = serving.plan(BUNDLED_MODEL, [workspace.root])
    folder = sockets.private_folder()
    path, log = folder / "bridge.sock", folder / "log"
    try:
        with running(plan.bridge_command(path), log, {}):
            wait_for(path.exists, "the bridge", log, _START_S)
            with (
                BridgeClient(path, name="benchmark") as asker,
                surroundings(plan.environment(path)),
            ):
                first, *others = _first_queries(workspace)
                for server in servers:
                    wait_for(partial(_is_answered, asker, first, server), server, log, _START_S)
                    for query in others:
                        _is_answered(asker, query, server)
                yield asker
    finally:
        path.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
        folder.rmdir()


def _first_queries(workspace: Workspace) -> Iterator[Query]:
    """One at the end of each file, so that the server has read what they import."""
    for file in workspace.files():
        prefix = read_text(file) + "\n''."
        yield Query(QueryKind.MEMBERS, Document("python", str(file.resolve()), prefix, ""))


def _is_answered(asker: BridgeClient, query: Query, server: str) -> bool:
    scope = str(time.monotonic())  # answers, failures too, are remembered
    return isinstance(asker.ask(query, scope=scope, server=server).result(_START_S), Members)


class Engine:
    """vLLM with the bundled model and the processor; ended with the context."""

    def __init__(self, step_ms: float) -> None:
        with surroundings(_environment(step_ms)):
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
    batches = [_take(places, case.size) for _ in range(case.rounds)]
    rounds = [
        _one_round(engine, batch, case, guided_first=bool(number % 2))
        for number, batch in enumerate(batches)
    ]
    after = {"processor": engine.state().counts, "bridge": counters(asker)}
    counts = {name: difference(before[name], after[name]) for name in before}
    found = figures(rounds, engine.queries()) | counts
    again = [engine.run(batch, guided=True, temperature=case.temperature) for batch in batches]
    return found | {"ratio_again": ratio([each.free for each in rounds], again)}


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
