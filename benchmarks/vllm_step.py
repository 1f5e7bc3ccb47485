"""A logits processor for `benchmarks.vllm`: it lengthens forward passes, and times the queries.

Named before ours, it meets the logits between the forward pass and our waiting.
"""

import os
import time
from typing import Any

from vllm.v1.sample.logits_processor.interface import BatchUpdate, LogitsProcessor
from vllm.v1.worker.worker_base import WorkerBase

from benchmarks.vllm import PAUSE_VARIABLE, QUERIES
from lsp_bridge.bridge import client
from lsp_bridge.bridge.client import BridgeClient, BridgeTicket
from monitors.protocols import Answer

_times: list[tuple[float, float, float]] = []


class Forward(LogitsProcessor):
    """Ends every forward pass: sleeps, as a larger model would take longer, and notes the time."""

    ended_s = 0.0

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        self._pause_s = float(os.environ.get(PAUSE_VARIABLE, "0")) / 1000

    def is_argmax_invariant(self) -> bool:
        """It has to run before ours, which is not."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Nothing is kept."""

    def apply(self, logits: Any) -> Any:
        """The same logits, later."""
        if self._pause_s:
            time.sleep(self._pause_s)
        Forward.ended_s = time.perf_counter()
        return logits


class _TimedTicket(BridgeTicket):
    """Notes when it was asked and answered, and when the step that needed it began to wait."""

    def __init__(self, asker: BridgeClient, number: int) -> None:
        super().__init__(asker, number)
        self._asked_s = time.perf_counter()
        self._answered_s: float | None = None

    def settle(self, answer: Answer) -> None:
        """As ever."""
        if self._answered_s is None:
            self._answered_s = time.perf_counter()
        super().settle(answer)

    def result(self, deadline_s: float) -> Answer:
        """As ever."""
        answer = super().result(deadline_s)
        if self._answered_s is not None:
            _times.append((self._asked_s, self._answered_s, Forward.ended_s))
        return answer


def _take(worker: Any) -> list[tuple[float, float, float]]:
    """Times of the queries that steps have needed since the last call."""
    taken = list(_times)
    _times.clear()
    return taken


# In the workers: what is asked from now on is timed, and the times can be fetched.
for _owner, _name, _value in (
    (client, BridgeTicket.__name__, _TimedTicket),
    (WorkerBase, QUERIES, _take),
):
    setattr(_owner, _name, _value)
