"""Tokenizers for tests, trained in the process from a bit of Python: no download, no files."""

import json
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from decoding.vocabulary.tokens import Encoder, Vocabulary

END = "<|endoftext|>"
FIM = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>", "<|fim_pad|>")
WORD = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""A current way to cut text: a word takes one character before it, as in ``.append``."""

BYTE_TOKENS = [f"<0x{byte:02X}>" for byte in range(256)]

TEXTS = [
    '''class Order:
    """An order, of some größe."""

    def __init__(self, items: list[str]) -> None:
        self.items = items
        self.total_price = 0

    def append(self, item):
        self.items.append(item)
        self.total_price += item.price
        return self

    @property
    def größe(self):
        return len(self.items)
''',
    """def total(orders):
    result = 0
    for order in orders:
        result += order.get_total_price(with_tax=True)
        print(order.items, order.größe, "🎉", f"{order.total_price:.2f}")
    return (orders[0]
            .append("x")
            .append("y"))
""",
    """import os.path
\tx = os.path.join("a", "b") \\
\t    .strip()
value = order.get_total_price().real
if not os.path.exists(x):\r\n    raise ValueError(x.y.z)\r\n
""",
]


def byte_level(split: str | None = WORD, size: int = 600) -> Tokenizer:
    """Byte-level BPE; ``split`` None: GPT-2's own regular expression."""
    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=split is None)
    tokenizer.pre_tokenizer = (
        level
        if split is None
        else pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(split), "isolated"), level])
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=[END, *FIM],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS * 5, trainer)
    return tokenizer


def with_plain_added_tokens() -> Tokenizer:
    """Byte-level BPE with added tokens that are text: blanks, an umlaut, a word."""
    tokenizer = byte_level()
    plain = ["        ", "größer", "total_price_of"]
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in plain])
    return tokenizer


def sentencepiece_bpe(size: int = 700) -> Tokenizer:
    """BPE as SentencePiece does it for Llama: ``▁`` for the blank, bytes as ``<0x0A>``."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1),
        ]
    )
    specials = ["<unk>", "<s>", "</s>"]
    trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(_words(), trainer)
    return _with_byte_tokens(tokenizer)


def sentencepiece_unigram(size: int = 600) -> Tokenizer:
    """Unigram with a Metaspace decoder, as T5 has it, and byte fallback."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    trainer = trainers.UnigramTrainer(vocab_size=size, show_progress=False)
    tokenizer.train_from_iterator(_words(), trainer)
    pieces = [(piece, score) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"]]
    vocab = [("<unk>", 0.0), *((name, -20.0) for name in BYTE_TOKENS), *pieces]
    tokenizer.model = models.Unigram(vocab, unk_id=0, byte_fallback=True)
    tokenizer.decoder = decoders.Sequence(
        [decoders.ByteFallback(), decoders.Metaspace(), decoders.Fuse()]
    )
    tokenizer.add_special_tokens(["<unk>", "</s>"])
    return tokenizer


def wordpiece() -> Tokenizer:
    """A tokenizer whose tokens have no exact bytes."""
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "foo": 1, "##bar": 2}, unk_token="[UNK]"))
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def wrapped(tokenizer: Tokenizer, end: str = END) -> PreTrainedTokenizerFast:
    """The tokenizer as Transformers has it."""
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token=end)


BY_NAME = {
    "gpt2": lambda: byte_level(None),
    "current": byte_level,
    "added": with_plain_added_tokens,
    "llama": sentencepiece_bpe,
    "unigram": sentencepiece_unigram,
}
"""Every kind of small tokenizer whose tokens have exact bytes."""


@cache
def tokenizer(name: str) -> Tokenizer:
    """One of `BY_NAME`, trained once."""
    return BY_NAME[name]()


@cache
def vocabulary(name: str) -> Vocabulary:
    """Vocabulary of one of `BY_NAME`, `duplicated` or ``padded``."""
    if name == "duplicated":
        return duplicated()
    if name == "padded":
        return Vocabulary.from_tokenizer(wrapped(tokenizer("current")), size=1000)
    return Vocabulary.from_tokenizer(tokenizer(name))


def duplicated() -> Vocabulary:
    """Tokens made by hand: several ids with the same bytes, gaps, two ways to end the text."""
    texts = (
        b"foo, foo,\tfoo,\nfoo, \n foo,\\\nfoo, \\\r\n foo,\\,\\\r,\\\n, ,  ,\n, \n,\f,\t\\,"
        b".,.foo,. foo,(,()., (,foo(,foo.,foo.bar, foo.bar,fo,f,o,oo,bar,ba,b,r,a,_,foo_bar,"
        b"get,get_,get_total,total,get-,$,$el,$el(,$e,$element,a$,a$b,a$bc,foo\\,foo\n,\\foo,"
        b"gr\xc3,gr\xc3\xb6,gr\xc3\xb6\xc3\x9fe,\xc3,\xb6,\x9f,\xf0\x9f,\x8e\x89,\xff,\x00,\x00\x00,foo\x00"
    ).split(b",")
    tokens = [None, *texts, None, *texts[::-1], *texts[::3], b",", b",,", None, None]
    return Vocabulary(tuple(tokens), frozenset([0, len(texts) + 1]))


NAMES = (*BY_NAME, "duplicated", "padded")
"""What `vocabulary` knows."""


def tekken_file() -> Path | None:
    """A real ``tekken.json`` of 131,072 entries, from the package data of mistral_common."""
    spec = find_spec("mistral_common")
    if spec is None or spec.origin is None:
        return None
    files = sorted((Path(spec.origin).parent / "data").glob("tekken*.json"))
    return files[-1] if files else None


@cache
def tekken() -> Encoder | None:
    """Encoder of `tekken_file`."""
    file = tekken_file()
    return None if file is None else Vocabulary.load(file)


def _words() -> list[str]:
    return [word for text in TEXTS for word in text.replace("🎉", "").splitlines()] * 5


def _with_byte_tokens(tokenizer: Tokenizer) -> Tokenizer:
    """The same BPE with a plain token for each byte, which no trainer makes."""
    description = json.loads(tokenizer.to_str())
    vocab = description["model"]["vocab"]
    vocab |= {name: len(vocab) + byte for byte, name in enumerate(BYTE_TOKENS)}
    return Tokenizer.from_str(json.dumps(description))
