"""Token bytes: exact for every kind of tokenizer, refused where they cannot be."""

import base64
import json
from functools import cache
from pathlib import Path

import pytest
import tiktoken
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from decoding.vocabulary.tokens import Encoder, Vocabulary
from monitors.errors import ModelError
from tests import tokenizers

SENTENCEPIECE = ("llama", "unigram")
TEXTS = st.lists(
    st.sampled_from([*tokenizers.TEXTS, "größer", "🎉", " ", "        ", "\t\n", "日本", ".append"])
    | st.text(max_size=10),
    max_size=5,
).map("".join)


def joined(vocabulary: Vocabulary, ids: list[int]) -> bytes:
    """The bytes of some tokens, all of which must have some."""
    parts = [vocabulary.tokens[i] for i in ids]
    assert None not in parts
    return b"".join(part for part in parts if part is not None)


@pytest.mark.parametrize("name", ["gpt2", "current", "added"])
@settings(deadline=None)
@given(text=TEXTS)
@example(text="a\0b\x7f\xad\xa0 ")
def test_byte_level_tokens_make_up_the_text(name: str, text: str) -> None:
    """The bytes of a text's tokens, one behind the other, are the text's."""
    ids = tokenizers.tokenizer(name).encode(text, add_special_tokens=False).ids

    assert joined(tokenizers.vocabulary(name), ids) == text.encode()


@pytest.mark.parametrize("name", SENTENCEPIECE)
@settings(deadline=None)
@given(text=TEXTS)
def test_sentencepiece_tokens_make_up_the_text_behind_a_blank(name: str, text: str) -> None:
    """The same, but for the blank that SentencePiece puts before every text."""
    text = "x" + text.replace("▁", "")
    ids = tokenizers.tokenizer(name).encode(text, add_special_tokens=False).ids

    assert joined(tokenizers.vocabulary(name), ids) == b" " + text.encode()


@settings(deadline=None)
@given(text=TEXTS)
def test_tekken_tokens_make_up_the_text(text: str) -> None:
    """The same for a real vocabulary, whose text ids start behind a thousand special ones."""
    encoder = real()
    ids = encoder.encode(text)

    assert joined(encoder.vocabulary, ids) == text.encode()
    assert encoder.decode(ids) == text


def real() -> Encoder:
    """The real vocabulary, or a skip."""
    encoder = tokenizers.tekken()
    if encoder is None:
        pytest.skip("mistral_common, which carries the vocabulary, is not installed")
    return encoder


def test_tekken_has_its_special_tokens() -> None:
    """Special ids have no text but names, also where the file does not list them."""
    encoder = real()

    assert encoder.vocabulary.size == 131_072
    assert encoder.vocabulary.end_ids == {encoder.token_to_id("</s>")}
    assert encoder.vocabulary.tokens[:1000] == (None,) * 1000
    assert encoder.token_to_id("[SUFFIX]") == 16
    assert encoder.token_to_id("<none>") is None


@pytest.mark.parametrize("name", tokenizers.BY_NAME)
def test_a_tokenizer_of_transformers_gives_the_same(name: str) -> None:
    """Wrapped by Transformers, with its end of text named, the bytes are the same."""
    end = "</s>" if name in SENTENCEPIECE else tokenizers.END
    wrapped = tokenizers.wrapped(tokenizers.tokenizer(name), end)

    vocabulary = Vocabulary.from_tokenizer(wrapped)

    assert vocabulary == tokenizers.vocabulary(name)
    assert vocabulary.end_ids == {wrapped.eos_token_id}


def test_special_tokens_have_no_text_and_plain_added_ones_have_theirs() -> None:
    """An added token is its own text unless it is marked special."""
    tokenizer = tokenizers.tokenizer("added")
    tokens = tokenizers.vocabulary("added").tokens

    assert tokens[tokenizer.token_to_id("größer")] == "größer".encode()
    assert tokens[tokenizer.token_to_id("        ")] == b"        "
    assert tokens[tokenizer.token_to_id("<|fim_prefix|>")] is None


def test_logits_without_a_token_have_no_text() -> None:
    """A model may have more logits than its tokenizer has entries."""
    vocabulary = tokenizers.vocabulary("padded")
    entries = tokenizers.vocabulary("current").size

    assert vocabulary.size == 1000
    assert vocabulary.tokens[entries:] == (None,) * (1000 - entries)


