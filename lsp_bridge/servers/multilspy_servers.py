"""The servers that multilspy downloads: where they are, how it starts them, how to get them.

multilspy knows each server's files, command line, environment and initialise parameters, and it
fetches what is missing as soon as it is asked for any of them. Here only `install` may fetch:
everywhere else the function that downloads is replaced by one that refuses.
"""

import atexit
import importlib
import logging
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from multilspy.multilspy_config import Language, MultilspyConfig
from multilspy.multilspy_exceptions import MultilspyException
from multilspy.multilspy_utils import FileUtils

from monitors.errors import ServerError

_DOWNLOAD = "download_and_extract_archive"
_FAULTS = (
    MultilspyException,
    subprocess.SubprocessError,
    # What multilspy lets through: files that are not there, platforms that it does not know.
    AssertionError,
    LookupError,
    OSError,
    RuntimeError,
    ValueError,
)
_patching = threading.RLock()


@dataclass(frozen=True)
class _Server:
    """Where multilspy keeps what it knows of one server."""

    module: str
    name: str
    folder: str = ""
    """Name of its install folder; empty: it has none of its own."""
    prepare: str = "setup_runtime_dependencies"
    """Method that finds the server's files, and fetches those that are missing; empty: none."""

    def bare(self) -> Any:
        """An object of multilspy's class that has not looked for the server's files yet."""
        made: Any = self._class()
        return made.__new__(made)

    def made(self, config: MultilspyConfig, root: Path) -> Any:
        """An object of multilspy's class for the workspace at ``root``."""
        return self._class()(config, _Log(), str(root))

    def _class(self) -> Any:
        module = importlib.import_module(f"multilspy.language_servers.{self.module}")
        return getattr(module, self.name)


_RUBY = "ruby"
_SERVERS: Mapping[str, _Server] = {
    "java": _Server(
        "eclipse_jdtls.eclipse_jdtls", "EclipseJDTLS", "EclipseJDTLS", "setupRuntimeDependencies"
    ),
    "csharp": _Server("omnisharp.omnisharp", "OmniSharp", "OmniSharp", "setupRuntimeDependencies"),
    "kotlin": _Server(
        "kotlin_language_server.kotlin_language_server",
        "KotlinLanguageServer",
        "KotlinLanguageServer",
    ),
    "dart": _Server(
        "dart_language_server.dart_language_server", "DartLanguageServer", "dart-language-server"
    ),
    # Comes with multilspy itself.
    "python": _Server("jedi_language_server.jedi_server", "JediServer", prepare=""),
    _RUBY: _Server("solargraph.solargraph", "Solargraph"),
}


class _Log:
    """Takes multilspy's messages, which would go to standard error."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    def log(self, message: str, level: int, sanitized: str = "") -> None:
        """Keep the message if it tells of an error."""
        if level >= logging.ERROR:
            self.errors.append(message)


def brings(language: str) -> bool:
    """Whether multilspy can download a server for ``language``."""
    return language in _SERVERS and bool(_SERVERS[language].prepare)


def is_installed(language: str) -> bool:
    """Whether all files of the server for ``language`` are where multilspy puts them."""
    if not brings(language):
        return False
    if language == _RUBY:
        return _has_gem()
    if not _folder(language).is_dir():
        return False
    try:
        _prepared(language)
    except _FAULTS:
        return False
    return True


def command(language: str, root: Path) -> tuple[tuple[str, ...], dict[str, str]]:
    """How multilspy starts an installed server for the workspace at ``root``: command, variables.

    Raises ServerError with multilspy's reason if it cannot.
    """
    try:
        with _no_downloads():
            made = _SERVERS[language].made(_config(language, _folder(language)), root)
    except _FAULTS as error:
        raise ServerError(f"multilspy cannot start its server in {root}: {_said(error)}") from error
    info = made.server.process_launch_info
    words = [info.cmd] if isinstance(info.cmd, str) else [str(word) for word in info.cmd]
    if "-data" in words:
        # A workspace's data of this process alone: JDT LS locks the folder.
        own = Path(words[words.index("-data") + 1]).parent
        atexit.register(shutil.rmtree, own, ignore_errors=True)
    return tuple(words), dict(info.env)


def parameters(language: str, root: Path) -> dict[str, Any]:
    """The initialise parameters that multilspy keeps for its own server; empty: none.

    Those of JDT LS name files of its installation, and there are none without it.
    """
    of_files = language == "java"
    if language not in _SERVERS or (of_files and not is_installed(language)):
        return {}
    try:
        bare = _prepared(language) if of_files else _SERVERS[language].bare()
        kept = dict(bare._get_initialize_params(str(root)))
    except _FAULTS:
        return {}
    if not brings(language):
        # Those of jedi-language-server are rust-analyzer's.
        del kept["initializationOptions"]
    return kept


def install(language: str) -> str:
    """Have multilspy download the server for ``language``; returns what went wrong, if anything.

    The server is put together in a folder of its own and moved to its place when it is whole.
    """
    log = _Log()
    target = _folder(language)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".mgd-", dir=target.parent) as staging:
            _prepare(language, Path(staging), log)
            _move(Path(staging), target)
    except _FAULTS as error:
        return log.errors[0] if log.errors else _said(error)
    finally:
        with suppress(OSError):  # multilspy leaves it behind
            (Path.home() / "multilspy_tmp").rmdir()
    return ""


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The tree ``below`` with the values of ``above`` put into it."""
    tree = dict(below)
    for key, value in above.items():
        old = tree.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        tree[key] = merged(old, value) if both else value  # type: ignore[arg-type]
    return tree


def _folder(language: str) -> Path:
    """Where multilspy installs the server. Nothing is created."""
    return Path.home() / ".multilspy" / "lsp" / (_SERVERS[language].folder or language)


def _config(language: str, folder: Path) -> MultilspyConfig:
    return MultilspyConfig(Language(language), server_install_dir=str(folder))


def _prepared(language: str) -> Any:
    """A bare object that knows the server's files. Raises one of _FAULTS if one is missing."""
    with _no_downloads():
        return _prepare(language, _folder(language), _Log())


def _prepare(language: str, folder: Path, log: _Log) -> Any:
    server = _SERVERS[language]
    bare = server.bare()
    further = (str(folder),) if language == _RUBY else ()
    prepare = getattr(bare, server.prepare)
    bare.runtime_dependency_paths = prepare(log, _config(language, folder), *further)
    return bare


@contextmanager
def _no_downloads() -> Iterator[None]:
    with _patching:
        original = FileUtils.__dict__[_DOWNLOAD]
        setattr(FileUtils, _DOWNLOAD, staticmethod(_refuse))
        try:
            yield
        finally:
            setattr(FileUtils, _DOWNLOAD, original)


def _refuse(logger: Any, url: str, target_path: str, archive_type: str) -> None:
    raise MultilspyException(f"not installed: {url}")


def _has_gem() -> bool:
    gem = shutil.which("gem")
    if gem is None:
        return False
    asked = subprocess.run(
        [gem, "list", "^solargraph$", "-i"], capture_output=True, text=True, check=False, cwd="/"
    )
    return asked.stdout.strip() == "true"


def _move(staging: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for each in staging.iterdir():
        place = target / each.name
        if place.is_dir():
            shutil.rmtree(place)
        os.replace(each, place)


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
