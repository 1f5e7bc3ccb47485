"""Record how real code is decoded under the dereference monitor, token by token.

``python -m tests.evaluation.record NAME FILE...`` replays files with the default servers of their
languages and writes ``recorded/NAME.json.gz``: the text, every answer, and at every token the mask,
the tokens that cross an operator, and whether the true one was allowed. A test replays it from the
recorded answers: a change that is meant to move or rename changes none of them.
"""

import gzip
import json
import sys
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks import vocabularies
from decoding.prompt.workspace import find_workspace, language_of
from decoding.session.guide import Guide
from decoding.session.node import Node
from decoding.session.options import Options
from decoding.session.session import Session
from decoding.wiring import monitor_for, open_guide
from evaluation.replay import Replay, Report
from lsp_bridge import ServerPool
from monitors.languages.registry import language_named
from monitors.protocols import Answer, Members, Query, Reason, Unavailable
from tests.analysts import Known, facts

FOLDER = Path(__file__).with_name("recorded")
OPTIONS = Options(deadline_s=60.0)


def key_of(query: Query) -> str:
    """A question by its text, without its path."""
    document = query.document
    text = f"{query.kind}\0{document.prefix}\0{document.suffix}"
    return sha256(text.encode()).hexdigest()[:16]


class Steps(Replay):
    """A replay that remembers each step."""

    steps: list[list[int]]

    def _step(self, session: Session, node: Node, token_id: int) -> tuple[bool, Node]:
        step = session.step(node)
        allowed, following = super()._step(session, node, token_id)
        row = 0 if step.row is None else zlib.crc32(step.row.tobytes())
        crossing = zlib.crc32(step.crossing.tobytes())
        discouraged = zlib.crc32(step.discouraged.tobytes())
        self.steps.append([token_id, allowed, row, crossing, discouraged])
        return allowed, following


@dataclass
class Recorder:
    """An analyst that remembers what another one answered."""

    ask_server: Any
    answers: dict[str, Any]

    def ask(self, query: Query) -> Known:
        """Wait for the answer."""
        answer = self.ask_server.ask(query).result(60.0)
        self.answers[key_of(query)] = _as_data(answer)
        return Known(answer)


class Recorded:
    """An analyst that answers as was recorded."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers = answers

    def ask(self, query: Query) -> Known:
        """The recorded answer; `KeyError` for a question that nobody asked then."""
        answer = self._answers[key_of(query)]
        return Known(
            facts(*answer) if isinstance(answer, list) else Unavailable(Reason(answer["reason"]))
        )


def _as_data(answer: Answer) -> Any:
    if isinstance(answer, Members):
        return [name.text for name in answer.names]
    return {"reason": str(answer.reason)}


def replayed(guide: Guide, path: Path) -> dict[str, Any]:
    """All steps of a file, and what the report counts."""
    vocabulary = vocabularies.load(vocabularies.large())
    report = Report("", vocabulary.name)
    replay = Steps(lambda _: guide, vocabulary.encoder.encode, report, options=OPTIONS)
    replay.steps = []
    replay.run([path])
    counts = report.as_dict()
    kept = ("dereference_sites", "constrained_sites", "allowed_sites", "fail_open", "tokens")
    return {"steps": replay.steps, **{key: counts[key] for key in kept}}


def record(path: Path) -> dict[str, Any]:
    """Everything that is needed to replay a file without a server."""
    text = path.read_text()
    language = language_of(path, text)
    index = vocabularies.load(vocabularies.large()).index
    with ServerPool(find_workspace(path)) as pool:
        guide = open_guide(index, language, pool)
        recorder = Recorder(guide.analyst, {})
        found = replayed(guide.answered_by(recorder), path)
    return {"file": path.name, "text": text, "answers": recorder.answers, **found}


def again(entry: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The same with the recorded answers; the file is written to ``folder``."""
    path = folder / entry["file"]
    path.write_text(entry["text"])
    index = vocabularies.load(vocabularies.large()).index
    name = language_of(path, entry["text"])
    guide = Guide(index, language_named(name), monitor_for(name), Recorded(entry["answers"]))
    return replayed(guide, path)


def main(name: str, files: list[str]) -> None:
    """Record files."""
    entries = [record(Path(file)) for file in files]
    for entry in entries:
        print(*(f"{key}: {entry[key]}" for key in entry if key not in ("text", "answers", "steps")))
    data = json.dumps(entries, ensure_ascii=False).encode()
    (FOLDER / f"{name}.json.gz").write_bytes(gzip.compress(data, mtime=0))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
