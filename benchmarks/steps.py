"""What a step costs where nothing is constrained: one token accepted, the next step asked for.

Real text is replayed through sessions whose queries are answered at once, so that nothing but the
work of monitor, vocabulary and session is measured. The guide has seen the text before.
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks import vocabularies
from benchmarks.packages import PACKAGES, Package, prepare
from benchmarks.results import Check, Outcome, spread
from benchmarks.vocabularies import Loaded
from decoding.prompt.workspace import read_text
from decoding.session.guide import Guide
from decoding.session.node import Node, Step
from decoding.session.session import Session
from decoding.wiring import DEFAULT_MONITORS, monitor_for
from monitors.facts import Parameter, ParameterKind, Signature, Signatures
from monitors.languages.registry import language_named
from monitors.protocols import Answer, Document, Members, Name, Query, QueryKind

FILES = 6
"""Files of each package."""
CHUNK = 256
"""Tokens that one session generates; the text before them is the prompt."""
LARGE = 100_000
MEDIAN_US = 15.0
P99_US = 100.0
_NAMES = re.compile(r"\.([^\W\d]\w*)")


class Known:
    """A query that is answered already."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def result(self, deadline_s: float) -> Answer:
        """The answer, at once."""
        return self._answer

    def hurry(self, deadline_s: float) -> None:
        """Nothing is left to do."""

    def cancel(self) -> None:
        """Nothing is under way."""


class AtOnce:
    """An analyst that allows, everywhere in a file, what is dereferenced anywhere in it.

    Whatever is called takes any number of arguments, and no names but the first ten letters.
    """

    def __init__(self, texts: Mapping[str, str]) -> None:
        """``texts`` by path."""
        self._answers = {
            path: Members(tuple(map(Name, sorted(set(_NAMES.findall(text))))))
            for path, text in texts.items()
        }

    def ask(self, query: Query) -> Known:
        """The names of the query's file, or a signature."""
        is_call = query.kind is QueryKind.SIGNATURES
        return Known(_CALLED if is_call else self._answers[query.document.path])


_CALLED = Signatures(
    (
        Signature(
            (
                Parameter("rest", ParameterKind.VARIADIC, True),
                *(Parameter(name, ParameterKind.KEYWORD_ONLY, True) for name in "abcdefghij"),
            )
        ),
    )
)


class Chunk(NamedTuple):
    """A prompt and the tokens that follow it."""

    document: Document
    ids: list[int]


class Times(NamedTuple):
    """Microseconds of steps."""

    unconstrained: list[float]
    constrained: list[float]
    """The step is masked, or the monitor was answered."""
    judged: list[float]
    """The accepted token crosses a live operator, and is judged."""


def run(
    say: Callable[[str], None],
    limit: int | None = None,
    packages: Iterable[Package] = PACKAGES,
) -> Outcome:
    """Measure with the bundled and the large vocabulary; ``limit``: files of each package."""
    count = FILES if limit is None else limit
    files = [file for each in packages for file in prepare(each).files()[:count]]
    figures: dict[str, Any] = {}
    found: list[Check] = []
    for source in (vocabularies.bundled(), vocabularies.large()):
        vocabulary = vocabularies.load(source)
        times = measure(vocabulary, files)
        figures[vocabulary.name] = {
            name: {"steps": len(values), "us": spread(values)}
            for name, values in times._asdict().items()
        }
        say(f"steps: {vocabulary.name}: {len(times.unconstrained)} unconstrained steps")
        if vocabulary.index.size >= LARGE:
            found = checks(times.unconstrained)
    return Outcome({"files": len(files), "tokens_per_session": CHUNK}, figures, found)


def measure(
    vocabulary: Loaded, files: Sequence[Path], names: Iterable[str] = DEFAULT_MONITORS
) -> Times:
    """Times of the second of two passes over ``files``, under the monitors called ``names``."""
    texts = {str(file.resolve()): read_text(file) for file in files}
    language = language_named("python")
    monitor = monitor_for(language.name, names)
    guide = Guide(vocabulary.index, language, monitor, AtOnce(texts))
    chunks = [chunk for path, text in texts.items() for chunk in _chunks(vocabulary, path, text)]
    for chunk in chunks:
        replay(guide, chunk, Times([], [], []))
    times = Times([], [], [])
    for chunk in chunks:
        replay(guide, chunk, times)
    return times


def _chunks(vocabulary: Loaded, path: str, text: str) -> Iterator[Chunk]:
    """The text in pieces of `CHUNK` tokens, each behind everything before it."""
    ids = iter(vocabulary.encoder.encode(text))
    before = b""
    while part := list(islice(ids, CHUNK)):
        prefix = before.decode("utf-8", "ignore")
        yield Chunk(Document("python", path, prefix), part)
        before += b"".join(vocabulary.index.bytes_of(token_id) or b"" for token_id in part)


def replay(guide: Guide, chunk: Chunk, times: Times) -> None:
    """Accept the chunk's tokens one by one and sort the times that it takes into ``times``."""
    session = Session(guide, chunk.document)
    node = session.root
    step = session.step(node)
    for token_id in chunk.ids:
        asked = session.statistics.triggers
        crosses = _holds(step, token_id)
        started = time.perf_counter_ns()
        node, step = advance(session, node, token_id)
        spent_us = (time.perf_counter_ns() - started) / 1000
        if crosses:
            times.judged.append(spent_us)
        elif step.row is not None or session.statistics.triggers > asked:
            times.constrained.append(spent_us)
        else:
            times.unconstrained.append(spent_us)


def advance(session: Session, node: Node, token_id: int) -> tuple[Node, Step]:
    """What is timed: one sampled token."""
    node = session.accept(node, token_id)
    return node, session.step(node)


def _holds(step: Step, token_id: int) -> bool:
    """Whether a token is among those that have to be judged."""
    place = int(np.searchsorted(step.crossing, token_id))
    return place < step.crossing.size and int(step.crossing[place]) == token_id


def checks(unconstrained: Sequence[float]) -> list[Check]:
    """The targets for a large vocabulary."""
    found = spread(unconstrained)
    return [
        Check("unconstrained step at 131k entries, median", found["p50"], MEDIAN_US, "µs"),
        Check("unconstrained step at 131k entries, 99th percentile", found["p99"], P99_US, "µs"),
    ]
