"""The audit: the judge of soundness, itself judged on texts whose mistakes are known."""

import pytest

from evaluation.audit import audit
from monitors.dereference import DereferenceMonitor
from monitors.languages.python import PYTHON
from monitors.protocols import Document, Reason, Unavailable
from tests.analysts import ScriptedAnalyst, facts, members

ANALYST = ScriptedAnalyst(
    members({"order": ["total", "items", "größe"], "items": ["append"]}, Unavailable(Reason.EMPTY))
)


def judged(prefix: str, text: str) -> list[tuple[str, bool]]:
    """Names that were judged, and whether they are valid."""
    document = Document("python", "/p/app.py", prefix, "\n")
    verdicts = audit(DereferenceMonitor(PYTHON), PYTHON, ANALYST.look_up, document, text)
    for verdict in verdicts:
        assert (prefix + text)[len(prefix) + verdict.offset :].startswith(verdict.name)
    return [(verdict.name, verdict.valid) for verdict in verdicts]


@pytest.mark.parametrize(
    ("prefix", "text", "expected"),
    [
        ("x = order.", "total\n", [("total", True)]),
        ("x = order.", "tax()\n", [("tax", False)]),
        ("x = order", ".total + order.tax\n", [("total", True), ("tax", False)]),
        (
            "x = ",
            "order.items.append(order.total)\n",
            [("items", True), ("append", True), ("total", True)],
        ),
        ("x = ", "order.items.total\n", [("items", True), ("total", False)]),
        ("x = ", "order.größe; order.groesse\n", [("größe", True), ("groesse", False)]),
        ("x = ", "order.totals\n", [("totals", False)]),
        ("x = ", "order.tot\n", [("tot", False)]),
        ("x = (", "order.\n    total)\n", [("total", True)]),
    ],
    ids=[
        "valid",
        "invented",
        "two names",
        "nested",
        "chain",
        "beyond ASCII",
        "longer than a member",
        "shorter than a member",
        "on the next line",
    ],
)
def test_every_name_behind_an_operator_is_judged(
    prefix: str, text: str, expected: list[tuple[str, bool]]
) -> None:
    """Against the list that is asked for at its own operator."""
    assert judged(prefix, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("order.t", [("t", True)]),
        ("order.tot", [("tot", True)]),
        ("order.total", [("total", True)]),
        ("order.tax", [("tax", False)]),
    ],
)
def test_an_unfinished_last_name_is_valid_if_a_member_begins_with_it(
    text: str, expected: list[tuple[str, bool]]
) -> None:
    """The text may have been cut off by a token limit."""
    assert judged("x = ", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("al\n", [("total", True)]),
        ("tal\n", [("tottal", False)]),
        ("", []),
        ("a", [("tota", True)]),
        (" + order.items\n", [("tot", False), ("items", True)]),
    ],
)
def test_a_name_that_was_begun_in_front_of_the_text_is_judged_as_a_whole(
    text: str, expected: list[tuple[str, bool]]
) -> None:
    """``order.tot|`` and ``al`` make ``total``."""
    assert judged("x = order.tot", text) == expected


@pytest.mark.parametrize(
    "text", ["'order.tax'", "# order.tax\n", "other.tax\n", "1.5\n", "order\n", "order.", ""]
)
def test_where_nothing_is_known_nothing_is_judged(text: str) -> None:
    """No operator in code, no answer, or no name yet."""
    assert judged("x = ", text) == []


def test_a_verdict_says_what_would_have_been_allowed() -> None:
    """In the server's order."""
    document = Document("python", "/p/app.py", "x = order.", "\n")
    answer = facts("b", "a")
    [verdict] = audit(DereferenceMonitor(PYTHON), PYTHON, lambda query: answer, document, "c\n")

    assert verdict.allowed == ("b", "a")
    assert not verdict.valid


def test_an_operator_is_asked_about_with_the_text_in_front_of_it() -> None:
    """Each query afresh: nothing is remembered between operators."""
    analyst = ScriptedAnalyst(facts("items"))
    document = Document("python", "/p/app.py", "x = ", "\n")
    text = "order.items\norder.items\n"
    audit(
        DereferenceMonitor(PYTHON), PYTHON, lambda query: analyst.ask(query).answer, document, text
    )

    asked = [query.document.prefix for query in analyst.queries]
    assert asked == ["x = order.", "x = order.items\norder."]
