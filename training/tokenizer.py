"""Train the byte-level BPE tokenizer and save it for ``AutoTokenizer``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

VOCABULARY = 16_384
END = "<|endoftext|>"
PREFIX = "<|prefix|>"
SUFFIX = "<|suffix|>"
MIDDLE = "<|fim_middle|>"
FILE_SEPARATOR = "<|file_sep|>"
SPECIAL = (END, PREFIX, SUFFIX, MIDDLE, FILE_SEPARATOR)

# A word takes one character before it (".append", " self"); a line end takes the indentation
# after it and the punctuation before it, since both are all but certain in Python.
SPLIT = (
    r"[^\r\n\p{L}\p{N}]?\p{L}+"
    r"|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+(?:[\r\n]+[ \t]*)?"
    r"|\s*[\r\n]+[ \t]*"
    r"|\s+(?!\S)"
    r"|\s+"
)


def take_characters(texts: Iterable[str], limit: int) -> Iterator[str]:
    """Yield texts until their characters reach ``limit``."""
    taken = 0
    for text in texts:
        yield text
        taken += len(text)
        if taken >= limit:
            return


def train(texts: Iterable[str], vocabulary: int = VOCABULARY) -> Tokenizer:
    """Train a tokenizer of ``vocabulary`` entries, special tokens and all bytes included."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(SPLIT), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def save(tokenizer: Tokenizer, folder: Path, context: int) -> None:
    """Save ``tokenizer.json`` and its configuration for a model of ``context`` tokens."""
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token=END,
        eos_token=END,
        pad_token=END,
        additional_special_tokens=[PREFIX, SUFFIX, MIDDLE, FILE_SEPARATOR],
        clean_up_tokenization_spaces=False,
        model_max_length=context,
    )
    folder.mkdir(parents=True, exist_ok=True)
    fast.save_pretrained(str(folder))


def token_id(tokenizer: Tokenizer, token: str) -> int:
    """The number of a special token."""
    number = tokenizer.token_to_id(token)
    if number is None:
        raise ValueError(f"the tokenizer has no token {token}")
    return number


def load(folder: Path) -> Tokenizer:
    """Load the tokenizer saved in ``folder``."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
