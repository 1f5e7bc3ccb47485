"""``mgd.toml``: language servers that a user or a workspace adds, changes or chooses.

The user's own file may say anything. The workspace's is content of the project, which may be
anybody's: unless the workspace is trusted it chooses among known servers and says how their
answers are read, and names no program, environment or path.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from lsp_bridge.pool.pool import ServerPool
from lsp_bridge.profiles.declared import declare, is_harmless
from lsp_bridge.profiles.profile import Profile
from lsp_bridge.profiles.registry import PROFILES, choose
from monitors.errors import ConfigError

FILE_NAME = "mgd.toml"


@dataclass(frozen=True)
class Configuration:
    """What the files say, on top of what comes with the project."""

    profiles: Mapping[str, Profile]
    """Every profile by name."""
    servers: Mapping[str, str]
    """LSP language identifier to the name of the profile that was chosen for it."""

    def profile(self, language: str, server: str | None = None) -> Profile:
        """The profile that answers for ``language``, or the one named ``server``.

        Raises ServerError if there is none, or if it does not understand the language.
        """
        name = server if server is not None else self.servers.get(language)
        return choose(language, name, self.profiles)


@dataclass(frozen=True)
class _Source:
    """A file, and whether it may name what is run."""

    path: Path
    trusted: bool


def user_file() -> Path:
    """The user's own ``mgd.toml``, which need not exist."""
    return platformdirs.user_config_path("mgd") / FILE_NAME


def load(root: str | os.PathLike[str], trusted: bool = False) -> Configuration:
    """The configuration for the workspace ``root``: its own file over the user's.

    Raises ConfigError with the file, the key, and what to do.
    """
    configuration = Configuration(PROFILES, {})
    for source in (_Source(user_file(), True), _Source(Path(root, FILE_NAME), trusted)):
        if os.path.lexists(source.path):
            configuration = _extended(configuration, _read(source), source)
    return configuration


def open_pool(
    workspace: str | os.PathLike[str], *, trust_workspace: bool = False, watch: bool = False
) -> ServerPool:
    """A server pool for one workspace, as configured; ``watch`` as in `ServerPool`.

    With ``trust_workspace`` its ``mgd.toml`` may name programs, and servers may run its code.
    Raises ConfigError, and WorkspaceError if the workspace is no directory.
    """
    configuration = load(workspace, trust_workspace)
    return ServerPool(
        workspace,
        profiles=configuration.profiles,
        defaults=configuration.servers,
        trust_workspace=trust_workspace,
        watch=watch,
    )


def _read(source: _Source) -> dict[str, Any]:
    path = source.path
    folder = path.parent.resolve()
    if not source.trusted and not path.resolve().is_relative_to(folder):
        raise ConfigError(f"{path}: is a link to a file outside the workspace; {_remedy()}")
    if not path.is_file():  # a pipe would never end
        raise ConfigError(f"{path}: is no file; expected a TOML file")
    try:
        return tomllib.loads(path.read_bytes().decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: is no TOML: {error}; correct it, or remove it") from error
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}; expected a TOML file") from error


def _extended(below: Configuration, content: dict[str, Any], source: _Source) -> Configuration:
    for key in content:
        if key not in ("servers", "profiles"):
            raise ConfigError(
                f"{source.path}: got the unknown key {key!r}; expected servers or profiles"
            )
    profiles = dict(below.profiles)
    for name, table in _table(content, "profiles", source.path).items():
        where = f"{source.path}: profiles.{name}"
        if not isinstance(table, dict):
            raise ConfigError(f"{where}: got {table!r}; expected a table")
        if not source.trusted:
            _forbid_programs(table, where)
        profiles[name] = _profile(name, table, profiles, where)
    servers = _table(content, "servers", source.path)
    for language, name in servers.items():
        _check_choice(language, name, profiles, f"{source.path}: servers.{language}")
    return Configuration(profiles, {**below.servers, **servers})


def _table(content: dict[str, Any], key: str, path: Path) -> dict[str, Any]:
    table = content.get(key, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: {key}: got {table!r}; expected a table")
    return table


def _forbid_programs(table: dict[str, Any], where: str) -> None:
    for key in table:
        if key != "based_on" and not is_harmless(key):
            raise ConfigError(
                f"{where}.{key}: not allowed in a workspace that is not trusted, since it can"
                f" make programs run; {_remedy()}"
            )


def _remedy() -> str:
    return (
        "if you trust the workspace, say so (--trust-workspace, trust_workspace=True),"
        f" or move this to {user_file()}"
    )


def _profile(
    name: str, table: dict[str, Any], profiles: Mapping[str, Profile], where: str
) -> Profile:
    own = {key: value for key, value in table.items() if key != "based_on"}
    if "based_on" not in table:
        return declare(name, own, profiles.get(name), where=where)
    base = table["based_on"]
    if name in profiles:
        raise ConfigError(
            f"{where}.based_on: {name!r} is a profile already, whose fields are kept;"
            " remove based_on, or choose another name"
        )
    return declare(name, own, _known(base, profiles, f"{where}.based_on"), where=where)


def _known(name: Any, profiles: Mapping[str, Profile], where: str) -> Profile:
    if not isinstance(name, str) or name not in profiles:
        known = ", ".join(sorted(profiles))
        raise ConfigError(f"{where}: got {name!r}; expected one of the profiles {known}")
    return profiles[name]


def _check_choice(language: str, name: Any, profiles: Mapping[str, Profile], where: str) -> None:
    languages = sorted({each for profile in profiles.values() for each in profile.languages})
    if language not in languages:
        raise ConfigError(
            f"{where}: got an unknown language; expected one of {', '.join(languages)}"
        )
    profile = _known(name, profiles, where)
    if language not in profile.languages:
        fitting = ", ".join(key for key, each in profiles.items() if language in each.languages)
        raise ConfigError(f"{where}: {name!r} does not know {language}; expected one of {fitting}")
