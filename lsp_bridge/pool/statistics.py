"""What a pool counts."""

from collections import Counter, deque
from dataclasses import dataclass, field

from monitors.protocols import Reason

_LATENCIES_KEPT = 10_000


@dataclass
class Statistics:
    """Counts since the pool was made. `ServerPool.statistics` hands out copies."""

    queries: int = 0
    """Queries asked, those answered from the cache included."""
    cache_hits: int = 0
    joined: int = 0
    """Queries that joined an identical one that was already under way."""
    restarts: int = 0
    fail_opens: Counter[Reason] = field(default_factory=Counter)
    """Answers without facts that somebody waited for, by reason."""
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=_LATENCIES_KEPT))
    """From asking to answer of the last 10,000 queries that a server answered."""

    def copy(self) -> "Statistics":
        """A snapshot."""
        return Statistics(
            self.queries,
            self.cache_hits,
            self.joined,
            self.restarts,
            self.fail_opens.copy(),
            self.latencies_ms.copy(),
        )
