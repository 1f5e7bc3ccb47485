"""Teacher-forced decoding of real packages: how often is the true token allowed?"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import vocabularies
from benchmarks.annotations import MOSTLY, annotated_share
from benchmarks.causes import SILENCED, cause
from benchmarks.merging import merge
from benchmarks.packages import DYNAMIC, PACKAGES, Package, Workspace, prepare
from benchmarks.results import Check, Outcome, share
from benchmarks.vocabularies import Loaded
from decoding.prompt.workspace import read_text
from decoding.session.options import Options
from decoding.wiring import open_guide
from evaluation.replay import Forbidden, Replay, Report
from evaluation.sites import dereference_sites
from lsp_bridge import ServerPool
from monitors.languages.registry import language_named

SITES = 160
"""Dereference sites for each package."""
DEADLINE_S = 10.0
ALLOWED = {"pyrefly": 0.995, "pyright": 0.995, "jedi": 0.985}
ALLOWED_TOKENS = 0.999
"""Of all tokens: definitions, comments and declarations too."""
COVERED = 0.88
CONSTRAINED_SITES = 1000


def run(
    servers: Sequence[str],
    say: Callable[[str], None],
    limit: int | None = None,
    packages: Iterable[Package] = (*PACKAGES, *DYNAMIC),
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
        "deadline_s": DEADLINE_S,
        "packages": {each.package.name: each.package.version for each in workspaces},
        "annotated_share": {
            each.package.name: annotated_share(each.files()) for each in workspaces
        },
    }
    return Outcome(settings, found, [check for name in servers for check in checks(name, found)])


def replay_package(workspace: Workspace, server: str, vocabulary: Loaded, sites: int) -> Report:
    """Replay a sample of the package's sites, from everywhere in its files."""
    report = Report(server, vocabulary.name)
    language = language_named("python")
    options = Options(deadline_s=DEADLINE_S)
    with ServerPool(workspace.root) as pool:
        guide = open_guide(vocabulary.index, language.name, pool, server)
        encode = vocabulary.encoder.encode
        files = filter(_has_sites, workspace.files())
        Replay(lambda language: guide, encode, report, options=options, limit=sites).run(files)
        report.query_ms = list(pool.statistics.latencies_ms)
    return report


def _has_sites(file: Path) -> bool:
    """Whether anything is dereferenced in a module: tables would only take time."""
    return bool(dereference_sites(read_text(file)))


def _summary(report: Report) -> str:
    return (
        f"{report.dereference_sites} sites, {report.constrained_sites} constrained, "
        f"{report.allowed_sites} allowed, {report.wall_s:.0f} s"
    )


def _figures(reports: dict[str, Report], workspaces: Sequence[Workspace]) -> dict[str, Any]:
    dynamic = {package.name for package in DYNAMIC}
    total = _total(reports[name] for name in reports if name not in dynamic)
    roots = {each.package.name: each.root for each in workspaces}
    forbidden = [
        _explained(entry, roots[name]) | {"package": name}
        for name, report in reports.items()
        for entry in report.forbidden
    ]
    silenced = sum(
        entry["cause"] == SILENCED for entry in forbidden if entry["package"] not in dynamic
    )
    return total | {
        "forbidden": forbidden,
        "silenced": silenced,
        "allowed_share_unless_silenced": share(
            total["allowed_sites"], total["constrained_sites"] - silenced
        ),
        "covered_share_annotated": _annotated(reports, workspaces),
        "dynamic": _total(reports[name] for name in reports if name in dynamic),
        "packages": {name: _row(report) for name, report in reports.items()},
    }


def _total(reports: Iterable[Report]) -> dict[str, Any]:
    every = list(reports)
    return (merge(every) if every else Report("", "")).as_dict()


def _annotated(reports: dict[str, Report], workspaces: Sequence[Workspace]) -> float | None:
    """The covered share without packages that hardly annotate."""
    shares = {each.package.name: annotated_share(each.files()) for each in workspaces}
    dynamic = {package.name for package in DYNAMIC}
    typed = {name for name, share in shares.items() if (share or 0) > MOSTLY} - dynamic
    kept = [report for name, report in reports.items() if name in typed]
    return _total(kept)["covered_share"]  # type: ignore[no-any-return]


def _row(report: Report) -> dict[str, Any]:
    return {
        "files": report.files,
        "tokens": report.tokens,
        "refused_tokens": report.refused_tokens,
        "allowed_token_share": report.allowed_token_share,
        "sites": report.dereference_sites,
        "constrained": report.constrained_sites,
        "covered_share": share(report.constrained_sites, report.dereference_sites),
        "forbidden": report.constrained_sites - report.allowed_sites,
        "allowed_share": share(report.allowed_sites, report.constrained_sites),
        "wall_s": round(report.wall_s, 2),
    }


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
    figures, dynamic = found[server], found[server]["dynamic"]
    allowed = ALLOWED.get(server, 0.985)
    tokens = figures["tokens"] + dynamic["tokens"]
    refused = figures["refused_tokens"] + dynamic["refused_tokens"]
    return [
        Check(
            f"{server}: true token allowed, of all tokens",
            share(tokens - refused, tokens),
            ALLOWED_TOKENS,
            "share",
            at_least=True,
        ),
        Check(
            f"{server}: true token allowed in mappers and platform code, at constrained sites",
            dynamic["allowed_share"],
            allowed,
            "share",
            at_least=True,
        ),
        Check(
            f"{server}: true token allowed at constrained sites",
            figures["allowed_share"],
            allowed,
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