def test_entries_without_a_logit_are_left_out() -> None:
    """A model may have fewer logits than its tokenizer has entries."""
    vocabulary = Vocabulary.from_tokenizer(tokenizers.tokenizer("current"), size=300)

    assert vocabulary.tokens == tokenizers.vocabulary("current").tokens[:300]


def test_end_ids_can_be_named_and_have_no_text() -> None:
    """What ends the text is no text, whatever the tokenizer says about it."""
    tokenizer = tokenizers.tokenizer("current")
    stop = tokenizer.token_to_id("!")

    vocabulary = Vocabulary.from_tokenizer(tokenizer, end_ids=[0, stop])

    assert vocabulary.end_ids == {0, stop}
    assert vocabulary.tokens[stop] is None


def test_end_ids_beyond_the_logits_are_refused() -> None:
    """The ids of another model are a mistake that the message explains."""
    with pytest.raises(ModelError, match=r"\[100000\] lie outside the 465 logits"):
        Vocabulary.from_tokenizer(tokenizers.tokenizer("current"), end_ids=[100_000])


def test_tiktoken_encodings_give_their_bytes() -> None:
    """Ranks are ids; gaps and special tokens have no text."""
    ranks = {bytes([byte]): byte for byte in range(256)} | {b"fo": 256, b"foo": 257}
    special = {"<|endoftext|>": 300, "<|fim_prefix|>": 301}
    encoding = tiktoken.Encoding(
        "small", pat_str=r"\S+|\s+", mergeable_ranks=ranks, special_tokens=special
    )

    vocabulary = Vocabulary.from_tokenizer(encoding)

    assert vocabulary.tokens[256:258] == (b"fo", b"foo")
    assert vocabulary.tokens[258:] == (None,) * 44
    assert vocabulary.end_ids == {300}


def plain_bpe(decoder: object) -> Tokenizer:
    """A tokenizer with a decoder of any kind."""
    tokenizer = Tokenizer(models.BPE({"a": 0, "b": 1}, []))
    if decoder is not None:
        tokenizer.decoder = decoder
    return tokenizer


@pytest.mark.parametrize(
    "tokenizer",
    [
        tokenizers.wordpiece(),
        plain_bpe(None),
        plain_bpe(decoders.BPEDecoder()),
        plain_bpe(decoders.Sequence([decoders.ByteLevel(), decoders.Replace("a", "b")])),
        plain_bpe(decoders.Sequence([decoders.Replace("▁", " "), decoders.Strip(" ", 1, 0)])),
    ],
)
def test_tokenizers_without_exact_bytes_are_refused(tokenizer: Tokenizer) -> None:
    """The message names what was got, what was expected, and the remedy."""
    with pytest.raises(ModelError, match=r"(?s)decoder.*expected ByteLevel.*use a model"):
        Vocabulary.from_tokenizer(tokenizer)


def test_slow_tokenizers_are_refused() -> None:
    """A tokenizer without a backend says nothing about its decoder."""
    with pytest.raises(ModelError, match=r"of a object: expected a fast tokenizer.*AutoTokenizer"):
        Vocabulary.from_tokenizer(object())


def test_text_outside_of_the_byte_alphabet_stands_for_itself() -> None:
    """As in the decoder: a piece with a character that stands for no byte is plain text."""
    tokenizer = Tokenizer(models.BPE({"Ġfoo": 0, "日 本": 1, "Ċ": 2, "Ā": 3}, []))
    tokenizer.decoder = decoders.ByteLevel()

    tokens = Vocabulary.from_tokenizer(tokenizer).tokens

    assert tokens == (b" foo", "日 本".encode(), b"\n", b"\0")


def test_fingerprints_tell_contents_apart() -> None:
    """Equal content, equal fingerprint; another cut, end or size, another one."""
    same = [Vocabulary((b"a", None, b"bc"), frozenset([1])) for _ in range(2)]
    others = [
        Vocabulary((b"ab", None, b"c"), frozenset([1])),
        Vocabulary((b"a", None, b"bc"), frozenset()),
        Vocabulary((b"a", None, b"bc", None), frozenset([1])),
        Vocabulary((b"a", b"", b"bc"), frozenset([1])),
    ]

    assert same[0].fingerprint == same[1].fingerprint
    assert len({vocabulary.fingerprint for vocabulary in [*same, *others]}) == 5


