"""What the tests of the vLLM adapter share: a store whose answers are scripted."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoTokenizer

from decoding.engines.vllm import sessions as vllm_sessions
from decoding.engines.vllm.sessions import SessionStore
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from mgd.models import BUNDLED_MODEL
from tests.analysts import TimedAnswers, facts, members

ANSWER = members({"order": ["total", "items"]}, facts("append", "get"))
PREFIX = "def f(order, x):\n    y = order"


@cache
def tokenizer() -> Any:
    """The bundled tokenizer."""
    return AutoTokenizer.from_pretrained(BUNDLED_MODEL)


@cache
def index() -> TokenIndex:
    """Its tokens."""
    return TokenIndex(Vocabulary.from_tokenizer(tokenizer(), size=len(tokenizer())))


def ids_of(text: str) -> list[int]:
    """Token ids of a text."""
    return list(tokenizer().encode(text, add_special_tokens=False))


def argument(root: Path, prefix: str = PREFIX, **content: Any) -> str:
    """Arguments of a request."""
    given = {"path": "a.py", "workspace": str(root), "prefix": prefix, "prompt_check": False}
    return json.dumps(given | {"deadline_ms": 60_000} | content)


def scripted_store(
    patch: pytest.MonkeyPatch, delay_s: float = 0.0, capacity: int = 8
) -> tuple[SessionStore, TimedAnswers]:
    """A store, and who answers."""
    answers = TimedAnswers(ANSWER, delay_s)
    patch.setattr(vllm_sessions, "open_answers", lambda root, trust: answers)
    return SessionStore(index(), capacity), answers


ORDER = {"total", "items"}
"""What may follow ``order.``, of the names that tests look at."""
OPEN = {"total", "items", "get", "nonsense"}
"""All of these names."""


def names(logits: torch.Tensor) -> set[str]:
    """Which of `OPEN` are open in a row of logits."""
    return {name for name in OPEN if bool(logits[ids_of(name)[0]] > -torch.inf)}
