"""Real packages to measure on: pinned wheels from PyPI, unpacked in the user's cache folder.

Each one becomes a workspace of its own: the unpacked wheel, and beside it a ``.venv`` with what
the package depends on, so that language servers can follow its imports. Nothing of it is run.
"""

import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from email.parser import HeaderParser
from pathlib import Path
from random import Random
from typing import NamedTuple

from platformdirs import user_cache_dir

_PIP = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
_LEFT_OUT = frozenset({"test", "tests", "testing", "_vendor", "vendor"})
_DONE = ".complete"


class Package(NamedTuple):
    """A release on PyPI, and packages that it uses without requiring them."""

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


class Workspace(NamedTuple):
    """An unpacked package."""

    package: Package
    root: Path


def cache_folder() -> Path:
    """Where packages are kept between runs."""
    return Path(user_cache_dir("mgd")) / "packages"


def prepare(package: Package, cache: Path | None = None) -> Workspace:
    """Fetch and unpack ``package`` with its dependencies, unless an earlier run did.

    Raises `subprocess.CalledProcessError` if pip fails, as it does without a network.
    """
    cache = cache_folder() if cache is None else cache
    root = cache / f"{package.name}-{package.version}"
    if not (root / _DONE).is_file():
        shutil.rmtree(root, ignore_errors=True)
        _unpack(_download(package, cache / "wheels"), root)
        _install(package, root)
        (root / _DONE).touch()
    return Workspace(package, root)


def _download(package: Package, folder: Path) -> Path:
    target = folder / f"{package.name}-{package.version}"
    options = ("--no-deps", "--only-binary=:all:", "--dest", str(target))
    subprocess.run(
        [*_PIP, "download", *options, f"{package.name}=={package.version}"], check=True
    )
    return next(target.glob("*.whl"))


def _unpack(wheel: Path, root: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(root)


def _install(package: Package, root: Path) -> None:
    """Install what the package requires into ``.venv``, where `mgd` looks for it."""
    environment = root / ".venv"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    target = environment / "lib" / version / "site-packages"
    target.mkdir(parents=True)
    (environment / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).parent}\n")
    wanted = [*requirements(next(root.glob("*.dist-info/METADATA")).read_text("utf-8"))]
    if wanted := [*wanted, *package.uses]:
        options = ("--only-binary=:all:", "--no-compile", "--target", str(target))
        subprocess.run([*_PIP, "install", *options, *wanted], check=True)


def requirements(metadata: str) -> list[str]:
    """Requirements in a wheel's metadata, those of extras left out."""
    found = HeaderParser().parsestr(metadata).get_all("Requires-Dist", [])
    return [each for each in found if "extra ==" not in each]


def sample_files(root: Path, seed: str) -> list[Path]:
    """The package's own modules below ``root``, tests and vendored copies left out, shuffled.

    The order depends on the names of the files and on ``seed``, on nothing else.
    """
    return shuffled(sorted(_modules(root)), seed)


def _modules(root: Path) -> Iterator[Path]:
    for path in root.rglob("*.py"):
        parts = path.relative_to(root).parts
        if not _LEFT_OUT.intersection(parts) and not any(part[0] == "." for part in parts):
            yield path


def shuffled(paths: Sequence[Path], seed: str) -> list[Path]:
    """``paths`` in an order that is the same in every process."""
    order = list(paths)
    Random(seed).shuffle(order)
    return order


def named(names: Iterable[str]) -> tuple[Package, ...]:
    """The packages called ``names``, or all of them; raises `KeyError` for an unknown one."""
    known = {package.name: package for package in PACKAGES}
    return tuple(known[name] for name in names) or PACKAGES
