"""``mgd replay``: finds files, replays them, prints what was found."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from decoding.replay import Replay, Report
from decoding.session import Options
from decoding.trie import TokenIndex
from decoding.vocab import Vocabulary
from decoding.wiring import open_guide
from decoding.workspace import LANGUAGES, language_of
from lsp_bridge.configuration import open_pool
from mgd.files import common_root, readable, source_files
from monitors.errors import UsageError


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
) -> Report:
    """Replay files, and the source files under folders, through a language server.

    Without ``server`` it is the one that most of the files belong to; the files of other
    languages are left out, and the report says so.

    ``step_s``: seconds that stand for a forward pass; ``limit``: most dereference sites. Raises
    `UsageError` for paths that do not exist or hold no source file, for named files that cannot
    be read or lie outside the workspace, for unknown servers, and for numbers that make no sense;
    all of it before the first file is replayed. Unreadable files under folders are skipped, and
    the report says so.
    """
    _check_numbers(step_s, limit, deadline_s)
    paths = list(paths)
    files = list(source_files(paths))
    if not files:
        known = ", ".join(LANGUAGES)
        raise UsageError(f"found no source file; expected files or folders with {known} files")
    root = workspace or common_root(files)
    files, skipped = readable(files, named=set(paths), root=root)
    encoder = Vocabulary.load(tokenizer)
    with open_pool(root, trust_workspace=trust_workspace) as pool:
        languages = {path: language_of(path) for path in files}
        counts = Counter(languages.values())
        understood = counts.keys() if server is None else counts.keys() & pool.languages(server)
        language = max(understood or counts.keys(), key=counts.__getitem__)
        profile = pool.profile(language, server)
        others = [path for path in files if languages[path] not in profile.languages]
        skipped += [f"{path} is {languages[path]}, not for {profile.name}" for path in others]
        files = [path for path in files if path not in others]
        index = TokenIndex.open(encoder.vocabulary)
        report = Report(server=profile.name, tokenizer=str(tokenizer), skipped=skipped)
        options = Options(deadline_s=deadline_s)
        Replay(
            lambda language: open_guide(index, language, pool, profile.name),
            encoder.encode,
            report,
            options=options,
            step_s=step_s,
            limit=limit,
        ).run(files)
        report.query_ms = list(pool.statistics.latencies_ms)
    return report


def _check_numbers(step_s: float, limit: int | None, deadline_s: float) -> None:
    if step_s < 0:
        raise UsageError(f"got a step of {step_s} s; expected 0 or more")
    if limit is not None and limit < 1:
        raise UsageError(f"got a limit of {limit} sites; expected 1 or more")
    if deadline_s <= 0:
        raise UsageError(f"got a deadline of {deadline_s} s; expected more than 0")


def print_report(report: Report, console: Console) -> None:
    """A table of the figures, and every forbidden name."""
    values = report.as_dict()
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for key in ("server", "tokenizer", "files", "tokens", "dereference_sites"):
        table.add_row(key.replace("_", " "), str(values[key]))
    for count, share in (
        ("constrained_sites", "covered_share"),
        ("allowed_sites", "allowed_share"),
    ):
        table.add_row(count.replace("_", " "), f"{values[count]}  {_percent(values[share])}")
    table.add_row("fail-open", ", ".join(f"{k} {v}" for k, v in values["fail_open"].items()))
    for key in ("unconstrained", "constrained"):
        table.add_row(f"step µs, {key}", _spread(values["step_us"][key]))
    table.add_row("mask µs", _spread(values["mask_us"]))
    table.add_row("query ms", _spread(values["query_ms"]))
    table.add_row("waited s", f"{values['waited_s']} of {values['wall_s']}")
    if values["overhead"] is not None:
        table.add_row("overhead", f"{values['overhead']:.1%} over {values['baseline_s']} s")
    console.print(table)
    for reason in report.skipped:
        console.print(f"skipped: {reason}", markup=False)
    for entry in report.forbidden:
        console.print(
            f"forbidden: {entry.path}:{entry.line}:{entry.column} {entry.name}: {entry.reason}",
            markup=False,
        )


def _percent(share: float | None) -> str:
    return "" if share is None else f"({share:.2%})"


def _spread(values: dict[str, float | None]) -> str:
    return "  ".join(f"{key} {value}" for key, value in values.items())
