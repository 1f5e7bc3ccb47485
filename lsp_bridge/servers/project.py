"""What a workspace's files say about its Python environment. Nothing is run or written."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

_ENVIRONMENTS = (".venv", "venv")
_MARKS = ("pyproject.toml", "setup.py", "setup.cfg")
_SKIPPED = frozenset(
    {"__pycache__", "build", "dist", "env", "node_modules", "site-packages", "target", "venv"}
)
_DEEPEST = 4
"""Levels below the root at which projects are looked for."""
_MOST_FOLDERS = 5_000
_MOST_PROJECTS = 50


@dataclass(frozen=True)
class Project:
    """A workspace as language servers are told about it."""

    root: Path
    interpreter: str
    """The Python that servers may run to learn its version and standard library."""
    site_packages: tuple[str, ...] = ()
    """Installed packages of the workspace's own environments; empty: the interpreter's."""
    source_roots: tuple[str, ...] = ()
    """Folders besides the root from which modules are imported, such as ``src``."""
    trusted: bool = False
    """Whether servers may run the workspace's own code."""

    @property
    def import_roots(self) -> tuple[str, ...]:
        """Folders from which the workspace's modules are imported.

        A root that is a package is none: its modules would hide others, such as ``types``.
        """
        return self.source_roots if _is_package(self.root) else (*self.source_roots, str(self.root))


def discover(root: Path, trusted: bool = False) -> Project:
    """Describe the workspace at ``root``, an absolute path.

    The workspace's own interpreter is never run, since its start-up files may be anybody's code:
    its packages are found by their place. Python projects below the root count too, as in a
    repository of several: what one of them has can be imported by all.
    """
    projects = [root, *_nested(root)]
    packages = [each for project in projects for each in _installed(project)]
    sources = [each for project in projects for each in _sources(project, root)]
    return Project(
        root=root,
        interpreter=sys.executable,
        site_packages=tuple(map(str, packages)),
        source_roots=tuple(map(str, sources)),
        trusted=trusted,
    )


def _installed(project: Path) -> list[Path]:
    """Folders of packages in the project's own environment."""
    folders = [project / name for name in _ENVIRONMENTS]
    environment = next((each for each in folders if (each / "pyvenv.cfg").is_file()), None)
    return [] if environment is None else _site_packages(environment)


def _sources(project: Path, root: Path) -> list[Path]:
    """Folders from which the project's modules are imported, the root left out.

    A workspace that is a package itself is imported from the folder around its outermost package.
    """
    source = project / "src"
    if source.is_dir():
        return [source]
    if project != root:
        return [project]
    outside = next(each for each in (root, *root.parents) if not _is_package(each))
    return [] if outside == root else [outside]


def _is_package(folder: Path) -> bool:
    return (folder / "__init__.py").is_file()


def _nested(root: Path) -> list[Path]:
    """Python projects below ``root``, as far as a look at a bounded number of folders shows."""
    found: list[Path] = []
    level = [root]
    looked_at = 0
    for _ in range(_DEEPEST):
        below = [each for folder in level for each in _folders(folder)]
        looked_at += len(below)
        if looked_at > _MOST_FOLDERS:
            break
        found += [each for each in below if any((each / mark).is_file() for mark in _MARKS)]
        level = below
    return found[:_MOST_PROJECTS]


def _folders(folder: Path) -> list[Path]:
    """Folders in ``folder`` that may hold a project's own code; links are not followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError:
        return []
    return [
        Path(entry.path)
        for entry in entries
        if entry.is_dir(follow_symlinks=False)
        and not entry.name.startswith(".")
        and entry.name not in _SKIPPED
    ]


def _site_packages(environment: Path) -> list[Path]:
    pattern = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
    return sorted(each for each in environment.glob(pattern) if each.is_dir())
