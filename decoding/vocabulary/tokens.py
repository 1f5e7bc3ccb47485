"""What every token id stands for, in bytes.

A mask is exact only if the bytes of a token are. They are derived from the tokenizer's own
description of its decoder, never from decoding single tokens, which loses leading blanks and
incomplete UTF-8. Supported: byte-level BPE (GPT-2's alphabet), SentencePiece-like (a marker for the
blank, ``<0x0A>`` for single bytes) and tiktoken's raw bytes, ``tekken.json`` included.
"""

import base64
import json
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol, TypedDict, cast

import numpy as np

from monitors.errors import ModelError

Pieces = dict[int, bytes | None]
"""Token id to its bytes; None for a token that stands for no text."""

_BYTE_TOKEN = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_END_TOKENS = (
    "</s>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "<|im_end|>",
    "<｜end▁of▁sentence｜>",
    "<eos>",
)
_TEKKEN = (
    *("<unk>", "<s>", "</s>", "[INST]", "[/INST]", "[AVAILABLE_TOOLS]", "[/AVAILABLE_TOOLS]"),
    *("[TOOL_RESULTS]", "[/TOOL_RESULTS]", "[TOOL_CALLS]", "[IMG]", "<pad>", "[IMG_BREAK]"),
    *("[IMG_END]", "[PREFIX]", "[MIDDLE]", "[SUFFIX]"),
)
"""Special tokens of the ``tekken.json`` files that do not list them, by id."""
_REMEDY = "use a model with a byte-level BPE, SentencePiece or tiktoken tokenizer"


class _Backend(Protocol):
    """The part of `tokenizers.Tokenizer` that is used here."""

    def to_str(self) -> str: ...


class _Tiktoken(Protocol):
    """The part of `tiktoken.Encoding` that is used here."""

    @property
    def n_vocab(self) -> int: ...
    @property
    def special_tokens_set(self) -> Collection[str]: ...
    def decode_single_token_bytes(self, token: int) -> bytes: ...
    def encode_single_token(self, text_or_bytes: str) -> int: ...


class _Added(TypedDict):
    id: int
    content: str
    special: bool


class _Step(TypedDict, total=False):
    """One step of a decoder, or a sequence of them."""

    type: str
    decoders: list["_Step"]
    replacement: str
    pattern: dict[str, str]
    content: str


class _Model(TypedDict, total=False):
    type: str
    vocab: dict[str, int] | list[tuple[str, float]]
    byte_fallback: bool
    unk_token: str | None
    unk_id: int | None


class _Description(TypedDict):
    """The parts of a ``tokenizer.json`` that are used here."""

    added_tokens: list[_Added]
    decoder: _Step | None
    model: _Model


