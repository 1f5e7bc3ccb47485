"""Unix sockets that one user alone may open."""

import os
import socket
import stat
import tempfile
from pathlib import Path

from monitors.errors import UsageError

_LONGEST_PATH_BYTES = 100  # the kernel's limit is 108 on Linux and 104 on macOS
_BACKLOG = 128


def private_folder() -> Path:
    """A new folder that only this user may enter: in the runtime folder, if there is one."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    usable = runtime is not None and os.path.isabs(runtime) and os.access(runtime, os.W_OK)
    return Path(tempfile.mkdtemp(prefix="mgd-", dir=runtime if usable else None))


def bound(path: Path) -> socket.socket:
    """A socket that listens at ``path``, with mode 0600; one left by a dead process is replaced.

    Raises UsageError if the path is too long, taken, or cannot be used.
    """
    if len(os.fsencode(path)) > _LONGEST_PATH_BYTES:
        raise UsageError(
            f"the socket path {str(path)!r} is longer than {_LONGEST_PATH_BYTES} bytes;"
            " name a shorter one with --socket"
        )
    listener = socket.socket(socket.AF_UNIX)
    try:
        _clear(path)
        # Nobody can connect before listen, so that there is no moment with a wider mode.
        listener.bind(str(path))
        path.chmod(0o600)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise UsageError(f"cannot listen at {str(path)!r}: {error.strerror or error}") from error
    except UsageError:
        listener.close()
        raise
    return listener


def _clear(path: Path) -> None:
    """Remove the socket of a process that has ended."""
    if not os.path.lexists(path):
        return
    if not stat.S_ISSOCK(path.lstat().st_mode):
        raise UsageError(f"{str(path)!r} exists and is no socket; name another with --socket")
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise UsageError(f"a bridge listens at {str(path)!r} already; name another socket")
