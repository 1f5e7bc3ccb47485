"""Sessions: soundness, rollback, crossing tokens, healing, and failing open."""

import codecs
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.session.guide import Guide
from decoding.session.node import Node
from decoding.session.options import CrossingPolicy, Options
from decoding.session.session import Session
from decoding.vocabulary import masks
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from evaluation.audit import audit
from mgd.models import BUNDLED_MODEL
from monitors.dereference import DereferenceMonitor
from monitors.errors import AnalysisError
from monitors.languages.python import PYTHON
from monitors.languages.registry import LANGUAGES
from monitors.protocols import Answer, Document, Reason, Unavailable
from tests.analysts import ScriptedAnalyst, facts, members

MONITOR = DereferenceMonitor(PYTHON)
MEMBERS = members(
    {"order": ["total", "items", "größe"], "items": ["append", "pop"], "unknown": []},
    facts("close", "get", "__len__"),
)


@cache
def index() -> TokenIndex:
    """The bundled tokenizer, with a few logits more than tokens."""
    encoder = Vocabulary.load(BUNDLED_MODEL)
    return TokenIndex(Vocabulary.load(BUNDLED_MODEL, size=encoder.vocabulary.size + 7).vocabulary)


@cache
def encode() -> Callable[[str], list[int]]:
    """Text to ids."""
    return Vocabulary.load(BUNDLED_MODEL).encode


def session(
    prefix: str,
    answer: Callable[[str], Answer] | Answer = MEMBERS,
    *,
    healed: bytes = b"",
    **options: object,
) -> tuple[Session, ScriptedAnalyst]:
    """A session behind ``prefix``, and who answers it."""
    analyst = ScriptedAnalyst(answer)
    guide = Guide(index(), PYTHON, MONITOR, analyst)
    document = Document("python", "/p/app.py", prefix, "\n")
    return Session(
        guide,
        document,
        healed=healed,
        options=Options(**options),  # type: ignore[arg-type]
    ), analyst


def apply(guided: Session, node: Node, logits: np.ndarray) -> np.ndarray:
    """Logits with everything closed that may not come next, as an adapter would do it."""
    step = guided.step(node)
    logits = logits.copy()
    if step.row is not None:
        logits[~masks.unpack(step.row, len(logits))] = -np.inf
    if step.crossing.size:
        values = logits[step.crossing].copy()
        logits[step.crossing] = -np.inf
        kept = guided.keep(node, step.crossing, values, float(logits.max()))
        logits[kept] = values[np.searchsorted(step.crossing, kept)]
    return logits


def open_texts(guided: Session, node: Node) -> set[str]:
    """Texts of the tokens that a step leaves open, crossing ones judged one by one."""
    logits = apply(guided, node, np.zeros(index().size))
    return {index().text_of(int(i)) or "" for i in np.flatnonzero(np.isfinite(logits))}


def follow(guided: Session, text: str) -> Node:
    """The node behind ``text``."""
    node = guided.root
    for token_id in encode()(text):
        node = guided.accept(node, token_id)
    return node


def test_only_members_may_follow_a_dereference() -> None:
    """Every open token begins with, or begins, a member of the receiver."""
    guided, _ = session("x = order.")
    names = ("total", "items", "größe")

    for text in open_texts(guided, guided.root):
        name = text.strip(" \t\f\\\n")
        assert (
            not name
            or any(known.startswith(name[:5]) or name.startswith(known) for known in names)
            or "\ufffd" in name
        ), text


def test_padded_logits_and_special_tokens_are_closed_under_a_constraint() -> None:
    """Ids without text can never follow an operator; end-of-text only behind a whole name."""
    guided, _ = session("x = order.")
    row = guided.step(guided.root).row
    assert row is not None
    closed = [*range(index().size - 7, index().size), *index().end_ids]
    assert not masks.are_open(row, closed).any()

    behind = guided.step(follow(guided, "total")).row
    assert behind is not None
    assert masks.are_open(behind, sorted(index().end_ids)).all()


def test_crossing_tokens_are_judged_by_the_members_of_their_own_receiver() -> None:
    """``.append`` may follow ``items`` and may not follow ``order``."""
    [token] = encode()(".append")
    for receiver, valid in (("order.items", True), ("order", False)):
        guided, analyst = session(f"x = {receiver}")
        step = guided.step(guided.root)
        assert token in step.crossing
        assert guided.judge(guided.root, token) is valid
        assert analyst.queries[-1].document.prefix == f"x = {receiver}."


def test_tokens_with_several_operators_are_judged_operator_by_operator() -> None:
    """Each operator of a forced text asks for its own receiver."""
    guided, analyst = session("x = order")
    node = follow(guided, ".items.append")

    assert node.valid
    assert [query.document.prefix for query in analyst.queries] == [
        "x = order.",
        "x = order.items.",
    ]


