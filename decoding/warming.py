"""The first questions about a file, asked before decoding begins.

A server is slowest at first: it starts, looks at the project, and analyses the file; some are slow
once more when the text has changed for the first time. Deadlines of single answers are far shorter
than that, so it gets two questions ahead, under a limit of their own.
"""

import threading
import time
from dataclasses import replace
from weakref import WeakKeyDictionary

from cachetools import LRUCache

from decoding.wiring import monitor_for
from lsp_bridge import Handle, ServerPool
from monitors.languages.reader import Reader
from monitors.languages.registry import language_named
from monitors.protocols import Document, Query, QueryKind

START_TIMEOUT_S = 30.0
"""How long a start and the first answers are waited for, unless somebody says else."""

MOST_FILES = 1024
"""Of so many it is remembered that they were asked about; more than that are asked about again."""

_Key = tuple[str, str]
"""Server and file."""

_asked: WeakKeyDictionary[ServerPool, LRUCache[_Key, list[Handle]]] = WeakKeyDictionary()
"""The first questions of each pool; none once they were waited for."""
_lock = threading.Lock()


def first_query(document: Document) -> Query:
    """What decoding is likely to ask first, or else something that makes the server as ready.

    That is: the members at the cursor, those where the next dereference is expected, those at the
    last dereference before the cursor, or whatever may stand at the cursor.
    """
    monitor = monitor_for(document.language)
    state = monitor.start(document)
    if queries := monitor.queries(state) or monitor.expect(state):
        return queries[0]
    text = document.prefix
    end = Reader(language_named(document.language)).read(document.path, text).trigger
    end = len(text) if end is None else end
    at = replace(document, prefix=text[:end], suffix=text[end:] + document.suffix)
    return Query(QueryKind.MEMBERS, at)


def first_queries(document: Document) -> list[Query]:
    """`first_query`, and the same in a text that is a little longer."""
    query = first_query(document)
    longer = replace(query.document, suffix=query.document.suffix + "\n")
    return [query, replace(query, document=longer)]


def begin(pool: ServerPool, document: Document, server: str | None = None) -> None:
    """Ask the first questions about a file if nobody has; starts the server, never waits.

    Raises what `ServerPool.ask` raises.
    """
    key = _key(pool, document, server)
    with _lock:
        asked = _asked.setdefault(pool, LRUCache(MOST_FILES))
        if key not in asked:
            asked[key] = [pool.ask(query, server=server) for query in first_queries(document)]


def finish(
    pool: ServerPool, document: Document, server: str | None, timeout_s: float = START_TIMEOUT_S
) -> float:
    """Wait for the first answers, if they were asked for; returns the seconds waited.

    Once is enough: later calls for the same file return at once. What the server answers shows when
    decoding asks. After ``timeout_s`` the questions are given up.
    """
    key = _key(pool, document, server)
    with _lock:
        handles = _asked[pool].get(key, []) if pool in _asked else []
    started_s = time.perf_counter()
    for handle in handles:
        pool.hurry(handle)
        if handle.result(started_s + timeout_s - time.perf_counter()) is None:
            handle.cancel()
    with _lock:
        if handles:
            _asked[pool][key] = []
    return time.perf_counter() - started_s


def _key(pool: ServerPool, document: Document, server: str | None) -> _Key:
    return pool.profile(document.language, server).name, document.path
