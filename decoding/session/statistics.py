"""What guided decoding did, as numbers: one record for each generation."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from monitors.protocols import Outcome, Reason

NOT_ANALYSIS = frozenset({Reason.NO_MATCH, Reason.EMPTY_MASK, Reason.REJECTED, Reason.INVALID_TEXT})
"""Why a point went unconstrained although there was an answer."""
CONSTRAINED = "constrained"


@dataclass(slots=True)
class Statistics:
    """Counts and seconds of one generation. Filled in by sessions; read by anyone."""

    tokens: int = 0
    """Tokens accepted."""
    triggers: int = 0
    """Points at which a monitor asked, tokens with an operator inside included."""
    constrained: int = 0
    """Those of ``triggers`` that were answered with a closed list of names."""
    masks: int = 0
    """Steps at which a mask was applied."""
    crossing_judged: int = 0
    crossing_rejected: int = 0
    start_s: float = 0.0
    """Time spent waiting, before decoding began, for a server's start and first answer."""
    waited_s: float = 0.0
    """Time spent waiting for answers while decoding."""
    wall_s: float = 0.0
    """Duration of the whole decoding, without ``start_s``; 0 where nobody measured it."""
    fail_open: Counter[Reason] = field(default_factory=Counter)
    """Why a point went unconstrained, and how often."""
    by_monitor: Counter[str] = field(default_factory=Counter)
    """The same for each monitor: ``name:constrained``, or ``name:`` and the reason."""

    def count(self, outcomes: Iterable[Outcome]) -> None:
        """Add what became of some points."""
        for monitor, reason in outcomes:
            self.triggers += 1
            self.by_monitor[f"{monitor}:{reason or CONSTRAINED}"] += 1
            if reason is None:
                self.constrained += 1
            else:
                self.fail_open[reason] += 1

    @property
    def tokens_per_second(self) -> float:
        """Accepted tokens by wall time; 0 where nobody measured."""
        return self.tokens / self.wall_s if self.wall_s else 0.0

    def as_dict(self) -> dict[str, object]:
        """Plain values, ready for JSON."""
        return {
            "tokens": self.tokens,
            "triggers": self.triggers,
            "constrained": self.constrained,
            "masks": self.masks,
            "crossing_judged": self.crossing_judged,
            "crossing_rejected": self.crossing_rejected,
            "start_s": round(self.start_s, 6),
            "waited_s": round(self.waited_s, 6),
            "wall_s": round(self.wall_s, 6),
            "tokens_per_second": round(self.tokens_per_second, 2),
            "fail_open": {reason.value: count for reason, count in self.fail_open.most_common()},
            "by_monitor": dict(self.by_monitor.most_common()),
        }
