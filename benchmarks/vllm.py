"""What guiding costs inside vLLM: ``python -m benchmarks.vllm`` (needs the extra ``vllm``).

One engine serves the same prompts unguided and guided, in turns, so both meet the same machine.
The prompts end where real code dereferences; every request has a text of its own, so no answer is
in the cache of another one.
"""

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from benchmarks.machine import describe
from benchmarks.packages import PACKAGES, Workspace, prepare
from benchmarks.results import FOLDER, Check, Outcome, save, share, spread
from benchmarks.vllm_step import VARIABLE
from decoding.sites import dereference_sites
from decoding.vllm_checks import PROCESSOR
from decoding.vllm_request import GuideRequest, name_workspace
from decoding.workspace import read_text
from mgd.models import BUNDLED_MODEL

BATCHES = (1, 8, 32)
TOKENS = 64
PROMPT_TOKENS = 256
ROUNDS = 4
STEP_MS = 20.0
OWN_SHARE = 0.05
THROUGHPUT = 0.85
DEADLINE_MS = 1000.0
PACKAGE = "httpx"


class Prompt(NamedTuple):
    """A place in real code."""

    ids: list[int]
    request: GuideRequest


class Run(NamedTuple):
    """What one batch took."""

    tokens: int
    wall_s: float


class Guided(NamedTuple):
    """What the processor had done by then."""

    spent_s: float
    waits_s: list[float]
    latencies_s: list[float]
    statistics: dict[str, Any]


def prompts(workspace: Workspace, tokenizer: Any) -> Iterator[Prompt]:
    """Places right behind an operator, one in twelve, from file to file."""
    for file in workspace.files():
        text = read_text(file)
        for site in dereference_sites(text)[::12]:
            prefix, suffix = text[: site.operator_end], text[site.name_end :]
            ids = tokenizer.encode(prefix, add_special_tokens=False)[-PROMPT_TOKENS:]
            request = GuideRequest(
                str(file.resolve()),
                str(workspace.root.resolve()),
                prefix=prefix,
                suffix=suffix,
                deadline_ms=DEADLINE_MS,
            )
            yield Prompt([tokenizer.bos_token_id or 0, *ids], request)


class Engine:
    """vLLM with the bundled model and the processor."""

    def __init__(self, step_ms: float) -> None:
        os.environ[VARIABLE] = str(step_ms)
        from vllm import LLM

        sleeps = ["benchmarks.vllm_step:Sleep"] if step_ms else []
        self.llm = LLM(
            BUNDLED_MODEL,
            logits_processors=[*sleeps, PROCESSOR],
            max_num_seqs=max(BATCHES),
            max_model_len=1024,
            enable_prefix_caching=False,
            gpu_memory_utilization=0.3,  # of the memory, whatever kind it is of
        )

    def run(self, batch: Sequence[Prompt], guided: bool) -> Run:
        """Generate for all at once."""
        from vllm import SamplingParams, TokensPrompt

        params = [
            SamplingParams(
                temperature=0.0,
                max_tokens=TOKENS,
                ignore_eos=True,
                detokenize=False,
                extra_args=each.request.as_argument() if guided else None,
            )
            for each in batch
        ]
        started_s = time.perf_counter()
        outputs = self.llm.generate(
            [TokensPrompt(prompt_token_ids=each.ids) for each in batch], params, use_tqdm=False
        )
        wall_s = time.perf_counter() - started_s
        return Run(sum(len(each.outputs[0].token_ids) for each in outputs), wall_s)

    def guided(self, root: Path) -> Guided:
        """What the processor has done so far."""
        (found,) = self.llm.collective_rpc("mgd_statistics")
        (latencies_s,) = self.llm.collective_rpc(_latencies, args=(str(root),))
        totals = found["totals"]
        return Guided(totals["spent_s"], totals["waits_s"], latencies_s, found["statistics"])


