"""Result files: one JSON object for each benchmark, the only source of the report."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent / "results"


@dataclass(frozen=True, slots=True)
class Check:
    """A figure and its target."""

    what: str
    measured: float | None
    """None: there was nothing to measure, so the target is not met."""
    target: float
    unit: str
    """``share``, ``s``, ``ms``, ``µs`` or empty for a count."""
    at_least: bool = False
    """Whether the target is a lower bound; False: an upper one."""

    @property
    def met(self) -> bool:
        """Whether the figure keeps the target."""
        if self.measured is None:
            return False
        return self.measured >= self.target if self.at_least else self.measured <= self.target


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a benchmark found, as plain values."""

    settings: dict[str, Any]
    figures: dict[str, Any]
    checks: Sequence[Check]

    def as_dict(self, name: str, machine: dict[str, object]) -> dict[str, Any]:
        """The content of a result file."""
        return {
            "benchmark": name,
            "machine": machine,
            "settings": self.settings,
            "checks": [asdict(check) | {"met": check.met} for check in self.checks],
            "figures": self.figures,
        }


def save(result: dict[str, Any], folder: Path = FOLDER) -> Path:
    """Write a result file, in place of an older one of the same benchmark."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{result['benchmark']}.json"
    file.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return file


def load(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """Every result file, by benchmark."""
    found = (json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("*.json")))
    return {result["benchmark"]: result for result in found}


def spread(values: Sequence[float], digits: int = 2) -> dict[str, float | None]:
    """Median, 90th and 99th percentile, and maximum."""
    if not len(values):
        return {"p50": None, "p90": None, "p99": None, "max": None}
    found = np.percentile(np.asarray(values), (50, 90, 99, 100)).tolist()
    return {
        name: round(value, digits)
        for name, value in zip(("p50", "p90", "p99", "max"), found, strict=True)
    }


def share(part: float, whole: float) -> float | None:
    """``part / whole``, None where there is no whole."""
    return round(part / whole, 5) if whole else None
