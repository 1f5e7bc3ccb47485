"""How fast long completion lists are read; each query of a wide type waits for that."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.results import Check, Outcome
from lsp_bridge import PROFILES
from lsp_bridge.answers import completions
from monitors.protocols import Members

ITEMS = 5000
ROUNDS = 50
TEXT = "opt."
SERVER = "typescript-language-server"
"""Its rules look at the most fields of an item."""
LIMIT_MS = 25.0


def edit(new_text: str, start: int) -> dict[str, Any]:
    """An edit that ends at the cursor."""
    span = {
        "start": {"line": 0, "character": start},
        "end": {"line": 0, "character": len(TEXT)},
    }
    return {"newText": new_text, "range": span}


FORMS: Mapping[str, Callable[[str], dict[str, Any]]] = {
    "labels": lambda name: {"label": name},
    "edits behind the dot": lambda name: {"label": name, "textEdit": edit(name, 4)},
    "edits with the dot": lambda name: {"label": name, "textEdit": edit(f".{name}", 3)},
}
MEMBER = {"kind": 2, "detail": "int", "commitCharacters": [".", "("]}


def measure(form: Callable[[str], dict[str, Any]], rounds: int) -> float:
    """Median milliseconds of processor time for a list of `ITEMS` items."""
    items = [form(f"member_{number}") | MEMBER for number in range(ITEMS)]
    seconds = []
    for _ in range(rounds):
        began_s = time.process_time()
        facts = completions.read(items, PROFILES[SERVER], TEXT, len(TEXT))
        seconds.append(time.process_time() - began_s)
        assert isinstance(facts, Members)
        assert len(facts.names) >= ITEMS
    return round(statistics.median(seconds) * 1e3, 2)


def run(say: Callable[[str], None], limit: int | None = None) -> Outcome:
    """Measure every form of an item; ``limit``: rounds."""
    rounds = ROUNDS if limit is None else limit
    figures = {}
    for name, form in FORMS.items():
        figures[name] = {"items": ITEMS, "ms": measure(form, rounds)}
        say(f"lists: {name}: {figures[name]['ms']} ms")
    slowest = max(values["ms"] for values in figures.values())
    check = Check(f"list of {ITEMS:,} items, slowest form, median", slowest, LIMIT_MS, "ms")
    return Outcome({"server": SERVER, "rounds": rounds}, figures, [check])
