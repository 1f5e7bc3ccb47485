"""Recall of every live server: how often its list holds the name that an author wrote.

Sites are spread evenly over real projects of a server's languages, each project in a server of
its own; `evaluation.recall` asks, as generation would.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from platformdirs import user_cache_dir

from benchmarks import corpora, packages
from benchmarks.results import Check, Outcome
from decoding.prompt.workspace import read_text
from evaluation.recall import Miss, Place, Recall, measure, places
from evaluation.sites import sample
from lsp_bridge import PROFILES, Profile, ServerPool
from lsp_bridge.servers import installed
from mgd.files import source_files

SITES = 600
"""For each server and language; projects with fewer than their share leave it to the others."""
DEADLINE_S = 10.0
PYTHON = ("click", "httpx", "requests", "rich", "starlette", "werkzeug")
"""Packages that annotate nearly every parameter; the replay has others too."""
BARS = {
    ("pyrefly", "python"): (0.995, 0.88),
    ("pyright", "python"): (0.995, 0.88),
    ("jedi", "python"): (0.99, 0.88),
    ("typescript-language-server", "typescript"): (0.99, 0.88),
    ("clangd", "c"): (0.985, 0.8),
    ("clangd", "cpp"): (0.985, 0.8),
    ("rust-analyzer", "rust"): (0.98, 0.88),
}
"""Server and language: targets of recall and of the answered share."""


class Project(NamedTuple):
    """A real project, and every dereference site of it that may be measured."""

    language: str
    name: str
    version: str
    root: Path
    places: Sequence[Place]


def run(
    servers: Sequence[str],
    say: Callable[[str], None],
    limit: int | None = None,
    projects: Iterable[Project] | None = None,
    profiles: Mapping[str, Profile] = PROFILES,
) -> Outcome:
    """Measure each server on the projects in its languages; ``limit``: sites for each pair."""
    count = SITES if limit is None else limit
    chosen = [profiles[name] for name in servers]
    known = {language for profile in chosen for language in profile.languages}
    found = list(fetched(known) if projects is None else projects)
    figures: dict[str, Any] = {}
    for profile in chosen:
        for language, own in _by_language(found, profile).items():
            recalls = {
                project.name: _measured(profile, project, sites, say)
                for project, sites in shares(own, count)
            }
            figures[f"{profile.name}, {language}"] = _figures(recalls, own)
    settings = {
        "sites": count,
        "deadline_s": DEADLINE_S,
        "projects": {f"{each.language}: {each.name}": each.version for each in found},
    }
    return Outcome(settings, figures, list(checks(figures)))


def fetched(languages: Iterable[str]) -> Iterator[Project]:
    """The projects in ``languages``, downloaded into the user's cache folder unless they are there.

    Raises `UsageError` with the message of the tool that could not fetch one.
    """
    wanted = set(languages)
    if "python" in wanted:
        for package in packages.PACKAGES:
            if package.name in PYTHON:
                workspace = packages.prepare(package)
                sites = list(places(sorted(workspace.files())))
                yield Project("python", package.name, package.version, workspace.root, sites)
    folder = Path(user_cache_dir("mgd")) / "corpora"
    for corpus in corpora.CORPORA:
        if corpus.language in wanted:
            root = corpora.prepare(corpus, folder)
            every = places(source_files(corpus.paths(root)))
            sites = [place for place in every if _language(place) == corpus.language]
            workspace_root = root / corpus.workspace
            yield Project(corpus.language, corpus.name, corpus.version, workspace_root, sites)


def _language(place: Place) -> str:
    """Files with and without JSX are one language."""
    return place.language.removesuffix("react")


def _by_language(projects: Iterable[Project], profile: Profile) -> dict[str, list[Project]]:
    found: dict[str, list[Project]] = {}
    for project in projects:
        if project.language in profile.languages:
            found.setdefault(project.language, []).append(project)
    return found


def shares(projects: Sequence[Project], count: int) -> Iterator[tuple[Project, list[Place]]]:
    """``count`` places in all, as evenly as the sizes of the projects allow."""
    left, projects = count, sorted(projects, key=lambda project: len(project.places))
    for index, project in enumerate(projects):
        share = -(-left // (len(projects) - index))
        chosen = sample(project.places, share)
        left -= len(chosen)
        yield project, chosen


def _measured(
    profile: Profile, project: Project, sites: Sequence[Place], say: Callable[[str], None]
) -> Recall:
    recall = Recall(profile.name, installed.version(profile) or "?", project.language)
    with ServerPool(project.root, profiles={profile.name: profile}) as pool:
        measure(pool, sites, recall, deadline_s=DEADLINE_S)
    say(
        f"recall: {profile.name}, {project.name}: {recall.sites} sites, "
        f"{recall.answered} answered, {len(recall.misses)} missed"
    )
    return recall


def merge(recalls: Iterable[Recall]) -> Recall:
    """What ``recalls`` of one server and language counted, in one."""
    every = list(recalls)
    total = Recall(every[0].server, every[0].version, every[0].language)
    for each in every:
        total.sites += each.sites
        total.unanswered.update(each.unanswered)
        total.misses += each.misses
        total.latency_ms += each.latency_ms
        total.rss_bytes = max(total.rss_bytes, each.rss_bytes)
    started = [each.start_s for each in every if each.start_s is not None]
    total.start_s = max(started, default=None)
    return total


def _figures(recalls: dict[str, Recall], projects: Sequence[Project]) -> dict[str, Any]:
    roots = {project.name: project.root for project in projects}
    rows = {name: recall.as_dict() for name, recall in recalls.items()}
    return merge(recalls.values()).as_dict() | {
        "misses": [
            _explained(miss, name, roots[name])
            for name, recall in recalls.items()
            for miss in recall.misses
        ],
        "projects": {
            name: {
                key: rows[name][key] for key in ("sites", "answered_share", "recall", "unanswered")
            }
            for name in roots
        },
    }


def _explained(miss: Miss, project: str, root: Path) -> dict[str, Any]:
    """A missed name with its line; the path is relative to the project."""
    path = Path(miss.path).resolve().relative_to(root.resolve()).as_posix()
    source = read_text(Path(miss.path)).splitlines()[miss.line - 1].strip()
    return asdict(miss) | {"project": project, "path": path, "source": source}


def checks(figures: dict[str, Any]) -> Iterator[Check]:
    """The targets of the servers that have some."""
    for values in figures.values():
        server, language = values["server"], values["language"]
        if (server, language) in BARS:
            recall, answered = BARS[server, language]
            what = f"{server}, {language}"
            yield Check(f"{what}: recall", values["recall"], recall, "share", at_least=True)
            yield Check(
                f"{what}: answered", values["answered_share"], answered, "share", at_least=True
            )