def test_one_receiver_is_asked_about_once() -> None:
    """All crossing tokens at one position share one query."""
    guided, analyst = session("x = order")
    apply(guided, guided.root, np.zeros(index().size))

    assert len([q for q in analyst.queries if q.document.prefix == "x = order."]) == 1


def test_the_split_policy_leaves_the_operator_to_come_alone() -> None:
    """No crossing token is open, nothing is asked, and the lone operator is allowed."""
    guided, analyst = session("x = order", crossing=CrossingPolicy.SPLIT)
    texts = open_texts(guided, guided.root)

    assert not analyst.queries
    assert "." in texts
    assert ".append" not in texts


def test_text_without_constraint_keeps_its_logits_bit_for_bit() -> None:
    """Inside a string nothing is closed and nothing is asked."""
    guided, analyst = session('x = "order')
    logits = np.random.default_rng(1).normal(size=index().size).astype(np.float32)
    step = guided.step(guided.root)
    in_string = [i for i in step.crossing if '"' not in (index().text_of(int(i)) or "")]

    assert step.row is None
    assert not in_string
    logits[step.crossing] = -100
    masked = apply(guided, guided.root, logits)
    untouched = np.setdiff1d(np.arange(index().size), step.crossing)
    assert (masked[untouched] == logits[untouched]).all()
    assert not analyst.queries


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.CRASHED, Reason.UNKNOWN_TYPE])
def test_a_failing_analysis_constrains_nothing_and_is_counted(reason: Reason) -> None:
    """The step goes unconstrained, once, for that reason."""
    guided, _ = session("x = order.", Unavailable(reason))

    assert guided.step(guided.root).row is None
    assert guided.step(guided.root).row is None
    assert guided.statistics.fail_open == {reason: 1}


def test_a_strict_session_raises_instead_of_failing_open() -> None:
    """The message says where and why."""
    guided, _ = session("x = order.", Unavailable(Reason.TIMEOUT, "1 s"), strict=True)
    with pytest.raises(AnalysisError, match=r"order\..*timeout"):
        guided.step(guided.root)


def test_names_that_do_not_fit_what_was_typed_constrain_nothing() -> None:
    """``order.zz|`` cannot be continued to any member: counted, and left alone."""
    guided, _ = session("x = order.zz")

    assert guided.step(guided.root).row is None
    assert guided.statistics.fail_open == {Reason.NO_MATCH: 1}


def test_forced_text_outside_the_constraint_is_counted_and_sets_the_session_free() -> None:
    """Another processor may overrule the mask: decoding goes on."""
    guided, _ = session("x = order.")
    guided.step(guided.root)
    node = follow(guided, "nonsense(")

    assert guided.statistics.fail_open[Reason.REJECTED] >= 1
    assert guided.step(node).row is None


def test_healed_text_is_generated_again_with_a_longer_token() -> None:
    """``items.app|`` healed to ``items`` may become ``items.append`` in one token."""
    guided, _ = session("x = order.items", healed=b".app")
    texts = open_texts(guided, guided.root)

    assert ".append" in texts
    assert all(text.startswith(".app") or ".app".startswith(text) for text in texts)
    assert ".apply" not in texts


def test_healed_text_that_no_member_begins_with_sets_the_monitor_aside() -> None:
    """What the user typed must come again, even if it is no member; the mask is never empty."""
    guided, _ = session("x = order", healed=b".zz")
    node = guided.accept(guided.root, encode()(".")[0])
    texts = open_texts(guided, node)

    assert guided.statistics.fail_open == {Reason.EMPTY_MASK: 1}
    assert all(text.startswith("zz") or text == "z" for text in texts)
    assert texts


def test_unfinished_characters_wait_for_their_rest() -> None:
    """A name with ``ö`` can be written in byte tokens, one byte at a time."""
    guided, _ = session("x = order.gr")
    node = guided.root
    for byte in "öße".encode():
        row = guided.step(node).row
        assert row is not None
        [token] = [i for i, data in enumerate(index().vocabulary.tokens) if data == bytes([byte])]
        assert masks.are_open(row, [token])[0]
        node = guided.accept(node, token)
    assert node.valid


def test_an_unfinished_character_in_free_text_is_no_failure() -> None:
    """Nothing was to be constrained there."""
    guided, _ = session("x = '")
    [token] = [i for i, data in enumerate(index().vocabulary.tokens) if data == b"\xc3"]
    step = guided.step(guided.accept(guided.root, token))

    assert step.row is None
    assert not guided.statistics.fail_open


def test_prefetching_gives_up_what_it_no_longer_expects() -> None:
    """A likely receiver is asked about ahead; another text cancels the question."""
    guided, analyst = session("order.x\norder.y\nz = order")
    guided.prefetch(guided.root)
    assert [query.document.prefix[-6:] for query in analyst.queries] == ["order."]

    guided.prefetch(guided.accept(guided.root, encode()("(")[0]))
    assert analyst.tickets[0].cancelled


