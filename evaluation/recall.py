"""Recall of language servers: how often a server's list holds the name that the author wrote.

Every question is put as generation would put it: the document ends right behind the dereference
operator, as if the name were still to be written.
"""

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil  # type: ignore[import-untyped]  # ships no types

from decoding.prompt.workspace import language_of, read_text
from evaluation.sites import SITE_LANGUAGES, DereferenceSite, dereference_sites
from lsp_bridge import ServerPool
from monitors.languages.registry import LANGUAGES
from monitors.protocols import Answer, Document, Members, Query, QueryKind, Reason, reason_of

_START_TIMEOUT_S = 120.0
_WEIGHED_EVERY = 25
_LINE_END = re.compile(r"[\r\n]|\Z")
_GONE = frozenset({Reason.NOT_STARTED, Reason.CRASHED})


class SuffixFrom(StrEnum):
    """Where the text behind the cursor begins."""

    NAME = "name"
    """Behind the name: the rest of the line is there, as when a name is replaced in an editor."""
    LINE = "line"
    """Behind the line: nothing that follows the name has been written yet."""


class Place(NamedTuple):
    """A dereference site in a file."""

    path: Path
    language: str
    site: DereferenceSite

    def query(self, text: str, suffix_from: SuffixFrom = SuffixFrom.NAME) -> Query:
        """What generation would ask at this place of ``text``, the file's content."""
        begin = self.site.name_end
        if suffix_from is SuffixFrom.LINE:
            begin = _line_end(text, begin)
        prefix = text[: self.site.operator_end]
        document = Document(self.language, str(self.path.resolve()), prefix, text[begin:])
        return Query(QueryKind.MEMBERS, document)


def _line_end(text: str, offset: int) -> int:
    found = _LINE_END.search(text, offset)
    return len(text) if found is None else found.start()


def places(files: Iterable[Path]) -> Iterator[Place]:
    """Every dereference site of ``files``; files in languages without a grammar have none."""
    for path in files:
        text = read_text(path)
        language = language_of(path, text)
        if language in SITE_LANGUAGES:
            for site in dereference_sites(text, language):
                yield Place(path, language, site)


@dataclass(frozen=True, slots=True)
class Miss:
    """A written name that a closed list does not hold."""

    path: str
    line: int
    column: int
    name: str
    cause: str


@dataclass(slots=True)
class Recall:
    """Figures of one server on one language; `as_dict` gives the published keys."""

    server: str
    version: str
    language: str
    sites: int = 0
    unanswered: Counter[str] = field(default_factory=Counter)
    misses: list[Miss] = field(default_factory=list)
    latency_ms: list[float] = field(default_factory=list)
    """Of answers and refusals alike, each asked for the first time, with an idle server."""
    start_s: float | None = None
    """From the start of the server to its first closed list; of several workspaces the slowest."""
    rss_bytes: int = 0
    """Most resident memory that the server and its child processes were seen to hold."""

    @property
    def answered(self) -> int:
        """Sites with a closed list."""
        return self.sites - self.unanswered.total()

    @property
    def recall(self) -> float | None:
        """Of the answered sites, those whose list holds the name; None if none was answered."""
        return _share(self.answered - len(self.misses), self.answered)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON. Shares are None where there was nothing to share."""
        return {
            "server": self.server,
            "version": self.version,
            "language": self.language,
            "sites": self.sites,
            "answered_share": _share(self.answered, self.sites),
            "recall": self.recall,
            "latency_ms": _quantiles(self.latency_ms),
            "start_s": None if self.start_s is None else round(self.start_s, 2),
            "rss_mb": round(self.rss_bytes / 1e6),
            "unanswered": dict(self.unanswered.most_common()),
            "misses": [asdict(miss) for miss in self.misses],
        }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 5) if whole else None


def _quantiles(values: Sequence[float]) -> dict[str, float | None]:
    levels = (50, 90, 99)
    found = np.percentile(values, levels) if values else [None] * len(levels)
    return {
        f"p{level}": None if value is None else round(float(value), 1)
        for level, value in zip(levels, found, strict=True)
    }


def measure(
    pool: ServerPool,
    found: Sequence[Place],
    recall: Recall,
    *,
    deadline_s: float,
    suffix_from: SuffixFrom = SuffixFrom.NAME,
) -> None:
    """Start ``recall.server`` in ``pool``, which is new, ask about every place, and count.

    Until the first closed list has come, ``deadline_s`` is not applied; a server that cannot be
    started at all costs its sites, not the run.
    """
    recall.sites += len(found)
    began_s = time.perf_counter()
    started = False
    _start(pool, found, recall.server)
    for index, (place, query) in enumerate(_queries(found, suffix_from)):
        asked_s = time.perf_counter()
        handle = pool.ask(query, server=recall.server)
        answer = pool.wait(handle, deadline_s if started else _START_TIMEOUT_S)
        now_s = time.perf_counter()
        _count(recall, place, answer)
        if started:
            recall.latency_ms.append(1000 * (now_s - asked_s))
        elif isinstance(answer, Members):
            recall.start_s = max(recall.start_s or 0.0, now_s - began_s)
            started = True
        elif (reason := reason_of(answer)) in _GONE:
            recall.unanswered[reason] += len(found) - index - 1
            break
        if index % _WEIGHED_EVERY == 0:
            _weigh(pool, recall)
    _weigh(pool, recall)


def _start(pool: ServerPool, found: Sequence[Place], server: str) -> None:
    if found:
        with suppress(FutureTimeoutError):
            pool.start(found[0].language, server=server).result(_START_TIMEOUT_S)


def _queries(found: Sequence[Place], suffix_from: SuffixFrom) -> Iterator[tuple[Place, Query]]:
    for path, group in groupby(found, key=lambda place: place.path):
        text = read_text(path)
        for place in group:
            yield place, place.query(text, suffix_from)


def _count(recall: Recall, place: Place, answer: Answer) -> None:
    if not isinstance(answer, Members):
        recall.unanswered[reason_of(answer)] += 1
        return
    names = {name.text for name in answer.names}
    if not _allowed(place, names):
        site = place.site
        cause = f"not listed ({len(names)} {'name' if len(names) == 1 else 'names'})"
        miss = Miss(str(place.path), site.line, site.column, site.name, cause)
        recall.misses.append(miss)


def _allowed(place: Place, names: set[str]) -> bool:
    """Whether the written name is listed, or a keyword that may always stand there."""
    name = place.site.name.removeprefix("r#") if place.language == "rust" else place.site.name
    return name in names or name in _keywords(place)


def _keywords(place: Place) -> frozenset[str]:
    language = LANGUAGES.get(place.language)
    operators = () if language is None else language.operators
    words = (each.words for each in operators if each.text == place.site.operator)
    return frozenset().union(*words)


def _weigh(pool: ServerPool, recall: Recall) -> None:
    processes = [each for pid in pool.process_ids for each in _family(pid)]
    recall.rss_bytes = max(recall.rss_bytes, sum(map(_rss_bytes, processes)))


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _rss_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
