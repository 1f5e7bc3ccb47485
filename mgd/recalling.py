"""``mgd recall``: finds files and servers, measures, prints what was found."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evaluation.recall import Place, Recall, SuffixFrom, measure, places
from evaluation.sites import sample, shares
from lsp_bridge import Profile
from lsp_bridge.pool.configuration import load, open_pool
from lsp_bridge.profiles import registry
from lsp_bridge.servers import installed
from lsp_bridge.servers.launch import is_installed, missing
from mgd.files import common_root, readable, source_files
from mgd.replaying import failures
from monitors.errors import ServerError, UsageError

_COLUMNS = (
    *("server", "version", "language", "sites", "answered", "recall"),
    *("p50 ms", "p90 ms", "p99 ms", "start s", "RSS MB"),
)


class Benchmark:
    """Recall of servers on the source files under some paths."""

    def __init__(
        self,
        paths: Iterable[Path],
        workspace: Path | None = None,
        trust_workspace: bool = False,
    ) -> None:
        """Find files and their dereference sites; each path is in the workspace around it.

        Raises `UsageError` for paths that do not exist or hold no source file, and for named
        files that cannot be read or lie outside the workspace. Unreadable files under folders are
        left out, and `skipped` says so.
        """
        self.skipped: list[str] = []
        """Files and languages that are not measured, and why."""
        self._roots: dict[Path, Path] = {}  # of files
        self._places: dict[str, list[list[Place]]] = {}  # by language, of each path
        for path in paths:
            self._add(path, workspace)
        if not self._places:
            left_out = f" ({'; '.join(self.skipped)})" if self.skipped else ""
            raise UsageError(
                f"found no dereference; expected source files, or folders with some{left_out}"
            )
        self._trusted = trust_workspace
        self._profiles: dict[str, Profile] = {}
        self._chosen: dict[str, str] = {}
        for root in set(self._roots.values()):
            configuration = load(root, trust_workspace)
            self._profiles |= configuration.profiles
            self._chosen |= configuration.servers

    def _add(self, path: Path, workspace: Path | None) -> None:
        files = list(source_files([path]))
        if files:
            root = workspace or common_root(files)
            files, skipped = readable(files, named={path}, root=root)
            self.skipped += skipped
            new = [file for file in files if file not in self._roots]
            self._roots.update(dict.fromkeys(new, root))
            for language, found in _by_language(new).items():
                self._places.setdefault(language, []).append(found)

    def plan(self, servers: Sequence[str] = ()) -> list[tuple[Profile, str]]:
        """What to measure: each server on every language it knows; without names, the defaults.

        Raises `ServerError` for a server that is unknown, not installed, or knows none of the
        languages, and if there is a default server for none of them.
        """
        if servers:
            return [pair for name in servers for pair in self._named(name)]
        pairs = [pair for language in self._places for pair in self._default(language)]
        if not pairs:
            raise ServerError("; ".join(self.skipped))
        return pairs

    def _named(self, name: str) -> list[tuple[Profile, str]]:
        profile = self._installed(name)
        known = [each for each in self._places if each in profile.languages]
        if not known:
            raise ServerError(
                f"{name} answers for {', '.join(sorted(profile.languages))}; "
                f"found only {', '.join(sorted(self._places))}"
            )
        return [(profile, language) for language in known]

    def _default(self, language: str) -> list[tuple[Profile, str]]:
        try:
            return [(self._installed(self._default_name(language)), language)]
        except ServerError as error:
            self.skipped.append(f"{language}: {error}")
            return []

    def _default_name(self, language: str) -> str:
        chosen = self._chosen.get(language)
        return chosen or registry.default_for(language, self._profiles).name

    def _installed(self, name: str) -> Profile:
        profile = registry.by_name(name, self._profiles)
        if not is_installed(profile):
            raise missing(profile)
        return profile

    def run(
        self,
        profile: Profile,
        language: str,
        *,
        limit: int,
        deadline_s: float,
        suffix_from: SuffixFrom = SuffixFrom.NAME,
        seed: int = 0,
    ) -> Recall:
        """Measure one server on at most ``limit`` sites of one language, a sample by ``seed``.

        All paths have equal shares of it.
        """
        recall = Recall(profile.name, installed.version(profile) or "?", language)
        groups = self._places[language]
        counts = shares([len(group) for group in groups], limit)
        chosen = [
            place
            for group, count in zip(groups, counts, strict=True)
            for place in sample(group, count, seed)
        ]
        for root, group in groupby(chosen, key=lambda place: self._roots[place.path]):
            with open_pool(root, trust_workspace=self._trusted) as pool:
                measure(pool, list(group), recall, deadline_s=deadline_s, suffix_from=suffix_from)
        return recall


def _by_language(files: Iterable[Path]) -> dict[str, list[Place]]:
    found: dict[str, list[Place]] = {}
    for place in places(files):
        found.setdefault(_family(place.language), []).append(place)
    return found


def _family(language: str) -> str:
    """Files with and without JSX are one language."""
    return language.removesuffix("react")


def recall_paths(
    paths: Iterable[Path],
    servers: Sequence[str] = (),
    *,
    workspace: Path | None = None,
    limit: int = 300,
    deadline_s: float = 5.0,
    suffix_from: str = "name",
    trust_workspace: bool = False,
    seed: int = 0,
) -> tuple[list[Recall], list[str]]:
    """Figures of every server on every language, and what was left out.

    Raises `UsageError` before the first server is started.
    """
    if limit < 1:
        raise UsageError(f"got a limit of {limit} sites; expected 1 or more")
    if deadline_s <= 0:
        raise UsageError(f"got a deadline of {deadline_s} s; expected more than 0")
    if suffix_from not in list(SuffixFrom):
        raise UsageError(f"got --suffix-from {suffix_from!r}; expected name or line")
    benchmark = Benchmark(paths, workspace, trust_workspace)
    recalls = [
        benchmark.run(
            profile,
            language,
            limit=limit,
            deadline_s=deadline_s,
            suffix_from=SuffixFrom(suffix_from),
            seed=seed,
        )
        for profile, language in benchmark.plan(servers)
    ]
    return recalls, benchmark.skipped


def print_recalls(recalls: Sequence[Recall], skipped: Iterable[str], console: Console) -> None:
    """A table, why sites were not answered, and every missed name."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in _COLUMNS:
        table.add_column(column)
    for recall in recalls:
        table.add_row(*_row(recall))
    console.print(table)
    for recall in recalls:
        reasons = ", ".join(f"{reason} {n}" for reason, n in recall.unanswered.most_common())
        if reasons:
            console.print(f"{recall.server}, {recall.language}: unanswered: {reasons}")
    for warning in warnings(recalls):
        console.print(f"warning: {warning}", markup=False)
    for reason in skipped:
        console.print(f"skipped: {reason}", markup=False)
    for recall in recalls:
        for miss in recall.misses:
            place = f"{miss.path}:{miss.line}:{miss.column}"
            console.print(
                f"missed: {place} {miss.name}: {recall.server}, {miss.cause}", markup=False
            )


