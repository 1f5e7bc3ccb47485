"""The vocabularies that are measured: the bundled one and a large one."""

from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Encoder, Vocabulary
from mgd.models import BUNDLED_MODEL
from monitors.errors import UsageError


@dataclass(frozen=True, slots=True)
class Loaded:
    """A tokenizer, indexed."""

    name: str
    encoder: Encoder
    index: TokenIndex


def bundled() -> Path:
    """Tokenizer of the bundled model."""
    return Path(BUNDLED_MODEL) / "tokenizer.json"


def large() -> Path:
    """A current vocabulary of 131,072 entries.

    Raises `UsageError` if mistral_common, which carries it in its package data, is missing.
    """
    spec = find_spec("mistral_common")
    if spec is None or spec.origin is None:
        raise UsageError("the 131k vocabulary is missing; pip install mistral_common")
    return sorted((Path(spec.origin).parent / "data").glob("tekken*.json"))[-1]


@cache
def load(file: Path) -> Loaded:
    """Read and index a tokenizer, once."""
    encoder = Vocabulary.load(file)
    name = f"{file.stem}, {encoder.vocabulary.size:,} entries"
    return Loaded(name, encoder, TokenIndex.open(encoder.vocabulary))
