"""How a server is found and started, and what it is told about the workspace."""

import os
import shutil
import sys
from collections.abc import Mapping
from typing import Any

from lsp_bridge.profiles.profile import Profile, Readiness, Tree
from lsp_bridge.servers import multilspy_servers
from lsp_bridge.servers.environment import search_path, server_environment
from lsp_bridge.servers.project import Project
from lsp_bridge.servers.transport import Connection
from monitors.errors import ServerError

_ACCEPTED = (
    "client/registerCapability",
    "client/unregisterCapability",
    "window/showMessageRequest",
    "window/workDoneProgress/create",
)

_BY_PROGRESS = (Readiness.PROGRESS, Readiness.FIRST_PROGRESS)


def executable(name: str) -> str | None:
    """Path of a program: beside the running interpreter first, then on PATH."""
    return shutil.which(name, path=search_path())


def is_installed(profile: Profile) -> bool:
    """Whether the server is there: its program, or the files that multilspy has downloaded."""
    found = executable(profile.command[0]) is not None
    return found or multilspy_servers.is_installed(profile.multilspy)


def check(profile: Profile, project: Project) -> None:
    """Do nothing if the server may be started for ``project``; raises ServerError if not."""
    if not is_installed(profile):
        raise missing(profile)
    if not project.trusted and (code := _code(profile, project)):
        raise ServerError(
            f"language server {profile.name!r} would run code of {str(project.root)!r}: {code};"
            " trust the workspace with --trust-workspace, or choose another server"
        )


def _code(profile: Profile, project: Project) -> str:
    """Which code of the workspace the server would run; what cannot be read may name some."""
    try:
        return profile.runs_code(project)
    except (OSError, ValueError) as error:
        return f"a file that may name some cannot be read: {error}"


def missing(profile: Profile) -> ServerError:
    """The error that says how to install the server of ``profile``."""
    return ServerError(
        f"language server {profile.name!r} is not installed: {profile.command[0]!r} was found"
        f" neither beside {sys.executable} nor on PATH; install it with: {profile.install}"
    )


def connection(profile: Profile, project: Project) -> Connection:
    """A connection that is not started yet. Raises ServerError as `check` does."""
    check(profile, project)
    command, variables = _command(profile, project)
    environment = {**server_environment(), **variables, **profile.environment(project)}
    return Connection(command, project.root, environment)


def parameters(profile: Profile, project: Project) -> dict[str, Any]:
    """Parameters of ``initialize``: multilspy's own where it has some, with ours on top."""
    root = project.root
    base = multilspy_servers.parameters(profile.multilspy, root)
    options = base.get("initializationOptions") or {}
    return base | {
        "processId": os.getpid(),
        "clientInfo": {"name": "monitor-guided-decoding"},
        "rootPath": str(root),
        "rootUri": root.as_uri(),
        "workspaceFolders": [{"uri": root.as_uri(), "name": root.name}],
        "capabilities": _capabilities(profile),
        "initializationOptions": multilspy_servers.merged(
            options, profile.initialization_options(project)
        ),
        "trace": "off",
    }


def serve_requests(connection: Connection, profile: Profile, project: Project) -> None:
    """Have ``connection`` answer what servers ask of clients."""
    settings = profile.settings(project)

    async def configuration(params: Any) -> list[Any]:
        return [_section(settings, item.get("section") or "") for item in params["items"]]

    async def folders(params: Any) -> list[dict[str, str]]:
        return [{"uri": project.root.as_uri(), "name": project.root.name}]

    async def refuse_edit(params: Any) -> dict[str, bool]:
        return {"applied": False}

    connection.on_request("workspace/configuration", configuration)
    connection.on_request("workspace/workspaceFolders", folders)
    connection.on_request("workspace/applyEdit", refuse_edit)
    for method in _ACCEPTED:
        connection.on_request(method, _accept)


async def _accept(params: Any) -> None:
    return None


def _command(profile: Profile, project: Project) -> tuple[tuple[str, ...], Mapping[str, str]]:
    """Command line and variables: of the program if it is found, else of multilspy's download."""
    program = executable(profile.command[0])
    if program is None:
        return multilspy_servers.command(profile.multilspy, project.root)
    return (program, *profile.command[1:]), {}


def _capabilities(profile: Profile) -> dict[str, Any]:
    item = {
        "snippetSupport": False,
        "insertReplaceSupport": False,
        # TypeScript's servers tell by them whether other names may be typed.
        "commitCharactersSupport": True,
        "deprecatedSupport": True,
        "tagSupport": {"valueSet": [1]},
        "labelDetailsSupport": True,
    }
    completion = {"completionItem": item, "contextSupport": True, "dynamicRegistration": False}
    return {
        "general": {"positionEncodings": [str(each) for each in profile.encodings]},
        "workspace": {"configuration": True, "workspaceFolders": True},
        "window": {"workDoneProgress": profile.readiness in _BY_PROGRESS},
        "textDocument": {
            "completion": completion,
            "signatureHelp": {"contextSupport": True, "dynamicRegistration": False},
            "definition": {"linkSupport": True},
            "typeDefinition": {"linkSupport": True},
            "synchronization": {"dynamicRegistration": False},
        },
        "experimental": dict(profile.experimental),
    }


def _section(settings: Tree, section: str) -> Any:
    value: Any = settings
    for part in filter(None, section.split(".")):
        value = value.get(part) if isinstance(value, dict) else None
    return value
