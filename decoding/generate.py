"""`generate()`: a language model completes a file, and a language server keeps the names valid."""

import codecs
import os
import sys
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from decoding import warming
from decoding.engines.endpoint.connection import Endpoint, Sampling, connect
from decoding.engines.vllm.request import GuideRequest, name_workspace, trusts_workspaces
from decoding.prompt import fim
from decoding.prompt.stopping import Stopper, open_stopper
from decoding.prompt.until import Until
from decoding.prompt.workspace import Position, find_workspace, open_document, without_end
from decoding.session.options import CrossingPolicy, Options, margin_for
from decoding.session.session import Session
from decoding.session.statistics import Statistics
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from decoding.wiring import (
    language_named,
    open_guide,
    open_silent_guide,
    shared_pool,
)
from lsp_bridge.pool.pool import ServerPool
from monitors.errors import ModelError, UsageError
from monitors.protocols import Document

_DEFAULT_CONTEXT = 4096
_MOST_TEXTS = 64


class Prompter(Protocol):
    """What a prompt is made with."""

    @property
    def index(self) -> TokenIndex:
        """Of the model's logits."""
        ...

    @property
    def context(self) -> int:
        """Most tokens of prompt and answer."""
        ...

    @property
    def start_ids(self) -> list[int]:
        """What a prompt without a template begins with."""
        ...

    def encode(self, text: str) -> list[int]:
        """Token ids, without any special token before or behind."""
        ...

    def token_to_id(self, name: str) -> int | None:
        """Id of a token by its name, special ones included."""
        ...


class Engine(Prompter, Protocol):
    """Whatever generates tokens: what `generate` needs of a model and its tokenizer."""

    def generate(
        self,
        prompt: Sequence[int],
        session: Session,
        is_done: Callable[[list[int]], bool],
        sampling: Sampling,
        options: Mapping[str, Any],
    ) -> list[list[int]]:
        """Token ids generated for one prompt, one list for each returned sequence."""
        ...


@dataclass(frozen=True, slots=True)
class Completion:
    """What was generated."""

    text: str
    """Text to insert at the position; the first of ``texts``."""
    texts: tuple[str, ...]
    """One for each returned sequence."""
    stats: Statistics
    """What the monitors did, all sequences together."""


