"""Which language servers this machine has."""

import json
import re
import shutil
import subprocess
from pathlib import Path

from lsp_bridge.profiles.profile import Profile
from lsp_bridge.servers.environment import server_environment
from lsp_bridge.servers.launch import executable, is_installed

_VERSION = re.compile(r"\d+\.\d+\S*")
_TIMEOUT_S = 30.0


def version(profile: Profile) -> str | None:
    """Version that the server's own command prints; None if the server cannot be run.

    A server without such a command is asked for the ``package.json`` that it came with. ``"?"``
    stands for one that shows no number, or was downloaded by multilspy.
    """
    if not is_installed(profile):
        return None
    program = executable(profile.command[0])
    if program is None:
        return "?"
    if not profile.version_command:
        return _packaged(Path(program)) or "?"
    program = executable(profile.version_command[0])
    if program is None:
        return None
    found = _ask([program, *profile.version_command[1:]])
    return _of_debian(program) or found if found == "?" else found


def _of_debian(program: str) -> str | None:
    """Version of the Debian package that a program came with: some print no number."""
    if shutil.which("dpkg-query") is None:
        return None
    owner = _run(["dpkg-query", "--search", program])
    if owner is None or owner.returncode:
        return None
    shown = _run(["dpkg-query", "--show", "--showformat=${Version}", owner.stdout.split(":")[0]])
    found = None if shown is None else _VERSION.search(shown.stdout)
    return None if found is None else found[0]


def _packaged(program: Path) -> str | None:
    """Version in the ``package.json`` above a program that npm has installed."""
    files = (folder / "package.json" for folder in program.resolve().parents)
    file = next((file for file in files if file.is_file()), None)
    try:
        return None if file is None else str(json.loads(file.read_bytes())["version"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _ask(command: list[str]) -> str | None:
    done = _run(command)
    if done is None or done.returncode:
        return None
    found = _VERSION.search(done.stdout + done.stderr)
    return found[0] if found else "?"


def _run(command: list[str]) -> "subprocess.CompletedProcess[str] | None":
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            env=server_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
