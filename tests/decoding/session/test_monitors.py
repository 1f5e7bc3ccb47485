"""Sessions with other monitors than the dereference monitor, and with several at once."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest

from decoding.session.guide import Guide
from decoding.session.node import Node
from decoding.session.options import Options
from decoding.session.session import Session
from decoding.wiring import MONITORS, monitor_for, monitors_of
from monitors.arguments import ARGUMENT_COUNT, KEYWORD_ARGUMENT
from monitors.constraints import Constraint, Names
from monitors.dereference import DereferenceMonitor, DereferenceState
from monitors.errors import UsageError
from monitors.joint import JointMonitor
from monitors.languages.python import PYTHON
from monitors.languages.registry import LANGUAGES
from monitors.protocols import Answer, Document, QueryKind, Reason
from tests.analysts import ScriptedAnalyst, answered, facts
from tests.decoding.session.test_session import apply, encode, index
from tests.monitors.test_arguments import ORDER

NAMES = facts("total", "items", "close")
MODULES = facts("os", "order", "orders", "total", "path", "_own")
PREFIX = "x = 1\norder.buy("
IMPORTING = "x = 1\nfrom order import (\n    total,\n    o"
LIKELY = [
    "(",
    ")",
    ",",
    ", ",
    " ",
    "1",
    "x",
    ".",
    "rush",
    "=",
    "item",
    "[",
    "]",
    "'",
    "buy",
    "()",
    "close",
]


IMPORTED = ["order", "os", "total", " order", " as", ",", ", ", "path", "s", "_", "own", "(", " ("]


class Knowing(ScriptedAnalyst):
    """Answers both kinds of questions."""

    def __init__(self) -> None:
        super().__init__(NAMES)

    def look_up(self, query: object) -> Answer:
        """Names of members, the signature of everything, or what may be imported."""
        answers = {QueryKind.SIGNATURES: ORDER, QueryKind.IMPORTS: MODULES}
        return answers.get(query.kind, NAMES)  # type: ignore[attr-defined]


def session(names: Sequence[str], prefix: str = PREFIX) -> tuple[Session, Knowing]:
    """A session of monitors behind ``prefix``, and who answers it."""
    analyst = Knowing()
    guide = Guide(index(), PYTHON, monitor_for("python", names), analyst)
    return Session(guide, Document("python", "/p/a.py", prefix, "\n"), options=Options()), analyst


@cache
def likely_ids() -> np.ndarray:
    """Tokens of which calls are made."""
    ids = [encode()(text)[0] for text in LIKELY]
    holding = [i for i in range(index().size) if {"(", ")", ","} & set(index().text_of(i) or "")]
    return np.array(sorted({*ids, *holding}), np.int64)


@cache
def import_ids() -> np.ndarray:
    """Tokens of which imports are made, and names that there are not."""
    ids = [encode()(text)[0] for text in IMPORTED]
    alike = [
        i for i in range(index().size) if (index().text_of(i) or "").strip()[:2] in ("or", "to")
    ]
    return np.array(sorted({*ids, *alike}), np.int64)


def generate(guided: Session, seed: int, count: int = 30, ids: "np.ndarray | None" = None) -> str:
    """Random text under the masks, rich in what matters: to calls, unless ``ids`` say else."""
    likely = likely_ids() if ids is None else ids
    random = np.random.default_rng(seed)
    node, written = guided.root, b""
    for _ in range(count):
        logits = random.gumbel(size=index().size)
        logits[likely] += 6.0
        token_id = int(apply(guided, node, logits).argmax())
        written += index().bytes_of(token_id) or b""
        node = guided.accept(node, token_id)
        if node.ended:
            break
    return written.decode("utf-8", "ignore")


def is_valid(names: Sequence[str], text: str, prefix: str = PREFIX) -> bool:
    """Whether monitors that read the text afresh refuse nothing in it."""
    monitor = monitor_for("python", names)
    state, rest, valid = monitor.update(monitor.start(Document("python", "/p/a.py", prefix)), text)
    while rest:
        for query in monitor.queries(state):
            state, _ = monitor.answer(state, query, Knowing().look_up(query))
        state, rest, still = monitor.update(state, rest)
        valid = valid and still
    return valid


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(
    "names",
    [
        (ARGUMENT_COUNT,),
        (KEYWORD_ARGUMENT,),
        (ARGUMENT_COUNT, KEYWORD_ARGUMENT),
        ("dereference", ARGUMENT_COUNT, KEYWORD_ARGUMENT),
    ],
    ids=lambda names: "+".join(names),
)
def test_random_text_breaks_no_property(names: tuple[str, ...], seed: int) -> None:
    """Judged afresh, in one piece."""
    guided, _ = session(names)
    text = generate(guided, seed)

    assert is_valid(names, text), text
    if guided.statistics.fail_open[Reason.EMPTY_MASK] == 0:
        assert guided.statistics.constrained >= 1


def test_random_text_without_monitors_does_break_them() -> None:
    """So that the test above can fail."""
    names = ("dereference", ARGUMENT_COUNT, KEYWORD_ARGUMENT)
    texts = [generate(session(())[0], seed) for seed in range(4)]

    assert not all(is_valid(names, text) for text in texts)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("names", [("import",), ("dereference", "import", ARGUMENT_COUNT)])
def test_random_imports_are_of_what_there_is(names: tuple[str, ...], seed: int) -> None:
    """Tokens that begin a segment and go on in it are judged, those that go on are masked."""
    guided, _ = session(names, IMPORTING)
    text = generate(guided, seed, ids=import_ids())

    assert is_valid(names, text, IMPORTING), text
    assert guided.statistics.by_monitor["import:constrained"] >= 1


def test_random_imports_without_the_monitor_are_of_anything() -> None:
    """So that the test above can fail."""
    texts = [generate(session((), IMPORTING)[0], seed, ids=import_ids()) for seed in range(4)]

    assert not all(is_valid(("import",), text, IMPORTING) for text in texts)


def test_a_closing_parenthesis_comes_when_there_are_enough_arguments() -> None:
    """Nothing is masked before: tokens with commas and parentheses are judged."""
    guided, _ = session([ARGUMENT_COUNT])
    node = guided.root
    assert not allows(guided, node, ")")
    assert not allows(guided, node, "):")
    node = follow(guided, node, "1")
    assert allows(guided, node, ")")
    assert allows(guided, node, ",")
    node = follow(guided, node, ", 2, 3,")
    assert allows(guided, node, ")")
    assert not allows(guided, node, "4")


def test_each_monitor_has_its_own_counts() -> None:
    """And all of them together have those of before."""
    guided, analyst = session(("dereference", ARGUMENT_COUNT, KEYWORD_ARGUMENT))
    node = follow(guided, guided.root, "1, item.total)")
    guided.step(node)
    counts = guided.statistics.by_monitor

    assert counts["argument_count:constrained"] == 1
    assert counts["keyword_argument:constrained"] == 1
    assert counts["dereference:constrained"] == 1
    assert guided.statistics.triggers == 3
    assert [query.kind for query in analyst.queries].count(QueryKind.SIGNATURES) == 1


class _Only(DereferenceMonitor):
    """A monitor that allows one name, which nothing has."""

    def maskgen(self, state: DereferenceState) -> Constraint:
        """The name, wherever others would have theirs."""
        found = super().maskgen(state)
        return Names(frozenset({b"zzz"})) if isinstance(found, Names) else found


def test_where_no_token_fits_all_the_later_monitor_yields() -> None:
    """It is counted, and the earlier one goes on constraining."""
    joint = JointMonitor([DereferenceMonitor(PYTHON), _Only(PYTHON)])
    guide = Guide(index(), PYTHON, joint, Knowing())
    guided = Session(guide, Document("python", "/p/a.py", "x = order.", "\n"))
    step = guided.step(guided.root)

    assert guided.statistics.fail_open[Reason.EMPTY_MASK] == 1
    assert step.row is not None
    assert not guided.root.released
    assert allows(guided, guided.root, "total")
    assert not allows(guided, guided.root, "zzz")


def allows(guided: Session, node: Node, text: str) -> bool:
    """Whether the first token of ``text`` may come."""
    [token_id] = encode()(text)[:1]
    logits = np.full(index().size, -5.0)
    logits[token_id] = 0.0
    return bool(np.isfinite(apply(guided, node, logits)[token_id]))


def follow(guided: Session, node: Node, text: str) -> Node:
    """The node behind ``text``."""
    for token_id in encode()(text):
        node = guided.accept(node, token_id)
    return node


@pytest.mark.parametrize("language", LANGUAGES)
def test_languages_have_monitors(language: str) -> None:
    """Those that are named for it know it, and no others do."""
    known = monitors_of(language)
    assert monitor_for(language, known)
    for name in set(MONITORS).difference(known):
        with pytest.raises(UsageError, match=f"knows {language}"):
            monitor_for(language, (name,))


def test_a_joint_of_one_kind_answers_like_that_kind() -> None:
    """The wiring makes no joint of it."""
    assert isinstance(monitor_for("python", ("dereference",)), DereferenceMonitor)
    state = monitor_for("python", ("dereference", ARGUMENT_COUNT)).start(
        Document("python", "/p/a.py", "f(a.")
    )
    joint = monitor_for("python", ("dereference", ARGUMENT_COUNT))
    assert {query.kind for query in joint.queries(state)} == {
        QueryKind.MEMBERS,
        QueryKind.SIGNATURES,
    }
    assert joint.queries(answered(joint, state, NAMES)) == ()
