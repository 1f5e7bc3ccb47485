"""The body of a Llama model, written for training speed on the parameters of the original.

It computes what ``LlamaModel`` does.  Projections that share an input are one product, and on a
CPU attention is plain products over blocks of queries, which beats the fused kernel there.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

QUERY_BLOCK = 256
_MASKED = -1e9


def _normalise(x: Tensor, norm: Any) -> Tensor:
    values = x.float()
    scale = torch.rsqrt(values.pow(2).mean(-1, keepdim=True) + norm.variance_epsilon)
    result: Tensor = (values * scale * norm.weight).bfloat16()
    return result


def _project(x: Tensor, *layers: Any) -> Tensor:
    weights = [layer.weight for layer in layers]
    return functional.linear(x, torch.cat(weights).bfloat16())


def _angles(length: int, config: Any, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines of the rotary embedding, one row for a position."""
    exponents = torch.arange(0, config.head_dim, 2, device=device).float() / config.head_dim
    frequencies = config.rope_parameters["rope_theta"] ** -exponents
    angles = torch.outer(torch.arange(length, device=device).float(), frequencies).repeat(1, 2)
    return angles.cos(), angles.sin()


def _rotate(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    first, second = x.chunk(2, -1)
    turned = torch.cat((-second, first), -1)
    return (x.float() * cosines + turned.float() * sines).bfloat16()


def attend(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """Causal attention of tensors ``[batch, heads, length, size]``, by blocks of queries."""
    if query.is_cuda:
        return functional.scaled_dot_product_attention(query, key, value, is_causal=True)
    length, size = query.shape[-2:]
    mask = torch.full((length, length), _MASKED, device=query.device).triu(1)
    blocks = []
    for start in range(0, length, QUERY_BLOCK):
        end = min(start + QUERY_BLOCK, length)
        scores = (query[:, :, start:end] @ key[:, :, :end].mT).float() * size**-0.5
        weights = torch.softmax(scores + mask[start:end, :end], -1).to(value.dtype)
        blocks.append(weights @ value[:, :, :end])
    return torch.cat(blocks, 2)


def hidden_states(model: Any, tokens: Tensor) -> Tensor:
    """Final hidden states (bfloat16) of a ``LlamaModel`` for rows of tokens."""
    x = functional.embedding(tokens, model.embed_tokens.weight)
    rows, length, hidden = x.shape
    size = model.config.head_dim
    cosines, sines = _angles(length, model.config, tokens.device)
    for layer in model.layers:
        attention, mlp = layer.self_attn, layer.mlp
        joint = _project(
            _normalise(x, layer.input_layernorm),
            *(attention.q_proj, attention.k_proj, attention.v_proj),
        )
        query, key, value = joint.view(rows, length, 3, -1, size).permute(2, 0, 3, 1, 4).unbind(0)
        mixed = attend(_rotate(query, cosines, sines), _rotate(key, cosines, sines), value)
        x = x + _project(mixed.transpose(1, 2).reshape(rows, length, hidden), attention.o_proj)
        joint = _project(_normalise(x, layer.post_attention_layernorm), mlp.gate_proj, mlp.up_proj)
        gate, up = joint.chunk(2, -1)
        x = x + _project((functional.silu(gate.float()) * up).bfloat16(), mlp.down_proj)
    return _normalise(x, model.norm)
