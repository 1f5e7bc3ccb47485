"""The model: configuration, a loss that never holds all logits, and atomic export."""

from __future__ import annotations

import copy
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from training.forward import hidden_states
from training.tokenizer import VOCABULARY

ChunkLoss = Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]

HEAD_DIM = 64
CONTEXT = 1024


def build_model(
    hidden: int, layers: int, ffn: int, context: int = CONTEXT, vocabulary: int = VOCABULARY
) -> LlamaForCausalLM:
    """A freshly initialised Llama with tied embeddings; token 0 begins and ends documents."""
    make: Any = LlamaForCausalLM  # typed in some releases of Transformers only
    model: LlamaForCausalLM = make(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=hidden,
            intermediate_size=ffn,
            num_hidden_layers=layers,
            num_attention_heads=hidden // HEAD_DIM,
            num_key_value_heads=hidden // HEAD_DIM,
            head_dim=HEAD_DIM,
            max_position_embeddings=context,
            rms_norm_eps=1e-6,
            tie_word_embeddings=True,
            bos_token_id=0,
            eos_token_id=0,
            pad_token_id=0,
            use_cache=False,
        )
    )
    return model


def loss_and_gradient(logits: Tensor, targets: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """Summed cross-entropy of a chunk and its gradient, ``scale`` times, less the one-hot part."""
    values = logits.float()
    peak = values.amax(-1, keepdim=True)
    exponentials = (values - peak).exp()
    total = exponentials.sum(-1, keepdim=True)
    target_values = values.gather(1, targets[:, None])
    loss = (total.log() + peak - target_values).sum()
    return loss, (exponentials * (scale / total)).to(logits.dtype)


class ChunkedLoss(torch.autograd.Function):
    """Mean cross-entropy of a linear head, computed with its gradients chunk by chunk.

    A chunk of logits stays in the cache and is used at once for both gradients, so memory is
    ``chunk * vocabulary`` rather than ``tokens * vocabulary``.  ``chunk_loss`` is
    ``loss_and_gradient`` or a compiled form of it.
    """

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor, chunk: int, chunk_loss: ChunkLoss
    ) -> Tensor:
        """Return the mean loss of ``hidden`` (tokens, size) against ``targets`` (tokens)."""
        count = len(hidden)
        cast = weight.to(hidden.dtype)
        hidden_gradient = torch.empty_like(hidden)
        weight_gradient = torch.zeros_like(weight)
        loss = torch.zeros((), device=hidden.device)
        for start in range(0, count, chunk):
            part = hidden[start : start + chunk]
            wanted = targets[start : start + chunk]
            part_loss, gradient = chunk_loss(part @ cast.T, wanted, 1 / count)
            gradient[torch.arange(len(part), device=part.device), wanted] -= 1 / count
            loss += part_loss
            torch.mm(gradient, cast, out=hidden_gradient[start : start + chunk])
            weight_gradient += gradient.T @ part
        ctx.save_for_backward(hidden_gradient, weight_gradient)
        return loss / count

    @staticmethod
    def backward(ctx: Any, *outputs: Tensor) -> tuple[Tensor | None, ...]:
        """Scale the gradients that ``forward`` has already computed."""
        hidden_gradient, weight_gradient = ctx.saved_tensors
        return hidden_gradient * outputs[0], weight_gradient * outputs[0], None, None, None


class Trainee:
    """A model with its body compiled, for computing the training loss."""

    def __init__(self, model: LlamaForCausalLM, chunk: int = 512, compiled: bool = True) -> None:
        self.model = model
        self._chunk = chunk
        self._body: Any = hidden_states
        self._chunk_loss: ChunkLoss = loss_and_gradient
        if compiled:
            self._body = torch.compile(hidden_states, dynamic=False)
            self._chunk_loss = torch.compile(loss_and_gradient, dynamic=False)

    def loss(self, tokens: Tensor) -> Tensor:
        """Mean loss in nats per token of rows of ``length + 1`` tokens."""
        hidden = self._body(self.model.model, tokens[:, :-1])
        weight = self.model.model.embed_tokens.weight
        targets = tokens[:, 1:].reshape(-1)
        flat = hidden.reshape(-1, hidden.size(-1))
        result: Tensor = ChunkedLoss.apply(  # type: ignore[no-untyped-call]
            flat, weight, targets, self._chunk, self._chunk_loss
        )
        return result


def export(model: nn.Module, folder: Path) -> None:
    """Save the model in bfloat16 to ``folder``, replacing each file in one step."""
    folder.mkdir(parents=True, exist_ok=True)
    frozen: Any = copy.deepcopy(model).to(torch.bfloat16)
    frozen.config.use_cache = True
    frozen.generation_config.use_cache = True
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        frozen.save_pretrained(temporary)
        for path in Path(temporary).iterdir():
            path.chmod(0o644)
            os.replace(path, folder / path.name)
