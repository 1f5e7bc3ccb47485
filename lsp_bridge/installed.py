"""Which language servers this machine has."""

import os
import re
import subprocess

from lsp_bridge.launch import executable, is_installed, search_path
from lsp_bridge.profiles.profile import Profile

_VERSION = re.compile(r"\d+\.\d+\S*")
_TIMEOUT_S = 30.0


def version(profile: Profile) -> str | None:
    """Version that the server's own command prints; None if the server cannot be run.

    ``"?"`` stands for an installed server that has no version command, prints no number, or was
    downloaded by multilspy.
    """
    if not is_installed(profile):
        return None
    if executable(profile.command[0]) is None or not profile.version_command:
        return "?"
    program = executable(profile.version_command[0])
    return None if program is None else _ask([program, *profile.version_command[1:]])


def _ask(command: list[str]) -> str | None:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            env=os.environ | {"PATH": search_path()},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode:
        return None
    found = _VERSION.search(done.stdout + done.stderr)
    return found[0] if found else "?"
