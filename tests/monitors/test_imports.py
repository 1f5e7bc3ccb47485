"""The monitor of imports: where it asks, what it allows, and what it leaves alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.constraints import ANYTHING
from monitors.errors import UsageError
from monitors.imports import ImportMonitor, ImportState
from monitors.languages.registry import LANGUAGES
from monitors.protocols import Answer, Document, Outcome, QueryKind, Reason, Unavailable
from tests.analysts import answered, facts

PYTHON = LANGUAGES["python"]
KNOWN = facts("os", "path", "order", "_own", "éclair", "import_it")


def drive(
    text: str, answer: Answer = KNOWN, prefix: str = "", suffix: str = ""
) -> tuple[bool, list[str], ImportState]:
    """Read ``text``: whether it is allowed, behind what was asked, and the state."""
    monitor = ImportMonitor(PYTHON)
    state = monitor.start(Document("python", "/p/a.py", prefix, suffix))
    asked: list[str] = []
    valid, rest = True, text
    while rest or monitor.queries(state):
        for query in monitor.queries(state):
            assert query.kind is QueryKind.IMPORTS
            assert query.document.suffix == suffix
            asked.append(query.document.prefix)
        state = answered(monitor, state, answer)
        state, rest, still = monitor.update(state, rest)
        valid = valid and still
    return valid, asked, state


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("import os", 1),
        ("import os.path", 2),
        ("import os . path", 1),
        ("import os as anything", 1),
        ("import os as a, os.path as b, path", 4),
        ("import \\\n  os", 1),
        ("from os import path", 2),
        ("from os.path import order, path as p, os", 5),
        ("from . import os", 1),
        ("from .. import os", 1),
        ("from .os import path", 2),
        ("from ...os.path import path", 3),
        ("from os import *", 1),
        ("from os import (path, order)", 3),
        ("from os import (  # all of it\n    path as p,  # wrong, wrong\n    order,\n)", 3),
        ("from os import (\n    path,\n    order,\n", 3),
        ("from os import path; wrong = 1", 2),
        ("from os import path  # import wrong", 2),
        ("import éclair", 1),
        ("from ._own import _own", 2),
        ("from os import import_it", 2),
        ("import os\nimport path\r\nfrom os import order\n", 4),
        ("x = '''\nimport wrong\n'''\nimport os", 1),
    ],
)
def test_each_segment_is_asked_about_behind_its_first_character(text: str, segments: int) -> None:
    """Modules between dots, and names; aliases and comments are nobody's business."""
    valid, asked, _ = drive(text)

    assert valid
    assert len(asked) == segments
    assert all(text.startswith(each) for each in asked)
    assert all(each[-1].isidentifier() and not each[-2].isidentifier() for each in asked)


@pytest.mark.parametrize(
    "text",
    [
        "import wrong",
        "import o\n",
        "import os.wrong",
        "import os as a, wrong",
        "from wrong import os",
        "from os import wrong",
        "from os import path, p ",
        "from os import (\n    path,\n    pathology",
        "from . import wrong",
        "from .. import (path, wrong)",
        "from .path.o import",
        "import os\nimport osx",
    ],
)
def test_what_there_is_not_is_refused(text: str) -> None:
    """A name is judged as soon as it leaves all known ones, and at its end.

    Where no known name has the first character, nothing is known of what there is.
    """
    known = facts("os", "path", "order", "wrap")

    assert not drive(text, known)[0]


@pytest.mark.parametrize(
    "text",
    [
        "    import wrong\n",
        "try:\n    from wrong import wrong\n",
        "important = wrong\n",
        "fromage = wrong.wrong\n",
        "from wrong",
        "x = 1; import wrong",
        "'''\nimport wrong\n",
        "# import wrong\n",
        "print(\n  'import wrong'\n)",
        "raise Wrong from wrong",
        "yield from wrong",
        "from_ = wrong",
        "import 1wrong",
        "from os import wr",
        "f(\nimport wrong",
    ],
)
def test_other_text_is_let_through(text: str) -> None:
    """Statements below the margin, strings, comments, and what has only begun."""
    assert drive(text, facts("os", "wrong_one"))[0]