def generate(
    model: Any,
    tokenizer: Any,
    path: str | Path,
    position: Position,
    workspace: str | Path | None = None,
    *,
    server: str | None = None,
    max_new_tokens: int = 64,
    temperature: float = 0.0,
    seed: int | None = None,
    until: str | None = None,
    monitors: bool = True,
    crossing: str = "verify",
    deadline_s: float = 1.0,
    start_timeout_s: float = warming.START_TIMEOUT_S,
    strict: bool = False,
    trust_workspace: bool = False,
    pool: ServerPool | None = None,
    **generate_options: Any,
) -> Completion:
    """Complete the file ``path`` at ``position`` (1-based line and column, as editors count).

    In a notebook a position is cell, line and column, and the cells before are the text before.

    ``model`` and ``tokenizer`` are a Hugging Face causal language model and its fast tokenizer, or
    an `Endpoint` and its tokenizer: a folder, a file, an object, or None to find it by name.
    The text behind the position is the suffix; it is given to the model as fill-in-the-middle
    where the tokenizer has tokens for that. ``workspace`` defaults to the nearest folder that
    looks like a project. ``until`` stops at the end of a ``"line"``, ``"statement"`` or
    ``"function"``. ``pool`` defaults to one that all calls in this process share.
    With ``trust_workspace`` servers may run the workspace's code; a ``pool`` has its own say.
    ``deadline_s`` bounds the wait for each answer while decoding. A server's start, and its first
    answer about a file, take longer: they are waited for before decoding, ``start_timeout_s``
    seconds at most; with 0 nothing is asked ahead.
    ``generate_options`` go to ``model.generate`` (``num_return_sequences``, ``num_beams``, ...),
    or to the endpoint (``num_return_sequences``, ``top_p``, ...).

    No file is written. A failing language server never stops a generation: ``stats.fail_open``
    counts why points went unconstrained. With ``strict`` it raises `AnalysisError` instead.

    Raises `UsageError` (`PositionError`, `WorkspaceError`, `ModelError`, `ServerError`,
    `ConfigError`) for a caller's mistake, before anything is generated, and `EndpointError` as soon
    as an endpoint fails.
    """
    given_pool = pool
    document, pool = check_request(
        path,
        position,
        workspace,
        server=server,
        until=until,
        monitors=monitors,
        crossing=crossing,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        deadline_s=deadline_s,
        start_timeout_s=start_timeout_s,
        trust_workspace=trust_workspace,
        pool=pool,
    )
    sampling = Sampling(max_new_tokens, temperature, seed)
    if _is_of_vllm(model):
        if given_pool is not None or (trust_workspace and not trusts_workspaces()):
            raise UsageError(
                "got pool or trust_workspace with a vllm.LLM, whose workers start the servers; "
                "leave them out (MGD_TRUST_WORKSPACES=1 in the environment before the LLM is made)"
            )
        request = GuideRequest(
            path=document.path,
            workspace=str(find_workspace(Path(path)) if workspace is None else workspace),
            language=document.language,
            prefix=document.prefix,
            suffix=document.suffix,
            server=server,
            monitors=monitors,
            crossing=crossing,
            deadline_ms=1000 * deadline_s,
            tag=uuid.uuid4().hex,
            prompt_check=False,  # the prompt is made of the document
        )
        return _generate_in_vllm(
            model, document, request, sampling, until, strict, start_timeout_s, generate_options
        )
    if monitors and start_timeout_s > 0:
        warming.begin(pool, document, server)  # meanwhile the engine is opened
    with _opened(model, tokenizer) as engine:
        index = engine.index
        prompt = _prompt(engine, document, max_new_tokens)
        start_s = 0.0
        if monitors:
            start_s = warming.finish(pool, document, server, start_timeout_s)
            left_s = max(0.0, start_timeout_s - start_s)
            guide = open_guide(index, document.language, pool, server, left_s)
        else:
            guide = open_silent_guide(index, document.language)
        options = Options(
            crossing=CrossingPolicy(crossing),
            deadline_s=deadline_s,
            strict=strict,
            margin=margin_for(1.0 if generate_options.keys() - _PLAIN else temperature),
        )
        start = without_end(document, prompt.healed)
        session = Session(guide, start, healed=prompt.healed, options=options)
        output = _Output(index, document, prompt.healed, until)
        started = time.perf_counter()
        try:
            rows = engine.generate(prompt.ids, session, output.is_done, sampling, generate_options)
        finally:
            session.close()  # what was asked ahead would keep the server from whoever comes next
        session.statistics.wall_s = time.perf_counter() - started
        session.statistics.start_s = start_s
    texts = tuple(output.text(ids) for ids in rows)
    return Completion(texts[0], texts, session.statistics)


_PLAIN = frozenset({"num_return_sequences"})
"""Options that leave it at sampling from the logits, with no beams or changes behind the masks."""


def _is_of_vllm(model: Any) -> bool:
    """Whether the model is a `vllm.LLM`, which cannot be if nobody has imported vLLM."""
    vllm = sys.modules.get("vllm")
    return vllm is not None and isinstance(model, vllm.LLM)


def _generate_in_vllm(
    llm: Any,
    document: Document,
    request: GuideRequest,
    sampling: Sampling,
    until: str | None,
    strict: bool,
    start_timeout_s: float,
    options: Mapping[str, Any],
) -> Completion:
    """Let the processor inside the engine guide: sessions and servers live in its workers."""
    vllm = _vllm()
    model = vllm.VllmModel(llm)
    prompt = _prompt(model, document, sampling.max_new_tokens)
    output = _Output(model.index, document, prompt.healed, until)
    name_workspace(request.workspace)
    request = replace(request, healed_bytes=len(prompt.healed))
    asked = time.perf_counter()
    model.start(request, start_timeout_s)
    started = time.perf_counter()
    rows = model.generate(prompt.ids, request, output.is_done, sampling, options)
    statistics = model.statistics(request.tag)
    statistics.wall_s = time.perf_counter() - started
    statistics.start_s = started - asked
    statistics.tokens = sum(map(len, rows))  # the workers need not look at the last one
    if strict:
        vllm.refuse_unanswered(statistics)
    texts = tuple(output.text(ids) for ids in rows)
    return Completion(texts[0], texts, statistics)


