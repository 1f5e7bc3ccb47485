"""Generated text behind a document's prefix: where it is cut, and when it joins the prefix."""

from hypothesis import given
from hypothesis import strategies as st

from monitors.generated import cut, joined
from monitors.protocols import Document


@given(prefix=st.text(max_size=8), generated=st.text(max_size=8), data=st.data())
def test_a_document_is_cut_anywhere(prefix: str, generated: str, data: st.DataObject) -> None:
    """By the length of generated text up to there; a negative one lies in the prefix."""
    end = data.draw(st.integers(-len(prefix), len(generated)))

    found = cut(Document("python", "/a.py", prefix, "rest"), generated, end, ".")

    assert found.prefix == (prefix + generated)[: len(prefix) + end] + "."
    assert (found.path, found.suffix) == ("/a.py", "rest")


@given(size=st.integers(1_990, 2_010))
def test_long_text_joins_the_prefix(size: int) -> None:
    """The whole text stays the same."""
    document, generated = joined(Document("python", "/a.py", "a"), "b" * size)

    assert document.prefix + generated == "a" + "b" * size
    assert bool(generated) == (size <= 2_000)
