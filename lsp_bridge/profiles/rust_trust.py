"""What keeps Cargo and rustc from running a Rust workspace's code. Nothing is run here.

rust-analyzer has no safe mode: it runs both to learn a project's packages. Variables outrank most
of what a workspace's files name; where they do not, the workspace is refused.
"""

import os
import tomllib
from pathlib import Path
from typing import Any

from lsp_bridge.project import Project

_CONFIGURATION = ("config.toml", "config")
_OUT_OF_REACH = ("env", "include")
"""Tables of Cargo's configuration that set variables for rustc and that nothing switches off."""


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


def manifests(project: Project) -> list[str]:
    """The Cargo projects to look at: the root's, or those in the folders right below it.

    Left to itself rust-analyzer prefers a ``rust-project.json``, whose compiler it would run.
    Raises PermissionError if there is nothing else, or if a project cannot be made safe.
    """
    root = project.root
    found = [root / "Cargo.toml"]
    if not found[0].is_file():
        found = sorted(path for path in root.glob("*/Cargo.toml") if path.is_file())
    if not found:
        _refuse_descriptions(root)
    for folder in _cargo_folders(root, found):
        _refuse_variables(folder)
    return [str(path) for path in found]


def _cargo_folders(root: Path, found: list[Path]) -> set[Path]:
    """Folders in which Cargo looks for its configuration, and which belong to the workspace.

    It starts from a project's own, and from that of the Cargo workspace which the project names.
    """
    folders = {root}
    for manifest in found:
        package = _tables(manifest).get("package")
        named = package.get("workspace", ".") if isinstance(package, dict) else "."
        start = (manifest.parent / str(named)).resolve()
        if not start.is_relative_to(root):
            raise _refusal(manifest, "names a workspace outside this one")
        folders |= {each for each in (start, *start.parents) if each.is_relative_to(root)}
        folders.add(manifest.parent)
    return folders


def _refuse_descriptions(root: Path) -> None:
    for name in ("rust-project.json", ".rust-project.json"):
        for path in (root / name, *root.glob(f"*/{name}")):
            if os.path.lexists(path):
                raise _refusal(path, "names a compiler to run")


def _refuse_variables(folder: Path) -> None:
    for path in (folder / ".cargo" / name for name in _CONFIGURATION):
        if os.path.lexists(path):
            for key in _OUT_OF_REACH:
                if key in _tables(path):
                    raise _refusal(path, f"has [{key}], which can make rustc load libraries")


def _tables(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode())
    except (OSError, ValueError) as error:
        raise _refusal(path, f"cannot be read ({error})") from error


def _refusal(path: Path, reason: str) -> PermissionError:
    return PermissionError(
        f"{path} {reason}: the workspace is not trusted; --trust-workspace allows it"
    )
