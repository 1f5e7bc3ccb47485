"""Real code, decoded with recorded answers: each step as it was when they were recorded."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.record import FOLDER, again

RECORDS = sorted(FOLDER.glob("*.json.gz"))


def entries() -> list[Any]:
    """Every recorded file."""
    return [
        pytest.param(entry, id=entry["file"])
        for path in RECORDS
        for entry in json.loads(gzip.decompress(path.read_bytes()))
    ]


@pytest.mark.parametrize("entry", entries())
def test_masks_and_verdicts_are_those_that_were_recorded(
    entry: dict[str, Any], tmp_path: Path
) -> None:
    """Token by token: the mask, the crossing tokens, the penalised ones, the true one allowed."""
    found = again(entry, tmp_path)

    for place, (step, known) in enumerate(zip(found["steps"], entry["steps"], strict=True)):
        assert step == known, f"token {place}"
    assert found == {key: entry[key] for key in found}
