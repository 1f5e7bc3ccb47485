"""Positions and changes, against an applier that works in UTF-16."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_bridge.documents.overlay import Encoding, change, offset, position, width
from tests.misbehaving_server import apply_change

TEXTS = st.text(st.sampled_from("ab\r\n😀é\u2028\f"), max_size=30)


@given(TEXTS, TEXTS)
def test_a_change_turns_the_old_text_into_the_new(old: str, new: str) -> None:
    """One range is enough, whatever differs."""
    found = change(old, new)

    assert (old if found is None else apply_change(old, found.to_lsp())) == new


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_a_change_in_the_middle(head: str, tail: str, before: str, after: str) -> None:
    """Texts with much in common, line ends at the seams included."""
    old, new = head + before + tail, head + after + tail
    found = change(old, new)

    assert (old if found is None else apply_change(old, found.to_lsp())) == new


@given(TEXTS, st.data(), st.sampled_from(Encoding))
def test_positions_lead_back(text: str, data: st.DataObject, encoding: Encoding) -> None:
    """An offset that is not inside a line end is found again from its position."""
    at = data.draw(st.integers(0, len(text)))
    place = position(text, at, encoding)

    if text[at - 1 : at + 1] != "\r\n" or at == 0:
        assert offset(text, *place, encoding) == at


@pytest.mark.parametrize(
    ("text", "at", "expected"),
    [
        ("", 0, (0, 0)),
        ("ab\ncd", 4, (1, 1)),
        ("ab\r\ncd", 4, (1, 0)),
        ("ab\r\ncd", 3, (0, 2)),
        ("ab\rcd", 3, (1, 0)),
        ("a😀b", 2, (0, 3)),
        ("a\u2028b\fc", 5, (0, 5)),
    ],
)
def test_lines_and_utf16_columns(text: str, at: int, expected: tuple[int, int]) -> None:
    """The protocol's line ends and no others; astral characters count twice."""
    assert position(text, at) == expected


def test_width_in_every_encoding() -> None:
    """The same text is of different length to different servers."""
    assert [width("é😀", each) for each in Encoding] == [6, 3, 2]


@pytest.mark.parametrize(("line", "column"), [(-1, 0), (0, -1), (5, 0)])
def test_no_offset_outside_the_text(line: int, column: int) -> None:
    """A place that the text does not have gives None."""
    assert offset("ab\ncd", line, column) is None


def test_a_column_past_the_end_is_the_end_of_the_line() -> None:
    """As the protocol prescribes."""
    assert offset("ab\ncd", 0, 99) == 2
