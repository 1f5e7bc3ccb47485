"""Bits per byte: every token is scored once, and the sum is right."""

from __future__ import annotations

from collections import defaultdict
from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from training.evaluate import Score, score_windows, windows


@pytest.mark.parametrize("length", [2, 9, 10, 11, 25, 100])
@pytest.mark.parametrize("stride", [1, 4, 10])
def test_each_token_is_scored_once(length: int, stride: int) -> None:
    """With overlap, all but the first token of a file, in order."""
    tokens = list(range(length))
    scored: list[int] = []
    for window in windows("g", tokens, 10, stride):
        assert len(window.tokens) <= 10
        scored += window.tokens[window.first_scored :]
    if stride < 10:
        assert scored == tokens[1:]
    else:  # without overlap a window's first token has nothing before it
        assert set(scored) <= set(tokens[1:])


class Uniform:
    """A model that finds all of eight tokens equally likely."""

    def __call__(self, input_ids: Tensor, use_cache: bool) -> SimpleNamespace:
        """Equal logits."""
        return SimpleNamespace(logits=torch.zeros(*input_ids.shape, 8))


def test_uniform_model_needs_three_bits_a_token() -> None:
    """Three bits a token, in each group."""
    scores: dict[str, Score] = defaultdict(Score)
    cut = [*windows("a", [1] * 33, 10, 5), *windows("b", [2] * 4, 10, 5)]
    score_windows(Uniform(), cut, scores, rows=3, device="cpu")
    assert scores["a"].tokens == 32
    assert scores["a"].bits == pytest.approx(96)
    assert scores["b"].bits == pytest.approx(9)
