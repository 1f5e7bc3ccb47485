"""Reports of several projects put together."""

from collections.abc import Iterable
from dataclasses import fields

from evaluation.replay import Report


def merge(reports: Iterable[Report]) -> Report:
    """Everything that ``reports`` counted, in one."""
    every = list(reports)
    total = Report(every[0].server, every[0].tokenizer)
    for report in every:
        for field in fields(Report)[3:]:
            if field.name == "monitors":  # shares of each project, which do not add up
                continue
            if field.name == "fail_open":
                total.fail_open.update(report.fail_open)
            else:
                value = getattr(total, field.name) + getattr(report, field.name)
                setattr(total, field.name, value)
    return total
