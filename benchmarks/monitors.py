"""Every monitor on real code: what it lets through, how often it speaks, what it costs a step."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from platformdirs import user_cache_dir

from benchmarks import corpora, steps, vocabularies
from benchmarks.corpora import CORPORA, Corpus
from benchmarks.packages import PACKAGES, Package, prepare
from benchmarks.results import Check, Outcome, spread
from benchmarks.vocabularies import Loaded
from decoding.prompt.workspace import language_of
from decoding.session.options import Options
from decoding.wiring import MONITORS, monitors_of, open_guide
from evaluation.points import MonitorReport, PointReplay, replay_monitor
from evaluation.replay import Report
from lsp_bridge import ServerPool
from lsp_bridge.profiles import registry
from mgd.files import source_files
from monitors.dereference import NAME as DEREFERENCE
from monitors.languages.calls import CALLS

SITES = 60
"""Dereference sites of each project between which everything is replayed."""
DEADLINE_S = 10.0
FILES = 3
"""Files of each package on which steps are timed."""
ALLOWED = {"argument_count": 0.99, "names_in_scope": 0.99}
"""Of constrained points; 99.5 % for every other monitor."""
STEP_US = {1: 10.0, len(MONITORS): 15.0}
"""Unconstrained steps at 131k entries, medians, by the number of monitors."""
JOINT = 1.2
"""All monitors at once, against the slowest single one."""


def run(
    servers: Sequence[str],
    say: Callable[[str], None],
    limit: int | None = None,
    packages: Iterable[Package] = PACKAGES,
    projects: Iterable[Corpus] = CORPORA,
) -> Outcome:
    """Replay Python packages and projects in other languages under each monitor but dereference.

    That one has benchmarks of its own. ``limit``: sites for each project.
    """
    sites = SITES if limit is None else limit
    vocabulary = vocabularies.load(vocabularies.large())
    packages = list(packages)
    folder = Path(user_cache_dir("mgd")) / "corpora"
    roots = [(each.name, "python", *_place(each)) for each in packages]
    roots += [
        (each.name, each.language, root, list(source_files(each.paths(root))))
        for each in projects
        if each.language in CALLS and each.language != "javascript"  # which takes any number
        for root in [corpora.prepare(each, folder)]
    ]
    found: dict[str, dict[str, MonitorReport]] = {}
    for name, language, root, files in roots:
        server = registry.default_for(language).name
        if server not in servers:
            continue
        chosen = [file for file in files if language_of(file).removesuffix("react") == language]
        for monitor in monitors_of(language):
            if monitor != DEREFERENCE:
                report = _replay(vocabulary, root, chosen, server, monitor, sites)
                found.setdefault(f"{monitor}, {language}", {})[name] = report
                say(f"monitors: {monitor}, {server}, {name}: {_summary(report)}")
    times = _times(vocabulary, packages, FILES if limit is None else 1)
    figures = {what: _figures(reports) for what, reports in found.items()}
    return Outcome(
        {"vocabulary": vocabulary.name, "sites_per_project": sites},
        {"replay": figures, "steps": times},
        [*_allowed(found), *_costs(times)],
    )


def _place(package: Package) -> tuple[Path, list[Path]]:
    workspace = prepare(package)
    return workspace.root, list(workspace.files())


def _replay(
    vocabulary: Loaded, root: Path, files: Sequence[Path], server: str, monitor: str, sites: int
) -> MonitorReport:
    with ServerPool(root) as pool:
        replay = PointReplay(
            partial(open_guide, vocabulary.index, pool=pool, server=server, monitors=(monitor,)),
            vocabulary.encoder.encode,
            Report(server, vocabulary.name),
            options=Options(deadline_s=DEADLINE_S),
            limit=sites,
        )
        return replay_monitor(replay, monitor, list(files))


def _summary(report: MonitorReport) -> str:
    return (
        f"{report.sites} points, {report.constrained_sites} constrained, "
        f"{report.allowed_sites} allowed"
    )


def _total(reports: Iterable[MonitorReport]) -> MonitorReport:
    total = MonitorReport(fail_open=Counter())
    for report in reports:
        for each in fields(MonitorReport):
            value = getattr(total, each.name) + getattr(report, each.name)
            setattr(total, each.name, value)
    return total


def _figures(reports: Mapping[str, MonitorReport]) -> dict[str, Any]:
    values = _total(reports.values()).as_dict()
    forbidden = [
        {"project": name, "line": entry.line, "file": Path(entry.path).name, "name": entry.name}
        for name, report in reports.items()
        for entry in report.forbidden
    ]
    projects = {name: _summary(report) for name, report in reports.items()}
    return values | {"forbidden": forbidden, "projects": projects}


def _times(vocabulary: Loaded, packages: Sequence[Package], count: int) -> dict[str, Any]:
    """Steps under each monitor alone and under all of them; questions are answered at once."""
    files = [file for each in packages for file in islice(prepare(each).files(), count)]
    found: dict[str, Any] = {}
    for names in (*((name,) for name in MONITORS), MONITORS):
        times = steps.measure(vocabulary, files, names)
        every = [*times.unconstrained, *times.constrained, *times.judged]
        found["+".join(names)] = {
            "unconstrained_us": spread(times.unconstrained),
            "mean_us": round(float(np.mean(every)), 2),
        }
    return found


def _allowed(found: Mapping[str, Mapping[str, MonitorReport]]) -> Iterable[Check]:
    for what, reports in found.items():
        total = _total(reports.values())
        bar = ALLOWED.get(what.partition(",")[0], 0.995)
        measured = total.as_dict()["allowed_share"]
        name = f"{what}: true text allowed at constrained points"
        yield Check(name, measured, bar, "share", at_least=True)


def _costs(times: Mapping[str, Any]) -> Iterable[Check]:
    for count, name in ((1, DEREFERENCE), (len(MONITORS), "+".join(MONITORS))):
        median = times[name]["unconstrained_us"]["p50"]
        what = f"unconstrained step at 131k entries, {name}, median"
        yield Check(what, median, STEP_US[count], "µs")
    slowest = max(times[name]["mean_us"] for name in MONITORS)
    joint = times["+".join(MONITORS)]["mean_us"]
    what = "mean step of all at once / of the slowest alone"
    yield Check(what, round(joint / slowest, 3), JOINT, "")
