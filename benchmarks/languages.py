"""Teacher-forced decoding of real projects in every language: is everything written allowed?

The bar is over all tokens: names that are defined, comments and declarations count too, where no
dereference is found. Python has a benchmark of its own, `benchmarks.replay`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_cache_dir

from benchmarks import corpora, vocabularies
from benchmarks.corpora import CORPORA, Corpus
from benchmarks.merging import merge
from benchmarks.results import Check, Outcome, share
from benchmarks.vocabularies import Loaded
from decoding.prompt.workspace import language_of, read_text
from decoding.session.options import Options
from decoding.wiring import open_guide
from evaluation.replay import Forbidden, Replay, Report
from evaluation.sites import dereference_sites
from lsp_bridge import ServerPool
from lsp_bridge.profiles import registry
from mgd.files import source_files

SITES = 160
"""Dereference sites for each project."""
DEADLINE_S = 10.0
ALLOWED_TOKENS = 0.999
"""Of all tokens, per language."""


def run(
    servers: Iterable[str],
    say: Callable[[str], None],
    limit: int | None = None,
    projects: Iterable[Corpus] = CORPORA,
    folder: Path | None = None,
) -> Outcome:
    """Replay every project with the default server of its language, if it is among ``servers``.

    ``limit``: sites for each project. Raises `UsageError` if a project cannot be fetched.
    """
    sites = SITES if limit is None else limit
    folder = Path(user_cache_dir("mgd")) / "corpora" if folder is None else folder
    vocabulary = vocabularies.load(vocabularies.large())
    known = set(servers)
    chosen = [each for each in projects if registry.default_for(each.language).name in known]
    reports: dict[str, dict[str, Report]] = {}
    roots: dict[str, Path] = {}
    for corpus in chosen:
        roots[corpus.name] = corpora.prepare(corpus, folder)
        report = replay_corpus(corpus, roots[corpus.name], vocabulary, sites)
        reports.setdefault(f"{report.server}, {corpus.language}", {})[corpus.name] = report
        say(f"replay-languages: {report.server}, {corpus.name}: {_summary(report)}")
    figures = {what: _figures(found, roots) for what, found in reports.items()}
    settings = {
        "vocabulary": vocabulary.name,
        "sites_per_project": sites,
        "deadline_s": DEADLINE_S,
        "projects": {each.name: each.version for each in chosen},
    }
    return Outcome(settings, figures, list(checks(figures)))


def replay_corpus(corpus: Corpus, root: Path, vocabulary: Loaded, sites: int) -> Report:
    """Replay a sample of the sites of one project, from everywhere in its files."""
    server = registry.default_for(corpus.language).name
    report = Report(server, vocabulary.name)
    files = [
        path
        for path in source_files(corpus.paths(root))
        if language_of(path).removesuffix("react") == corpus.language and _has_sites(path)
    ]
    with ServerPool(root / corpus.workspace) as pool:
        replay = Replay(
            lambda language: open_guide(vocabulary.index, language, pool, server),
            vocabulary.encoder.encode,
            report,
            options=Options(deadline_s=DEADLINE_S),
            limit=sites,
        )
        replay.run(files)
        report.query_ms = list(pool.statistics.latencies_ms)
    return report


def _has_sites(path: Path) -> bool:
    text = read_text(path)
    return bool(dereference_sites(text, language_of(path, text)))


def _summary(report: Report) -> str:
    return (
        f"{report.tokens} tokens, {report.refused_tokens} refused, "
        f"{report.constrained_sites} of {report.dereference_sites} sites constrained, "
        f"{report.allowed_sites} allowed, {report.wall_s:.0f} s"
    )


def _figures(reports: Mapping[str, Report], roots: Mapping[str, Path]) -> dict[str, Any]:
    return merge(reports.values()).as_dict() | {
        "forbidden": [
            _described(entry, roots[name]) | {"project": name}
            for name, report in reports.items()
            for entry in report.forbidden
        ],
        "projects": {
            name: {
                "files": report.files,
                "tokens": report.tokens,
                "refused_tokens": report.refused_tokens,
                "allowed_token_share": report.allowed_token_share,
                "sites": report.dereference_sites,
                "covered_share": share(report.constrained_sites, report.dereference_sites),
                "allowed_share": report.allowed_share,
            }
            for name, report in reports.items()
        },
    }


def _described(entry: Forbidden, root: Path) -> dict[str, Any]:
    """A refused name with its line; the path is relative to the project."""
    return {
        "path": Path(entry.path).resolve().relative_to(root.resolve()).as_posix(),
        "line": entry.line,
        "name": entry.name,
        "source": read_text(Path(entry.path)).splitlines()[entry.line - 1].strip(),
        "reason": entry.reason,
    }


def checks(figures: Mapping[str, Mapping[str, Any]]) -> Iterator[Check]:
    """The bar of every language."""
    for what, values in figures.items():
        measured = values["allowed_token_share"]
        name = f"{what}: true token allowed, of all tokens"
        yield Check(name, measured, ALLOWED_TOKENS, "share", at_least=True)