@pytest.mark.parametrize("name", tokenizers.BY_NAME)
@pytest.mark.parametrize("inside", [False, True])
def test_load_reads_a_tokenizer_file(name: str, inside: bool, tmp_path: Path) -> None:
    """From the file or from its directory; encoding and decoding agree with the library."""
    file = tmp_path / "tokenizer.json"
    tokenizers.tokenizer(name).save(str(file))

    encoder = Vocabulary.load(file if inside else tmp_path)

    assert encoder.vocabulary == tokenizers.vocabulary(name)
    text = "x = order.größe  # 🎉"
    assert encoder.decode(encoder.encode(text)).removeprefix(" ") == text
    assert encoder.token_to_id("<none>") is None


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"tokenizer_config.json": {"eos_token": "!"}}, {"!"}),
        ({"tokenizer_config.json": {"eos_token": {"content": "!"}}}, {"!"}),
        ({"tokenizer_config.json": {"eos_token": None}}, {tokenizers.END}),
        ({"tokenizer_config.json": {"eos_token": "<none>"}}, {tokenizers.END}),
        ({"config.json": {"eos_token_id": 5}}, {"!"}),
        ({"config.json": {"text_config": {"eos_token_id": [0, 5]}}}, {tokenizers.END, "!"}),
        (
            {"tokenizer_config.json": {"eos_token": "!"}, "config.json": {"eos_token_id": None}},
            {"!"},
        ),
        (
            {"config.json": {"eos_token_id": 0}, "generation_config.json": {"eos_token_id": [5]}},
            {"!"},
        ),
    ],
)
def test_load_finds_the_end_of_text_in_the_configuration(
    files: dict[str, object], expected: set[str], tmp_path: Path
) -> None:
    """The model's files know best, those for generation before all others."""
    tokenizer = tokenizers.tokenizer("current")
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))

    found = Vocabulary.load(tmp_path).vocabulary.end_ids

    assert {tokenizer.id_to_token(i) for i in found} == expected


def test_load_finds_the_number_of_logits_in_the_configuration(tmp_path: Path) -> None:
    """``vocab_size`` of the model counts, unless the caller says otherwise."""
    tokenizers.tokenizer("current").save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text('{"vocab_size": 512}')

    assert Vocabulary.load(tmp_path).vocabulary.size == 512
    assert Vocabulary.load(tmp_path, size=600).vocabulary.size == 600


@settings(deadline=None)
@given(text=TEXTS)
def test_the_bundled_tokenizer_is_exact(text: str) -> None:
    """The model that comes with this project: bytes, end of text and number of logits."""
    encoder = bundled()

    assert joined(encoder.vocabulary, encoder.encode(text)) == text.encode()
    assert encoder.vocabulary.end_ids == {encoder.token_to_id(tokenizers.END)}


@cache
def bundled() -> Encoder:
    """The tokenizer of the bundled model."""
    return Vocabulary.load(Path(__file__).parents[3] / "mgd" / "models" / "python")


def tekken_content() -> dict[str, object]:
    """A tiny ``tekken.json`` that lists its special tokens."""
    return {
        "config": {
            "pattern": r"\S+|\s+",
            "default_vocab_size": 260,
            "default_num_special_tokens": 4,
        },
        "vocab": [
            {"rank": byte, "token_bytes": base64.b64encode(bytes([byte])).decode()}
            for byte in range(256)
        ],
        "special_tokens": [{"rank": 1, "token_str": "</s>"}, {"rank": 3, "token_str": "[SUFFIX]"}],
    }


def test_load_reads_a_tekken_file(tmp_path: Path) -> None:
    """Special tokens come first and are named by the file, if it names them."""
    (tmp_path / "tekken.json").write_text(json.dumps(tekken_content()))

    encoder = Vocabulary.load(tmp_path)

    assert encoder.encode("a") == [4 + ord("a")]
    assert encoder.decode([1, 4 + ord("a")]) == "a"
    assert encoder.vocabulary.end_ids == {1}
    assert encoder.token_to_id("[SUFFIX]") == 3


def test_load_refuses_a_directory_without_a_tokenizer(tmp_path: Path) -> None:
    """The message says which files would do."""
    with pytest.raises(ModelError, match=r"expected tokenizer\.json or tekken\.json"):
        Vocabulary.load(tmp_path)


@pytest.mark.parametrize("name", ["tokenizer.json", "tekken.json"])
@pytest.mark.parametrize("content", ["", "{}", '{"config": {}}', "[]"])
def test_load_refuses_files_of_another_kind(name: str, content: str, tmp_path: Path) -> None:
    """A file with the right name and the wrong content is named."""
    (tmp_path / name).write_text(content)

    with pytest.raises(ModelError, match=f"is no {name}"):
        Vocabulary.load(tmp_path / name)