def test_what_is_typed_before_the_cursor_counts() -> None:
    """As far back as the statement goes."""
    valid, asked, state = drive("th", prefix="import sys\nfrom os import (\n    order,\n    pa")

    assert valid
    assert asked == ["import sys\nfrom os import (\n    order,\n    p"]
    assert ImportMonitor(PYTHON).maskgen(state).may_end


@pytest.mark.parametrize("prefix", ["import os", "import os\n", "import os as o", "x = o", "im"])
def test_a_cursor_behind_something_else(prefix: str) -> None:
    """A segment is known there, or nothing is asked."""
    monitor = ImportMonitor(PYTHON)
    state = monitor.start(Document("python", "/p/a.py", prefix))

    assert bool(monitor.queries(state)) == (prefix == "import os")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Unavailable(Reason.EMPTY), Reason.EMPTY),
        (facts("sys"), Reason.NO_MATCH),
        (KNOWN, None),
    ],
)
def test_no_answer_sets_a_segment_free(answer: Answer, reason: Reason | None) -> None:
    """It is counted, and the next segment is asked about again."""
    monitor = ImportMonitor(PYTHON)
    state, rest, _ = monitor.update(monitor.start(Document("python", "/p/a.py", "")), "import os")
    assert rest == "s"
    [query] = monitor.queries(state)
    state, outcomes = monitor.answer(state, query, answer)

    assert outcomes == (Outcome("import", reason),)
    assert (monitor.maskgen(state) is ANYTHING) == (reason is not None)
    assert monitor.maskgen(monitor.release(state)) is ANYTHING
    assert monitor.expect(state) == ()


def test_masks_hold_the_rests_of_known_names() -> None:
    """A name may end once it is whole."""
    monitor = ImportMonitor(PYTHON)
    state, _, _ = monitor.update(monitor.start(Document("python", "/p/a.py", "")), "import o")
    mask = monitor.maskgen(answered(monitor, state, KNOWN))

    assert [mask.allows(each) for each in (b"s", b"s.", b"rder\n", b"r", b"x", b"s_")] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]
    assert not mask.may_end


@given(
    data=st.data(), text=st.sampled_from(["from os import (path,\n order)\n", "import os, wr ong"])
)
def test_pieces_do_not_matter(data: st.DataObject, text: str) -> None:
    """Text in pieces of any size leads to the same questions and the same verdict."""
    monitor = ImportMonitor(PYTHON)
    state = monitor.start(Document("python", "/p/a.py", "x = 1\n"))
    asked, valid, rest = list[str](), True, text
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        piece, rest = rest[:size], rest[size:]
        while piece:
            state, piece, still = monitor.update(state, piece)
            valid = valid and still
            if piece:
                asked += [query.document.prefix for query in monitor.queries(state)]
                state = answered(monitor, state, KNOWN)
    whole, questions, _ = drive(text, prefix="x = 1\n")

    assert valid == whole
    assert set(asked) <= set(questions)


@pytest.mark.parametrize(
    ("before", "token", "is_crossing"),
    [
        ("import ", "os", True),
        ("import", " os", True),
        ("import o", "s", False),
        ("import os", ".path", True),
        ("import os", " as", False),
        ("from os", " import", False),
        ("from os import (\n", "   path", True),
        ("from os import path", ", order", True),
        ("x = ", "os", False),
        ("    import", " os", False),
        ("", "import", False),
    ],
)
def test_tokens_that_begin_a_segment_are_judged(before: str, token: str, is_crossing: bool) -> None:
    """Those with more than its first character in them."""
    monitor = ImportMonitor(PYTHON)
    state = monitor.start(Document("python", "/p/a.py", before))
    match = monitor.crossing.search(token)

    assert (match is not None and monitor.crosses(state, token[: match.end(1)])) == is_crossing
    same = monitor.start(Document("python", "/p/b.py", before.replace("os", "sys")))
    assert monitor.crossing_key(state) == monitor.crossing_key(same)


def test_languages_that_it_does_not_know_are_refused() -> None:
    """With those that it knows."""
    with pytest.raises(UsageError, match="imports knows go; expected python"):
        ImportMonitor(LANGUAGES["go"])
