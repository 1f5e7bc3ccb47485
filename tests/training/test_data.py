"""Encoding, packing and the fill-in-the-middle transform."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from training.data import Batches, encode_corpus, split_middle
from training.tokenizer import END, MIDDLE, PREFIX, SUFFIX, train

TEXTS = [
    "\n".join(f"def method_{n}_{k}(self):\n    return self.items[{k}]\n" for k in range(30))
    for n in range(8)
]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """A tokenizer of few entries."""
    return train(TEXTS, vocabulary=400)


@pytest.fixture
def folder(tmp_path: Path, tokenizer: Tokenizer) -> Path:
    """An encoded corpus."""
    encode_corpus([*TEXTS, f"a = '{END}'\n"], tokenizer, tmp_path)
    return tmp_path


@given(st.text(max_size=200), st.integers(0, 1000))
def test_parts_make_up_the_text(text: str, seed: int) -> None:
    """Prefix, middle and suffix are the text, whatever it is."""
    assert "".join(split_middle(text, random.Random(seed))) == text


@given(st.text(max_size=200))
def test_tokenizer_gives_back_any_text(text: str) -> None:
    """Every byte has a token, and decoding cleans nothing up."""
    tokenizer = train(TEXTS[:1], vocabulary=300)
    assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids) == text


def test_line_end_takes_its_indentation(tokenizer: Tokenizer) -> None:
    """Punctuation, line end and indentation are one token; so are a dot and its name."""
    tokens = tokenizer.encode("):\n    return self.items").tokens
    assert "):\u010a\u0120\u0120\u0120\u0120" in tokens
    assert ".items" in tokens


def test_texts_with_special_tokens_are_left_out(tmp_path: Path, tokenizer: Tokenizer) -> None:
    """Text that spells a special token would pass for one."""
    count = encode_corpus([TEXTS[0], f"x = '{MIDDLE}'"], tokenizer, tmp_path)
    assert count == len(tokenizer.encode(TEXTS[0]).ids)


def test_infilling_loses_no_text(folder: Path, tokenizer: Tokenizer) -> None:
    """Whichever part comes first, they are the text when put together again."""
    batches = Batches(folder, tokenizer, fim_rate=1.0, seed=0)
    starts = set()
    for _ in range(20):
        ids = batches.infill(tokenizer.encode(TEXTS[0]).ids)
        text = tokenizer.decode(ids, skip_special_tokens=False)
        assert text.endswith(END)
        text = text.removesuffix(END)
        if text.startswith(PREFIX):
            before, rest = text.removeprefix(PREFIX).split(SUFFIX)
            after, middle = rest.split(MIDDLE)
            assert before + middle + after == TEXTS[0]
        else:
            after, rest = text.removeprefix(SUFFIX).split(PREFIX)
            assert rest + after == TEXTS[0]
        starts.add(ids[0])
    assert len(starts) == 2


def test_infilled_rows_hold_whole_pieces(folder: Path, tokenizer: Tokenizer) -> None:
    """No piece is cut off at the end of a row, nor does one begin without its mark."""
    batches = Batches(folder, tokenizer, fim_rate=1.0, seed=0)
    for _ in range(50):
        text = tokenizer.decode(batches.row(400), skip_special_tokens=False)
        *pieces, last = text.split(END)
        assert last == ""
        for piece in filter(None, pieces):
            assert piece.count(PREFIX) == piece.count(SUFFIX) == 1


def test_rows_follow_one_another_in_a_document(folder: Path, tokenizer: Tokenizer) -> None:
    """After a turn of all open documents, a row goes on where its last one ended."""
    batches = Batches(folder, tokenizer, fim_rate=0.0, seed=0)
    rows = [batches.row(50) for _ in range(129)]
    assert rows[0][0] == tokenizer.token_to_id(END)
    joined = tokenizer.decode(rows[0] + rows[128])
    assert any(text.startswith(joined) for text in TEXTS)


def test_batches_are_full_and_repeatable(folder: Path, tokenizer: Tokenizer) -> None:
    """Rows have the length asked for, and a seed fixes them."""
    first = Batches(folder, tokenizer, fim_rate=0.5, seed=3).batch(6, 100)
    second = Batches(folder, tokenizer, fim_rate=0.5, seed=3).batch(6, 100)
    assert first.shape == (6, 101)
    assert first.equal(second)
