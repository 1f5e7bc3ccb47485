"""Command line of the benchmarks: ``python -m benchmarks --help``."""

import json
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from benchmarks import (
    endpoint,
    languages,
    lists,
    masks,
    monitors,
    overhead,
    recall,
    replay,
    report,
    results,
    soundness,
    steps,
    vllm,
)
from benchmarks.machine import describe
from benchmarks.results import Outcome
from lsp_bridge import PROFILES
from lsp_bridge.servers import installed
from monitors.errors import UsageError

_log = Console(stderr=True, soft_wrap=True, highlight=False)


class Name(StrEnum):
    """What can be run."""

    RECALL = "recall"
    REPLAY = "replay"
    REPLAY_LANGUAGES = "replay-languages"
    MONITORS = "monitors"
    SOUNDNESS = "soundness"
    STEPS = "steps"
    LISTS = "lists"
    MASKS = "masks"
    OVERHEAD = "overhead"
    VLLM = "vllm"
    VLLM_STEP = "vllm-step"
    ENDPOINT = "endpoint"
    ALL = "all"
    REPORT = "report"


_MEASURED: list[Name] = [name for name in Name if name not in (Name.ALL, Name.REPORT)]
_IN_VLLM = (Name.VLLM, Name.VLLM_STEP, Name.ENDPOINT)


def _run(name: Name, servers: list[str], limit: int | None) -> Outcome:
    say: Callable[[str], None] = _log.print
    match name:
        case Name.RECALL:
            return recall.run(servers, say, limit)
        case Name.REPLAY:
            return replay.run(servers, say, limit)
        case Name.REPLAY_LANGUAGES:
            return languages.run(servers, say, limit)
        case Name.MONITORS:
            return monitors.run(servers, say, limit)
        case Name.SOUNDNESS:
            return soundness.run(servers[0], say, limit)
        case Name.STEPS:
            return steps.run(say, limit)
        case Name.LISTS:
            return lists.run(say, limit)
        case Name.MASKS:
            return masks.run(say, limit)
        case Name.VLLM:
            return vllm.run(servers, say, limit)
        case Name.VLLM_STEP:
            return vllm.run_step(servers, say, limit)
        case Name.ENDPOINT:
            return endpoint.run(servers[0], say, limit)
        case _:
            return overhead.run(servers[0], say, limit)


def main(
    what: Annotated[Name, typer.Argument(help="Benchmark; 'report' only renders.")] = Name.ALL,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Smaller samples; results are not kept.")
    ] = None,
    server: Annotated[
        list[str] | None, typer.Option(help="Language servers; results are not kept.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
) -> None:
    """Measure recall, soundness and speed; keep the results and render the pages in docs."""
    servers = server or [name for name in PROFILES if installed.version(PROFILES[name])]
    chosen = _all() if what is Name.ALL else [what] if what in _MEASURED else []
    kept = limit is None and not server
    found: list[dict[str, Any]] = []
    for name in chosen:
        measured = server or _servers_of(name, servers)
        machine, started = describe(measured), time.monotonic()
        outcome = _run(name, measured, limit)
        machine["took_s"] = round(time.monotonic() - started, 1)
        result = outcome.as_dict(name, machine)
        found.append(result)
        if kept:
            results.save(result)
    if kept:
        report.write()
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
    else:
        _show(found)


def _servers_of(name: Name, servers: list[str]) -> list[str]:
    """Those of the installed ``servers`` that a benchmark is run with."""
    if name in (Name.RECALL, Name.REPLAY_LANGUAGES, Name.MONITORS):
        return servers
    wanted = vllm.STEP_SERVERS if name is Name.VLLM_STEP else replay.ALLOWED
    found = [each for each in servers if each in wanted]
    return found[:1] if name in (Name.VLLM, Name.ENDPOINT) else found


def _all() -> list[Name]:
    """Every benchmark that can be run here; says which ones cannot."""
    if vllm.is_installed():
        return _MEASURED
    _log.print(f"left out, since they need vLLM (docs/serving.md): {', '.join(_IN_VLLM)}")
    return [name for name in _MEASURED if name not in _IN_VLLM]


def _show(found: list[dict[str, Any]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("benchmark", "figure", "measured", "target", "met"):
        table.add_column(column)
    for result in found:
        for check in result["checks"]:
            measured, target, met = report.cells(check)
            table.add_row(result["benchmark"], check["what"], measured, target, met)
    Console().print(table)


if __name__ == "__main__":
    try:
        typer.run(main)
    except UsageError as error:
        _log.print(f"benchmarks: {error}", markup=False)
        sys.exit(2)
