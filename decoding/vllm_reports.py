"""What the processor did, sent to whoever shows it: once a second at most, beside the steps."""

import threading
from collections.abc import Callable, Mapping

from decoding.vllm_sessions import SessionStore

PERIOD_S = 1.0


class Reports:
    """Sends what a store has counted since the last report, soon after something was counted."""

    def __init__(
        self,
        store: SessionStore,
        send: Callable[[Mapping[str, float]], None],
        period_s: float = PERIOD_S,
    ) -> None:
        self._store = store
        self._send = send
        self._period_s = period_s
        self._sent: dict[str, float] = {}
        self._timer: threading.Timer | None = None

    def due(self) -> None:
        """Have what was counted reported soon; costs next to nothing."""
        if self._timer is None and self._store.totals.steps > self._sent.get("steps", 0):
            self._timer = threading.Timer(self._period_s, self._report)
            self._timer.daemon = True
            self._timer.start()

    def _report(self) -> None:
        self._timer = None  # what is counted from here on may miss this report, not the next
        counts = self._counts()
        grown = {name: value - self._sent.get(name, 0.0) for name, value in counts.items()}
        self._sent = counts
        self._send({name: value for name, value in grown.items() if value > 0})

    def _counts(self) -> dict[str, float]:
        totals, statistics = self._store.totals, self._store.statistics()
        return {
            "steps": totals.steps,
            "rows": totals.rows,
            "requests": totals.requests,
            "unopened_requests": totals.unopened,
            "mask_seconds": totals.spent_s - totals.waited_s,
            "wait_seconds": totals.waited_s,
            "triggers": statistics.triggers,
            "constrained": statistics.constrained,
            "judged_tokens": statistics.crossing_judged,
            "rejected_tokens": statistics.crossing_rejected,
            **{f"fail_opens:{reason}": count for reason, count in statistics.fail_open.items()},
        }
