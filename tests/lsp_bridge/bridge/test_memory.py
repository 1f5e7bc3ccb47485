"""What a bridge remembers: any two who ask within a life of each other hear the same."""

from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_bridge.bridge.memory import LIFE_S, Memory, Verdict, key_of
from monitors.protocols import (
    Answer,
    Document,
    Members,
    Name,
    Query,
    QueryKind,
    Reason,
    Unavailable,
)

LATE = Unavailable(Reason.TIMEOUT)
FACTS = Members((Name("total"),))
KEY = b"key"


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now_s


def heard(memory: Memory[Verdict], answer: Answer) -> Answer:
    """What somebody hears who asks now; ``answer`` if nobody has decided before."""
    verdict = memory.recall(KEY)
    if verdict is None:
        verdict = Verdict()
        memory.open(KEY, verdict)
        memory.decide(KEY, verdict, answer)
    assert verdict.answer is not None
    return verdict.answer


@given(st.lists(st.floats(0.0, 1.5 * LIFE_S), min_size=2, max_size=20))
def test_neighbours_in_time_agree(pauses_s: list[float]) -> None:
    """Every asker would decide something else; within a life nobody can."""
    clock = Clock()
    memory: Memory[Verdict] = Memory(clock)
    last: Answer | None = None
    for number, pause_s in enumerate(pauses_s):
        clock.now_s += pause_s
        answer = heard(memory, Unavailable(Reason.TIMEOUT, str(number)))
        if last is not None and pause_s < LIFE_S - 1e-6:
            assert answer == last
        last = answer


def test_a_time_out_is_forgotten_when_nobody_asks() -> None:
    """Who completes the same text later gets the facts that came too late."""
    clock = Clock()
    memory: Memory[Verdict] = Memory(clock)
    assert heard(memory, LATE) == LATE
    clock.now_s += LIFE_S * 0.9
    assert heard(memory, FACTS) == LATE
    clock.now_s += LIFE_S * 0.9
    assert heard(memory, FACTS) == LATE
    clock.now_s += LIFE_S
    assert heard(memory, FACTS) == FACTS


def test_the_least_used_is_forgotten_first() -> None:
    """Beyond the capacity."""
    memory: Memory[Verdict] = Memory(Clock(), capacity=2)
    for key in (b"a", b"b", b"a", b"c"):
        if memory.recall(key) is None:
            verdict = Verdict()
            memory.open(key, verdict)
            memory.decide(key, verdict, LATE)

    assert memory.recall(b"a") is not None
    assert memory.recall(b"b") is None
    assert memory.recall(b"c") is not None
    assert len(memory) == 2


def test_an_open_verdict_outlives_everything() -> None:
    """Somebody waits for it: it is neither too old nor one too many."""
    clock = Clock()
    memory: Memory[Verdict] = Memory(clock, capacity=0)
    verdict = Verdict()
    memory.open(KEY, verdict)
    clock.now_s += 10 * LIFE_S

    assert memory.recall(KEY) is verdict


def test_only_the_first_decision_counts() -> None:
    """Everybody is told once, and who comes later at once."""
    memory: Memory[Verdict] = Memory(Clock())
    verdict = Verdict()
    memory.open(KEY, verdict)
    told: list[Answer] = []
    verdict.tell("one", told.append)
    verdict.tell("two", told.append)

    assert not verdict.leave("two")
    assert memory.decide(KEY, verdict, LATE)
    assert not memory.decide(KEY, verdict, FACTS)
    verdict.tell("three", told.append)
    assert told == [LATE, LATE]


def test_what_nobody_wants_is_dropped() -> None:
    """A new question takes its place, which the old one's answer does not decide."""
    memory: Memory[Verdict] = Memory(Clock())
    old, new = Verdict(), Verdict()
    memory.open(KEY, old)
    old.tell("one", lambda answer: pytest.fail("it has left"))
    assert old.leave("one")
    memory.drop(KEY, old)
    memory.open(KEY, new)

    assert not memory.decide(KEY, old, LATE)
    memory.drop(KEY, old)
    assert memory.recall(KEY) is new


def query(*parts: str) -> Query:
    """A query whose document has these four parts."""
    return Query(QueryKind.MEMBERS, Document(*parts))


def test_a_key_stands_for_everything() -> None:
    """Each part counts, and where it ends."""
    parts = ("python", "/a.py", "x.", "y")
    variants = [
        *((*parts[:n], parts[n] + "!", *parts[n + 1 :]) for n in range(4)),
        ("python", "/a.py", "x", ".y"),
    ]
    keys = {key_of(query(*cast(tuple[str, str, str, str], each)), "", None) for each in variants}
    keys |= {key_of(query(*parts), scope, server) for scope in "ab" for server in ("", "c")}
    keys.add(key_of(query(*parts), "", None))

    assert len(keys) == 10
    assert key_of(query(*parts), "", None) == key_of(query(*parts), "", "")
