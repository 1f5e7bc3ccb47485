"""``docs/benchmarks.md`` and the tables of ``docs/servers.md``, rendered from the result files."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import recall_page, results
from benchmarks.machine import where
from benchmarks.markdown import Row, code, quantity, table
from benchmarks.prose import ABOUT, HEAD, HEADINGS, PARTS

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
    heading = HEADINGS.get(name, name.capitalize())
    parts = [f"## {heading}\n", ABOUT[name] + "\n", where(result["machine"]) + "\n"]
    if checks:
        parts.append(table(("figure", "measured", "target", "met"), checks))
    parts += _DETAILS[name](result)
    return "\n".join(parts)


def _replay(result: Result) -> Iterable[str]:
    settings, figures = result["settings"], result["figures"]
    yield (
        f"Vocabulary: {settings['vocabulary']}; at most {settings['sites_per_package']} sites of a "
        f"package{_of_a_file(settings)}.\n"
    )
    yield table(("", *figures), _by_server(figures))
    yield "Parameters annotated; sites constrained / of these the true token allowed:\n"
    yield table(("package", "annotated", *figures), _by_package(settings, figures))
    for server, values in figures.items():
        yield from _forbidden(server, values)


def _of_a_file(settings: Mapping[str, Any]) -> str:
    """Results from before samples were spread over all files say how many sites a file had."""
    most = settings.get("sites_per_file")
    return ", from everywhere in its files" if most is None else f" and {most} of a file"


def _by_server(figures: Mapping[str, Any]) -> Iterable[Row]:
    every = figures.values()
    for key, label in (
        ("files", "files"),
        ("tokens", "tokens"),
        ("refused_tokens", "of these refused"),
        ("dereference_sites", "sites"),
        ("constrained_sites", "constrained"),
        ("allowed_sites", "allowed"),
        ("silenced", "forbidden where the author silenced a type checker"),
    ):
        # Results from before refused tokens were counted lack them.
        yield (label, *(values.get(key, "–") for values in every))
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


def _monitors(result: Result) -> Iterable[str]:
    figures = result["figures"]
    rows = [
        (
            what,
            values["sites"],
            quantity(values["covered_share"], "share"),
            quantity(values["allowed_share"], "share"),
            len(values["forbidden"]),
        )
        for what, values in figures["replay"].items()
    ]
    yield table(("monitor, language", "points", "constrained", "of these allowed", "refused"), rows)
    times = [
        (name, *(each["unconstrained_us"][key] for key in ("p50", "p99")), each["mean_us"])
        for name, each in figures["steps"].items()
    ]
    yield table(("step under", "unconstrained, p50, µs", "p99, µs", "mean of all, µs"), times)
    for what, values in figures["replay"].items():
        if values["forbidden"]:
            yield f"What {what} refused of true text:\n"
            keys = ("project", "file", "line", "name")
            entries = [[code(str(entry[key])) for key in keys] for entry in values["forbidden"]]
            yield table(keys, entries)


def _languages(result: Result) -> Iterable[str]:
    settings, figures = result["settings"], result["figures"]
    yield (
        f"Vocabulary: {settings['vocabulary']}; at most {settings['sites_per_project']} sites of a "
        "project, from everywhere in its files.\n"
    )
    counts = ("files", "tokens", "refused", "tokens allowed")
    head = ("server, language: project", *counts, "sites", "constrained", "of these allowed")
    yield table(head, _by_project(settings, figures))
    for what, values in figures.items():
        yield from _refused(what, values["forbidden"])


def _by_project(settings: Mapping[str, Any], figures: Mapping[str, Any]) -> Iterable[Row]:
    for what, values in figures.items():
        for project, row in values["projects"].items():
            counts = (row["files"], row["tokens"], row["refused_tokens"])
            yield (
                f"{what}: {project} {settings['projects'][project]}",
                *counts,
                quantity(row["allowed_token_share"], "share"),
                row["sites"],
                quantity(row["covered_share"], "share"),
                quantity(row["allowed_share"], "share"),
            )


def _refused(what: str, entries: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    if not entries:
        return
    yield f"<details><summary>Refused with {what}: {len(entries)}</summary>\n"
    rows = [
        (
            entry["project"],
            code(f"{entry['path']}:{entry['line']}"),
            code(entry["source"][:100]),
            code(entry["name"]),
            entry["reason"],
        )
        for entry in entries
    ]
    yield table(("project", "where", "source", "name", "reason"), rows, align="---")
    yield "</details>\n"


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


def _vllm(result: Result) -> Iterable[str]:
    settings, figures = result["settings"], result["figures"]
    yield (
        f"vLLM {settings['vllm']}; server: {settings['server']}; {settings['tokens']} tokens "
        f"behind prompts of at most {settings['prompt_tokens']}, from {settings['package']}; "
        f"steps {settings['step_ms']:g} ms longer; deadline {settings['deadline_ms']:g} ms.\n"
    )
    yield table(("", *figures), _vllm_rows(figures.values()))


def _vllm_rows(every: Collection[Mapping[str, Any]]) -> Iterable[Row]:
    yield ("rounds", *(len(values["rounds"]) for values in every))
    for kind in ("unguided", "guided"):
        yield (f"{kind}, tokens per second", *(values["tokens_per_s"][kind] for values in every))
    for key, label in (
        ("ratio", "guided throughput, of unguided"),
        ("ratio_median", "the same, median over rounds"),
        ("ratio_again", "the same once more, all answers known"),
        ("own_share", "own, wall time"),
        ("own_share_median", "the same, median over rounds"),
        ("processor_share", "own, processor time"),
        ("waiting_share", "waiting for answers"),
        ("rest_share", "the model and vLLM being slower than unguided"),
        ("hidden_share", "hidden, of answering"),
    ):
        yield (label, *(quantity(values[key], "share") for values in every))
    yield ("own, wall time, ms per step", *(values["own_ms_per_step"] for values in every))
    for point in ("p50", "p90", "p99"):
        yield (f"wait per query, {point}, ms", *(values["wait_ms"][point] for values in every))
    for point in ("p50", "p99"):
        yield (f"answer, {point}, ms", *(values["answer_ms"][point] for values in every))
    yield ("queries waited for", *(values["queries"] for values in every))
    yield ("queries asked", *(values["bridge"]["bridge_queries"] for values in every))
    yield (
        "of these answered from memory or a cache",
        *(
            values["bridge"]["bridge_remembered"] + values["bridge"]["server_cache_hits"]
            for values in every
        ),
    )
    for key, label in (
        ("triggers", "points at which the monitor asked"),
        ("constrained", "constrained"),
        ("crossing_judged", "crossing tokens judged"),
    ):
        yield (label, *(values["processor"][key] for values in every))
    yield from _unconstrained([values["processor"] for values in every])


def _unconstrained(every: Sequence[Mapping[str, int]]) -> Iterable[Row]:
    names = dict.fromkeys(
        name for counts in every for name in counts if name.startswith("unconstrained: ")
    )
    for name in names:
        counts = [values.get(name, 0) for values in every]
        if any(counts):
            yield (name, *counts)


def _endpoint(result: Result) -> Iterable[str]:
    settings, figures = result["settings"], result["figures"]
    yield (
        f"Server: {settings['server']}; {settings['places']} places of {settings['package']}; at "
        f"most {settings['tokens']} tokens each, temperature {settings['temperature']:g}.\n"
    )
    keys = ("tokens", "requests", "resamples", "dropped", "fallbacks", "constrained")
    rows = [
        (
            name,
            *(values[key] for key in keys),
            values["tokens_per_s"],
            quantity(values["waited_s"], "s"),
            f"{values['wall_ratio']:.2f}",
        )
        for name, values in figures.items()
    ]
    yield table(("", *keys, "tokens per second", "waited", "time, of unguided"), rows)


_DETAILS: Mapping[str, Callable[[Result], Iterable[str]]] = {
    "recall": _recall,
    "replay": _replay,
    "monitors": _monitors,
    "replay-languages": _languages,
    "soundness": _soundness,
    "steps": _steps,
    "lists": _lists,
    "masks": _masks,
    "overhead": _overhead,
    "vllm": _vllm,
    "vllm-step": _vllm,
    "endpoint": _endpoint,
}
