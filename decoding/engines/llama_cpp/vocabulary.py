"""The token table of a GGUF file: exact bytes, names, and which tokens end the text.

The bytes are those that llama.cpp itself writes for each token, whatever its kind of table: GPT-2's
alphabet, SentencePiece's ``▁`` and ``<0x0A>``, or escapes.
"""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import llama_cpp as api

from decoding.prompt import fim
from decoding.vocabulary.tokens import Vocabulary
from monitors.errors import ModelError

_KINDS = {
    api.LLAMA_VOCAB_TYPE_SPM,
    api.LLAMA_VOCAB_TYPE_BPE,
    api.LLAMA_VOCAB_TYPE_UGM,
    api.LLAMA_VOCAB_TYPE_RWKV,
    api.LLAMA_VOCAB_TYPE_PLAMO2,
}
"""Tables whose tokens have exact bytes; BERT's have none."""
_USUAL_BYTES = 64
"""Longer tokens are asked for twice."""
_STRANGE = "[UNK_BYTE_0x"
"""What llama.cpp writes for a character that is not in GPT-2's alphabet."""


@dataclass(frozen=True, slots=True)
class Table:
    """What a prompt and a mask need to know of a model's tokens."""

    vocabulary: Vocabulary
    """One entry for each logit. Control tokens, and those that end the text, have no bytes."""
    ids: Mapping[str, int]
    """Token ids by name, as the file spells it."""


_tables: WeakKeyDictionary[Any, Table] = WeakKeyDictionary()


def table_of(llm: Any) -> Table:
    """The table of a `llama_cpp.Llama`; read once. Raises `ModelError` if there is none to use."""
    if llm not in _tables:
        _tables[llm] = _read(api.llama_model_get_vocab(llm.model))
    return _tables[llm]


def _read(vocab: Any) -> Table:
    if api.llama_vocab_type(vocab) not in _KINDS:
        raise ModelError(
            "cannot turn the tokens of this GGUF file into exact bytes; use a model whose "
            "tokenizer.ggml.model is gpt2, llama, t5, rwkv or plamo2"
        )
    ids = range(api.llama_vocab_n_tokens(vocab))
    names = [api.llama_vocab_get_text(vocab, i).decode("utf-8", "replace") for i in ids]
    by_name = dict(zip(names, ids, strict=True))
    ends = frozenset(i for i in ids if api.llama_vocab_is_eog(vocab, i))
    template = fim.detect(by_name.get)
    ends |= frozenset() if template is None else template.stop_ids
    tokens = (None if i in ends else _bytes_of(vocab, i, names[i]) or None for i in ids)
    return Table(Vocabulary(tuple(tokens), ends), by_name)


def _bytes_of(vocab: Any, token_id: int, name: str) -> bytes:
    """What llama.cpp writes for a token; nothing for control tokens and unused ones."""
    buffer = ctypes.create_string_buffer(_USUAL_BYTES)
    size = api.llama_token_to_piece(vocab, token_id, buffer, _USUAL_BYTES, 0, False)
    if size < 0:
        buffer = ctypes.create_string_buffer(-size)
        size = api.llama_token_to_piece(vocab, token_id, buffer, -size, 0, False)
    data = buffer.raw[:size]
    is_strange = _STRANGE.encode() in data and _STRANGE not in name
    return name.encode() if is_strange else data
