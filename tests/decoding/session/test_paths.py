"""Texts of any length: what they hold, and what it costs to follow them."""

import gc
import json
import tracemalloc
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

import pytest

from decoding.engines.vllm.sessions import SessionStore, Text
from decoding.session.guide import Guide
from decoding.session.paths import KEPT, Path
from decoding.session.session import Session
from monitors.dereference import DereferenceMonitor
from monitors.languages.python import PYTHON
from monitors.protocols import Document, Query
from tests.analysts import Known, facts
from tests.decoding.engines.vllm.fakes import argument, ids_of, index, scripted_store

CALL = "    order.total(order.items)\n"
LONG = "x = 1  # a line\n" * 3_000


class Counted(list[int]):
    """A list that knows how many of its ids were read."""

    read = 0

    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        Counted.read += len(found) if isinstance(key, slice) else 1
        return found


class Forgetful:
    """Answers without holding what it was asked."""

    def ask(self, query: Query) -> Known:
        """Answer at once."""
        return Known(facts("total", "items"))


def session(prefix: str = "") -> Session:
    """A session behind ``prefix``."""
    guide = Guide(index(), PYTHON, DereferenceMonitor(PYTHON), Forgetful())
    return Session(guide, Document("python", "/p/a.py", prefix))


def grow(path: Path, ids: Sequence[int], times: int) -> None:
    """Generate ``ids`` over and over, token by token, with a mask for each."""
    for _ in range(times):
        for token_id in ids:
            path.accept(token_id)
            path.session.step(path.node)


def test_following_a_text_costs_what_is_new() -> None:
    """The number of ids that are read does not grow with the text."""
    path, output = Path(session()), Counted()
    reads = []
    for token_id in ids_of(CALL * 80):
        output.append(token_id)
        before = Counted.read
        path.follow(output)
        reads.append(Counted.read - before)

    assert len(output) > 5 * KEPT
    assert max(reads[-100:]) <= KEPT + 3


def test_a_long_text_begun_again_is_where_it_was() -> None:
    """A request that comes back, and a list that is cut further than one can go back for free."""
    ids = ids_of(CALL * 40 + "    order.to")
    walked, begun, cut = session(), Path(session()), Path(session())
    node = walked.root
    for token_id in ids:
        node = walked.accept(node, token_id)
    begun.follow(ids)
    cut.follow(ids_of(CALL * 90))
    cut.follow(ids)
    rows = [each.step(at).row for each, at in ((walked, node), (begun.session, begun.node))]

    assert rows[0] is not None
    assert (rows[0] == rows[1]).all()
    assert (rows[0] == cut.session.step(cut.node).row).all()


def measured_bytes(make: Any) -> tuple[Any, int]:
    """What ``make`` returns, and the memory that it added."""
    gc.collect()
    tracemalloc.start()
    made = make()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return made, size


def test_a_session_takes_little_memory() -> None:
    """Behind 48 kB, and 4,080 tokens of one byte with an operator every few of them."""
    tokens = [next(i for i in range(index().size) if index().bytes_of(i) == bytes([b]))
              for b in b"order.items(x)\n"]  # fmt: skip
    warm = Path(session(LONG))
    grow(warm, tokens, 3)

    def make() -> Path:
        path = Path(warm.session)
        grow(path, tokens, 272)
        return path

    path, size = measured_bytes(make)

    assert len(path) == 4_080
    assert size < 1_000_000


def soak(store: SessionStore, root: FilePath, requests: range) -> None:
    """Requests come, write something, and end."""
    for number in requests:
        text = argument(root, f"# {number}\n" + LONG[:8_000] + "order", tag=str(number))
        request = store.open(text, [number] * 500, 7.0, is_new=True)
        assert request is not None
        guided, output = Text(request), []
        for token_id in ids_of(".total + order.items"):
            output.append(token_id)
            guided.follow(output)
            guided.session.hasten(guided.node)
            guided.session.step(guided.node)
        guided.end()


@pytest.mark.parametrize(
    "requests", [60, pytest.param(5_000, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])]
)
def test_memory_is_flat_however_many_requests_come(
    requests: int, tmp_path: FilePath, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Far more than the store keeps; those that are over are kept small."""
    store, answers = scripted_store(monkeypatch, capacity=40)
    soak(store, tmp_path, range(50))
    answers.scopes.clear(), answers.asked.clear(), answers.tickets.clear()

    def more() -> None:
        for begin in range(50, requests + 50, 20):
            soak(store, tmp_path, range(begin, begin + 20))
            answers.scopes.clear(), answers.asked.clear(), answers.tickets.clear()

    _, growth = measured_bytes(more)

    assert growth < 2_000_000
    assert json.loads(json.dumps(store.statistics().constrained)) == 2 * (requests + 50)
