"""Teacher-forced decoding of real packages: how often is the true token allowed?"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from benchmarks import vocabularies
from benchmarks.annotations import MOSTLY, annotated_share
from benchmarks.causes import SILENCED, cause
from benchmarks.packages import PACKAGES, Package, Workspace, prepare
from benchmarks.results import Check, Outcome, share
from benchmarks.vocabularies import Loaded
from decoding.replay import Forbidden, Replay, Report
from decoding.session import Options
from decoding.sites import dereference_sites
from decoding.wiring import language_named, open_guide
from decoding.workspace import read_text
from lsp_bridge import ServerPool

SITES = 160
"""Dereference sites for each package."""
FILE_SITES = 40
"""Most sites of one file, so that a package counts with several files."""
DEADLINE_S = 10.0
ALLOWED = {"pyrefly": 0.995, "pyright": 0.995, "jedi": 0.985}
COVERED = 0.88
CONSTRAINED_SITES = 1000


def run(
    servers: Sequence[str],
    say: Callable[[str], None],
    limit: int | None = None,
    packages: Iterable[Package] = PACKAGES,
) -> Outcome:
    """Replay every package with every server; ``limit``: sites for each package."""
    sites = SITES if limit is None else limit
    vocabulary = vocabularies.load(vocabularies.large())
    workspaces = [prepare(package) for package in packages]
    found: dict[str, Any] = {}
    for server in servers:
        reports = {}
        for workspace in workspaces:
            name = workspace.package.name
            reports[name] = replay_package(workspace, server, vocabulary, sites)
            say(f"replay: {server}, {name}: {_summary(reports[name])}")
        found[server] = _figures(reports, workspaces)
    settings = {
        "vocabulary": vocabulary.name,
        "sites_per_package": sites,
        "sites_per_file": FILE_SITES,
        "deadline_s": DEADLINE_S,
        "packages": {each.package.name: each.package.version for each in workspaces},
        "annotated_share": {
            each.package.name: annotated_share(each.files()) for each in workspaces
        },
    }
    return Outcome(settings, found, [check for name in servers for check in checks(name, found)])


def replay_package(workspace: Workspace, server: str, vocabulary: Loaded, sites: int) -> Report:
    """Replay sites from the beginning of the package's files, `FILE_SITES` of each at most."""
    report = Report(server, vocabulary.name)
    language = language_named("python")
    options = Options(deadline_s=DEADLINE_S)
    with ServerPool(workspace.root) as pool:
        guide = open_guide(vocabulary.index, language.name, pool, server)
        encode = vocabulary.encoder.encode
        for file in filter(_has_sites, workspace.files()):
            end = min(sites, report.dereference_sites + FILE_SITES)
            Replay(lambda language: guide, encode, report, options=options, limit=end).run([file])
        report.query_ms = list(pool.statistics.latencies_ms)
    return report


def _has_sites(file: Path) -> bool:
    """Whether anything is dereferenced in a module: tables would only take time."""
    return bool(dereference_sites(read_text(file)))


def merge(reports: Iterable[Report]) -> Report:
    """Everything that ``reports`` counted, in one."""
    every = list(reports)
    total = Report(every[0].server, every[0].tokenizer)
    for report in every:
        for field in fields(Report)[2:]:
            if field.name == "fail_open":
                total.fail_open.update(report.fail_open)
            else:
                value = getattr(total, field.name) + getattr(report, field.name)
                setattr(total, field.name, value)
    return total


def _summary(report: Report) -> str:
    return (
        f"{report.dereference_sites} sites, {report.constrained_sites} constrained, "
        f"{report.allowed_sites} allowed, {report.wall_s:.0f} s"
    )


def _figures(reports: dict[str, Report], workspaces: Sequence[Workspace]) -> dict[str, Any]:
    total = merge(reports.values()).as_dict()
    roots = {each.package.name: each.root for each in workspaces}
    forbidden = [
        _explained(entry, roots[name]) | {"package": name}
        for name, report in reports.items()
        for entry in report.forbidden
        if not _is_beyond_limit(entry)
    ]
    silenced = sum(entry["cause"] == SILENCED for entry in forbidden)
    return total | {
        "forbidden": forbidden,
        "silenced": silenced,
        "allowed_share_unless_silenced": share(
            total["allowed_sites"], total["constrained_sites"] - silenced
        ),
        "covered_share_annotated": _annotated(reports, workspaces),
        "packages": {name: _row(report) for name, report in reports.items()},
    }


def _annotated(reports: dict[str, Report], workspaces: Sequence[Workspace]) -> float | None:
    """The covered share without packages that hardly annotate."""
    shares = {each.package.name: annotated_share(each.files()) for each in workspaces}
    kept = [report for name, report in reports.items() if (shares[name] or 0) > MOSTLY]
    total = merge(kept) if kept else Report("", "")
    return share(total.constrained_sites, total.dereference_sites)


def _row(report: Report) -> dict[str, Any]:
    return {
        "files": report.files,
        "sites": report.dereference_sites,
        "constrained": report.constrained_sites,
        "covered_share": share(report.constrained_sites, report.dereference_sites),
        "forbidden": report.constrained_sites - report.allowed_sites,
        "allowed_share": share(report.allowed_sites, report.constrained_sites),
        "wall_s": round(report.wall_s, 2),
    }


def _is_beyond_limit(entry: Forbidden) -> bool:
    """Whether a token was forbidden at a site that is on the last line, but not in the sample."""
    if not entry.reason.startswith("no dereference"):
        return False
    sites = dereference_sites(read_text(Path(entry.path)))
    return any(site.line == entry.line and site.column >= entry.column for site in sites)


def _explained(entry: Forbidden, root: Path) -> dict[str, Any]:
    """A forbidden name with its cause; the path is relative to the package."""
    text = read_text(Path(entry.path))
    path = Path(entry.path).resolve().relative_to(root.resolve()).as_posix()
    return {
        "path": path,
        "line": entry.line,
        "name": entry.name,
        "source": text.splitlines()[entry.line - 1].strip(),
        "reason": entry.reason,
        "cause": cause(path, text, entry.line, entry.column, entry.name, entry.reason),
    }


def checks(server: str, found: dict[str, Any]) -> list[Check]:
    """The targets of one server."""
    figures = found[server]
    return [
        Check(
            f"{server}: true token allowed at constrained sites",
            figures["allowed_share"],
            ALLOWED.get(server, 0.985),
            "share",
            at_least=True,
        ),
        Check(
            f"{server}: sites constrained or verified",
            figures["covered_share"],
            COVERED,
            "share",
            at_least=True,
        ),
        Check(
            f"{server}: the same in packages that annotate most parameters",
            figures["covered_share_annotated"],
            COVERED,
            "share",
            at_least=True,
        ),
        Check(
            f"{server}: constrained sites",
            figures["constrained_sites"],
            CONSTRAINED_SITES,
            "",
            at_least=True,
        ),
    ]
