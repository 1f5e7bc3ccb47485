"""Bits per byte of an exported model on held-out packages."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from transformers import AutoModelForCausalLM

from training.corpus import is_source_like, read_documents
from training.tokenizer import END, load, token_id


@dataclass(frozen=True)
class Window:
    """A stretch of a file: its tokens, and from which of them on the loss counts."""

    group: str
    tokens: list[int]
    first_scored: int


@dataclass
class Score:
    """Bytes of text and bits the model needs for them."""

    size: int = 0
    tokens: int = 0
    bits: float = 0.0

    @property
    def bits_per_byte(self) -> float:
        """Bits per byte of UTF-8 text."""
        return self.bits / self.size


def windows(group: str, tokens: list[int], context: int, stride: int) -> Iterator[Window]:
    """Cut a file into overlapping windows that together score each token but the first once."""
    scored = 1
    start = 0
    while scored < len(tokens):
        part = tokens[start : start + context]
        yield Window(group, part, scored - start)
        scored = start + len(part)
        start += stride


def _losses(model: Any, batch: list[Window], device: str) -> Tensor:
    longest = max(len(w.tokens) for w in batch)
    # Padding on the right: causal attention keeps it from the tokens that count.
    rows = torch.tensor([w.tokens + [0] * (longest - len(w.tokens)) for w in batch], device=device)
    logits = model(input_ids=rows[:, :-1], use_cache=False).logits.float()
    losses = functional.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten(), reduction="none")
    return losses.view(len(batch), longest - 1)


def score_windows(
    model: Any, cut: Iterable[Window], scores: dict[str, Score], rows: int, device: str
) -> None:
    """Add the bits of windows to the scores of their groups, ``rows`` windows at a time."""
    source = iter(cut)
    while batch := list(islice(source, rows)):
        losses = _losses(model, batch, device)
        for window, loss in zip(batch, losses, strict=True):
            counted = loss[window.first_scored - 1 : len(window.tokens) - 1]
            scores[window.group].bits += counted.double().sum().item() / math.log(2)
            scores[window.group].tokens += len(counted)


def _file_windows(
    files: Iterable[tuple[str, str]], tokenizer: Tokenizer, context: int, stride: int
) -> Iterator[Window]:
    end = token_id(tokenizer, END)
    for group, text in files:
        yield from windows(group, [end, *tokenizer.encode(text).ids], context, stride)


@torch.inference_mode()
def evaluate(
    model_folder: Path, held_out: Path, stride: int, device: str = "cpu", rows: int = 4
) -> dict[str, Score]:
    """Score every held-out file from its start; the keys are packages and ``total``.

    Windows are of the model's context; ``written`` leaves out files that are tables of data
    (judged as the training corpus is), which are in ``total`` and in their packages.
    """
    model: Any = AutoModelForCausalLM.from_pretrained(str(model_folder), dtype=torch.float32)
    model = model.to(device).eval()
    context = model.config.max_position_embeddings
    groups: list[tuple[str, str]] = []
    scores: dict[str, Score] = defaultdict(Score)
    for package, text in read_documents(held_out):
        kind = "written" if is_source_like(text) or len(text) < 200 else "tables"
        groups.append((f"{package}/{kind}", text))
        scores[f"{package}/{kind}"].size += len(text.encode())
    # Files of like length side by side waste less padding; the sum does not depend on order.
    groups.sort(key=lambda item: len(item[1]))
    cut = _file_windows(groups, load(model_folder), context, stride)
    score_windows(model, cut, scores, rows, device)
    return _totals(scores)


def _totals(scores: dict[str, Score]) -> dict[str, Score]:
    result: dict[str, Score] = defaultdict(Score)
    for group, score in sorted(scores.items()):
        package, kind = group.split("/")
        for key in (package, kind, "total"):
            result[key].size += score.size
            result[key].tokens += score.tokens
            result[key].bits += score.bits
    return dict(result)
