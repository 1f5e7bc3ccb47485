"""The vLLM adapter: one logits processor for the V1 model runner and for Model Runner V2.

Named on the command line, ``--logits-processors mgd.vllm:MonitorLogitsProcessor``, it runs
inside vLLM's workers. A request without our argument (`decoding.engines.vllm.request`) never
meets it.
"""

import weakref
from dataclasses import asdict, fields
from typing import Any

from decoding.engines.vllm import request as vllm_request
from decoding.engines.vllm.batch_v1 import BatchRows
from decoding.engines.vllm.checks import check_config, check_entry_points, check_version
from decoding.engines.vllm.interfaces import (
    BatchUpdate,
    V1Processor,
    V2Processor,
    WorkerBase,
    cached_tokenizer_from_config,
)
from decoding.engines.vllm.reports import Reports
from decoding.engines.vllm.sessions import SessionStore
from decoding.engines.vllm.slots_v2 import SlotRows
from decoding.prompt import fim
from decoding.session.statistics import Statistics
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from decoding.wiring import open_audience
from monitors.errors import ModelError

_SPARE_SESSIONS = 64
_active: "weakref.WeakSet[MonitorLogitsProcessor]" = weakref.WeakSet()


class MonitorLogitsProcessor(V1Processor, V2Processor):
    """Closes, in the rows of guided requests, every token that cannot lead to a valid name."""

    def __init__(self, vllm_config: Any, *args: Any) -> None:
        """``args``: a device and whether memory is pinned (V1), or the request states (V2)."""
        is_v1 = len(args) == 2
        check_version()
        check_entry_points()
        check_config(vllm_config, is_v1)
        self.index = open_index(vllm_config.model_config)
        self.store = SessionStore(
            self.index, 2 * vllm_config.scheduler_config.max_num_seqs + _SPARE_SESSIONS
        )
        self._batch = BatchRows(self.store) if is_v1 else None
        self._slots = None if is_v1 else SlotRows(self.store, args[0])
        audience = open_audience() if speaks_for_ranks(vllm_config.parallel_config) else None
        self._reports = None if audience is None else Reports(self.store, audience)
        _active.add(self)

    @classmethod
    def validate_params(cls, sampling_params: Any) -> None:
        """Raise `UsageError`, a ValueError, for arguments that cannot be followed."""
        arguments = sampling_params.extra_args
        if vllm_request.argument_of(arguments) is not None:
            check_entry_points()
            vllm_request.check(arguments)

    def is_argmax_invariant(self) -> bool:
        """Never: the likeliest token may be forbidden."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """V1: follow the batch, and begin to ask before the forward pass."""
        assert self._batch is not None
        self._batch.update(batch_update)

    def add_request(self, req_idx: int, sampling_params: Any) -> bool:
        """V2: a request enters a slot; returns whether it is guided."""
        assert self._slots is not None
        return self._slots.add(req_idx, sampling_params)

    def apply_staged_writes(self) -> None:
        """V2: fetch the tokens of the last step, and begin to ask during the forward pass."""
        assert self._slots is not None
        self._slots.begin()

    def apply(self, logits: Any, ctx: Any = None) -> Any:
        """Close what may not come next, in place; ``ctx`` is the batch layout of V2."""
        if self._batch is not None:
            closed = self._batch.apply(logits)
        else:
            assert self._slots is not None
            closed = self._slots.apply(logits, ctx)
        if self._reports is not None:
            self._reports.due()
        return closed


def speaks_for_ranks(parallel_config: Any) -> bool:
    """Whether a worker reports what all ranks of its group do alike."""
    return bool(parallel_config.rank % parallel_config.tensor_parallel_size == 0)


def open_index(model_config: Any) -> TokenIndex:
    """The token index of a served model; built once, then taken from the cache.

    Raises `ModelError` for a tokenizer whose tokens cannot be turned into exact bytes.
    """
    tokenizer = cached_tokenizer_from_config(model_config)
    if tokenizer is None:
        raise ModelError("the model has no tokenizer; masks need its vocabulary")
    ends = end_ids(model_config, tokenizer)
    size = model_config.get_vocab_size()
    return TokenIndex.open(Vocabulary.from_tokenizer(tokenizer, size=size, end_ids=ends))


def end_ids(model_config: Any, tokenizer: Any) -> set[int]:
    """Ids that end a text, or what a fill-in-the-middle model writes in the middle."""
    generation = model_config.try_get_generation_config() or {}
    ends: set[int] = set()
    for named in (tokenizer.eos_token_id, generation.get("eos_token_id")):
        ends.update(named if isinstance(named, list) else [] if named is None else [named])
    template = fim.detect(tokenizer.get_vocab().get)
    return ends if template is None else ends | template.stop_ids


def _start(worker: Any, argument: str, timeout_s: float) -> None:
    for processor in _active:
        processor.store.start(argument, timeout_s)


def _statistics(worker: Any, tag: str | None = None) -> dict[str, Any]:
    """Statistics of the requests with ``tag`` (None: all) in plain values, and the totals.

    Whoever asks for those of a tag has what it wanted, and its questions are given up.
    """
    for processor in _active:
        if tag is not None:
            processor.store.give_up(tag)
        totals = processor.store.totals
        return {
            "statistics": _plain(processor.store.statistics(tag)),
            "totals": asdict(totals) | {"waits_s": list(totals.waits_s)},
        }
    return {}


def _plain(statistics: Statistics) -> dict[str, Any]:
    reasons = {reason.value: count for reason, count in statistics.fail_open.items()}
    return {each.name: getattr(statistics, each.name) for each in fields(Statistics)} | {
        "fail_open": reasons
    }


# Workers run a method by its name (``LLM.collective_rpc``). The interface of logits processors has
# no way back to the caller, and ``worker_extension_cls`` would be one more thing to configure.
for _name, _method in (("mgd_start", _start), ("mgd_statistics", _statistics)):
    setattr(WorkerBase, _name, _method)
