"""What keeps Cargo and rustc from running a Rust workspace's code. Nothing is run here.

rust-analyzer has no safe mode: it runs both to learn a project's packages. Variables outrank most
of what a workspace's files name; where nothing does, the server must not be started.
"""

import os
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lsp_bridge.servers.project import Project

_CONFIGURATION = ("config.toml", "config")
_OUT_OF_REACH = ("env", "include")
"""Tables of Cargo's configuration that set variables for rustc and that nothing switches off."""
_DESCRIPTIONS = ("rust-project.json", ".rust-project.json")


def environment(toolchain: str) -> dict[str, str]:
    """Variables that outrank ``.cargo/config.toml`` and ``rust-toolchain.toml``.

    ``toolchain`` is the one of rustup that takes the place of the workspace's.
    """
    return {
        "RUSTUP_TOOLCHAIN": toolchain,
        "RUSTC": os.environ.get("RUSTC", "rustc"),
        "RUSTC_WRAPPER": "",
        "RUSTC_WORKSPACE_WRAPPER": "",
        # Flags can load libraries: `-Zcodegen-backend`, `-Cllvm-args=-load`.
        "CARGO_ENCODED_RUSTFLAGS": "",
        "CARGO_ENCODED_RUSTDOCFLAGS": "",
    }


def manifests(root: Path) -> list[Path]:
    """The Cargo projects to look at: the root's, or those in the folders right below it.

    Left to itself rust-analyzer prefers a ``rust-project.json``, whose compiler it would run.
    """
    if (root / "Cargo.toml").is_file():
        return [root / "Cargo.toml"]
    return sorted(path for path in root.glob("*/Cargo.toml") if path.is_file())


def runs_code(project: Project) -> str:
    """Which file would have code run although everything is switched off; empty: none."""
    root = project.root
    found = manifests(root)
    if not found:
        return next(_descriptions(root), "")
    reasons = (reason for manifest in found for reason in _reasons(root, manifest))
    return next(reasons, "")


def _descriptions(root: Path) -> Iterator[str]:
    for name in _DESCRIPTIONS:
        for path in (root / name, *root.glob(f"*/{name}")):
            if os.path.lexists(path):
                yield f"{path.relative_to(root)} names a compiler"


def _reasons(root: Path, manifest: Path) -> Iterator[str]:
    """Cargo starts from a project's own folder, or from the Cargo workspace that it names."""
    place = manifest.relative_to(root)
    try:
        package = _read(manifest).get("package")
    except (OSError, ValueError) as error:
        yield f"{place} cannot be read ({error})"
        return
    named = package.get("workspace", ".") if isinstance(package, dict) else "."
    start = (manifest.parent / str(named)).resolve()
    if not start.is_relative_to(root):
        yield f"{place} belongs to a Cargo workspace elsewhere"
    for folder in {root, manifest.parent, start, *start.parents}:
        if folder.is_relative_to(root):
            yield from _configured(root, folder)


def _configured(root: Path, folder: Path) -> Iterator[str]:
    for path in (folder / ".cargo" / name for name in _CONFIGURATION):
        if not os.path.lexists(path):
            continue
        place = path.relative_to(root)
        try:
            tables = _read(path)
        except (OSError, ValueError) as error:
            yield f"{place} cannot be read ({error})"
        else:
            forbidden = [key for key in _OUT_OF_REACH if key in tables]
            yield from (f"{place} sets variables of the compiler ([{key}])" for key in forbidden)


def _read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_bytes().decode())
