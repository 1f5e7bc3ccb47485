"""`generate` for a `vllm.LLM`: the guiding is done by the processor inside its workers."""

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from vllm import LLM, SamplingParams
from vllm.platforms import current_platform

from decoding.engines.engine import Generated, Sampling, Task
from decoding.engines.vllm.checks import is_ours
from decoding.engines.vllm.processor import open_index
from decoding.engines.vllm.request import (
    PROCESSOR,
    TRUST_VARIABLE,
    GuideRequest,
    check_server,
    name_workspace,
    trusts_workspaces,
)
from decoding.session.statistics import NOT_ANALYSIS, Statistics
from monitors.errors import AnalysisError, ModelError, UsageError
from monitors.protocols import Reason

_SHARE_OF_MEMORY = 0.4
_OURS = frozenset({"max_tokens", "stop_token_ids", "extra_args", "detokenize", "n"})


class VllmModel:
    """An engine of vLLM in this program, with the processor."""

    def __init__(self, llm: LLM) -> None:
        """Raises `UsageError` if the engine was made without the processor."""
        config = llm.model_config
        if not any(map(is_ours, config.logits_processors or ())):
            raise UsageError(
                "this LLM was made without the logits processor, so nothing would be constrained; "
                f'make it with LLM(..., logits_processors=["{PROCESSOR}"])'
            )
        self._llm = llm
        self._tokenizer: Any = llm.get_tokenizer()
        self.index = open_index(config)
        self.context: int = config.max_model_len
        first = self._tokenizer.bos_token_id
        self.start_ids: list[int] = self._tokenizer("")["input_ids"] or (
            [] if first is None else [first]
        )
        self.token_to_id: Callable[[str], int | None] = self._tokenizer.get_vocab().get

    def complete(self, task: Task) -> Generated:
        """Generate, guided by the processor: sessions and servers live in the workers."""
        asked = task.request
        if asked.pool is not None or (asked.trust_workspace and not trusts_workspaces()):
            raise UsageError(
                "got pool or trust_workspace with a vllm.LLM, whose workers start the servers; "
                f"leave them out ({TRUST_VARIABLE}=1 in the environment before the LLM is made)"
            )
        request = GuideRequest.of(task)
        check_server(request, task.document.language)
        name_workspace(asked.workspace)
        begun = time.perf_counter()
        self.start(request, asked.start_timeout_s)
        started = time.perf_counter()
        rows = self.generate(task.prompt.ids, request, task.is_done, task.sampling, task.options)
        statistics = self.statistics(request.tag)
        statistics.wall_s = time.perf_counter() - started
        statistics.start_s = started - begun
        statistics.tokens = sum(map(len, rows))  # the workers need not look at the last one
        if asked.strict:
            refuse_unanswered(statistics)
        return Generated(rows, statistics)

    def encode(self, text: str) -> list[int]:
        """Token ids, without any special token before or behind."""
        return list(self._tokenizer.encode(text, add_special_tokens=False, verbose=False))

    def start(self, request: GuideRequest, timeout_s: float) -> None:
        """Start the language server that a request will need, and let it look at the file."""
        (text,) = request.as_argument().values()
        self._llm.collective_rpc("mgd_start", args=(text, timeout_s))

    def generate(
        self,
        prompt: Sequence[int],
        request: GuideRequest,
        is_done: Callable[[list[int]], bool],
        sampling: Sampling,
        options: Mapping[str, Any],
    ) -> list[list[int]]:
        """Token ids generated for one prompt, one list for each of ``num_return_sequences``.

        The other ``options`` are fields of vLLM's `SamplingParams`.
        """
        engine = self._llm.llm_engine
        if engine.has_unfinished_requests():
            raise UsageError("the LLM has unfinished requests; let them end first")
        params = self._params(request, sampling, dict(options))
        name = engine.add_request(
            f"mgd-{uuid.uuid4().hex}", {"prompt_token_ids": list(prompt)}, params
        )
        rows: list[list[int]] = [[] for _ in range(params.n)]
        try:
            while engine.has_unfinished_requests():
                for output in engine.step():
                    for each in getattr(output, "outputs", ()):
                        rows[each.index] = list(each.token_ids)
                if all(row and is_done(row) for row in rows):
                    break
        finally:
            engine.abort_request([name], internal=True)
        return rows

    def statistics(self, tag: str) -> Statistics:
        """What the requests with ``tag`` did."""
        found: dict[str, Any] = self._llm.collective_rpc("mgd_statistics", args=(tag,))[0]
        values = found["statistics"]
        reasons = {Reason(name): count for name, count in values.pop("fail_open").items()}
        by_monitor = Counter(values.pop("by_monitor"))
        return Statistics(**values, fail_open=Counter(reasons), by_monitor=by_monitor)

    def _params(
        self, request: GuideRequest, sampling: Sampling, options: dict[str, Any]
    ) -> SamplingParams:
        count = options.pop("num_return_sequences", 1)
        if ours := sorted(_OURS & options.keys()):
            raise UsageError(f"got {', '.join(ours)}; generate() sets them itself: leave them out")
        settings: dict[str, Any] = {
            "n": count,
            "max_tokens": sampling.max_new_tokens,
            "temperature": sampling.temperature,
            "seed": sampling.seed,
            "stop_token_ids": sorted(self.index.end_ids),
            "detokenize": False,
            "extra_args": request.as_argument(),
        }
        try:
            return SamplingParams(**(settings | options))
        except TypeError as error:
            raise UsageError(f"vLLM's SamplingParams: {error}") from error


def refuse_unanswered(statistics: Statistics) -> None:
    """Raise `AnalysisError` if an analysis gave no answer: what ``strict`` asks for."""
    missing = {
        reason: count
        for reason, count in statistics.fail_open.items()
        if reason not in NOT_ANALYSIS
    }
    if missing:
        counted = ", ".join(f"{reason} ({count})" for reason, count in missing.items())
        raise AnalysisError(f"no answer where names were to be constrained: {counted}")


@contextmanager
def opened(model: LLM, tokenizer: Any) -> Iterator[VllmModel]:
    """The engine with a model, whose tokenizer is its own; nothing is closed at the end."""
    yield VllmModel(model)


def load(name: str, device: str | None) -> tuple[LLM, None]:
    """A model by name or folder, from the local disk or cache only, with the processor.

    ``device`` is vLLM's own affair. Raises `ModelError` if there is none, or no room for it.
    """
    # Without a GPU the share is one of the machine's memory, and nearly all of it is never free.
    settings: dict[str, Any] = {}
    if current_platform.is_cpu():
        settings["gpu_memory_utilization"] = _SHARE_OF_MEMORY
    try:
        return LLM(name, logits_processors=[PROCESSOR], **settings), None
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"vLLM has not loaded the model {name!r}: {error}") from error
