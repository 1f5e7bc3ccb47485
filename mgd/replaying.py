"""``mgd replay``: finds files, replays them, prints what was found."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from decoding.prompt.workspace import LANGUAGES, language_of
from decoding.session.options import Options
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from decoding.wiring import check_monitors, open_guide
from evaluation.points import PointReplay, replay_monitor
from evaluation.replay import Replay, Report
from lsp_bridge.pool.configuration import open_pool
from mgd.files import common_root, readable, source_files
from monitors.dereference import NAME as DEREFERENCE
from monitors.errors import UsageError
from monitors.protocols import Reason

R = TypeVar("R", bound=Replay)
_FAILURES = (
    Reason.NOT_STARTED,
    Reason.CRASHED,
    Reason.TIMEOUT,
    Reason.SERVER_ERROR,
    Reason.BAD_ANSWER,
)
"""Reasons that say nothing of the code."""


def replay_paths(
    paths: Iterable[Path],
    tokenizer: Path,
    *,
    server: str | None = None,
    workspace: Path | None = None,
    step_s: float = 0.0,
    limit: int | None = None,
    deadline_s: float = 5.0,
    trust_workspace: bool = False,
    seed: int = 0,
    monitors: Iterable[str] = (),
) -> Report:
    """Replay files, and the source files under folders, through a language server.

    Without ``server`` it is the one that most of the files belong to; the files of other
    languages are left out, and the report says so.

    ``monitors``: names of those whose figures are wanted each for itself, in ``report.monitors``.
    ``step_s``: seconds that stand for a forward pass; ``limit``: most dereference sites, a sample
    by ``seed`` with equal shares of all paths. Raises
    `UsageError` for paths that do not exist or hold no source file, for named files that cannot
    be read or lie outside the workspace, for unknown servers, and for numbers that make no sense;
    all of it before the first file is replayed. Unreadable files under folders are skipped, and
    the report says so.
    """
    _check_numbers(step_s, limit, deadline_s)
    monitors = check_monitors(monitors)
    paths = list(paths)
    groups = _grouped(paths)
    files = [path for group in groups for path in group]
    if not files:
        known = ", ".join(LANGUAGES)
        raise UsageError(f"found no source file; expected files or folders with {known} files")
    root = workspace or common_root(files)
    files, skipped = readable(files, named=set(paths), root=root)
    if not files:
        raise UsageError(f"no source file can be read: {'; '.join(skipped)}")
    encoder = Vocabulary.load(tokenizer)
    with open_pool(root, trust_workspace=trust_workspace) as pool:
        languages = {path: language_of(path) for path in files}
        counts = Counter(languages.values())
        understood = counts.keys() if server is None else counts.keys() & pool.languages(server)
        language = max(understood or counts.keys(), key=counts.__getitem__)
        profile = pool.profile(language, server)
        others = [path for path in files if languages[path] not in profile.languages]
        skipped += [f"{path} is {languages[path]}, not for {profile.name}" for path in others]
        kept = set(files).difference(others)
        index = TokenIndex.open(encoder.vocabulary)
        report = Report(profile.name, str(tokenizer), str(root), skipped=skipped)
        options = Options(deadline_s=deadline_s)
        chosen = [[path for path in group if path in kept] for group in groups]

        def replay(kind: type[R], monitor: str, report: Report) -> R:
            return kind(
                partial(open_guide, index, pool=pool, server=profile.name, monitors=(monitor,)),
                encoder.encode,
                report,
                options=options,
                step_s=step_s,
                limit=limit,
                seed=seed,
            )

        replay(Replay, DEREFERENCE, report).run(*chosen)
        report.query_ms = list(pool.statistics.latencies_ms)
        for name in monitors:
            report.monitors[name] = (
                report.as_monitor()
                if name == DEREFERENCE
                else replay_monitor(
                    replay(PointReplay, name, Report(profile.name, str(tokenizer))), name, *chosen
                ).as_dict()
            )
    return report


def _grouped(paths: Iterable[Path]) -> list[list[Path]]:
    """The source files of each path; what several of them hold belongs to the first."""
    seen: set[Path] = set()
    groups = []
    for path in paths:
        groups.append([file for file in source_files([path]) if file.resolve() not in seen])
        seen.update(file.resolve() for file in groups[-1])
    return groups


def _check_numbers(step_s: float, limit: int | None, deadline_s: float) -> None:
    if step_s < 0:
        raise UsageError(f"got a step of {step_s} s; expected 0 or more")
    if limit is not None and limit < 1:
        raise UsageError(f"got a limit of {limit} sites; expected 1 or more")
    if deadline_s <= 0:
        raise UsageError(f"got a deadline of {deadline_s} s; expected more than 0")


def print_report(report: Report, console: Console) -> None:
    """A table of the figures, what they are worth, and every forbidden name."""
    console.print(_table(report.as_dict()) if report.tokens else "nothing is written there")
    for warning in warnings(report):
        console.print(f"warning: {warning}", markup=False)
    for reason in report.skipped:
        console.print(f"skipped: {reason}", markup=False)
    for entry in report.forbidden:
        console.print(
            f"forbidden: {entry.path}:{entry.line}:{entry.column} {entry.name}: {entry.reason}",
            markup=False,
        )


def _table(values: dict[str, Any]) -> Table:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for key in ("server", "tokenizer", "workspace", "files", "tokens"):
        table.add_row(key, escape(str(values[key])))
    if values["tokens"]:
        refused, share = values["refused_tokens"], values["allowed_token_share"]
        table.add_row("refused tokens", f"{refused}  ({share:.3%} allowed)")
    table.add_row("dereference sites", str(values["dereference_sites"]))
    for count, share in (
        ("constrained_sites", "covered_share"),
        ("allowed_sites", "allowed_share"),
    ):
        if values["dereference_sites"]:
            table.add_row(count.replace("_", " "), f"{values[count]}  {_percent(values[share])}")
    if values["fail_open"]:
        reasons = ", ".join(f"{key} {count}" for key, count in values["fail_open"].items())
        table.add_row("fail-open", reasons)
    for key in ("unconstrained", "constrained"):
        _add_spread(table, f"step µs, {key}", values["step_us"][key])
    _add_spread(table, "mask µs", values["mask_us"])
    _add_spread(table, "query ms", values["query_ms"])
    table.add_row("waited s", f"{values['waited_s']} of {values['wall_s']}")
    if values["overhead"] is not None:
        table.add_row("overhead", f"{values['overhead']:.1%} over {values['baseline_s']} s")
    return table


def _add_spread(table: Table, what: str, values: dict[str, float | None]) -> None:
    if None not in values.values():
        table.add_row(what, "  ".join(f"{key} {value}" for key, value in values.items()))


def failures(reasons: Mapping[str, int]) -> int:
    """How many sites went unguided for a reason that says nothing of the code."""
    return sum(reasons.get(reason, 0) for reason in _FAILURES)


def warnings(report: Report) -> list[str]:
    """What takes the meaning from the figures."""
    found = []
    failed = failures(report.fail_open)
    if report.tokens and not report.dereference_sites:
        found.append("nothing is dereferenced there: no name was constrained")
    if failed > report.dereference_sites / 2:
        found.append(
            f"{failed} of {report.dereference_sites} sites went unguided because {report.server}"
            f" failed ({', '.join(each for each in _FAILURES if report.fail_open[each])})"
        )
    return found


def share_to_fail_under(report: Report) -> float:
    """The smaller one of the allowed shares of sites and of tokens.

    0 where the server failed at more than half of the sites, 1 where nothing was constrained.
    """
    failed = failures(report.fail_open)
    if failed > report.dereference_sites / 2:
        return 0.0
    shares = (report.allowed_share, report.allowed_token_share)
    return min((share for share in shares if share is not None), default=1.0)


def _percent(share: float | None) -> str:
    return "" if share is None else f"({share:.2%})"
