"""What a workspace's files say about its Python environment. Nothing is run or written."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

_ENVIRONMENTS = (".venv", "venv")


@dataclass(frozen=True)
class Project:
    """A workspace as language servers are told about it."""

    root: Path
    interpreter: str
    """The Python that servers may run to learn its version and standard library."""
    site_packages: tuple[str, ...] = ()
    """Installed packages of the workspace's own environment; empty: the interpreter's."""
    source_roots: tuple[str, ...] = ()
    """Folders below the root from which modules are imported, such as ``src``."""
    trusted: bool = False
    """Whether servers may run the workspace's own code."""


def discover(root: Path, trusted: bool = False) -> Project:
    """Describe the workspace at ``root``, an absolute path.

    The workspace's own interpreter is never run, since its start-up files may be anybody's code:
    its packages are found by their place.
    """
    folders = [root / name for name in _ENVIRONMENTS]
    environment = next((each for each in folders if (each / "pyvenv.cfg").is_file()), None)
    packages = [] if environment is None else _site_packages(environment)
    source = root / "src"
    return Project(
        root=root,
        interpreter=sys.executable,
        site_packages=tuple(map(str, packages)),
        source_roots=(str(source),) if source.is_dir() else (),
        trusted=trusted,
    )


def _site_packages(environment: Path) -> list[Path]:
    pattern = "Lib/site-packages" if os.name == "nt" else "lib/python*/site-packages"
    return sorted(each for each in environment.glob(pattern) if each.is_dir())
