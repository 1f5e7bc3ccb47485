"""Where and when figures were measured."""

import os
import platform
import subprocess
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks.markdown import quantity
from lsp_bridge import PROFILES
from lsp_bridge.servers import installed

_CPU_INFO = Path("/proc/cpuinfo")


def describe(servers: Iterable[str]) -> dict[str, object]:
    """Date, processor, interpreter, language servers and revision, ready for JSON."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "servers": {name: installed.version(PROFILES[name]) for name in servers},
        "version": _version(),
    }


def where(machine: Mapping[str, Any]) -> str:
    """What `describe` found and how long a benchmark took, in one sentence."""
    servers = ", ".join(f"{name} {version}" for name, version in machine["servers"].items())
    return (
        f"Measured {machine['date']} at `{machine['version']}` on {machine['cpu']}, "
        f"{machine['cores']} cores, {machine['system']}, Python {machine['python']}; {servers}, "
        f"in {quantity(machine.get('took_s'), 's')}."
    )


def _cpu() -> str:
    """Model name of the processor, as far as the system tells."""
    if _CPU_INFO.is_file():
        for line in _CPU_INFO.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def _version() -> str:
    """``git describe`` of this working tree, or the version that is installed."""
    command = ["git", "describe", "--always", "--dirty", "--tags"]
    try:
        done = subprocess.run(
            command, cwd=Path(__file__).parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return metadata.version("monitor-guided-decoding")
    return done.stdout.strip()
