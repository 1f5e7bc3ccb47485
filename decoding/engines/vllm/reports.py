"""What the processor did, sent to whoever shows it: once a second at most, beside the steps.

What became of a single request is told at once, before the token of that step is sampled, if the
request has a key: so whoever has a text can know what became of its tokens, but for the last.
Everything is counted on the engine's thread, from the requests of the step that has just been
made. The thread that sends gets a mapping that nobody changes any more.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from copy import copy

from decoding.engines.vllm.sessions import Guided, SessionStore
from decoding.session.statistics import Statistics
from decoding.wiring import Audience
from lsp_bridge.bridge import Outcome

PERIOD_S = 1.0


class Reports:
    """Sends what a store has counted since the last report, soon after something was counted."""

    def __init__(
        self,
        store: SessionStore,
        audience: Audience,
        period_s: float = PERIOD_S,
    ) -> None:
        self._store = store
        self._audience = audience
        self._period_s = period_s
        self._counts: Counter[str] = Counter()
        self._marks = (0, 0)
        self._latest: Mapping[str, float] = {}
        self._sent: Mapping[str, float] = {}
        self._sending = threading.Lock()
        self._timer: threading.Timer | None = None

    def due(self) -> None:
        """Count the last step, on the engine's thread, and have it reported soon."""
        totals = self._store.totals
        if self._marks == (marks := (totals.steps, totals.unopened)):
            return
        self._marks = marks
        for request in self._store.stepped:
            self._look_at(request)
        self._store.stepped = set()
        while self._store.unopened:
            key, why = self._store.unopened.popleft()
            self._audience.tell(key, Outcome(unguided=why))
        self._latest = {
            "steps": totals.steps,
            "rows": totals.rows,
            "requests": totals.requests,
            "unopened_requests": totals.unopened,
            "mask_seconds": totals.spent_s - totals.waited_s,
            "wait_seconds": totals.waited_s,
            **self._counts,
        }
        if self._timer is None:
            self._timer = threading.Timer(self._period_s, self._report)
            self._timer.daemon = True
            self._timer.start()

    def _look_at(self, request: Guided) -> None:
        """Add what one request counted since its last step."""
        now, before = request.session.statistics, request.reported
        if before is not None and _marks(before) == _marks(now):
            return
        self._counts.update(_counts(now))
        if before is not None:
            self._counts.subtract(_counts(before))
        outcome = outcome_of(now)
        if request.key and (before is None or outcome_of(before) != outcome):
            self._audience.tell(request.key, outcome)
        request.reported = copy(now)
        request.reported.fail_open = copy(now.fail_open)

    def _report(self) -> None:
        with self._sending:
            self._timer = None  # what is counted from here on may miss this report, not the next
            counts, before = self._latest, self._sent
            self._sent = counts
            grown = {name: value - before.get(name, 0.0) for name, value in counts.items()}
            self._audience.report({name: value for name, value in grown.items() if value > 0})


def outcome_of(statistics: Statistics) -> Outcome:
    """What is told of a request."""
    return Outcome(
        statistics.triggers,
        statistics.constrained,
        {reason.value: count for reason, count in statistics.fail_open.items()},
        round(statistics.waited_s, 6),
    )


def _marks(statistics: Statistics) -> tuple[int, int, int]:
    """Numbers of which one has grown if anything was counted."""
    failed = statistics.fail_open.total()
    return statistics.triggers, statistics.crossing_judged, failed


def _counts(statistics: Statistics) -> dict[str, int]:
    return {
        "triggers": statistics.triggers,
        "constrained": statistics.constrained,
        "judged_tokens": statistics.crossing_judged,
        "rejected_tokens": statistics.crossing_rejected,
        **{f"fail_opens:{reason}": count for reason, count in statistics.fail_open.items()},
    }