def random_walk(guided: Session, seed: int, steps: int) -> tuple[list[int], str]:
    """Sample with random logits in which dots and names are likely.

    The text lacks a character of which only the first bytes have come.
    """
    rng = np.random.default_rng(seed)
    liked = [
        token for text in (".", " order", "items", "(", ".get", "\n") for token in encode()(text)
    ]
    node, ids, data = guided.root, [], b""
    for _ in range(steps):
        logits = rng.normal(size=index().size) * 3
        logits[liked] += 9
        token = int(np.argmax(apply(guided, node, logits)))
        ids.append(token)
        data += index().bytes_of(token) or b""
        node = guided.accept(node, token)
        if node.ended:
            break
    return ids, codecs.getincrementaldecoder("utf-8")("replace").decode(data)


@pytest.mark.parametrize("policy", CrossingPolicy)
@given(seed=st.integers(0, 10**6))
def test_random_text_never_names_a_missing_member(policy: CrossingPolicy, seed: int) -> None:
    """Soundness: an audit that asks afresh finds no invented member."""
    guided, analyst = session("def f(order):\n    x = order", crossing=policy)
    _, text = random_walk(guided, seed, 25)
    document = Document("python", "/p/app.py", "def f(order):\n    x = order", "\n")

    verdicts = audit(MONITOR, PYTHON, analyst.look_up, document, text)
    assert [verdict for verdict in verdicts if not verdict.valid] == []


@given(seed=st.integers(0, 10**6), cut=st.integers(0, 20))
def test_rolling_back_is_replaying(seed: int, cut: int) -> None:
    """A node reached again, in another order or session, allows the same."""
    guided, _ = session("def f(order):\n    x = order")
    ids, _ = random_walk(guided, seed, 20)
    node = guided.root
    for token in ids[:cut]:
        node = guided.accept(node, token)
    fresh, _ = session("def f(order):\n    x = order")
    other = fresh.root
    for token in ids[:cut]:
        other = fresh.accept(other, token)

    first, second = guided.step(node), fresh.step(other)
    assert (first.row is None) == (second.row is None)
    if first.row is not None and second.row is not None:
        assert (first.row == second.row).all()
    assert (first.crossing == second.crossing).all()


@pytest.mark.parametrize(
    ("language", "prefix", "discouraged", "legal"),
    [
        ("python", "y = order.", " ", "items"),
        ("rust", "let y = order.", ".", "items"),
        ("go", "y := order.", "(", "items"),
        ("typescript", "y = order?.", " ", "["),
        ("typescript", "y = order?.", "/", "5"),
        ("python", "y = (order.", "#", "items"),
    ],
)
def test_ways_around_a_name_are_discouraged(
    language: str, prefix: str, discouraged: str, legal: str
) -> None:
    """White space, comments, a range, an assertion: not what is usual, such as ``?.[``."""
    lexer = LANGUAGES[language]
    guide = Guide(index(), lexer, DereferenceMonitor(lexer), ScriptedAnalyst(facts("items")))
    session = Session(guide, Document(language, "/p/file", prefix, ""))
    step = session.step(session.root)
    beginnings = {(index().text_of(token) or "")[0] for token in step.discouraged.tolist()}

    assert discouraged in beginnings
    assert legal[0] not in beginnings
    assert step.row is not None
    for text in (discouraged, legal):
        [token] = [i for i in range(index().size) if index().bytes_of(i) == text.encode()][:1]
        assert masks.are_open(step.row, np.array([token]))[0]


def test_tables_of_places_have_a_bound_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many different places a text has; what was used last is still there."""
    monkeypatch.setattr("decoding.session.guide._CACHE_BYTES", 20_000)
    guide = Guide(index(), PYTHON, MONITOR, ScriptedAnalyst(MEMBERS))
    first = MONITOR.start(Document("python", "/p/a.py", "x = order", ""))
    row = guide.all_but_crossing(first)
    for number in range(40):
        state = MONITOR.start(Document("python", "/p/a.py", f"name_{number} = (" * number, ""))
        guide.all_but_crossing(state)
        assert guide.all_but_crossing(first) is row

    assert guide._split.size_bytes <= 20_000
    assert guide._crossing.size_bytes <= 20_000


def test_threads_may_share_a_guide(monkeypatch: pytest.MonkeyPatch) -> None:
    """They find what each would find alone, while tables overflow all the time."""
    monkeypatch.setattr("decoding.session.guide._CACHE_BYTES", 6_000)
    guide = Guide(index(), PYTHON, MONITOR, ScriptedAnalyst(MEMBERS))
    texts = [f"{'(' * number}order_{number}" for number in range(20)]
    states = [MONITOR.start(Document("python", "/p/a.py", text, "")) for text in texts]
    expected = [guide._find_split(state) for state in states]
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for found in pool.map(lambda _: list(map(guide.all_but_crossing, states)), range(80)):
                assert all(map(np.array_equal, found, expected))
    finally:
        sys.setswitchinterval(interval_s)
