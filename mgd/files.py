"""The source files that a command is given."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from decoding.prompt.workspace import LANGUAGES, find_workspace, read_text
from monitors.errors import UsageError, WorkspaceError

_SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})


def source_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Files as given, and source files under folders in alphabetical order."""
    for path in paths:
        if path.is_file():
            yield path
        elif path.is_dir():
            yield from _under(path)
        else:
            raise UsageError(f"{path} does not exist; expected a file or a folder")


def _under(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in _SKIPPED and not name.startswith(".")
        )
        for name in sorted(names):
            if Path(name).suffix in LANGUAGES:
                yield Path(parent, name)


def readable(files: list[Path], named: set[Path], root: Path) -> tuple[list[Path], list[str]]:
    """Files that can be read, and why the others cannot; a named one that cannot is a mistake."""
    found, skipped = [], []
    for path in files:
        try:
            read_text(path, root)
        except WorkspaceError as error:
            if path in named:
                raise
            skipped.append(str(error))
        else:
            found.append(path)
    return found, skipped


def common_root(files: list[Path]) -> Path:
    """The workspace of the innermost folder that holds all ``files``."""
    common = Path(os.path.commonpath([str(path.resolve().parent) for path in files]))
    return find_workspace(common / "any.py")
