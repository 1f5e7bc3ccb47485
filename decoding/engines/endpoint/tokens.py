"""The tokenizer of an endpoint's model, and which token ids an answer of the endpoint means."""

import json
import re
from collections import defaultdict
from collections.abc import Container
from functools import cached_property
from pathlib import Path
from typing import Any

from decoding.engines.endpoint.http_client import Sample, Served
from decoding.engines.endpoint.resampling import Position
from decoding.prompt import fim
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Encoder, Vocabulary
from monitors.errors import EndpointError, ModelError

_TOKEN_ID = re.compile(r"token_id:(\d+)")
_ODD = "\ufffd"
"""Stands for bytes that are no whole character."""


class EndpointTokens:
    """Turns text into the ids that are sent, and answers into ids."""

    def __init__(self, encoder: Encoder, start_ids: list[int]) -> None:
        """``start_ids`` begin a prompt that has no template."""
        template = fim.detect(encoder.token_to_id)
        stops: frozenset[int] = frozenset() if template is None else template.stop_ids
        vocabulary = _with_ends(encoder.vocabulary, encoder.vocabulary.end_ids | stops)
        self.encode = encoder.encode
        self.token_to_id = encoder.token_to_id
        self.start_ids = start_ids
        self.index = TokenIndex.open(vocabulary)

    def positions(self, sample: Sample, width: int, offered: Container[int] = ()) -> list[Position]:
        """The tokens of a sample, as far as they are known, and the end where it ended.

        ``width`` is how many were asked for. Text that is no whole character is known only if
        ``offered`` tokens alone could come.
        """
        found = self._with_ids(sample) or self._with_tokens(sample, offered)
        if not found and width == 1:
            ids = self._certain(self._by_text.get(sample.text, ()), offered)
            found = [Position(ids)] if ids else []
        elif not found:
            found = self._with_text(sample.text.rstrip(_ODD))
        ends = self.index.end_ids
        if sample.ended and ends and not (found and ends.issuperset(found[-1].candidates)):
            found.append(Position(tuple(sorted(ends))))
        return found

    def _with_ids(self, sample: Sample) -> list[Position]:
        ids = sample.token_ids or _numbers(sample.tokens)
        return [
            Position((token_id,), self._likely(sample, place)) for place, token_id in enumerate(ids)
        ]

    def _with_tokens(self, sample: Sample, offered: Container[int]) -> list[Position]:
        """Positions by the text of the tokens, if that is exact."""
        texts = sample.tokens or ()
        if sample.ended and "".join(texts[:-1]) == sample.text:
            texts = texts[:-1]  # the last one is the end
        if "".join(texts) != sample.text and not any(map(_escaped, texts)):
            return []
        known = [self._certain(self._known(text), offered) for text in texts]
        if not all(known):
            return []
        return [Position(ids, self._likely(sample, place)) for place, ids in enumerate(known)]

    def _certain(self, ids: tuple[int, ...], offered: Container[int]) -> tuple[int, ...]:
        """The ids if they have the same bytes; else those that were offered."""
        same = len({self.index.bytes_of(i) for i in ids}) == 1
        return ids if same else tuple(i for i in ids if i in offered)

    def _likely(self, sample: Sample, place: int) -> tuple[int, ...]:
        names = sample.likely[place] if place < len(sample.likely) else ()
        return _numbers(names) or tuple(i for name in names for i in self._known(name))

    def _known(self, name: str) -> tuple[int, ...]:
        """Ids of the tokens with this text; escaped bytes are exact, U+FFFD fits several."""
        data = _escaped(name)
        if data is None:
            return self._by_text.get(name, ())
        same = self._by_text.get(data.decode("utf-8", "replace"), ())
        return tuple(i for i in same if self.index.bytes_of(i) == data)

    @cached_property
    def _by_text(self) -> dict[str, tuple[int, ...]]:
        groups: defaultdict[str, list[int]] = defaultdict(list)
        for token_id in range(self.index.size):
            text = self.index.text_of(token_id)
            if text is not None:
                groups[text].append(token_id)
        return {text: tuple(ids) for text, ids in groups.items()}

    def _with_text(self, text: str) -> list[Position]:
        """Positions of tokens that make up ``text``: its own, or others."""
        encoded = self.encode(text)
        data = b"".join(self.index.bytes_of(token_id) or b"" for token_id in encoded)
        ids = encoded if data == text.encode() else self._cut(text)
        return [Position((token_id,), is_sampled=False) for token_id in ids]

    def _cut(self, text: str) -> list[int]:
        """Text in its longest tokens, for a tokenizer that cannot encode it alone."""
        found: list[int] = []
        start = 0
        while start < len(text):
            ends = range(len(text), start, -1)
            end = next((end for end in ends if text[start:end] in self._by_text), None)
            if end is None:
                break
            found.append(self._by_text[text[start:end]][0])
            start = end
        return found


