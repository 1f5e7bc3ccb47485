"""How well an exported model fills in the rest of a line, by layout of the prompt."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch.nn import functional
from transformers import AutoModelForCausalLM

from training.corpus import is_source_like, read_documents
from training.tokenizer import END, MIDDLE, PREFIX, SUFFIX, load, token_id

PREFIX_TOKENS = 384
SUFFIX_TOKENS = 128


@dataclass(frozen=True)
class Case:
    """A cut in a file: what is before the cursor, the rest of its line, and what follows."""

    before: str
    middle: str
    after: str


def draw_cases(held_out: Path, count: int, seed: int = 0) -> list[Case]:
    """Draw cuts inside words or between them, with something left of the line to fill in."""
    rng = random.Random(seed)
    texts = [text for _, text in read_documents(held_out) if is_source_like(text)]
    cases: list[Case] = []
    while len(cases) < count:
        text = rng.choice(texts)
        start = rng.randrange(len(text))
        end = text.find("\n", start)
        begin_of_line = text.rfind("\n", 0, start) + 1
        if end > start and text[begin_of_line:start].strip():
            cases.append(Case(text[:start], text[start:end], text[end:]))
    return cases


def prefix_first(case: Case, tokenizer: Tokenizer) -> list[int]:
    """The prompt with the prefix, the suffix, and the mark of the middle."""
    return [
        *(token_id(tokenizer, PREFIX), *tokenizer.encode(case.before).ids[-PREFIX_TOKENS:]),
        *(token_id(tokenizer, SUFFIX), *tokenizer.encode(case.after).ids[:SUFFIX_TOKENS]),
        token_id(tokenizer, MIDDLE),
    ]


def suffix_first(case: Case, tokenizer: Tokenizer) -> list[int]:
    """The prompt with the suffix, and the prefix that the middle follows directly."""
    return [
        *(token_id(tokenizer, SUFFIX), *tokenizer.encode(case.after).ids[:SUFFIX_TOKENS]),
        *(token_id(tokenizer, PREFIX), *tokenizer.encode(case.before).ids[-PREFIX_TOKENS:]),
    ]


def left_only(case: Case, tokenizer: Tokenizer) -> list[int]:
    """The prompt without the suffix."""
    return tokenizer.encode(case.before).ids[-PREFIX_TOKENS:]


LAYOUTS: dict[str, Callable[[Case, Tokenizer], list[int]]] = {
    "prefix first": prefix_first,
    "suffix first": suffix_first,
    "left only": left_only,
}


@torch.inference_mode()
def evaluate_infilling(model_folder: Path, held_out: Path, count: int) -> dict[str, float]:
    """Bits per byte of the middles, without the mark that ends them, for each layout."""
    model: Any = AutoModelForCausalLM.from_pretrained(str(model_folder), dtype=torch.float32)
    tokenizer = load(model_folder)
    cases = draw_cases(held_out, count)
    size = sum(len(case.middle.encode()) for case in cases)
    result = {}
    for name, layout in LAYOUTS.items():
        bits = sum(_bits(model, layout(case, tokenizer), case, tokenizer) for case in cases)
        result[name] = bits / size
    return result


def _bits(model: Any, prompt: list[int], case: Case, tokenizer: Tokenizer) -> float:
    """Bits of a middle that begins where the cursor is, be it inside a token or not."""
    prompt = prompt or [token_id(tokenizer, END)]
    middle = tokenizer.encode(case.middle).ids
    tokens = torch.tensor([prompt + middle])
    logits = model(input_ids=tokens[:, :-1], use_cache=False, logits_to_keep=len(middle)).logits[0]
    return functional.cross_entropy(logits, tokens[0, -len(middle) :], reduction="sum").item() / (
        math.log(2)
    )
