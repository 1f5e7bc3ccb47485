"""Stand-ins for language servers, behind the real contracts."""

import sys
import time
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # ships no types

from lsp_bridge.profiles.profile import Profile, Unfinished
from monitors.protocols import Document, Query, QueryKind

SCRIPT = Path(__file__).with_name("misbehaving_server.py")


def misbehaving(fault: str, marker: Path | None = None, **changes: Any) -> Profile:
    """Profile of `tests.misbehaving_server`; with ``marker`` the fault strikes only once."""
    command = (sys.executable, "-I", str(SCRIPT), fault, *([str(marker)] if marker else []))
    settings: dict[str, Any] = {
        "languages": frozenset({"python"}),
        "command": command,
        "install": "pip install it",
        "start_timeout_s": 5.0,
        "patience_s": 5.0,
        "restart_delay_s": 0.01,
        "unfinished": Unfinished.KEEP,
    }
    return Profile(name="fake", **(settings | changes))


def members(path: Path, prefix: str, suffix: str = "") -> Query:
    """A query for the members at the end of ``prefix``."""
    return Query(QueryKind.MEMBERS, Document("python", str(path), prefix, suffix))


def descendants() -> set[int]:
    """Process ids of everything that this process has started and that still runs."""
    children = psutil.Process().children(recursive=True)
    return {each.pid for each in children if _runs(each.pid)}


def gone(pids: set[int], patience_s: float = 5.0) -> bool:
    """Whether all of ``pids`` have ended within ``patience_s`` seconds."""
    end_s = time.monotonic() + patience_s
    while any(map(_runs, pids)):
        if time.monotonic() > end_s:
            return False
        time.sleep(0.05)
    return True


def _runs(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