def _numbers(names: tuple[str, ...] | None) -> tuple[int, ...]:
    """The ids in ``token_id:N``, if all are of that form."""
    matches = [_TOKEN_ID.fullmatch(name) for name in names or ()]
    return tuple(int(match[1]) for match in matches if match) if all(matches) else ()


def _escaped(name: str) -> bytes | None:
    r"""The bytes of a token that is given as ``bytes:\xe2\x80``."""
    if not name.startswith("bytes:\\x"):
        return None
    try:
        return bytes.fromhex(name.removeprefix("bytes:").replace("\\x", ""))
    except ValueError:
        return None


def open_tokens(tokenizer: Any, served: Served) -> EndpointTokens:
    """Tokens of a folder, a file, or a tokenizer object; None: found by the model's name.

    Raises `ModelError` for one that cannot be read, `EndpointError` if none is found.
    """
    if tokenizer is None:
        tokenizer = _find_locally(served)
    if isinstance(tokenizer, str | Path):
        path = Path(tokenizer)
        encoder = Vocabulary.load(path)
        return EndpointTokens(encoder, _start_ids(path, encoder))
    return EndpointTokens(*_read_object(tokenizer))


def _read_object(tokenizer: Any) -> tuple[Encoder, list[int]]:
    """A Transformers tokenizer, or one of the library ``tokenizers``."""
    vocabulary = Vocabulary.from_tokenizer(tokenizer)
    backend = getattr(tokenizer, "backend_tokenizer", tokenizer)
    if not hasattr(backend, "token_to_id"):
        raise ModelError(
            f"got a {type(tokenizer).__name__}; expected a folder with tokenizer.json or "
            "tekken.json, a fast Transformers tokenizer or a tokenizers.Tokenizer"
        )

    def encode(text: str) -> list[int]:
        return list(backend.encode(text, add_special_tokens=False).ids)

    bos = getattr(tokenizer, "bos_token_id", None)
    start = list(backend.encode("").ids) or ([] if bos is None else [bos])
    return Encoder(vocabulary, encode, backend.token_to_id), start


def _start_ids(path: Path, encoder: Encoder) -> list[int]:
    """What the tokenizer puts before a text, else its token for the beginning."""
    folder = path if path.is_dir() else path.parent
    file = folder / "tokenizer.json" if path.is_dir() else path
    if file.name != "tokenizer.json" or not file.is_file():
        start = encoder.token_to_id("<s>")
        return [] if start is None else [start]
    from tokenizers import Tokenizer

    if start_ids := list(Tokenizer.from_file(str(file)).encode("").ids):
        return start_ids
    settings = folder / "tokenizer_config.json"
    named = json.loads(settings.read_text("utf-8")).get("bos_token") if settings.is_file() else None
    name = named.get("content") if isinstance(named, dict) else named
    bos = encoder.token_to_id(name) if isinstance(name, str) else None
    return [] if bos is None else [bos]


def _find_locally(served: Served) -> Path:
    """The folder of the model's tokenizer on this machine, by what the endpoint calls it."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    for name in dict.fromkeys(filter(None, (served.root, served.name))):
        for file in ("tokenizer.json", "tekken.json"):
            if (Path(name) / file).is_file():
                return Path(name)
            try:
                cached = try_to_load_from_cache(name, file)
            except HFValidationError:  # a folder of another machine
                continue
            if isinstance(cached, str):
                return Path(cached).parent
    raise EndpointError(
        f"the tokenizer of {served.name!r} is not on this machine; pass a folder with its "
        "tokenizer.json or tekken.json (--tokenizer)"
    )


def _with_ends(vocabulary: Vocabulary, ends: frozenset[int]) -> Vocabulary:
    tokens = (None if i in ends else token for i, token in enumerate(vocabulary.tokens))
    return Vocabulary(tuple(tokens), ends)
