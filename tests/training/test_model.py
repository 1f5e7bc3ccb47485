"""The training forward, its loss and gradients, and the export, against plain transformers."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional
from transformers import AutoModelForCausalLM, LlamaForCausalLM

from training.forward import attend, hidden_states
from training.model import ChunkedLoss, build_model, export, loss_and_gradient


@pytest.fixture
def model() -> LlamaForCausalLM:
    """A tiny model."""
    torch.manual_seed(0)
    return build_model(128, 2, 192, vocabulary=300)


def test_attention_by_blocks_is_attention() -> None:
    """Also where the last block is not full."""
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 2, 600, 16)
    plain = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    torch.testing.assert_close(attend(query, key, value), plain, atol=1e-4, rtol=1e-4)


def test_training_forward_is_that_of_transformers(model: LlamaForCausalLM) -> None:
    """The logits agree within what bfloat16 can tell."""
    tokens = torch.randint(0, 300, (2, 300))
    plain = model(tokens).logits
    fast = hidden_states(model.model, tokens).float() @ model.lm_head.weight.T
    torch.testing.assert_close(fast, plain, atol=0.02, rtol=0.02)


def test_chunked_loss_and_gradients() -> None:
    """They are those of the plain loss."""
    torch.manual_seed(0)
    hidden = torch.randn(50, 16, requires_grad=True)
    weight = torch.randn(300, 16, requires_grad=True)
    targets = torch.randint(0, 300, (50,))
    plain = functional.cross_entropy(hidden @ weight.T, targets)
    expected = torch.autograd.grad(plain, (hidden, weight))
    chunked = ChunkedLoss.apply(hidden, weight, targets, 16, loss_and_gradient)
    actual = torch.autograd.grad(chunked, (hidden, weight))
    torch.testing.assert_close(chunked, plain)
    torch.testing.assert_close(actual, expected)


def test_exported_model_gives_the_same_logits(model: LlamaForCausalLM, tmp_path: Path) -> None:
    """Plain transformers loads the export, and nothing temporary stays behind."""
    export(model, tmp_path / "model")
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path / "model", dtype=torch.float32)
    assert type(loaded) is LlamaForCausalLM
    tokens = torch.randint(0, 300, (2, 40))
    for parameter in model.parameters():
        parameter.data = parameter.data.bfloat16().float()
    torch.testing.assert_close(loaded(tokens).logits, model(tokens).logits)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
