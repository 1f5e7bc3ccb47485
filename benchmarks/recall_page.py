"""The tables of ``docs/servers.md``, rendered from the recall benchmark's result."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.machine import where
from benchmarks.markdown import Row, code, quantity, table
from benchmarks.missed import cause

_BLOCK = re.compile(r"(<!-- measured[^>]*-->\n).*?(<!-- end of measured -->)", re.DOTALL)
_HEAD = (
    *("server", "language", "sites", "answered", "recall"),
    *("p50 ms", "p90 ms", "p99 ms", "start, s", "RSS, MB"),
)


def write(result: Mapping[str, Any], page: Path) -> None:
    """Put the tables between the page's marks; a page without marks stays as it is."""
    if page.is_file():
        block = render(result)
        text = page.read_text("utf-8")
        page.write_text(_BLOCK.sub(lambda marks: marks[1] + block + marks[2], text), "utf-8")


def render(result: Mapping[str, Any]) -> str:
    """The tables as Markdown."""
    figures = result["figures"]
    parts = [
        where(result["machine"]) + "\n",
        table(_HEAD, _by_server(figures)),
        "Each project, answered / recall:\n",
        *_by_project(figures, result["settings"]["projects"]),
        "Not answered, by reason:\n",
        table(("server, language", *_reasons(figures)), _unanswered(figures)),
        "Missed names:\n",
        table(("server", "where", "source", "cause"), _missed(figures), align="---"),
    ]
    return "\n".join(["", *parts, ""])


def _by_server(figures: Mapping[str, Any]) -> Iterable[Row]:
    for values in figures.values():
        yield (
            f"{values['server']} {values['version']}",
            values["language"],
            values["sites"],
            *_shares(values),
            *values["latency_ms"].values(),
            values["start_s"],
            values["rss_mb"],
        )


def _shares(values: Mapping[str, Any]) -> tuple[str, str]:
    return quantity(values["answered_share"], "share"), quantity(values["recall"], "share")


def _by_project(figures: Mapping[str, Any], versions: Mapping[str, str]) -> Iterable[str]:
    """One table for each language: projects by servers."""
    for language in dict.fromkeys(values["language"] for values in figures.values()):
        every = [values for values in figures.values() if values["language"] == language]
        rows = [
            (
                f"{name} {versions[f'{language}: {name}']}",
                *(" / ".join(_shares(values["projects"][name])) for values in every),
            )
            for name in every[0]["projects"]
        ]
        yield table((language, *(values["server"] for values in every)), rows)


def _reasons(figures: Mapping[str, Any]) -> list[str]:
    return sorted({reason for values in figures.values() for reason in values["unanswered"]})


def _unanswered(figures: Mapping[str, Any]) -> Iterable[Row]:
    for name, values in figures.items():
        yield (name, *(values["unanswered"].get(reason, 0) for reason in _reasons(figures)))


def _missed(figures: Mapping[str, Any]) -> Iterable[Row]:
    """Names that several servers miss are one line."""
    servers: dict[tuple[str, str, str], list[str]] = {}
    for values in figures.values():
        for miss in values["misses"]:
            why = cause(miss["project"], miss["path"], miss["name"]) or miss["cause"]
            place = f"{miss['path'].rpartition('/')[2]}:{miss['line']}"
            row = (f"{miss['project']}, {code(place)}", code(miss["source"][:80]), why)
            servers.setdefault(row, []).append(values["server"])
    for row, names in servers.items():
        yield (", ".join(names), *row)
