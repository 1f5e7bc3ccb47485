"""Real packages to measure on: pinned wheels from PyPI, unpacked in the user's cache folder.

Each one becomes a workspace of its own: the unpacked wheel, and in it a ``.venv`` with what the
package depends on, so that language servers can follow its imports. Nothing of it is run.
"""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator
from email.parser import HeaderParser
from pathlib import Path
from random import Random
from typing import NamedTuple

from platformdirs import user_cache_dir

from monitors.errors import UsageError

_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_LEFT_OUT = frozenset({"test", "tests", "_vendor", "vendor"})
_DONE = ".complete"


class Package(NamedTuple):
    """A release on PyPI, and what it uses without requiring it."""

    name: str
    version: str
    uses: tuple[str, ...] = ()


PACKAGES = (
    Package("aiohttp", "3.14.5"),
    Package("attrs", "26.1.0"),
    Package("click", "8.5.1"),
    Package("flask", "3.1.3"),
    Package("httpx", "0.28.1", ("h2", "socksio", "click", "rich", "pygments")),
    Package("jinja2", "3.1.6"),
    Package("marshmallow", "4.4.0"),
    Package("networkx", "3.6.1", ("numpy",)),
    Package("pydantic", "2.14.3"),
    Package("requests", "2.34.2"),
    Package("rich", "15.0.0"),
    Package("starlette", "1.10.0", ("httpx", "jinja2", "itsdangerous", "python-multipart")),
    Package("structlog", "26.1.0", ("rich",)),
    Package("tornado", "6.6.1"),
    Package("werkzeug", "3.1.9"),
)
"""Typed throughout, in parts and hardly at all; pinned, so that figures can be compared."""


DYNAMIC = (
    Package("Django", "5.2.19"),
    Package("SQLAlchemy", "2.1.9"),
    Package("peewee", "4.5.3"),
    Package("psutil", "7.2.2"),
)
"""Mappers, whose metaclasses and computed names make attributes, and code for several platforms.

They count on their own: what servers know of such code says little of other code.
"""


class Workspace(NamedTuple):
    """An unpacked package."""

    package: Package
    root: Path

    def files(self) -> list[Path]:
        """The package's modules, shuffled; tests and vendored copies are left out.

        The order depends on the names of package and files, on nothing else.
        """
        return shuffled(_modules(self.root), self.package.name)


def prepare(package: Package, cache: Path | None = None) -> Workspace:
    """Fetch and unpack ``package`` with its dependencies, unless an earlier run did.

    Raises `UsageError` with pip's message if pip fails, as it does without a network.
    """
    cache = Path(user_cache_dir("mgd")) / "packages" if cache is None else cache
    root = cache / f"{package.name}-{package.version}"
    if not (root / _DONE).is_file():
        shutil.rmtree(root, ignore_errors=True)
        with zipfile.ZipFile(_download(package, cache / "wheels" / root.name)) as wheel:
            wheel.extractall(root)
        _install_dependencies(package, root)
        (root / _DONE).touch()
    return Workspace(package, root)


def _download(package: Package, folder: Path) -> Path:
    options = ("--no-deps", "--only-binary=:all:", "--dest", str(folder))
    _pip("download", *options, f"{package.name}=={package.version}")
    return next(folder.glob("*.whl"))


def _install_dependencies(package: Package, root: Path) -> None:
    """Fill ``.venv``, where every workspace is searched for installed packages."""
    environment = root / ".venv"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    target = environment / "lib" / version / "site-packages"
    target.mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).parent}\n")
    metadata = next(root.glob("*.dist-info/METADATA")).read_text("utf-8")
    if wanted := [*requirements(metadata), *package.uses]:
        _pip("install", "--only-binary=:all:", "--no-compile", "--target", str(target), *wanted)


def _pip(*arguments: str) -> None:
    done = subprocess.run([*_PIP, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"pip {' '.join(arguments)} failed: {done.stderr.strip()[-2000:]}")


def requirements(metadata: str) -> list[str]:
    """Requirements in a wheel's metadata, those of extras left out."""
    found = HeaderParser().parsestr(metadata).get_all("Requires-Dist", [])
    return [each for each in found if "extra ==" not in each]


def _modules(root: Path) -> Iterator[Path]:
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).parts
        if not _LEFT_OUT.intersection(parts) and not any(part[0] == "." for part in parts):
            yield path


def shuffled(paths: Iterable[Path], seed: str) -> list[Path]:
    """``paths`` in an order that is the same in every process, however they were listed."""
    order = sorted(paths)
    Random(seed).shuffle(order)
    return order