def warnings(recalls: Iterable[Recall]) -> list[str]:
    """Which figures say nothing, since the server failed at more than half of the sites."""
    return [
        f"{recall.server} failed at {failed} of {recall.sites} {recall.language} "
        f"{'site' if recall.sites == 1 else 'sites'}"
        for recall in recalls
        if (failed := failures(recall.unanswered)) > recall.sites / 2
    ]


def share_to_fail_under(recalls: Iterable[Recall]) -> float:
    """The smallest recall: 0 where a server failed at more than half of the sites.

    A server that gave no closed list for another reason missed nothing: 1.
    """
    return min(map(_share_to_fail_under, recalls), default=1.0)


def _share_to_fail_under(recall: Recall) -> float:
    if failures(recall.unanswered) > recall.sites / 2:
        return 0.0
    return 1.0 if recall.recall is None else recall.recall


def _row(recall: Recall) -> list[str]:
    values = recall.as_dict()
    texts = [recall.server, recall.version, recall.language, str(recall.sites)]
    texts += [_percent(values[key]) for key in ("answered_share", "recall")]
    latencies = values["latency_ms"].values()
    return texts + [_number(each) for each in (*latencies, values["start_s"], values["rss_mb"])]


def _percent(share: float | None) -> str:
    return "" if share is None else f"{share:.2%}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
