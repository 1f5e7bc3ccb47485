"""Token files and training batches: packing of documents and the fill-in-the-middle transform."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count, islice
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.tokenizer import END, MIDDLE, PREFIX, SPECIAL, SUFFIX, token_id

# Splitting a text in three costs a few tokens at the seams and four special ones.
FIM_OVERHEAD = 16
FIM_MIN_TOKENS = 48
OPEN_DOCUMENTS = 128
_ENCODE_BATCH = 512


def encode_corpus(texts: Iterable[str], tokenizer: Tokenizer, folder: Path) -> int:
    """Write ``tokens.u16`` and ``offsets.npy`` to ``folder``; return the number of tokens.

    Texts that spell out a special token are left out, lest data pass for structure.
    """
    folder.mkdir(parents=True, exist_ok=True)
    offsets = [0]
    clean = (text for text in texts if not any(token in text for token in SPECIAL))
    with (folder / "tokens.u16").open("wb") as file:
        while batch := list(islice(clean, _ENCODE_BATCH)):
            for encoding in tokenizer.encode_batch_fast(batch):
                file.write(np.asarray(encoding.ids, dtype=np.uint16).tobytes())
                offsets.append(offsets[-1] + len(encoding.ids))
    np.save(folder / "offsets.npy", np.asarray(offsets, dtype=np.int64))
    return offsets[-1]


def split_middle(text: str, rng: random.Random) -> tuple[str, str, str]:
    """Cut a text at two characters into prefix, middle and suffix.

    Half of the cuts are uniform.  The others are like an editor's: from somewhere inside a line
    to that line's end, to a later line's end, or to another place in the line.
    """
    if rng.random() < 0.5:
        start, end = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
        return text[:start], text[start:end], text[end:]
    start = rng.randint(0, len(text))
    end = _line_end(text, start)
    draw = rng.random()
    if draw < 0.2:
        end = rng.randint(start, end)
    elif draw < 0.5:
        for _ in range(rng.randint(1, 5)):
            end = _line_end(text, min(end + 1, len(text)))
    return text[:start], text[start:end], text[end:]


def _line_end(text: str, position: int) -> int:
    found = text.find("\n", position)
    return len(text) if found < 0 else found


class Batches:
    """Endless rows of packed documents, some in fill-in-the-middle form.

    A document begins with the end token and is cut where a row is full.  Rows take turns
    among many open documents, each resumed where its last row ended, so that the rows of a
    batch come from different ones.

    A share of the rows is made of pieces in fill-in-the-middle form, from short to as long as
    the row: many short ones, for each teaches only once how a middle follows from its sides.
    Half of them have the prefix first, half the suffix.  All is drawn anew in each epoch.
    """

    def __init__(self, folder: Path, tokenizer: Tokenizer, fim_rate: float, seed: int) -> None:
        self._tokens = np.memmap(folder / "tokens.u16", dtype=np.uint16, mode="r")
        self._offsets = np.load(folder / "offsets.npy")
        self._tokenizer = tokenizer
        self._fim_rate = fim_rate
        self._seed = seed
        self._rng = random.Random(seed)
        self._end, self._prefix, self._suffix, self._middle = (
            token_id(tokenizer, token) for token in (END, PREFIX, SUFFIX, MIDDLE)
        )
        self._pieces = self._documents()
        self._open: deque[list[int]] = deque([] for _ in range(OPEN_DOCUMENTS))

    def _documents(self) -> Iterator[list[int]]:
        for epoch in count():
            order = np.random.default_rng((self._seed, epoch)).permutation(len(self._offsets) - 1)
            for index in order:
                start, end = self._offsets[index], self._offsets[index + 1]
                yield [self._end, *self._tokens[start:end].tolist()]

    def infill(self, piece: list[int]) -> list[int]:
        """The tokens of a piece in fill-in-the-middle form, prefix or suffix first."""
        text = self._tokenizer.decode(piece).strip("\ufffd")
        before, middle, after = split_middle(text, self._rng)
        encode = self._tokenizer.encode
        if self._rng.random() < 0.5:
            return [
                *(self._prefix, *encode(before).ids, self._suffix, *encode(after).ids),
                *(self._middle, *encode(middle).ids, self._end),
            ]
        # Here the middle follows the prefix, so their seam can be inside a token, too.
        joined = self._rng.random() < 0.5
        parts = (before + middle,) if joined else (before, middle)
        text_ids = [number for part in parts for number in encode(part).ids]
        return [self._suffix, *encode(after).ids, self._prefix, *text_ids, self._end]

    def _infilled_row(self, left: list[int], length: int) -> tuple[list[int], list[int]]:
        row: list[int] = []
        while (room := length - len(row)) > FIM_MIN_TOKENS:
            left = left or next(self._pieces)
            longest = room - FIM_OVERHEAD
            drawn = FIM_MIN_TOKENS * (longest / FIM_MIN_TOKENS) ** self._rng.random()
            taken = min(longest, max(1, int(drawn)))
            row += self.infill(left[:taken])
            left = left[taken:]
        return row + [self._end] * room, left

    def _plain_row(self, left: list[int], length: int) -> tuple[list[int], list[int]]:
        row: list[int] = []
        while (room := length - len(row)) > 0:
            left = left or next(self._pieces)
            row += left[:room]
            left = left[room:]
        return row, left

    def row(self, length: int) -> list[int]:
        """The next ``length`` tokens."""
        infilled = self._rng.random() < self._fim_rate
        make = self._infilled_row if infilled else self._plain_row
        row, left = make(self._open.popleft(), length)
        self._open.append(left)
        return row[:length]

    def batch(self, rows: int, length: int) -> Tensor:
        """A batch of ``rows`` rows of ``length + 1`` tokens: inputs and, shifted, targets."""
        return torch.tensor([self.row(length + 1) for _ in range(rows)])
