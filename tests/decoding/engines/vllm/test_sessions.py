"""Sessions of an engine's requests: found by content, punctual, none in the way of another."""

import json
import logging
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.engines.vllm.sessions import Guided, Text
from monitors.protocols import Reason
from tests.decoding.engines.vllm.fakes import PREFIX, argument, ids_of, scripted_store

MARGIN = 7.0


def test_a_start_lets_the_server_answer_about_the_file_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a limit of its own; without monitors nobody is asked, without time nothing ahead."""
    store, answers = scripted_store(monkeypatch, delay_s=0.1)
    store.start(argument(tmp_path, monitors=False), 5.0)
    store.start(argument(tmp_path), 0.0)
    assert (answers.started, answers.asked) == (["python"], [])
    started_s = time.perf_counter()
    for _ in range(2):
        store.start(argument(tmp_path, PREFIX + "."), 5.0)

    assert time.perf_counter() - started_s >= 0.1
    assert answers.started == ["python"] * 3
    assert answers.asked == [PREFIX + "."] * 2


def test_whoever_comes_back_finds_the_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By arguments and prompt, not by anything else."""
    store, answers = scripted_store(monkeypatch)
    text = argument(tmp_path)
    one = store.open(text, [1, 2], MARGIN, is_new=True)

    assert one is not None
    assert store.open(text, [1, 2], MARGIN, is_new=False) is one
    assert store.open(text, [1, 3], MARGIN, is_new=False) is not one
    assert store.open(argument(tmp_path, tag="b"), [1, 2], MARGIN, is_new=False) is not one
    assert len(set(answers.scopes)) == 3


def test_samples_of_one_prompt_share_a_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as one of them is being generated."""
    store, _ = scripted_store(monkeypatch)
    text = argument(tmp_path)
    one = store.open(text, [1], MARGIN, is_new=True)
    assert one is not None
    sample = Text(one)

    assert store.open(text, [1], MARGIN, is_new=True) is one
    sample.end()
    assert store.open(text, [1], MARGIN, is_new=True) is not one
    assert store.totals.requests == 2


def test_a_new_request_inherits_no_time_outs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same text completed again a moment later, when the server has woken up."""
    store, answers = scripted_store(monkeypatch, delay_s=60.0)
    text = argument(tmp_path, tag="t", deadline_ms=1)
    rows = []
    for is_new in (True, False, True):
        answers.delay_s = 60.0 if not rows else 0.0
        opened = store.open(text, [1], MARGIN, is_new=is_new)
        assert opened is not None
        place = Text(opened)
        place.follow(ids_of("."))
        rows.append(place.session.step(place.node).row)
        place.end()

    assert [row is None for row in rows] == [True, True, False]
    assert answers.scopes[0] == answers.scopes[1] != answers.scopes[2]
    assert store.statistics("t").fail_open == {Reason.TIMEOUT: 1}
    assert store.statistics("t").constrained == 1


def test_the_least_recently_used_session_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its counts stay."""
    store, _ = scripted_store(monkeypatch, capacity=2)
    text = argument(tmp_path, tag="t")

    def opened(prompt: int) -> Guided:
        found = store.open(text, [prompt], MARGIN, is_new=False)
        assert found is not None
        return found

    first = opened(1)
    Text(first).follow(ids_of("."))
    second = opened(2)
    opened(1)
    opened(3)

    assert opened(1) is first
    assert opened(2) is not second
    opened(4)
    opened(5)
    assert store.statistics().tokens == 1
    assert store.statistics("t").tokens == 0


def test_a_request_that_cannot_be_opened_goes_unguided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that has vanished since admission must not end the engine."""
    store, _ = scripted_store(monkeypatch)
    text = json.dumps({"path": "gone.py", "workspace": str(tmp_path), "position": [1, 1]})
    with caplog.at_level(logging.ERROR):
        assert store.open(text, [1], MARGIN, is_new=True) is None

    assert store.totals.unopened == 1
    assert "gone.py" in caplog.text


def test_left_out_text_is_generated_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And belongs to the document once it is there."""
    store, answers = scripted_store(monkeypatch)
    opened = store.open(
        argument(tmp_path, PREFIX + ".it", healed_bytes=3), [1], MARGIN, is_new=True
    )
    assert opened is not None
    text = Text(opened)
    step = text.session.step(text.node)
    assert step.row is not None
    text.follow(ids_of(".it"))
    text.session.step(text.node)

    assert answers.asked[-1] == PREFIX + "."


@given(st.data())
def test_a_text_is_where_its_tokens_are(data: st.DataObject) -> None:
    """However the engine's list jumps: appended, cut, replaced, or with tokens unknown."""
    with pytest.MonkeyPatch.context() as patch:
        store, _ = scripted_store(patch)
        patch.setenv("MGD_WORKSPACES", "/tmp")
        pieces = [ids_of(each) for each in (".", "total", " +", " x", ".get", "(", ")", "\n")]
        opened = store.open(argument(Path("/tmp")), [1], MARGIN, is_new=True)
        assert opened is not None
        text = Text(opened)
        output: list[int] = []
        for _ in range(8):
            cut = data.draw(st.integers(0, len(output)))
            del output[cut:]
            for piece in data.draw(st.lists(st.sampled_from(pieces), max_size=3)):
                output += piece
            unknown = data.draw(st.integers(0, 2))
            known = text.follow(output + [-1] * unknown)
            node = opened.session.root
            for token_id in output:
                node = opened.session.accept(node, token_id)

            assert text.node is node
            assert known == (unknown == 0)
