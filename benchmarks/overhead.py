"""What guided decoding adds to forward passes of a given length, and where that time goes.

A forward pass is a sleep. The time without monitors is that of the sleeps as they really were, so
the inaccuracy of the clock is nobody's fault. Every run has a server and a cache of its own.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks import vocabularies
from benchmarks.merging import merge
from benchmarks.packages import PACKAGES, Package, Workspace, prepare
from benchmarks.replay import DEADLINE_S
from benchmarks.results import Check, Outcome, share, spread
from benchmarks.vocabularies import Loaded
from decoding.prompt.workspace import read_text
from decoding.session.options import Options
from decoding.wiring import open_guide
from evaluation.replay import Replay, Report
from evaluation.sites import dereference_sites
from lsp_bridge import ServerPool
from monitors.languages.registry import language_named

STEP_S = 0.02
OVERHEAD = 0.15
FILE_SITES = range(40, 80)
"""How many dereference sites a file has that is replayed as a whole: one in 30 tokens, as usual."""
USED = ("aiohttp", "httpx", "networkx", "rich", "starlette")
"""One file of each of these packages is replayed."""


def run(
    server: str,
    say: Callable[[str], None],
    limit: int | None = None,
    packages: Iterable[Package] = PACKAGES,
) -> Outcome:
    """Replay with and without asking ahead; ``limit``: packages, one file of each."""
    chosen = [package for package in packages if package.name in USED][:limit]
    vocabulary = vocabularies.load(vocabularies.large())
    workspaces = [prepare(package) for package in chosen]
    figures: dict[str, Any] = {}
    for name, prefetch in (("asking ahead", True), ("not asking ahead", False)):
        options = Options(deadline_s=DEADLINE_S, prefetch=prefetch)
        report = merge(replay(each, server, vocabulary, options) for each in workspaces)
        figures[name] = account(report, STEP_S)
        say(f"overhead, {name}: {figures[name]['overhead']:.1%} of {report.baseline_s:.0f} s")
    settings = {
        "server": server,
        "vocabulary": vocabulary.name,
        "step_ms": STEP_S * 1000,
        "files": [f"{each.package.name}: {_file(each).name}" for each in workspaces],
    }
    what = f"time that monitors add to steps of {STEP_S * 1000:.0f} ms"
    check = Check(what, figures["asking ahead"]["overhead"], OVERHEAD, "share")
    return Outcome(settings, figures, [check])


def replay(workspace: Workspace, server: str, vocabulary: Loaded, options: Options) -> Report:
    """Replay one file from its first line to its last."""
    report = Report(server, vocabulary.name)
    language = language_named("python")
    encode = vocabulary.encoder.encode
    with ServerPool(workspace.root) as pool:
        guide = open_guide(vocabulary.index, language.name, pool, server)
        Replay(lambda language: guide, encode, report, options=options, step_s=STEP_S).run(
            [_file(workspace)]
        )
        report.query_ms = list(pool.statistics.latencies_ms)
    return report


def _file(workspace: Workspace) -> Path:
    files = workspace.files()
    return next(each for each in files if len(dereference_sites(read_text(each))) in FILE_SITES)


def account(report: Report, step_s: float) -> dict[str, Any]:
    """Where the time of a replay went, in seconds; the parts add up to ``wall_s``."""
    steps_s = (sum(report.unconstrained_us) + sum(report.constrained_us)) / 1e6
    masks_s = sum(report.mask_us) / 1e6
    forward_s = report.tokens * step_s
    seconds = {
        "forward": forward_s,
        "late_sleeps": report.baseline_s - forward_s,
        "waiting": report.waited_s,
        "masks": masks_s,
        "accept_and_step": steps_s - masks_s,
        "starts_and_asking": report.wall_s - report.baseline_s - report.waited_s - steps_s,
    }
    return {
        "tokens": report.tokens,
        "sites": report.dereference_sites,
        "queries": len(report.query_ms),
        "query_ms": spread(report.query_ms),
        "wall_s": round(report.wall_s, 3),
        "baseline_s": round(report.baseline_s, 3),
        "overhead": share(report.wall_s - report.baseline_s, report.baseline_s),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }
