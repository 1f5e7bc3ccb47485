"""What a bridge counts, as a page in Prometheus' text format."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from lsp_bridge.pool.statistics import Statistics
from monitors.protocols import Reason

_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_REASONS = frozenset(Reason)
_MOST_NAMES = 256
_BOUNDS_S = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
HELP = {
    "bridge_queries_total": "Queries asked by clients.",
    "bridge_joined_total": "Queries that joined one under way.",
    "bridge_remembered_total": "Queries whose verdict was remembered.",
    "bridge_refused_total": "Queries refused, for a path outside the workspaces or too many.",
    "bridge_fail_opens_total": "Verdicts without facts, by reason.",
    "bridge_protocol_errors_total": "Connections closed because they spoke another protocol.",
    "bridge_wait_seconds": "From the first wait for a verdict to the verdict.",
    "bridge_clients": "Clients connected.",
    "bridge_verdicts": "Verdicts remembered or awaited.",
    "bridge_outcomes": "Requests of whose outcome somebody will be told.",
    "server_queries_total": "Queries that went to the pool of language servers.",
    "server_cache_hits_total": "Those of them that its cache answered.",
    "server_joined_total": "Those of them that joined an identical one under way.",
    "server_restarts_total": "Restarts of language servers.",
    "servers": "Language servers running.",
}


class Counters:
    """Counts since the bridge was started. Not thread safe."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.fail_opens: Counter[str] = Counter()
        self._reported: dict[str, float] = {}
        self._waits: Counter[float] = Counter()
        self._waits_s = 0.0

    def waited(self, seconds: float) -> None:
        """Count one wait for a verdict."""
        bound = next((each for each in _BOUNDS_S if seconds <= each), float("inf"))
        self._waits[bound] += 1
        self._waits_s += seconds

    def report(self, counts: Mapping[str, float]) -> None:
        """Add what a client counted. Names that are none, and what goes down, are left out."""
        for key, value in counts.items():
            name, colon, reason = key.partition(":")
            fits = _NAME.fullmatch(name) and (reason in _REASONS if colon else True)
            known = key in self._reported or len(self._reported) < _MOST_NAMES
            if fits and known and 0 <= value < float("inf"):
                self._reported[key] = self._reported.get(key, 0.0) + value

    def page(self, pools: Iterable[Statistics], gauges: Mapping[str, int]) -> str:
        """The whole page."""
        lines = [*self._own(), *_of_pools(pools), *self._histogram(), *self._of_clients()]
        for name, value in gauges.items():
            lines += [*_head(name, "gauge"), f"mgd_{name} {value}"]
        return "\n".join(lines) + "\n"

    def _own(self) -> Iterator[str]:
        for name in ("queries", "joined", "remembered", "refused", "protocol_errors"):
            yield from _counter(f"bridge_{name}_total", self.counts[name])
        yield from _head("bridge_fail_opens_total", "counter")
        for reason in Reason:
            yield _labelled("bridge_fail_opens_total", reason, self.fail_opens[reason])

    def _histogram(self) -> Iterator[str]:
        yield from _head("bridge_wait_seconds", "histogram")
        total = 0
        for bound in (*_BOUNDS_S, float("inf")):
            total += self._waits[bound]
            name = "+Inf" if bound == float("inf") else f"{bound:g}"
            yield f'mgd_bridge_wait_seconds_bucket{{le="{name}"}} {total}'
        yield f"mgd_bridge_wait_seconds_sum {self._waits_s:.6f}"
        yield f"mgd_bridge_wait_seconds_count {total}"

    def _of_clients(self) -> Iterator[str]:
        seen = ""
        for key in sorted(self._reported, key=lambda each: each.partition(":")):
            name, _, reason = key.partition(":")
            full = f"processor_{name}_total"
            if full != seen:
                yield from _head(full, "counter")
                seen = full
            value = f"{self._reported[key]:.9g}"
            yield _labelled(full, reason, value) if reason else f"mgd_{full} {value}"


def _of_pools(pools: Iterable[Statistics]) -> Iterator[str]:
    names = ("queries", "cache_hits", "joined", "restarts")
    snapshots = list(pools)
    for name in names:
        total = sum(getattr(each, name) for each in snapshots)
        yield from _counter(f"server_{name}_total", total)


def _counter(name: str, value: float) -> Iterator[str]:
    yield from _head(name, "counter")
    yield f"mgd_{name} {value}"


def _head(name: str, kind: str) -> Iterator[str]:
    yield f"# HELP mgd_{name} {HELP.get(name, 'Reported by the logits processor.')}"
    yield f"# TYPE mgd_{name} {kind}"


def _labelled(name: str, reason: str, value: object) -> str:
    return f'mgd_{name}{{reason="{reason}"}} {value}'
