"""The processor for Outlines with a (tiny, random) model of llama.cpp."""

import re
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import outlines
import pytest
from outlines.types import Regex

from decoding.session.guide import Guide
from decoding.session.options import Options
from decoding.wiring import open_silent_guide
from evaluation.audit import audit
from lsp_bridge import ServerPool
from monitors.dereference import DereferenceMonitor
from monitors.errors import UsageError
from monitors.languages.python import PYTHON
from monitors.protocols import Document, Reason
from tests import tokenizers
from tests.analysts import ScriptedAnalyst, facts, members
from tests.fakes import misbehaving
from tests.ggufs import load, written

from decoding.engines.llama_cpp.model import open_index  # isort: skip - skipped where missing
from decoding.engines.outlines import MonitorOutlinesProcessor, open_outlines  # isort: skip

MONITOR = DereferenceMonitor(PYTHON)
ANALYST = ScriptedAnalyst(members({"order": ["total", "items"]}, facts("append", "get")))
PROMPT = "def total(order, x):\n    y = order"
LIKED = (".", " order", "items", "(", ".append", "total", "\n", ".get")
CALL = Regex(r"\.[a-z]{1,8}\(\)")
BACKENDS = ("llguidance", "outlines_core")
# llguidance asks llama-cpp-python by an old name.
pytestmark = pytest.mark.filterwarnings("ignore:llama_token_get_attr:DeprecationWarning")


@cache
def steerable() -> Any:
    """A random model, as Outlines has it."""
    path = written(Path(mkdtemp()) / "random.gguf", tokenizers.byte_level(None))
    return outlines.from_llamacpp(load(path), chat_mode=False)


@cache
def parts_of_characters() -> list[int]:
    """Tokens that may make text invalid; llama-cpp-python leaves that out of what it returns."""
    tokens = open_index(steerable().model).vocabulary.tokens
    return [i for i, token in enumerate(tokens) if token and not token.isascii()]


class _Eager(MonitorOutlinesProcessor):
    """Makes dots and names likely; a ``logit_bias`` would make llama-cpp-python drop processors."""

    def process_logits(self, input_ids: Any, logits: Any) -> Any:
        encoded = [steerable().model.tokenize(each.encode(), add_bos=False) for each in LIKED]
        logits = logits.copy()
        logits[:, [ids[0] for ids in encoded if len(ids) == 1]] += 12
        logits[:, parts_of_characters()] = -np.inf
        return super().process_logits(input_ids, logits)


def processor(prefix: str = PROMPT, **settings: Any) -> MonitorOutlinesProcessor:
    """For one document, its questions answered by the text before the operator."""
    guide = Guide(open_index(steerable().model), PYTHON, MONITOR, ANALYST)
    documents = settings.pop("documents", Document("python", "/p/a.py", prefix))
    return _Eager(steerable(), guide, documents, **settings)


def generated(made: MonitorOutlinesProcessor, seed: int = 0, **settings: Any) -> str:
    """What Outlines generates behind the prompt."""
    settings = {"max_tokens": 60, "temperature": 1.0} | settings
    text: str = outlines.Generator(steerable(), processor=made)(PROMPT, seed=seed, **settings)
    return text


def invented(text: str) -> list[str]:
    """Members in the generated text that do not exist."""
    document = Document("python", "/p/a.py", PROMPT)
    verdicts = audit(MONITOR, PYTHON, ANALYST.look_up, document, text)
    return [verdict.name for verdict in verdicts if not verdict.valid]


def test_alone_it_keeps_to_the_members() -> None:
    """One processor for several generations; without it members are invented."""
    made = processor()
    silent = _Eager(
        steerable(),
        open_silent_guide(open_index(steerable().model), "python"),
        Document("python", "/p/a.py", PROMPT),
    )
    constrained = 0
    for seed in range(6):
        assert invented(generated(made, seed, top_k=0)) == []
        constrained += made.statistics[0].constrained
    free = [generated(silent, seed, top_k=0) for seed in range(6)]

    assert constrained > 0
    assert any(invented(text) for text in free)


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_output_type_and_the_members_hold_together(backend: str) -> None:
    """Through either back-end."""
    made = processor(output_type=CALL, backend=backend)
    for seed in range(3):
        assert re.fullmatch(r"\.(total|items)\(\)", generated(made, seed))
    assert not made.statistics[0].fail_open


@pytest.mark.parametrize("backend", BACKENDS)
def test_where_nothing_fits_both_the_output_type_wins(backend: str) -> None:
    """And it is counted."""
    made = processor(output_type=Regex(r"\.nonsense\(\)"), backend=backend)

    assert generated(made) == ".nonsense()"
    assert made.statistics[0].fail_open[Reason.EMPTY_MASK] > 0


def test_several_documents_are_refused() -> None:
    """llama.cpp takes one prompt at a time."""
    with pytest.raises(UsageError, match=r"got 2 documents; llama\.cpp takes one"):
        processor(documents=[Document("python", "/p/a.py", PROMPT)] * 2)


def test_a_pool_answers(tmp_path: Path) -> None:
    """The scripted server lists the words of the first line, and ``open_1``."""
    prompt = "# append total\nx = y"
    with ServerPool(tmp_path, profiles={"fake": misbehaving("none")}) as pool:
        place = Document("python", str(tmp_path / "a.py"), prompt)
        options = Options(deadline_s=20.0)
        with open_outlines(steerable(), place, pool, output_type=CALL, options=options) as made:
            text = outlines.Generator(steerable(), processor=made)(prompt, max_tokens=20)

    assert re.fullmatch(r"\.(append|total)\(\)", text)
