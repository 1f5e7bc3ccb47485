"""Replaying real code under other monitors than the dereference monitor.

No syntax tree says where these have to speak: the points are those at which they asked.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from decoding.session.session import Session
from decoding.session.statistics import CONSTRAINED
from evaluation.replay import Forbidden, Hole, Replay, quantiles, share
from evaluation.sites import DereferenceSite


@dataclass(slots=True)
class MonitorReport:
    """What a replay found of one monitor."""

    sites: int = 0
    """Points at which it asked."""
    constrained_sites: int = 0
    """Those that were answered."""
    forbidden: list[Forbidden] = field(default_factory=list)
    """True tokens that its masks did not allow."""
    fail_open: Counter[str] = field(default_factory=Counter)
    step_us: list[float] = field(default_factory=list)

    @property
    def allowed_sites(self) -> int:
        """Constrained ones at which nothing true was refused."""
        return max(self.constrained_sites - len(self.forbidden), 0)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON. Shares are None where there was nothing to share."""
        return {
            "sites": self.sites,
            "constrained_sites": self.constrained_sites,
            "covered_share": share(self.constrained_sites, self.sites),
            "allowed_sites": self.allowed_sites,
            "allowed_share": share(self.allowed_sites, self.constrained_sites),
            "forbidden": [entry.as_dict() for entry in self.forbidden],
            "fail_open": dict(self.fail_open.most_common()),
            "step_us": quantiles(self.step_us),
        }


class PointReplay(Replay):
    """A replay under one monitor, whose points are counted where it asked."""

    points: MonitorReport
    name: str

    def judge(
        self,
        path: Path,
        text: str,
        session: Session,
        broken: Sequence[int],
        sites: Sequence[DereferenceSite],
        line: Hole,
    ) -> None:
        """Count the points of a line, and the true tokens that were refused."""
        for key, count in session.statistics.by_monitor.items():
            name, _, outcome = key.partition(":")
            if name == self.name:
                self.points.sites += count
                if outcome == CONSTRAINED:
                    self.points.constrained_sites += count
                else:
                    self.points.fail_open[outcome] += count
        for start in broken[:1]:  # what comes behind a refused token is not guided by the same call
            before = text.count("\n", 0, start)
            column = start - text.rfind("\n", 0, start)
            shown = text[start : start + 20].splitlines()
            name = shown[0] if shown else ""
            reason = f"refused by {self.name}"
            self.points.forbidden.append(Forbidden(str(path), before + 1, column, name, reason))


def replay_monitor(replay: "PointReplay", name: str, *groups: Sequence[Path]) -> MonitorReport:
    """Replay files under the monitor ``name``, of which the guides of ``replay`` are."""
    replay.name, replay.points = name, MonitorReport()
    report = replay.run(*groups)
    replay.points.step_us = [*report.unconstrained_us, *report.constrained_us]
    return replay.points
