"""Completing a task with a session in this process, for every engine that one can guide."""

import time

from decoding import warming
from decoding.engines.engine import Generated, SessionEngine, Task
from decoding.prompt.workspace import without_end
from decoding.session.guide import Guide
from decoding.session.session import Session
from decoding.vocabulary.index import TokenIndex
from decoding.wiring import open_guide, open_silent_guide

_PLAIN = frozenset({"num_return_sequences"})
"""Options that leave it at sampling from the logits, with no beams or changes behind the masks."""


def complete(engine: SessionEngine, task: Task) -> Generated:
    """Wait for the server, guide the engine, and give up what is still asked at the end."""
    guide, start_s = _guide(engine.index, task)
    session = Session(
        guide,
        without_end(task.document, task.prompt.healed),
        healed=task.prompt.healed,
        options=task.request.options(is_plain=task.options.keys() <= _PLAIN),
    )
    started = time.perf_counter()
    try:
        rows = engine.generate(task.prompt.ids, session, task.is_done, task.sampling, task.options)
    finally:
        session.close()  # what was asked ahead would keep the server from whoever comes next
    session.statistics.wall_s = time.perf_counter() - started
    session.statistics.start_s = start_s
    return Generated(rows, session.statistics)


def _guide(index: TokenIndex, task: Task) -> tuple[Guide, float]:
    """The guide, and how long its server was waited for, in seconds."""
    request, document, pool = task.request, task.document, task.pool
    if not request.monitors or pool is None:
        return open_silent_guide(index, document.language), 0.0
    limit_s = request.start_timeout_s
    start_s = warming.finish(pool, document, request.server, limit_s)
    left_s = max(0.0, limit_s - start_s)
    guide = open_guide(
        index, document.language, pool, request.server, left_s, monitors=request.monitors
    )
    return guide, start_s
