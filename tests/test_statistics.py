"""The numbers of a generation, as they are published."""

import json

from decoding.session.statistics import Statistics
from monitors.protocols import Reason


def test_the_published_keys() -> None:
    """Plain values: they survive JSON."""
    values = Statistics(tokens=3, wall_s=1.5).as_dict()

    assert json.loads(json.dumps(values)) == values
    assert list(values) == [
        *("tokens", "triggers", "constrained", "masks", "crossing_judged", "crossing_rejected"),
        *("start_s", "waited_s", "wall_s", "tokens_per_second", "fail_open", "by_monitor"),
    ]
    assert values["tokens_per_second"] == 2.0


def test_what_nobody_measured_has_no_speed() -> None:
    """Zero, not a division by zero."""
    assert Statistics(tokens=3).tokens_per_second == 0.0


def test_reasons_come_by_name_and_most_frequent_first() -> None:
    """So that the first one is the one to look at."""
    statistics = Statistics()
    statistics.fail_open[Reason.TIMEOUT] += 1
    statistics.fail_open[Reason.UNKNOWN_TYPE] += 2

    assert statistics.as_dict()["fail_open"] == {"unknown_type": 2, "timeout": 1}
    assert list(statistics.as_dict()["fail_open"]) == ["unknown_type", "timeout"]  # type: ignore[call-overload]
