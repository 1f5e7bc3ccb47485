"""What is kept of results that are costly to find and can be found again."""

from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any

from cachetools import LRUCache

from decoding.vocabulary.tables import IntArray


class ArrayCache:
    """Arrays by key, up to a number of bytes; those not used for longest go first. Thread safe."""

    def __init__(self, most_bytes: int) -> None:
        self._kept: LRUCache[Hashable, IntArray] = LRUCache(most_bytes, getsizeof=_size)
        self._lock = Lock()

    @property
    def size_bytes(self) -> int:
        """Bytes that are kept."""
        return int(self._kept.currsize)

    def get(self, key: Hashable, find: Callable[[], Any]) -> Any:
        """What ``find`` gives, from before if it is still kept.

        Threads that look for the same at once may both find it; the first one to do so wins.
        """
        with self._lock:
            found = self._kept.get(key)
        if found is not None:
            return found
        found = find()
        with self._lock:
            if _size(found) <= self._kept.maxsize:
                found = self._kept.setdefault(key, found)
        return found


def _size(array: Any) -> int:
    return int(array.nbytes) + _ENTRY_BYTES


_ENTRY_BYTES = 400
"""About what an array and its key take beside the array's content."""
