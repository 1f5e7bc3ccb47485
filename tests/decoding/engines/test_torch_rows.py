"""Closing tokens in rows of logits: two fast ways, one slow definition."""

from collections.abc import Sequence
from functools import cache

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.engines import torch_rows as logits
from decoding.engines.numpy_rows import Place
from decoding.engines.torch_rows import constrain
from decoding.session.guide import Guide
from decoding.session.options import Options
from decoding.session.session import Session
from decoding.vocabulary import masks
from monitors.dereference import DereferenceMonitor
from monitors.languages.python import PYTHON
from monitors.protocols import Document, Reason
from tests.analysts import ScriptedAnalyst, facts, members
from tests.decoding.engines.vllm.fakes import ids_of, index

ANSWER = members({"order": ["total", "items"], "none": ["é"]}, facts("append", "get"))
TEXTS = ["order", "order.", "order.it", "x = f(y", "'order", "# order", "import os", "none.", ""]
LIKED = [".", " order", "items", "(", ".get", ".append", ".total", "\n", " x", "x.get", " none.é"]


@cache
def guide() -> Guide:
    """Shared, since its tables are."""
    return Guide(index(), PYTHON, DereferenceMonitor(PYTHON), ScriptedAnalyst(ANSWER))


def sessions(texts: Sequence[str], options: Options) -> list[Session]:
    """One for each text, all new."""
    return [
        Session(guide(), Document("python", "/p/a.py", text), options=options) for text in texts
    ]


def by_definition(row: torch.Tensor, session: Session, *, on_host: bool) -> torch.Tensor:
    """What a row becomes: masks, then each crossing token by itself, from the likeliest down.

    In the host's memory a greedy row is left alone if nothing is masked and its likeliest token
    brings no operator with more behind it.
    """
    node = session.root
    step = session.step(node)
    likeliest = index().text_of(int(row.argmax())) or ""
    is_spared = on_host and session.options.margin == 0 and step.row is None
    if is_spared and PYTHON.crossing.search(likeliest) is None:
        return row
    result = row.clone()
    if step.row is not None:
        result[~torch.from_numpy(masks.unpack(step.row, len(row)))] = -torch.inf
        result[step.discouraged] -= session.options.blank_penalty
    crossing = step.crossing.tolist()
    values = {token_id: float(result[token_id]) for token_id in crossing}
    result[crossing] = -torch.inf
    best = float(result.max())
    order = sorted(crossing, key=lambda token_id: -values[token_id])
    for judged, token_id in enumerate(order):
        far = values[token_id] < best - session.options.margin
        if far or (judged >= session.options.most_judged and best > -np.inf):
            break
        if values[token_id] > -np.inf and session.judge(node, token_id):
            result[token_id] = row[token_id]
            best = max(best, values[token_id])
    had_any = step.row is not None or any(value > -np.inf for value in values.values())
    if had_any and best == -np.inf:
        session.release(node)
        return by_definition(row, session, on_host=on_host)
    return result


@pytest.mark.parametrize("on_host", [True, False])
@settings(deadline=None, max_examples=40)
@given(st.data())
def test_rows_are_what_the_definition_says(on_host: bool, data: st.DataObject) -> None:
    """Whatever is likely, closed before, or not named; in the host's memory and on a device."""
    texts = data.draw(st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4))
    options = Options(
        margin=data.draw(st.sampled_from([0.0, 7.0])), most_judged=data.draw(st.integers(1, 8))
    )
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    rows = torch.randn(len(texts) + 1, index().size, generator=generator)
    for row in rows:
        for text in data.draw(st.lists(st.sampled_from(LIKED), max_size=6)):
            row[ids_of(text)[0]] += 9
        if data.draw(st.booleans()):
            row[data.draw(st.integers(0, index().size // 2)) :] = -torch.inf
        elif data.draw(st.booleans()):  # as a grammar does
            few = [ids_of(text)[0] for text in data.draw(st.lists(st.sampled_from(LIKED)))]
            row[[i for i in range(len(row)) if i not in few]] = -torch.inf
    order = data.draw(st.permutations(range(1, len(rows))))
    places = [
        Place(row, session, session.root)
        for row, session in zip(order, sessions(texts, options), strict=True)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logits, "_is_on_host", lambda tensor: on_host)
        found = constrain(rows, places)
    slow = sessions(texts, options)

    assert torch.equal(found[0], rows[0])
    for row, session in zip(order, slow, strict=True):
        assert torch.equal(found[row], by_definition(rows[row], session, on_host=on_host))
    assert [place.session.statistics.as_dict()["fail_open"] for place in places] == [
        session.statistics.as_dict()["fail_open"] for session in slow
    ]


@pytest.mark.parametrize("on_host", [True, False])
def test_rows_of_which_nothing_is_left_are_released(
    on_host: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other processors may leave nothing open but a crossing token that is not valid."""
    monkeypatch.setattr(logits, "_is_on_host", lambda tensor: on_host)
    rows = torch.full((1, index().size), -torch.inf)
    rows[0, ids_of(".append")[0]] = 1.0
    (session,) = sessions(["order"], Options())

    assert torch.equal(constrain(rows, [Place(0, session, session.root)]), rows)
    assert session.statistics.fail_open[Reason.EMPTY_MASK] == 1


def test_greedy_rows_are_left_alone_where_the_likeliest_token_crosses_nothing() -> None:
    """They are not even copied; where it may cross something, all such tokens are closed."""
    rows = torch.zeros(1, index().size)
    (session,) = sessions(["order"], Options(margin=0.0))
    rows[0, ids_of(" = x")[0]] = 1.0
    assert constrain(rows, [Place(0, session, session.root)]) is rows

    rows[0, ids_of(".get")[0]] = 2.0
    found = constrain(rows, [Place(0, session, session.root)])
    crossing = session.step(session.root).crossing
    assert bool(torch.isinf(found[0, crossing]).all())
    assert found[0].argmax() == ids_of(" = x")[0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_only_a_change_makes_a_copy(dtype: torch.dtype) -> None:
    """Unless the caller wants none at all."""
    rows = torch.randn(2, index().size).to(dtype)
    kept = rows.clone()
    free, held = sessions(["# order", "order."], Options())

    assert constrain(rows, [Place(0, free, free.root)]) is rows
    changed = constrain(rows, [Place(1, held, held.root)])
    assert changed is not rows
    assert torch.equal(rows, kept)
    assert constrain(rows, [Place(1, held, held.root)], in_place=True) is rows
    assert torch.equal(rows, changed)
