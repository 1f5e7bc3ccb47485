"""From times and counts to the figures of `benchmarks.vllm`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

from benchmarks.results import share, spread

_COUNTED = (
    "triggers",
    "constrained",
    "masks",
    "crossing_judged",
    "crossing_rejected",
)


class Run(NamedTuple):
    """What one batch took."""

    tokens: int
    wall_s: float

    @property
    def speed(self) -> float:
        """Tokens per second."""
        return self.tokens / self.wall_s


class Work(NamedTuple):
    """What the processor did in between."""

    steps: int
    rows: int
    spent_s: float
    processor_s: float
    waits_s: Sequence[float]

    @property
    def waited_s(self) -> float:
        """For all queries."""
        return sum(self.waits_s)

    @property
    def own_s(self) -> float:
        """Time in the processor, waiting left out."""
        return self.spent_s - self.waited_s


class Round(NamedTuple):
    """The same prompts unguided and guided."""

    free: Run
    held: Run
    work: Work

    @property
    def ratio(self) -> float:
        """Guided throughput, as a share of unguided throughput."""
        return self.held.speed / self.free.speed


class Asked(NamedTuple):
    """A query that a step needed: moments in seconds."""

    asked_s: float
    answered_s: float
    forward_ended_s: float
    """When the step that needed it had its logits."""

    @property
    def answering_s(self) -> float:
        """How long the answer took."""
        return self.answered_s - self.asked_s

    @property
    def hidden_s(self) -> float:
        """How much of that passed while the model was computing."""
        return max(0.0, min(self.answered_s, self.forward_ended_s) - self.asked_s)


@dataclass(frozen=True)
class State:
    """What the processor has done since the engine was started."""

    totals: Mapping[str, Any]
    statistics: Mapping[str, Any]

    def work_until(self, later: "State") -> Work:
        """What it did in between."""
        now, then = later.totals, self.totals
        steps, rows, spent_s, processor_s = (
            now[name] - then[name] for name in ("steps", "rows", "spent_s", "processor_s")
        )
        return Work(steps, rows, spent_s, processor_s, now["waits_s"][len(then["waits_s"]) :])

    @property
    def counts(self) -> dict[str, int]:
        """Counted events; those of `Statistics.fail_open` by their reasons."""
        reasons = self.statistics["fail_open"]
        return (
            {name: self.totals[name] for name in ("requests", "unopened")}
            | {name: self.statistics[name] for name in _COUNTED}
            | {f"unconstrained: {reason}": count for reason, count in reasons.items()}
        )


def difference(before: Mapping[str, int], after: Mapping[str, int]) -> dict[str, int]:
    """What was counted in between."""
    return {name: count - before.get(name, 0) for name, count in after.items()}


def figures(rounds: Sequence[Round], queries: Sequence[Asked]) -> dict[str, Any]:
    """What the rounds say together, and medians over rounds."""
    free, held = ([getattr(each, name) for each in rounds] for name in ("free", "held"))
    held_s = sum(run.wall_s for run in held)
    free_s = sum(run.wall_s for run in free)
    works = [each.work for each in rounds]
    steps = sum(work.steps for work in works)
    own_s = sum(work.own_s for work in works)
    waited_s = sum(work.waited_s for work in works)
    waits_s = [wait_s for work in works for wait_s in work.waits_s]
    unguided, guided = (_speed(runs) for runs in (free, held))
    return {
        "tokens_per_s": {"unguided": round(unguided, 1), "guided": round(guided, 1)},
        "tokens_per_s_median": {
            "unguided": round(median(run.speed for run in free), 1),
            "guided": round(median(run.speed for run in held), 1),
        },
        "ratio": ratio(free, held),
        "ratio_median": _median(rounds, lambda each: each.ratio),
        "own_share": share(own_s, held_s),
        "own_share_median": _median(rounds, lambda each: each.work.own_s / each.held.wall_s),
        "processor_share": share(sum(work.processor_s for work in works), held_s),
        "waiting_share": share(waited_s, held_s),
        "rest_share": share(held_s - free_s - own_s - waited_s, held_s),
        "wait_ms": spread([1000 * each for each in waits_s]),
        "answer_ms": spread([1000 * each.answering_s for each in queries]),
        "queries": len(waits_s),
        "hidden_share": share(
            sum(each.hidden_s for each in queries), sum(each.answering_s for each in queries)
        ),
        "own_ms_per_step": round(1000 * own_s / steps, 2) if steps else None,
        "steps": steps,
        "rows": sum(work.rows for work in works),
        "rounds": [
            {
                "unguided_s": round(each.free.wall_s, 4),
                "guided_s": round(each.held.wall_s, 4),
                "own_s": round(each.work.own_s, 4),
                "processor_s": round(each.work.processor_s, 4),
                "waited_s": round(each.work.waited_s, 4),
            }
            for each in rounds
        ],
    }


def ratio(free: Sequence[Run], held: Sequence[Run]) -> float | None:
    """Guided throughput, as a share of unguided throughput."""
    return share(_speed(held), _speed(free))


def _speed(runs: Sequence[Run]) -> float:
    return sum(run.tokens for run in runs) / sum(run.wall_s for run in runs)


def _median(rounds: Sequence[Round], value: Callable[[Round], float]) -> float:
    return round(median(map(value, rounds)), 5)
