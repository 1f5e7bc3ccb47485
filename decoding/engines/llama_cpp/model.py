"""Models of llama.cpp as an engine: loaded from a GGUF file, indexed, generating."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom
from typing import Any

import llama_cpp as api

from decoding.engines import in_process
from decoding.engines.engine import Generated, Sampling, Task
from decoding.engines.llama_cpp.processor import LlamaLogitsProcessor
from decoding.engines.llama_cpp.vocabulary import table_of
from decoding.session.session import Session
from decoding.vocabulary.index import TokenIndex
from monitors.errors import ModelError, UsageError

_CONTEXT = 8192
"""Most tokens of prompt and answer of a model that is loaded here: its cache takes memory."""
_UNCHANGED = {"top_k": 0, "top_p": 1.0, "min_p": 0.0, "repeat_penalty": 1.0}
"""Settings of ``Llama.generate`` that leave logits as they are; its own defaults do not."""
_OPTIONS = (*_UNCHANGED, "typical_p", "frequency_penalty", "presence_penalty")
_SEEDS = 2**32 - 1
"""Number of seeds; llama.cpp takes the next one for none."""


def load(name: str, device: str | None = None) -> tuple[Any, None]:
    """A `llama_cpp.Llama` from a GGUF file; the tokenizer is its own.

    A ``device`` other than ``"cpu"`` gets all layers. Raises `ModelError` if it cannot be loaded.
    """
    if not Path(name).is_file():
        raise ModelError(f"no GGUF file {name!r} on this machine; expected the path of one")
    try:
        llm = api.Llama(
            name,
            n_ctx=_CONTEXT,
            n_gpu_layers=0 if device in (None, "cpu") else -1,
            verbose=False,
        )
    except (ValueError, RuntimeError) as error:
        raise ModelError(
            f"{name} is no model that llama.cpp can load ({error}); expected a GGUF file, of an "
            "architecture that the installed llama-cpp-python knows"
        ) from error
    return llm, None


class LlamaCppModel:
    """A model of llama.cpp in this process."""

    def __init__(self, llm: Any) -> None:
        self._llm = llm
        self.index = open_index(llm)
        self.context = min(llm.n_ctx(), api.llama_model_n_ctx_train(llm.model))
        self.start_ids: list[int] = [first] if (first := llm.token_bos()) >= 0 else []
        self.token_to_id: Callable[[str], int | None] = table_of(llm).ids.get

    def complete(self, task: Task) -> Generated:
        """Generate, guided by a session in this process."""
        return in_process.complete(self, task)

    def encode(self, text: str) -> list[int]:
        """Token ids, without any special token before or behind."""
        return list(self._llm.tokenize(text.encode(), add_bos=False, special=False))

    def generate(
        self,
        prompt: Sequence[int],
        session: Session,
        is_done: Callable[[list[int]], bool],
        sampling: Sampling,
        options: Mapping[str, Any],
    ) -> list[list[int]]:
        """Token ids generated for one prompt, one list for each returned sequence.

        The sequences come one after the other, and what the model has cached of the prompt is used
        again. ``options``: those of ``Llama.generate`` that leave the guiding alone.
        """
        count, settings = _settings(options)
        seed = SystemRandom().randrange(_SEEDS) if sampling.seed is None else sampling.seed
        settings["temp"] = sampling.temperature
        rows = []
        with _own_seed(self._llm):
            for number in range(count):
                self._llm.set_seed((seed + number) % _SEEDS)
                tokens = _Tokens(self._llm, prompt, session, settings)
                rows.append(_taken(tokens, self.index, is_done, sampling.max_new_tokens))
        return rows


@contextmanager
def _own_seed(llm: Any) -> Iterator[None]:
    """Give a model its own seed back at the end."""
    seed = getattr(llm, "_seed", api.LLAMA_DEFAULT_SEED)
    try:
        yield
    finally:
        llm.set_seed(seed)


class _Tokens:
    """Generates the tokens of one sequence."""

    def __init__(
        self, llm: Any, prompt: Sequence[int], session: Session, settings: Mapping[str, Any]
    ) -> None:
        self._llm = llm
        self._prompt = list(prompt)
        self._settings = dict(settings)
        self._others = self._settings.pop("logits_processor", ())
        self._processor = LlamaLogitsProcessor(session)
        self._error: BaseException | None = None
        self.ids: list[int] = []

    def __iter__(self) -> Iterator[list[int]]:
        """The ids so far, after each token. Raises what was raised while masking."""
        self._processor.follow(self.ids)
        processors = api.LogitsProcessorList([*self._others, self._mask])
        settings = self._settings | {"logits_processor": processors}
        for token_id in self._llm.generate(self._prompt, **settings):
            if self._error is not None:
                raise self._error
            self.ids.append(int(token_id))
            yield self.ids
            self._processor.follow(self.ids)  # its queries run beside the next forward pass

    def _mask(self, _: Any, scores: Any) -> Any:
        """Mask the scores; llama.cpp would print what is raised here and go on."""
        try:
            return self._processor.masked(scores)
        except BaseException as error:  # noqa: BLE001 - raised again in __iter__, interrupts too
            self._error = error
            return scores


def _taken(
    tokens: _Tokens, index: TokenIndex, is_done: Callable[[list[int]], bool], most: int
) -> list[int]:
    """Ids up to the end of the text, the end that was asked for, or ``most`` of them."""
    for ids in tokens:
        if ids[-1] in index.end_ids or len(ids) >= most or is_done(list(ids)):
            break
    return tokens.ids


def _settings(options: Mapping[str, Any]) -> tuple[int, dict[str, Any]]:
    """How many sequences, and the settings of each. Raises `UsageError` for unknown options."""
    known = {*_OPTIONS, "num_return_sequences", "logits_processor"}
    if unknown := sorted(options.keys() - known):
        raise UsageError(
            f"got {', '.join(unknown)} for a model of llama.cpp; expected some of "
            f"{', '.join(sorted(known))}"
        )
    settings = _UNCHANGED | dict(options)
    count: int = settings.pop("num_return_sequences", 1)
    if count < 1:
        raise UsageError(f"got num_return_sequences={count}; expected 1 or more")
    return count, settings


@contextmanager
def opened(model: Any, tokenizer: Any) -> Iterator[LlamaCppModel]:
    """The engine with a `llama_cpp.Llama`, whose tokenizer is its own; nothing is closed."""
    yield LlamaCppModel(model)


def open_index(llm: Any) -> TokenIndex:
    """The token index of a `llama_cpp.Llama`; built once for each table, then from the cache.

    Raises `ModelError` for a table whose tokens cannot be turned into exact bytes.
    """
    return TokenIndex.open(table_of(llm).vocabulary)