@dataclass(frozen=True)
class Vocabulary:
    """Bytes of every token id, and which ids end the text."""

    tokens: tuple[bytes | None, ...]
    """Bytes by token id; None: special, or padding of the logits. One entry for each logit."""
    end_ids: frozenset[int]
    """Ids of the tokens that end the text."""

    @property
    def size(self) -> int:
        """Number of logits."""
        return len(self.tokens)

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of the content: equal vocabularies have equal ones, on every machine."""
        lengths = [-1 if token is None else len(token) for token in self.tokens]
        digest = blake2b(np.array(lengths, dtype="<i4").tobytes(), digest_size=16)
        digest.update(np.array(sorted(self.end_ids), dtype="<i4").tobytes())
        digest.update(b"".join(token for token in self.tokens if token))
        return digest.hexdigest()

    @classmethod
    def from_tokenizer(
        cls, tokenizer: object, *, size: int | None = None, end_ids: Iterable[int] | None = None
    ) -> "Vocabulary":
        """Read the vocabulary of a Transformers, ``tokenizers`` or tiktoken tokenizer.

        ``size`` is the number of logits of the model, by default just enough for every token.
        ``end_ids`` replace those that the tokenizer names. Raises `ModelError` for a tokenizer
        whose tokens cannot be turned into exact bytes.
        """
        pieces, ends = _read(tokenizer)
        return _assemble(pieces, ends if end_ids is None else end_ids, size)

    @staticmethod
    def load(
        path: str | Path, *, size: int | None = None, end_ids: Iterable[int] | None = None
    ) -> "Encoder":
        """Load a tokenizer from ``tokenizer.json``, ``tekken.json`` or a directory with one.

        Needs neither torch nor Transformers, nor a network. Raises `ModelError` if there is none.
        """
        file = _find(Path(path))
        if "tekken" in file.name:
            return _load_tekken(file, size, end_ids)
        return _load_tokenizer(file, size, end_ids)


@dataclass(frozen=True)
class Encoder:
    """A tokenizer together with its vocabulary."""

    vocabulary: Vocabulary
    encode: Callable[[str], list[int]]
    """Token ids of a text, without any special token before or behind it."""
    token_to_id: Callable[[str], int | None]
    """Id of a token by its name, special tokens included; None: there is none."""

    def decode(self, ids: Iterable[int]) -> str:
        """Text of ``ids``; special tokens have none, incomplete UTF-8 becomes U+FFFD."""
        tokens = self.vocabulary.tokens
        return b"".join(tokens[i] or b"" for i in ids).decode("utf-8", "replace")


def _assemble(pieces: Pieces, end_ids: Iterable[int], size: int | None) -> Vocabulary:
    needed = max(pieces, default=-1) + 1
    size = needed if size is None else size
    ends = frozenset(end_ids)
    if beyond := [i for i in ends if not 0 <= i < size]:
        raise ModelError(
            f"end-of-text ids {beyond} lie outside the {size} logits; pass the ids of this model"
        )
    # A model may have fewer logits than its tokenizer has entries: the rest cannot be sampled.
    return Vocabulary(
        tuple(None if i in ends else pieces.get(i) or None for i in range(size)), ends
    )


def _read(tokenizer: object) -> tuple[Pieces, frozenset[int]]:
    """Bytes by id, and the ids that end the text as far as the tokenizer knows."""
    if hasattr(tokenizer, "decode_single_token_bytes"):
        return _read_tiktoken(cast(_Tiktoken, tokenizer))
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not hasattr(backend, "to_str"):
        raise ModelError(
            f"cannot read the tokens of a {type(tokenizer).__name__}: expected a fast tokenizer "
            "(one with a backend_tokenizer), a tokenizers.Tokenizer or a tiktoken encoding; "
            "load it with AutoTokenizer.from_pretrained(..., use_fast=True)"
        )
    description: _Description = json.loads(cast(_Backend, backend).to_str())
    pieces = _read_description(description)
    pieces |= dict.fromkeys(getattr(tokenizer, "all_special_ids", ()))
    end: int | None = getattr(tokenizer, "eos_token_id", None)
    return pieces, _named_ends(description) if end is None else frozenset([end])


def _read_tiktoken(encoding: _Tiktoken) -> tuple[Pieces, frozenset[int]]:
    special = {encoding.encode_single_token(name): name for name in encoding.special_tokens_set}
    pieces: Pieces = dict.fromkeys(special)
    for i in range(encoding.n_vocab):
        # tiktoken counts up to the highest id and leaves gaps before its special tokens.
        with suppress(KeyError):
            pieces.setdefault(i, encoding.decode_single_token_bytes(i))
    return pieces, frozenset(i for i, name in special.items() if name in _END_TOKENS)


def _read_description(description: _Description) -> Pieces:
    """Bytes by id from a ``tokenizer.json``, or `ModelError`."""
    model = description["model"]
    to_bytes = _decoder(description["decoder"], model)
    ids = _model_ids(model)
    pieces: Pieces = {i: to_bytes(piece) for piece, i in ids.items()}
    if (unknown := _unknown_id(model, ids)) is not None:
        pieces[unknown] = None
    for added in description["added_tokens"]:
        pieces[added["id"]] = None if added["special"] else added["content"].encode()
    return pieces


def _model_ids(model: _Model) -> dict[str, int]:
    vocab = model["vocab"]
    if isinstance(vocab, dict):
        return vocab
    return {piece: i for i, (piece, _) in enumerate(vocab)}


def _unknown_id(model: _Model, ids: dict[str, int]) -> int | None:
    unknown = model.get("unk_token")
    return model.get("unk_id") if unknown is None else ids.get(unknown)


def _named_ends(description: _Description) -> frozenset[int]:
    """Special tokens whose name says that they end the text."""
    added = description["added_tokens"]
    return frozenset(a["id"] for a in added if a["special"] and a["content"] in _END_TOKENS)


def _decoder(decoder: _Step | None, model: _Model) -> Callable[[str], bytes]:
    """How a piece of the model becomes bytes, read off the decoder's steps."""
    steps = [] if decoder is None else decoder.get("decoders", [decoder])
    kinds = [step["type"] for step in steps]
    if "ByteLevel" in kinds and set(kinds) <= {"ByteLevel", "Fuse"}:
        return _byte_level
    if (blank := _blank_marker(steps)) is not None and _strips_text_only(kinds):
        return partial(_sentencepiece, blank, bool(model.get("byte_fallback")))
    raise ModelError(
        f"cannot turn the tokens of a {model.get('type')} tokenizer with the decoder "
        f"{kinds or None} into exact bytes: expected ByteLevel, Metaspace, or Replace with "
        f"ByteFallback; {_REMEDY}"
    )


