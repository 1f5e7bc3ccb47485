"""The variables that language servers get: what programs need to run, and nothing that is secret.

Servers are programs of others that read code of others. Of this process's variables they get
those that are listed here; what else one of them needs, a profile or the user's ``mgd.toml`` says.
"""

import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

_PASSED_ON = frozenset(
    (
        # Who and where: folders of the user, of temporary files, of shared libraries.
        *("HOME", "LOGNAME", "USER", "SHELL", "TMPDIR", "TMP", "TEMP"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        # Language and time.
        *("LANG", "LANGUAGE", "TZ", "TERM"),
        # Windows.
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "APPDATA", "LOCALAPPDATA"),
        *("PROGRAMDATA", "PROGRAMFILES", "PROGRAMFILES(X86)", "USERPROFILE", "USERNAME"),
        *("HOMEDRIVE", "HOMEPATH", "NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE"),
        # Where tool chains, their libraries and caches lie.
        *("VIRTUAL_ENV", "CONDA_PREFIX", "PYENV_ROOT", "PYTHONHOME", "NVM_DIR"),
        *("GOPATH", "GOROOT", "GOCACHE", "GOMODCACHE", "GOENV", "GOOS", "GOARCH", "CGO_ENABLED"),
        *("CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN", "RUST_SRC_PATH", "RUST_BACKTRACE"),
        *("JAVA_HOME", "JDK_HOME", "GRADLE_USER_HOME", "DOTNET_ROOT", "DOTNET_CLI_HOME"),
        *("GEM_HOME", "GEM_PATH", "PUB_CACHE", "COMPOSER_HOME", "OPENBLAS_CORETYPE"),
        *("CPATH", "C_INCLUDE_PATH", "CPLUS_INCLUDE_PATH", "LIBRARY_PATH", "SDKROOT"),
    )
)
_PASSED_ON_BEGINNINGS = ("LC_", "XDG_")


def search_path() -> str:
    """PATH for servers: the folder of the running interpreter first.

    Relative folders are left out: servers run in the workspace, which may hold anybody's programs.
    """
    folders = os.environ.get("PATH", os.defpath)
    return os.pathsep.join((str(Path(sys.executable).parent), *_absolute(folders)))


def server_environment() -> dict[str, str]:
    """All variables of a server's process, but for what its profile adds.

    Servers ask the Python interpreter for its paths with ``-c``, in the workspace: it must not
    import from there. Who has no home gets one, since tool chains keep caches there.
    """
    return {
        **{name: value for name, value in os.environ.items() if _is_passed_on(name)},
        **_home(os.environ),
        "PATH": search_path(),
        "PYTHONPATH": os.pathsep.join(_absolute(os.environ.get("PYTHONPATH", ""))),
        "PYTHONSAFEPATH": "1",
    }


def _is_passed_on(name: str) -> bool:
    upper = name.upper()
    return upper in _PASSED_ON or upper.startswith(_PASSED_ON_BEGINNINGS)


def _home(variables: Mapping[str, str]) -> dict[str, str]:
    """A HOME that can be written, where there is none: the account's, or one of ours."""
    if os.name == "nt" or os.path.isdir(variables.get("HOME", "")):
        return {}
    account = os.path.expanduser(f"~{_account()}")
    if os.path.isdir(account) and os.access(account, os.W_OK):
        return {"HOME": account}
    ours = Path(tempfile.gettempdir(), f"mgd-home-{os.getuid()}")
    ours.mkdir(mode=0o700, exist_ok=True)
    return {"HOME": str(ours)} if ours.stat().st_uid == os.getuid() else {}


def _account() -> str:
    """Name of the user's account; empty if there is none."""
    import pwd  # not on Windows

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return ""


def _absolute(folders: str) -> list[str]:
    return [folder for folder in folders.split(os.pathsep) if os.path.isabs(folder)]
