"""A logits processor that only sleeps: the step of a larger model, for `benchmarks.vllm`."""

import os
import time
from typing import Any

from vllm.v1.sample.logits_processor.interface import BatchUpdate, LogitsProcessor

VARIABLE = "MGD_BENCHMARK_STEP_MS"
"""Environment variable: how long a step takes, in milliseconds, beside the model's own time."""


class Sleep(LogitsProcessor):
    """Named before ours, it sleeps where the forward pass is: behind asking, before waiting."""

    def __init__(self, vllm_config: Any, device: Any, is_pin_memory: bool) -> None:
        self._pause_s = float(os.environ.get(VARIABLE, "0")) / 1000

    def is_argmax_invariant(self) -> bool:
        """It has to run before ours, which is not."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Nothing is kept."""

    def apply(self, logits: Any) -> Any:
        """The same logits, later."""
        time.sleep(self._pause_s)
        return logits