def load_model(
    name: str, device: str | None = None, *, engine: str = "transformers"
) -> tuple[Any, Any]:
    """Model and tokenizer by name or folder, from this machine only.

    With the ``engine`` ``"vllm"`` it is a `vllm.LLM` with the processor, and ``device`` is vLLM's
    own affair. Raises `ModelError` if there is no such model, or its engine is not installed.
    """
    if engine == "vllm":
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")  # read when vLLM is imported
        os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
        return _vllm().load(name), None
    return _engine().load(name, device)  # type: ignore[no-any-return]


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


@contextmanager
def _opened(model: Any, tokenizer: Any) -> Iterator[Engine]:
    if isinstance(model, Endpoint):
        with connect(model, tokenizer) as connection:
            yield connection
    else:
        yield _Transformers(model, tokenizer)


class _Transformers:
    """A Hugging Face model in this process."""

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self.index = open_index(model, tokenizer)
        config = model.config.get_text_config()
        self.context = getattr(config, "max_position_embeddings", None) or _DEFAULT_CONTEXT
        self.start_ids: list[int] = tokenizer("")["input_ids"] or _first_id(tokenizer)
        self.token_to_id: Callable[[str], int | None] = tokenizer.get_vocab().get

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
            _engine().seed(sampling.seed)
        rows: list[list[int]] = _engine().generate(
            self._model, prompt, session, is_done, settings | dict(options)
        )
        return rows


def _vllm() -> Any:
    try:
        from decoding.engines.vllm import generate as vllm_generate
    except ImportError as error:
        raise ModelError(
            f"models in vLLM need {error.name}; pip install 'monitor-guided-decoding[vllm]' on a "
            "machine without a GPU (docs/serving.md), vllm itself with one"
        ) from error
    return vllm_generate


def _engine() -> Any:
    try:
        from decoding.engines import transformers as hf
    except ImportError as error:
        raise ModelError(
            f"Transformers models need {error.name}; "
            "pip install 'monitor-guided-decoding[transformers]'"
        ) from error
    return hf


def check_request(
    path: str | Path,
    position: Position,
    workspace: str | Path | None = None,
    *,
    server: str | None = None,
    until: str | None = None,
    monitors: bool = True,
    crossing: str = "verify",
    max_new_tokens: int = 1,
    temperature: float = 0.0,
    deadline_s: float = 1.0,
    start_timeout_s: float = warming.START_TIMEOUT_S,
    trust_workspace: bool = False,
    pool: ServerPool | None = None,
) -> tuple[Document, ServerPool]:
    """Find every mistake in the arguments of `generate` that can be found without a model.

    Returns the document with its cursor, and the pool that will answer. Raises `UsageError`.
    Without ``monitors`` the server need not be installed.
    """
    _check_numbers(max_new_tokens, temperature, deadline_s, start_timeout_s)
    if crossing not in tuple(CrossingPolicy):
        raise UsageError(f"got crossing={crossing!r}; expected one of {', '.join(CrossingPolicy)}")
    if until is not None and until not in tuple(Until):
        raise UsageError(f"got until={until!r}; expected None or one of {', '.join(Until)}")
    if pool is not None and trust_workspace:
        raise UsageError("got pool and trust_workspace; say trust_workspace to the ServerPool")
    path = Path(path)
    root = find_workspace(path) if workspace is None else Path(workspace)
    document = open_document(path, position, root)
    pool = pool or shared_pool(root, trust_workspace)
    profile = pool.profile(document.language, server)
    if monitors:
        pool.check(profile.name)
    return document, pool


