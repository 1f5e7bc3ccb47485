"""Models of Hugging Face as an engine: loaded from this machine, indexed, generating."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils.logging import disable_progress_bar, enable_progress_bar

from decoding.engines import in_process
from decoding.engines.engine import Generated, Sampling, Task
from decoding.engines.transformers.processor import generate
from decoding.prompt import fim
from decoding.session.session import Session
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from monitors.errors import ModelError

_DEFAULT_CONTEXT = 4096


def load(name: str, device: str | None = None) -> tuple[Any, Any]:
    """Model and tokenizer by name or folder, from the local disk or cache only.

    Raises `ModelError` if there is none.
    """
    disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(name, local_files_only=True)
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(
            f"no model {name!r} on this machine; expected a folder with config.json and weights, "
            "or a name in the local Hugging Face cache"
        ) from error
    finally:
        enable_progress_bar()  # type: ignore[no-untyped-call]
    return model.to(device or "cpu").eval(), tokenizer


class TransformersModel:
    """A Hugging Face model in this process."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self.index = open_index(model, tokenizer)
        config = model.config.get_text_config()
        self.context = getattr(config, "max_position_embeddings", None) or _DEFAULT_CONTEXT
        self.start_ids: list[int] = tokenizer("")["input_ids"] or _first_id(tokenizer)
        self.token_to_id: Callable[[str], int | None] = tokenizer.get_vocab().get

    def complete(self, task: Task) -> Generated:
        """Generate, guided by a session in this process."""
        return in_process.complete(self, task)

    def encode(self, text: str) -> list[int]:
        """Token ids, without any special token before or behind."""
        return list(self._tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def generate(
        self,
        prompt: Sequence[int],
        session: Session,
        is_done: Callable[[list[int]], bool],
        sampling: Sampling,
        options: Mapping[str, Any],
    ) -> list[list[int]]:
        """Token ids generated for one prompt, one list for each returned sequence."""
        settings: dict[str, Any] = {
            "max_new_tokens": sampling.max_new_tokens,
            "do_sample": sampling.temperature > 0,
            "eos_token_id": sorted(self.index.end_ids),
        }
        if sampling.temperature > 0:
            settings["temperature"] = sampling.temperature
        if sampling.seed is not None:
            torch.manual_seed(sampling.seed)
        return generate(self._model, prompt, session, is_done, settings | dict(options))


@contextmanager
def opened(model: Any, tokenizer: Any) -> Iterator[TransformersModel]:
    """The engine with a model; nothing is closed at the end."""
    yield TransformersModel(model, tokenizer)


def open_index(model: Any, tokenizer: Any) -> TokenIndex:
    """The token index of a model; built once for each tokenizer, then taken from the cache.

    Raises `ModelError` for a tokenizer whose tokens cannot be turned into exact bytes.
    """
    size = int(model.get_output_embeddings().weight.shape[0])
    ends = _end_ids(model, tokenizer)
    return TokenIndex.open(Vocabulary.from_tokenizer(tokenizer, size=size, end_ids=ends))


def _end_ids(model: Any, tokenizer: Any) -> set[int]:
    """Ids that end a text, or what a fill-in-the-middle model writes in the middle."""
    ends: set[int] = set()
    for named in (tokenizer.eos_token_id, model.generation_config.eos_token_id):
        ends.update(named if isinstance(named, list) else [] if named is None else [named])
    template = fim.detect(tokenizer.get_vocab().get)
    return ends if template is None else ends | template.stop_ids


def _first_id(tokenizer: Any) -> list[int]:
    """What a text begins with for a tokenizer that adds nothing by itself."""
    return [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]
