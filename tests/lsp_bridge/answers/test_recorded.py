"""Answers of real servers, recorded, are read today as they were when they were recorded."""

import json
from pathlib import Path
from typing import Any

import pytest

from lsp_bridge import PROFILES
from lsp_bridge.answers.completions import is_dunder
from tests.lsp_bridge.answers.record import FOLDER, reading

RECORDS = sorted(FOLDER.glob("*/*.json"))
LARGEST_BYTES = 60_000


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_reading(path: Path) -> None:
    """The same names in the same order, or the same reason."""
    record = json.loads(path.read_text())
    expected = {key: record[key] for key in ("names", "reason") if key in record}

    assert listed(reading(record), record) == listed(expected, record)
    assert expected["names"] or expected["reason"]


def listed(found: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """What was found without the special names that only this release of Python adds."""
    response = json.dumps(record["response"])
    names = [name for name in found["names"] if not is_dunder(name) or f'"{name}"' in response]
    return found | {"names": names}


def test_every_server_that_can_be_had_is_recorded() -> None:
    """A new profile comes with recorded answers."""
    brought_by_multilspy = {name for name, profile in PROFILES.items() if profile.multilspy}

    assert {path.parent.name for path in RECORDS} >= set(PROFILES) - brought_by_multilspy


def test_records_are_small() -> None:
    """They are read by people too."""
    assert [path.name for path in RECORDS if path.stat().st_size > LARGEST_BYTES] == []
