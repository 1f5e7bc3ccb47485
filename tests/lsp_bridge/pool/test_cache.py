"""What is kept, and for how long."""

from pathlib import Path

import pytest

from lsp_bridge.pool.cache import AnswerCache, Key
from monitors.protocols import Members, Name, Reason, Unavailable

FACTS = Members((Name("x"),))


def key(number: int) -> Key:
    """A key that differs from those of other numbers."""
    return Key("p", Path("/w"), "/w/a.py", str(number).encode())


def test_the_answer_used_last_stays() -> None:
    """The capacity bounds the entries; reading counts as use."""
    cache = AnswerCache(2)
    cache.put(key(1), FACTS)
    cache.put(key(2), FACTS)
    cache.get(key(1))
    cache.put(key(3), FACTS)

    assert [cache.get(key(number)) is not None for number in (1, 2, 3)] == [True, False, True]
    assert len(cache) == 2


@pytest.mark.parametrize("reason", Reason)
def test_only_lasting_answers_are_kept(reason: Reason) -> None:
    """A time-out or a crash says nothing about the next attempt."""
    cache = AnswerCache(2)
    cache.put(key(1), Unavailable(reason))
    transient = {Reason.TIMEOUT, Reason.CRASHED, Reason.NOT_STARTED, Reason.SERVER_ERROR}

    assert (cache.get(key(1)) is None) == (reason in transient)


def test_clear_forgets_everything() -> None:
    """Files have changed on disk."""
    cache = AnswerCache(2)
    cache.put(key(1), FACTS)
    cache.clear()

    assert cache.get(key(1)) is None
