"""Causes of forbidden names, read off the source."""

import pytest

from benchmarks.causes import ELSEWHERE, EXAMINED, SILENCED, cause

UNLISTED = "not in the server's list (3 names)"
SOURCE = """\
import sys
Wrapped.context = 1
self.inner = 2
x = sorted(s.name for s in sites)
y = thing.context
z = thing.inner
v = thing._hidden
w = [one.name
     for one in sites]
if isinstance(node.value, Call): use(node.value.called)
"""


def found(line: int, name: str, reason: str = UNLISTED) -> str:
    """Cause at the first dereference of ``name`` in a line of `SOURCE`."""
    column = SOURCE.splitlines()[line - 1].index("." + name) + 2
    return cause("shop/order.py", SOURCE, line, column, name, reason)


@pytest.mark.parametrize(
    ("line", "name", "word"),
    [
        (4, "name", "comprehension"),
        (8, "name", "comprehension"),
        (5, "context", "outside"),
        (6, "inner", "not in the server's list"),
        (7, "_hidden", "private"),
        (10, "called", "isinstance"),
    ],
)
def test_the_source_around_a_name_tells_the_cause(line: int, name: str, word: str) -> None:
    """Late bindings, attributes set from outside, narrowed types, private names."""
    assert word in found(line, name)


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("not in the server's list (1 names); the author silenced the type checker", SILENCED),
        ("listed, but the mask forbids it (3 names)", "the server lists it: an error of the mask"),
        ("no dereference site here", ELSEWHERE),
    ],
)
def test_what_the_replay_says_goes_first(reason: str, expected: str) -> None:
    """Its reasons are facts, the source's are guesses."""
    assert found(4, "name", reason) == expected


def test_platforms_are_recognised_by_the_lines_before() -> None:
    """A guard on the platform, or ``hasattr``, stands shortly before."""
    text = 'import sys\nif sys.platform == "win32":\n    v = sys.getwindowsversion()\n'
    assert "platforms" in cause("a.py", text, 3, 13, "getwindowsversion", UNLISTED)


@pytest.mark.parametrize(("path", "receiver"), EXAMINED)
def test_what_was_examined_by_hand_is_known(path: str, receiver: str) -> None:
    """By the file and the whole receiver, wherever it stands in the file."""
    text = f"x = {receiver}.name\n"
    assert (
        cause(path, text, 1, text.index("name") + 1, "name", UNLISTED) == EXAMINED[path, receiver]
    )
    assert cause("b.py", text, 1, text.index("name") + 1, "name", UNLISTED) not in EXAMINED.values()