def _check_numbers(
    max_new_tokens: int, temperature: float, deadline_s: float, start_timeout_s: float
) -> None:
    if max_new_tokens < 1:
        raise UsageError(f"got max_new_tokens={max_new_tokens}; expected 1 or more")
    if temperature < 0:
        raise UsageError(f"got temperature={temperature}; expected 0 or more")
    if deadline_s <= 0:
        raise UsageError(f"got a deadline of {deadline_s} s; expected more than 0")
    if start_timeout_s < 0:
        raise UsageError(f"got start_timeout_s={start_timeout_s}; expected 0 or more")


def _prompt(engine: Prompter, document: Document, max_new_tokens: int) -> fim.Prompt:
    """The prompt: what fits of the prefix, and of the suffix for a model that can fill in.

    At the end of a file there is nothing to fill in: models continue better than they fill.
    """
    has_suffix = bool(document.suffix.strip())

    def build(healing: TokenIndex | None) -> fim.Prompt:
        return fim.build_prompt(
            engine.encode,
            fim.detect(engine.token_to_id) if has_suffix else None,
            document.prefix,
            document.suffix,
            max_tokens=engine.context - max_new_tokens,
            index=healing,
            start_ids=engine.start_ids,
        )

    prompt = build(engine.index)
    # SentencePiece puts a blank before a text; where that was healed too, there is nothing to heal.
    return prompt if document.prefix.encode().endswith(prompt.healed) else build(None)


def _first_id(tokenizer: Any) -> list[int]:
    """What a text begins with for a tokenizer that adds nothing by itself."""
    return [] if tokenizer.bos_token_id is None else [tokenizer.bos_token_id]


class _Output:
    """Turns generated ids into the text to insert, and says where it ends."""

    def __init__(
        self, index: TokenIndex, document: Document, healed: bytes, until: str | None
    ) -> None:
        self._index = index
        self._healed = healed
        language = language_named(document.language)
        self._stopper = None if until is None else open_stopper(language, document.prefix, until)
        self._texts: deque[_Text] = deque(maxlen=_MOST_TEXTS)
        """Those that were looked at last, the newest in front."""

    def is_done(self, ids: list[int]) -> bool:
        """Whether the text of ``ids`` holds the end that was asked for.

        Reads what has come since it was asked for a beginning of ``ids``.
        """
        if self._stopper is None:
            return False
        begun = (each for each in self._texts if ids[: len(each.ids)] == each.ids)
        text = next(begun, None) or _Text(self._stopper, self._healed)
        text = text.grown(ids, self._index)
        self._texts.appendleft(text)
        return text.end is not None

    def text(self, ids: list[int]) -> str:
        """Text to insert, cut where it should end."""
        inserted = self._inserted(ids)
        return inserted[: self._end(inserted)]

    def _inserted(self, ids: list[int]) -> str:
        data = b"".join(self._index.bytes_of(token_id) or b"" for token_id in ids)
        if self._healed.startswith(data):  # no more than what stands before the position
            return ""
        return data.removeprefix(self._healed).decode("utf-8", "ignore")

    def _end(self, inserted: str) -> int | None:
        return None if self._stopper is None else self._stopper.fork().update(inserted)


class _Text:
    """How far a generated text was read, and where it ends."""

    def __init__(self, stopper: Stopper, healed: bytes) -> None:
        self.ids: list[int] = []
        self.end: int | None = None
        self._stopper = stopper
        self._data = b""
        """What was not read yet: the healed text, or an unfinished character."""
        self._healed = healed

    def grown(self, ids: list[int], index: TokenIndex) -> "_Text":
        """The text of ``ids``, which begin with those of this one."""
        text = _Text(self._stopper.fork(), self._healed)
        text.ids = ids
        text._data = self._data
        new = b"".join(index.bytes_of(token_id) or b"" for token_id in ids[len(self.ids) :])
        text._read(new, self.end)
        return text

    def _read(self, new: bytes, end: int | None) -> None:
        self._data += new
        if len(self._data) < len(self._healed) and self._healed.startswith(self._data):
            return
        self._data = self._data.removeprefix(self._healed)
        self._healed = b""
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        piece = decoder.decode(self._data)
        self._data = decoder.getstate()[0]
        self.end = self._stopper.update(piece) if end is None else end
