"""The schedule, and a whole run in miniature with its resumption."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.data import encode_corpus
from training.tokenizer import save, train
from training.train import Run, Settings, learning_rate_factor, row_length

TEXTS = [f"def f_{n}(value):\n    return value + {n}\n" * 20 for n in range(10)]


def test_learning_rate_rises_stays_and_falls() -> None:
    """Linearly up, flat, linearly down."""
    settings = Settings(warmup=0.1, decay=0.4)
    factors = [learning_rate_factor(p, settings) for p in (0.0, 0.05, 0.1, 0.5, 0.8, 1.0, 1.1)]
    assert factors == pytest.approx([0, 0.5, 1, 1, 0.5, 0, 0])


def test_rows_lengthen() -> None:
    """At the share of the run where it is said."""
    settings = Settings(lengths=((0.0, 8), (0.5, 16)))
    assert [row_length(p, settings) for p in (0.0, 0.49, 0.5, 1.0)] == [8, 8, 16, 16]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of two seconds, nothing compiled."""
    tokenizer = train(TEXTS, vocabulary=300)
    save(tokenizer, tmp_path / "model", 64)
    encode_corpus(TEXTS, tokenizer, tmp_path)
    settings = Settings(
        minutes=0.03,
        hidden=64,
        layers=1,
        ffn=96,
        batch_tokens=128,
        lengths=((0.0, 64),),
        compiled=False,
    )
    return Run(settings, tmp_path, tmp_path / "model", "cpu")


def test_a_run_learns_exports_and_resumes(run: Run, tmp_path: Path) -> None:
    """It ends on time, and a resumed run has its weights and counters."""
    run.train(tmp_path / "checkpoint.pt")
    assert run.progress >= 1.0
    assert (tmp_path / "model" / "model.safetensors").exists()
    again = Run(run.settings, tmp_path, tmp_path / "model", "cpu")
    again.resume(tmp_path / "checkpoint.pt")
    assert again.step == run.step
    assert again.tokens == run.tokens
    for one, other in zip(run.model.parameters(), again.model.parameters(), strict=True):
        assert torch.equal(one, other)
