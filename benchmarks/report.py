"""``docs/benchmarks.md`` and the tables of ``docs/servers.md``, rendered from the result files."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import recall_page, results
from benchmarks.machine import where
from benchmarks.markdown import Row, code, quantity, table
from benchmarks.prose import ABOUT, HEAD, PARTS

FILE = Path(__file__).parents[1] / "docs" / "benchmarks.md"
Result = Mapping[str, Any]


def write(folder: Path = results.FOLDER, file: Path = FILE) -> None:
    """Render the report from the result files in ``folder``, and ``servers.md`` beside it."""
    found = results.load(folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(render(found), "utf-8")
    if "recall" in found:
        recall_page.write(found["recall"], file.with_name("servers.md"))


def render(found: Mapping[str, Result]) -> str:
    """The page. Benchmarks without a result file are left out."""
    sections = [_section(name, found[name]) for name in ABOUT if name in found]
    return "\n".join([HEAD, *sections])


def cells(check: Mapping[str, Any]) -> tuple[str, str, str]:
    """Figure, target and verdict of a check, as text."""
    sign = "≥" if check["at_least"] else "≤"
    target = quantity(check["target"], check["unit"])
    measured = quantity(check["measured"], check["unit"])
    return measured, f"{sign} {target}", "met" if check["met"] else "not met"


def _emphasised(measured: str, target: str, verdict: str) -> tuple[str, str, str]:
    return measured, target, verdict if verdict == "met" else f"**{verdict}**"


def _section(name: str, result: Result) -> str:
    checks = [(check["what"], *_emphasised(*cells(check))) for check in result["checks"]]
    parts = [
        f"## {name.capitalize()}\n",
        ABOUT[name] + "\n",
        where(result["machine"]) + "\n",
        table(("figure", "measured", "target", "met"), checks),
        *_DETAILS[name](result),
    ]
    return "\n".join(parts)


def _replay(result: Result) -> Iterable[str]:
    settings, figures = result["settings"], result["figures"]
    yield (
        f"Vocabulary: {settings['vocabulary']}; at most {settings['sites_per_package']} sites of a "
        f"package and {settings['sites_per_file']} of a file.\n"
    )
    yield table(("", *figures), _by_server(figures))
    yield "Parameters annotated; sites constrained / of these the true token allowed:\n"
    yield table(("package", "annotated", *figures), _by_package(settings, figures))
    for server, values in figures.items():
        yield from _forbidden(server, values)


def _by_server(figures: Mapping[str, Any]) -> Iterable[Row]:
    every = figures.values()
    for key, label in (
        ("files", "files"),
        ("tokens", "tokens"),
        ("dereference_sites", "sites"),
        ("constrained_sites", "constrained"),
        ("allowed_sites", "allowed"),
        ("silenced", "forbidden where the author silenced a type checker"),
    ):
        yield (label, *(values[key] for values in every))
    without = [quantity(values["allowed_share_unless_silenced"], "share") for values in every]
    yield ("allowed, such lines left out", *without)
    for reason in dict.fromkeys(key for values in every for key in values["fail_open"]):
        counts = [values["fail_open"].get(reason, 0) for values in every]
        yield (f"unconstrained: {reason}", *counts)
    for key in ("p50", "p90", "p99"):
        yield (f"query, {key}, ms", *(values["query_ms"][key] for values in every))


def _by_package(settings: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterable[Row]:
    for package, version in settings["packages"].items():
        rows = [values["packages"][package] for values in figures.values()]
        yield (
            f"{package} {version}",
            quantity(settings["annotated_share"][package], "share"),
            *(
                f"{quantity(row['covered_share'], 'share')} / "
                f"{quantity(row['allowed_share'], 'share')}"
                for row in rows
            ),
        )


def _forbidden(server: str, values: Mapping[str, Any]) -> Iterable[str]:
    forbidden = values["forbidden"]
    if not forbidden:
        return
    yield f"### Forbidden with {server}\n"
    counts = Counter(entry["cause"] for entry in forbidden)
    yield "\n".join(f"- {count} × {cause}" for cause, count in counts.most_common()) + "\n"
    yield "<details><summary>Every one of them</summary>\n"
    rows = [
        (code(f"{entry['path']}:{entry['line']}"), code(entry["source"][:100]), entry["cause"])
        for entry in forbidden
    ]
    yield table(("where", "source", "cause"), rows, align="---")
    yield "</details>\n"


def _soundness(result: Result) -> Iterable[str]:
    settings, figures = result["settings"], result["figures"]
    yield (
        f"Server: {settings['server']}; {settings['texts_per_package']} texts of "
        f"{settings['tokens_per_text']} tokens for each of {len(settings['packages'])} packages.\n"
    )
    keys = ("texts", "tokens", "triggers", "judged")
    rows = [
        (
            name,
            *(values[key] for key in keys),
            len(values["violations"]),
            _counts(values["fail_open"]),
        )
        for name, values in figures.items()
    ]
    head = ("vocabulary, policy", "texts", "tokens", "dots", "judged", "invented", "unconstrained")
    yield table(head, rows)
    violations = [entry for values in figures.values() for entry in values["violations"]]
    for entry in violations:
        yield f"- `{entry['path']}:{entry['line']}`: {entry['name']!r} in {entry['text']!r}\n"


def _steps(result: Result) -> Iterable[str]:
    rows = [
        (f"{name}: {kind}", values["steps"], *values["us"].values())
        for name, kinds in result["figures"].items()
        for kind, values in kinds.items()
    ]
    yield f"{result['settings']['files']} files; microseconds.\n"
    yield table(("", "steps", "median", "p90", "p99", "max"), rows)


def _lists(result: Result) -> Iterable[str]:
    rows = [(name, values["items"], values["ms"]) for name, values in result["figures"].items()]
    yield f"Read as those of {result['settings']['server']}.\n"
    yield table(("items are", "items", "median, ms"), rows)


def _masks(result: Result) -> Iterable[str]:
    keys = ("entries", "build_s", "load_s", "fresh_ms", "repeated_ms")
    rows = [(name, *(values[key] for key in keys)) for name, values in result["figures"].items()]
    head = ("vocabulary", "entries", "build, s", "from cache, s", "400 names, ms", "again, ms")
    yield table(head, rows)


def _overhead(result: Result) -> Iterable[str]:
    settings, figures = result["settings"], result["figures"]
    files = ", ".join(settings["files"])
    yield f"Server: {settings['server']}; steps of {settings['step_ms']:g} ms; {files}.\n"
    every = figures.values()
    rows: list[Row] = [
        ("overhead", *(quantity(values["overhead"], "share") for values in every)),
        *((label, *(values[label] for values in every)) for label in ("tokens", "sites")),
        ("queries", *(values["queries"] for values in every)),
        ("query, median, ms", *(values["query_ms"]["p50"] for values in every)),
        *((label, *_seconds(every, key)) for key, label in PARTS.items()),
    ]
    yield table(("", *figures), rows)


def _seconds(every: Iterable[Mapping[str, Any]], key: str) -> Iterable[str]:
    for values in every:
        seconds = values["seconds"][key]
        yield f"{seconds:.2f} s ({100 * seconds / values['baseline_s']:.2f} %)"


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{key} {count}" for key, count in counts.items()) or "–"


def _recall(result: Result) -> Iterable[str]:
    yield "Every server, project and missed name: [language servers](servers.md#measured).\n"


_DETAILS: Mapping[str, Callable[[Result], Iterable[str]]] = {
    "recall": _recall,
    "replay": _replay,
    "soundness": _soundness,
    "steps": _steps,
    "lists": _lists,
    "masks": _masks,
    "overhead": _overhead,
}
