"""Muon and the split of parameters."""

from __future__ import annotations

import torch
from torch import nn

from training.model import build_model
from training.optimizer import Muon, build_optimizers, orthogonalise, split_parameters


def test_orthogonalised_singular_values_are_near_one() -> None:
    """For square, tall and wide matrices."""
    torch.manual_seed(0)
    for shape in ((32, 32), (64, 16), (16, 64)):
        values = torch.linalg.svdvals(orthogonalise(torch.randn(shape)))
        assert values.max() < 1.3
        assert values.median() > 0.6


def test_a_stack_is_done_one_by_one() -> None:
    """Batching changes nothing."""
    torch.manual_seed(0)
    stack = torch.randn(3, 8, 12)
    one_by_one = torch.stack([orthogonalise(matrix) for matrix in stack])
    torch.testing.assert_close(orthogonalise(stack), one_by_one)


def test_muon_fits_a_linear_map() -> None:
    """The loss falls to a fiftieth in a hundred steps."""
    torch.manual_seed(0)
    wanted = torch.randn(16, 16) / 4
    layer = nn.Linear(16, 16, bias=False)
    optimizer = Muon(layer.parameters(), lr=0.05)
    inputs = torch.randn(256, 16)
    losses = []
    for step in range(100):
        optimizer.param_groups[0]["lr"] = 0.05 * (1 - step / 100)
        loss = (layer(inputs) - inputs @ wanted.T).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 50


def test_embeddings_and_norms_go_to_adam() -> None:
    """Muon gets the seven matrices of a layer, Adam the rest."""
    model = build_model(64, 1, 96, vocabulary=300)
    matrices, rest = split_parameters(model)
    assert len(matrices) == 7
    assert {tuple(p.shape) for p in rest} == {(300, 64), (64,)}
    muon, adam = build_optimizers(model, 0.02, 0.004, 0.0)
    assert muon.param_groups[0]["base_lr"] == 0.02
    assert adam.param_groups[0]["base_lr"] == 0.004