def _blank_marker(steps: list[_Step]) -> str | None:
    """The text that stands for a blank, if these are the steps of a SentencePiece decoder."""
    marker = None
    for step in steps:
        if step["type"] == "Metaspace":
            marker = step["replacement"]
        elif step["type"] == "Replace" and step["content"] == " ":
            marker = step["pattern"].get("String")
        elif step["type"] not in ("ByteFallback", "Fuse", "Strip"):
            return None
    return marker


def _strips_text_only(kinds: list[str]) -> bool:
    """Whether blanks are stripped off the whole text at most, not off each token."""
    return "Strip" not in kinds or "Fuse" in kinds[: kinds.index("Strip")]


def _sentencepiece(blank: str, byte_fallback: bool, piece: str) -> bytes:
    if byte_fallback and (match := _BYTE_TOKEN.fullmatch(piece)):
        return bytes([int(match[1], 16)])
    return piece.replace(blank, " ").encode()


def _byte_level(piece: str) -> bytes:
    try:
        return piece.translate(_ALPHABET).encode("latin-1")
    except UnicodeEncodeError:  # as the decoder does with text outside of its alphabet
        return piece.encode()


def _byte_alphabet() -> Mapping[int, str]:
    """GPT-2's alphabet as a translation to latin-1: printable bytes as they are, then U+0100."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    table: defaultdict[int, str] = defaultdict(lambda: "\u0100")
    table.update({byte: chr(byte) for byte in printable})
    others = sorted(set(range(0x100)) - printable)
    table.update({0x100 + i: chr(byte) for i, byte in enumerate(others)})
    return table


_ALPHABET = _byte_alphabet()


def _find(path: Path) -> Path:
    candidates = [path, path / "tokenizer.json", path / "tekken.json"]
    for file in [*candidates, *sorted(path.glob("tekken*.json"))]:
        if file.is_file():
            return file
    raise ModelError(
        f"no tokenizer found at {path}: expected tokenizer.json or tekken.json; "
        "pass the file, or a directory that holds one"
    )


def _load_tokenizer(file: Path, size: int | None, end_ids: Iterable[int] | None) -> Encoder:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises nothing narrower
        raise ModelError(f"{file} is no tokenizer.json: {error}; {_REMEDY}") from error
    logits, end = _settings(file.parent)
    ends = _ends(end, tokenizer.token_to_id) if end_ids is None else end_ids
    vocabulary = Vocabulary.from_tokenizer(tokenizer, size=size or logits, end_ids=ends)

    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)

    return Encoder(vocabulary, encode, tokenizer.token_to_id)


def _settings(folder: Path) -> tuple[int | None, object]:
    """Number of logits and end-of-text token, as far as the model's configuration tells."""
    tokenizer, model, generation = (
        _read_config(folder / f"{name}.json")
        for name in ("tokenizer_config", "config", "generation_config")
    )
    ends = (generation.get("eos_token_id"), model.get("eos_token_id"), tokenizer.get("eos_token"))
    return model.get("vocab_size"), next((end for end in ends if end is not None), None)


def _read_config(file: Path) -> dict[str, Any]:
    """A model's configuration; empty if there is none."""
    config: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.is_file() else {}
    text_config: dict[str, Any] = config.get("text_config", config)
    return text_config


def _ends(end: object, to_id: Callable[[str], int | None]) -> list[int] | None:
    """Ids of an ``eos_token`` or ``eos_token_id`` in any of the forms that are in use."""
    if isinstance(end, dict):
        end = end.get("content")
    found = [to_id(end)] if isinstance(end, str) else end if isinstance(end, list) else [end]
    return [i for i in found if isinstance(i, int)] or None


def _load_tekken(file: Path, size: int | None, end_ids: Iterable[int] | None) -> Encoder:
    from tiktoken import Encoding

    try:
        content = json.loads(file.read_text("utf-8"))
        config = content["config"]
        first, total = config["default_num_special_tokens"], config["default_vocab_size"]
        ranks = {
            base64.b64decode(entry["token_bytes"]): entry["rank"]
            for entry in content["vocab"][: total - first]
        }
        encoding = Encoding(
            file.stem, pat_str=config["pattern"], mergeable_ranks=ranks, special_tokens={}
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{file} is no tekken.json: {error!r}; {_REMEDY}") from error
    # Text ids come after the special ones, whose names only newer files list.
    special = {name: i for i, name in enumerate(_TEKKEN)}
    if listed := content.get("special_tokens"):
        special = {entry["token_str"]: entry["rank"] for entry in listed}
    pieces: Pieces = {first + rank: token for token, rank in ranks.items()}
    ends = [special["</s>"]] if end_ids is None else end_ids

    def encode(text: str) -> list[int]:
        return [first + rank for rank in encoding.encode_ordinary(text)]

    return Encoder(_assemble(pieces, ends, size), encode, special.get)
