"""`generate()`: a language model completes a file, and a language server keeps the names valid."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decoding import warming
from decoding.engines import registry
from decoding.engines.engine import Prompter, Task
from decoding.prompt import fim
from decoding.prompt.output import Output
from decoding.prompt.workspace import Position
from decoding.request import Request
from decoding.session.statistics import Statistics
from decoding.vocabulary.index import TokenIndex
from lsp_bridge import ServerPool
from monitors.languages.registry import language_named
from monitors.protocols import Document


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
    monitors: bool | tuple[str, ...] = True,
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
    an `Endpoint` and its tokenizer (a folder, a file, an object, or None to find it by name), or a
    `vllm.LLM` that was made with the processor, and None, or a `llama_cpp.Llama` and None.
    The text behind the position is the suffix; it is given to the model as fill-in-the-middle
    where the tokenizer has tokens for that. ``workspace`` defaults to the nearest folder that
    looks like a project. ``until`` stops at the end of a ``"line"``, ``"statement"`` or
    ``"function"``. ``pool`` defaults to one that all calls in this process share.
    With ``trust_workspace`` servers may run the workspace's code; a ``pool`` has its own say.
    ``deadline_s`` bounds the wait for each answer while decoding. A server's start, and its first
    answer about a file, take longer: they are waited for before decoding, ``start_timeout_s``
    seconds at most; with 0 nothing is asked ahead.
    ``monitors`` names what is watched; True: the usual monitors, False: none.
    ``generate_options`` go to ``model.generate`` (``num_return_sequences``, ``num_beams``, ...),
    to the endpoint or to llama.cpp (``num_return_sequences``, ``top_p``, ...).

    No file is written. A failing language server never stops a generation: ``stats.fail_open``
    counts why points went unconstrained. With ``strict`` it raises `AnalysisError` instead.

    Raises `UsageError` (`PositionError`, `WorkspaceError`, `ModelError`, `ServerError`,
    `ConfigError`) for a caller's mistake, before anything is generated, and `EndpointError` as soon
    as an endpoint fails.
    """
    request = Request.of(
        path,
        position,
        workspace,
        server=server,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
        seed=seed,
        until=until,
        monitors=monitors,
        crossing=crossing,
        deadline_s=deadline_s,
        start_timeout_s=start_timeout_s,
        strict=strict,
        trust_workspace=trust_workspace,
        pool=pool,
    )
    return complete(model, tokenizer, request, generate_options)


def complete(
    model: Any, tokenizer: Any, request: Request, options: Mapping[str, Any] | None = None
) -> Completion:
    """`generate` for a request; ``options`` are the engine's own. Raises the same."""
    kind = registry.kind_of(model)
    document = request.document()
    pool = None
    if kind.asks_here:
        pool = request.open_pool(document)
        if request.monitors and request.start_timeout_s > 0:
            warming.begin(pool, document, request.server)  # meanwhile the engine is opened
    with kind.opened(model, tokenizer) as engine:
        prompt = _prompt(engine, document, request.max_new_tokens)
        language = language_named(document.language)
        output = Output(engine.index, language, document.prefix, prompt.healed, request.until)
        rows, statistics = engine.complete(
            Task(request, document, prompt, output.is_done, options or {}, pool)
        )
    texts = tuple(output.text(ids) for ids in rows)
    return Completion(texts[0], texts, statistics)


def load_model(
    name: str, device: str | None = None, *, engine: str | None = None
) -> tuple[Any, Any]:
    """Model and tokenizer by name, folder or file, from this machine only.

    ``engine``: ``"transformers"``, ``"vllm"`` or ``"llama_cpp"``; None: what the name is for, which
    is llama.cpp for a GGUF file. In vLLM it is a `vllm.LLM` with the processor, and ``device`` is
    vLLM's own affair. Raises `ModelError` if there is no such model, or its engine is not
    installed, and `UsageError`.
    """
    kind = registry.for_name(name) if engine is None else registry.named(engine)
    return kind.load(name, device)


def check_request(
    path: str | Path,
    position: Position,
    workspace: str | Path | None = None,
    **settings: Any,
) -> tuple[Document, ServerPool]:
    """Find every mistake in the arguments of `generate` that can be found without a model.

    ``settings`` are those of `generate`. Returns the document with its cursor, and the pool that
    will answer. Raises `UsageError`. Without ``monitors`` the server need not be installed.
    """
    request = Request.of(path, position, workspace, **settings)
    document = request.document()
    return document, request.open_pool(document)


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
