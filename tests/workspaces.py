"""Small workspaces on disk."""

from collections.abc import Mapping
from pathlib import Path


def written(root: Path, files: Mapping[str, str]) -> Path:
    """``root`` with ``files`` in it: name and content."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def held(root: Path) -> set[str]:
    """Names of the files in ``root``."""
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}