def _latencies(worker: Any, root: str) -> list[float]:
    """In a worker: how long its servers took to answer."""
    from decoding.wiring import shared_pool

    return [each / 1000 for each in shared_pool(Path(root)).statistics.latencies_ms]


def measure(engine: Engine, places: Iterator[Prompt], size: int, root: Path) -> dict[str, Any]:
    """Unguided and guided batches of one size, in turns."""
    engine.run(list(islice(places, size)), guided=True)
    before = engine.guided(root)
    free: list[Run] = []
    held: list[Run] = []
    for _ in range(ROUNDS):
        batch = list(islice(places, size))
        free.append(engine.run(batch, guided=False))
        held.append(engine.run(batch, guided=True))
    return figures(free, held, before, engine.guided(root))


def figures(
    free: Sequence[Run], held: Sequence[Run], before: Guided, after: Guided
) -> dict[str, Any]:
    """What the rounds say together."""
    waits_s = after.waits_s[len(before.waits_s) :]
    latencies_s = after.latencies_s[len(before.latencies_s) :]
    wall_s = sum(run.wall_s for run in held)
    own_s = after.spent_s - before.spent_s - sum(waits_s)
    unguided, guided = (
        sum(r.tokens for r in runs) / sum(r.wall_s for r in runs) for runs in (free, held)
    )
    counts = {
        name: after.statistics[name] - before.statistics[name]
        for name in ("triggers", "constrained", "masks", "crossing_judged")
    }
    return {
        "tokens_per_s": {"unguided": round(unguided, 1), "guided": round(guided, 1)},
        "ratio": share(guided, unguided),
        "own_share": share(own_s, wall_s),
        "waiting_share": share(sum(waits_s), wall_s),
        "wait_ms": spread([1000 * each for each in waits_s]),
        "queries_waited_for": len(waits_s),
        "queries": len(latencies_s),
        "query_ms": spread([1000 * each for each in latencies_s]),
        "hidden_share": share(sum(latencies_s) - sum(waits_s), sum(latencies_s)),
        "steps": counts,
    }


def run(step_ms: float) -> Outcome:
    """All batch sizes at the model's own pace, or a batch of 8 with a forced step time."""
    os.environ.setdefault("VLLM_ALLOW_INSECURE_SERIALIZATION", "1")  # sends `_latencies`
    workspace = prepare(next(each for each in PACKAGES if each.name == PACKAGE))
    root = workspace.root.resolve()
    name_workspace(root)
    engine = Engine(step_ms)
    places = prompts(workspace, engine.llm.get_tokenizer())
    first = next(places)
    (argument,) = first.request.as_argument().values()
    engine.llm.collective_rpc("mgd_start", args=(argument, 60.0))
    found = {
        str(size): measure(engine, places, size, root) for size in ((8,) if step_ms else BATCHES)
    }
    if step_ms:
        what = f"guided throughput with steps of {step_ms:g} ms, batch 8"
        check = Check(what, found["8"]["ratio"], THROUGHPUT, "share", at_least=True)
    else:
        what = "step time that is neither model nor language server, batch 8"
        check = Check(what, found["8"]["own_share"], OWN_SHARE, "share")
    settings = {"tokens": TOKENS, "rounds": ROUNDS, "step_ms": step_ms, "package": PACKAGE}
    return Outcome(settings, found, [check])


def main(
    step_ms: Annotated[float, typer.Option(help="Lengthen every step by a sleep.")] = 0.0,
    keep: Annotated[bool, typer.Option(help="Keep the result file.")] = False,
) -> None:
    """Measure, and print the figures as JSON."""
    machine, started_s = describe(["pyrefly"]), time.monotonic()
    outcome = run(step_ms)
    machine["took_s"] = round(time.monotonic() - started_s, 1)
    result = outcome.as_dict("vllm" if not step_ms else "vllm-step", machine)
    if keep:
        save(result, FOLDER)
    json.dump(result, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    typer.run(main)
