"""Files of a workspace that change on disk, told in the language of the protocol."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypedDict

from watchfiles import Change, DefaultFilter, awatch

_log = logging.getLogger(__name__)
_KINDS = {Change.added: 1, Change.modified: 2, Change.deleted: 3}


class FileEvent(TypedDict):
    """A changed file (FileEvent of LSP 3.18)."""

    uri: str
    type: int


async def watch(root: Path, tell: Callable[[Sequence[FileEvent]], None]) -> None:
    """Tell of changed files below ``root`` until cancelled, some 0.1 s after the change.

    Folders of version control, virtual environments and caches are left out. A folder that cannot
    be watched is logged, not raised.
    """
    try:
        async for changes in awatch(root, watch_filter=DefaultFilter(), debounce=400):
            events = sorted((path, _KINDS[kind]) for kind, path in changes)
            tell([FileEvent(uri=Path(path).as_uri(), type=kind) for path, kind in events])
    except (OSError, RuntimeError) as error:
        _log.warning("changed files in %s go unnoticed: %s", root, error)
