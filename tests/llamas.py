"""Small random models of the Llama kind, for tests that need logits and no sense."""

import torch
from transformers import LlamaConfig, LlamaForCausalLM


def random_llama(vocabulary_size: int, seed: int) -> LlamaForCausalLM:
    """One layer, and logits that differ by much."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=256,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
    )
    made = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        made.lm_head.weight.mul_(60)
    return made
