"""llama.cpp for tests: importing this skips the module where it is missing, and says how to get it.

Its models are written here, with random weights: no download.
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer

HINT = "make llama (builds llama-cpp-python once, 10 minutes), with gguf to write test models"

# Continuous integration builds it on the side: not even there does the package have to be.
llama_cpp: Any = pytest.importorskip("llama_cpp", reason=HINT)
gguf: Any = pytest.importorskip("gguf", reason=HINT)

WIDTH, INNER, HEADS, CONTEXT = 64, 96, 2, 256
NORMAL, UNKNOWN, CONTROL, USER, BYTE = 1, 2, 3, 4, 6
"""Types of tokens in a GGUF file."""


def written(path: Path, tokenizer: Tokenizer) -> Path:
    """A small random model with the vocabulary of a tokenizer, byte-level or SentencePiece-like."""
    description = json.loads(tokenizer.to_str())
    writer = gguf.GGUFWriter(path, "llama")
    pieces = _add_tokens(writer, description)
    _add_weights(writer, len(pieces), np.random.default_rng(0))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def load(path: Path, **settings: Any) -> Any:
    """A `llama_cpp.Llama` of one thread."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # how it silences its loader
        return llama_cpp.Llama(str(path), n_ctx=CONTEXT, n_threads=1, verbose=False, **settings)


def _add_tokens(writer: Any, description: Any) -> list[str]:
    """Add the table of tokens; returns their names."""
    vocab = description["model"]["vocab"]
    added = {each["content"]: each["special"] for each in description["added_tokens"]}
    ids = vocab | {each["content"]: each["id"] for each in description["added_tokens"]}
    pieces = sorted(ids, key=lambda piece: ids[piece])
    is_bytes = description["decoder"]["type"] == "ByteLevel"
    writer.add_tokenizer_model("gpt2" if is_bytes else "llama")
    if is_bytes:
        writer.add_tokenizer_pre("gpt-2")
        writer.add_token_merges([" ".join(pair) for pair in description["model"]["merges"]])
    else:
        writer.add_token_scores([-float(i) for i in range(len(pieces))])
    writer.add_token_list(pieces)
    writer.add_token_types([_type_of(piece, added) for piece in pieces])
    writer.add_eos_token_id(ids.get("</s>", 0))
    writer.add_bos_token_id(ids.get("<s>", 0))
    writer.add_add_bos_token(not is_bytes)
    return pieces


def _type_of(piece: str, added: dict[str, bool]) -> int:
    if piece == "<unk>":
        return UNKNOWN
    if piece in added:
        return CONTROL if added[piece] else USER
    return BYTE if piece.startswith("<0x") and piece.endswith(">") else NORMAL


def _add_weights(writer: Any, size: int, random: Any) -> None:
    """One layer, and logits that differ by much."""
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_vocab_size(size)

    def add(name: str, *shape: int, scale: float = 0.5) -> None:
        values = random.standard_normal(shape) * scale
        writer.add_tensor(name, values.astype(np.float32))

    add("token_embd.weight", size, WIDTH)
    add("output.weight", size, WIDTH, scale=1.0)
    for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.0.{name}.weight", WIDTH, WIDTH)
    for name in ("ffn_gate", "ffn_up"):
        add(f"blk.0.{name}.weight", INNER, WIDTH)
    add("blk.0.ffn_down.weight", WIDTH, INNER)
    for name in ("output_norm", "blk.0.attn_norm", "blk.0.ffn_norm"):
        writer.add_tensor(f"{name}.weight", np.ones(WIDTH, np.float32))
