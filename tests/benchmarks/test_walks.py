"""Random text keeps to the masks, and is judged by the audit."""

from functools import cache

import numpy as np
import pytest

from benchmarks.places import Place
from benchmarks.steps import AtOnce, Chunk, Times, replay
from benchmarks.walks import Walker, masked
from decoding.session.guide import Guide
from decoding.session.options import CrossingPolicy, Options
from decoding.session.session import Session
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from evaluation.audit import audit
from monitors.dereference import DereferenceMonitor
from monitors.languages.python import PYTHON
from monitors.protocols import Document
from tests.analysts import ScriptedAnalyst, facts
from tests.tokenizers import byte_level

MONITOR = DereferenceMonitor(PYTHON)
DOCUMENT = Document("python", "/p/app.py", "def f(order):\n    ", "\n")
PLACE = Place(DOCUMENT, 2, "    ", ("order",))
TOKENIZER = byte_level()


@cache
def index() -> TokenIndex:
    """A small byte-level vocabulary."""
    return TokenIndex(Vocabulary.from_tokenizer(TOKENIZER))


def encode(text: str) -> list[int]:
    """Text to ids."""
    return list(TOKENIZER.encode(text).ids)


@pytest.mark.parametrize("policy", CrossingPolicy)
def test_walks_dereference_and_invent_nothing(policy: CrossingPolicy) -> None:
    """Many dots, and behind each of them a member."""
    analyst = ScriptedAnalyst(facts("append", "total_price", "items"))
    guide = Guide(index(), PYTHON, MONITOR, analyst)
    walker = Walker(index(), encode, "seed")
    verdicts = []
    for _ in range(20):
        session = Session(guide, DOCUMENT, options=Options(crossing=policy))
        text = walker.walk(session, PLACE, 24)
        verdicts += audit(MONITOR, PYTHON, analyst.look_up, DOCUMENT, text)

    assert len(verdicts) >= 20
    assert [verdict for verdict in verdicts if not verdict.valid] == []


def test_walks_of_one_seed_are_equal() -> None:
    """A violation can be looked at again."""

    def text() -> str:
        guide = Guide(index(), PYTHON, MONITOR, ScriptedAnalyst(facts("items")))
        return Walker(index(), encode, "seed").walk(Session(guide, DOCUMENT), PLACE, 30)

    assert text() == text()


def test_masked_logits_keep_what_is_open_and_change_nothing_else() -> None:
    """The argument is left alone."""
    guide = Guide(index(), PYTHON, MONITOR, ScriptedAnalyst(facts("items")))
    session = Session(guide, Document("python", "/p/app.py", "x = order."))
    logits = np.arange(index().size, dtype=np.float32)
    left = masked(session, session.root, logits)
    open_ids = np.flatnonzero(np.isfinite(left))

    assert 0 < len(open_ids) < index().size
    assert (left[open_ids] == logits[open_ids]).all()
    assert (logits == np.arange(index().size)).all()


def test_steps_are_sorted_by_what_they_do() -> None:
    """Plain text is unconstrained; a name behind a lone dot is not."""
    guide = Guide(index(), PYTHON, MONITOR, AtOnce({"/p/app.py": "order.items.append"}))
    times = Times([], [], [])
    replay(guide, Chunk(Document("python", "/p/app.py", "x = order"), encode(" + 1\n")), times)
    assert times.unconstrained
    assert not times.constrained + times.judged

    [dot] = encode(".")
    replay(guide, Chunk(Document("python", "/p/app.py", "x = order"), [dot]), times)
    assert len(times.constrained) == 1
