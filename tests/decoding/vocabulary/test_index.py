"""The byte index: the fast paths against the definition, token by token."""

import io
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from decoding.vocabulary import masks
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from monitors.constraints import (
    ANYTHING,
    Comments,
    Constraint,
    Leading,
    Literal,
    Names,
    Unfinished,
)
from tests import tokenizers

DOT = re.compile(r"(\.)(?:\s|\\\r?\n)*+[^\W\d]")
INDEXES = {name: TokenIndex(tokenizers.vocabulary(name)) for name in tokenizers.NAMES}
PIECES = [
    *("foo", "fo", "f", "o", "bar", "_", "get", "get_", "total", "append", "items", "price", "x"),
    *("größe", "ö", "$", "$el", "(", ".", " ", "\\", "\n", "\r", "\t", "🎉", "a", "\0", "-"),
    *("#", "/", "*", "//", "/*", "*/", "5"),
]
ALL_COMMENTS = [Comments(value) for value in range(4)]
BEGUN = [b"\\", b"\\\r", b"#", b"//", b"/*", b"/**", b"/"]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=4).map("".join).map(str.encode)


def identifiers() -> st.SearchStrategy[bytes]:
    """Rests of names as most languages have them, the empty one included."""
    pieces = [piece for piece in PIECES if piece.isidentifier()]
    return st.lists(st.sampled_from(pieces), max_size=4).map("".join).map(str.encode)


def names(rests: st.SearchStrategy[bytes]) -> st.SearchStrategy[Names]:
    """Names with any leading white space, comments, identifier characters and ways out."""
    return st.builds(
        Names,
        st.frozensets(rests, max_size=6),
        st.sampled_from(Leading),
        extra=st.sampled_from([b"", b"$", b"$-"]),
        exits=st.sampled_from([b"", b".", b"(<$", b"(5g"]),
        comments=st.sampled_from(ALL_COMMENTS),
        blank=st.booleans(),
    )


def constraints() -> st.SearchStrategy[Constraint]:
    """Constraints of every type but `Anything`, some behind the first byte of theirs."""
    return st.one_of(
        names(identifiers()),
        names(TEXTS),
        st.builds(Literal, TEXTS),
        st.builds(Unfinished, names(identifiers()), st.sampled_from(BEGUN)),
    )


def slow_row(vocabulary: Vocabulary, constraint: Constraint) -> list[bool]:
    """The definition: one flag a token."""

    def is_open(token_id: int, token: bytes | None) -> bool:
        if token_id in vocabulary.end_ids:
            return constraint.may_end
        return token is not None and constraint.allows(token)

    return [is_open(i, token) for i, token in enumerate(vocabulary.tokens)]


def fast_row(index: TokenIndex, constraint: Constraint) -> list[bool]:
    """What the index says: one flag a token."""
    flags: list[bool] = masks.unpack(index.row(constraint), index.size).tolist()
    return flags


@pytest.mark.parametrize("name", tokenizers.NAMES)
@settings(deadline=None)
@given(constraint=constraints())
@example(constraint=Names(frozenset()))
@example(constraint=Names(frozenset([b""]), Leading.BLANKS))
@example(constraint=Names(frozenset([b"$el", b"a$", b"foo\\", b" foo", b"\\foo"]), Leading.LINES))
@example(constraint=Names(frozenset([b"foo", b"foo$el", b"$"]), Leading.SPACE, b"$", b"("))
@example(constraint=Names(frozenset([b""]), Leading.LINES, comments=Comments.SLASHES))
@example(constraint=Names(frozenset([b"foo"]), Leading.SPACE, exits=b"05a", blank=False))
@example(constraint=Unfinished(Names(frozenset([b"foo"]), comments=Comments.HASH), b"#"))
@example(constraint=Literal(b""))
def test_row_equals_the_definition(name: str, constraint: Constraint) -> None:
    """For every constraint and kind of tokenizer, the mask is that of `Constraint.allows`."""
    index = INDEXES[name]

    assert fast_row(index, constraint) == slow_row(index.vocabulary, constraint)


@settings(deadline=None)
@given(constraint=constraints(), data=st.data())
def test_row_equals_the_definition_on_the_way(constraint: Constraint, data: st.DataObject) -> None:
    """The same holds after each token of a walk through the open ones."""
    index = INDEXES["duplicated"]
    state: Constraint | None = constraint
    for _ in range(4):
        assert state is not None
        flags = fast_row(index, state)
        if state is ANYTHING:
            assert all(flags)
            return

        assert flags == slow_row(index.vocabulary, state)

        if not any(flags):
            return
        token = index.bytes_of(data.draw(st.sampled_from(np.flatnonzero(flags).tolist())))
        state = ANYTHING if token is None else state.after(token)


class Even:
    """A constraint that the index has no fast path for: an even number of bytes."""

    may_end = True

    def allows(self, token: bytes) -> bool:
        """Whether the number of bytes is even."""
        return len(token) % 2 == 0

    def after(self, data: bytes) -> Constraint | None:
        """The same."""
        return self


@pytest.mark.parametrize("name", tokenizers.NAMES)
def test_other_constraints_get_the_definition(name: str) -> None:
    """A type of constraint that the index does not know is judged token by token."""
    index = INDEXES[name]

    assert fast_row(index, Even()) == slow_row(index.vocabulary, Even())


def test_anything_opens_every_id() -> None:
    """Without a constraint there is no mask: special tokens and padding are open too."""
    index = INDEXES["padded"]

    assert index.ids(ANYTHING).tolist() == list(range(index.size))


def test_padding_and_special_tokens_are_closed() -> None:
    """Ids without text are closed under a constraint, except those that may end it."""
    index = INDEXES["padded"]
    complete = Names(frozenset([b""]))

    opened = set(index.ids(complete).tolist())

    assert {i for i in opened if index.bytes_of(i) is None} == set(index.end_ids)


def test_tokens_with_the_same_bytes_are_treated_alike() -> None:
    """Every id of a text is open if one is."""
    index = INDEXES["duplicated"]
    ids = [i for i, token in enumerate(index.vocabulary.tokens) if token == b"foo"]

    assert len(ids) > 1
    assert set(ids) <= set(index.ids(Names(frozenset([b"foo_bar"]))).tolist())


def test_rows_are_cached_and_read_only() -> None:
    """Equal constraints share one row, which nobody may write to."""
    index = INDEXES["current"]
    first = index.row(Names(frozenset([b"append"])))

    assert index.row(Names(frozenset([b"app" + b"end"]))) is first
    with pytest.raises(ValueError, match="read-only"):
        first[0] = 0


@pytest.mark.parametrize("name", tokenizers.NAMES)
@given(text=TEXTS)
def test_extends_finds_longer_tokens(name: str, text: bytes) -> None:
    """`extends` is true if some token is longer than the text and begins with it."""
    index = INDEXES[name]
    tokens = [index.bytes_of(i) or b"" for i in range(index.size)]

    assert index.extends(text) == any(t.startswith(text) and t != text for t in tokens)


@pytest.mark.parametrize("name", tokenizers.NAMES)
def test_crossing_candidates_are_all_matching_tokens(name: str) -> None:
    """Each token that holds a trigger and a name is in one group, whose head stands for it."""
    index = INDEXES[name]
    found = {i: head for head, ids in index.crossing_candidates(DOT).items() for i in ids.tolist()}

    for token_id in range(index.size):
        text = index.text_of(token_id)
        matches = list(DOT.finditer(text)) if text is not None else []
        assert (token_id in found) == bool(matches)
        if len(matches) == 1:
            assert found[token_id] == str(text)[: matches[0].end(1)] + "x"
        elif matches:
            assert found[token_id] == text


def test_crossing_candidates_with_several_triggers_stand_for_themselves() -> None:
    """Behind the first trigger of ``.a.b`` nothing is known before that one is answered."""
    index = TokenIndex(Vocabulary((b".a.b", b".foo", b".bar", b" .baz", b"."), frozenset()))

    crossing = index.crossing_candidates(DOT)

    assert {head: ids.tolist() for head, ids in crossing.items()} == {
        ".a.b": [0],
        ".x": [1, 2],
        " .x": [3],
    }


def test_text_of_a_token() -> None:
    """Special tokens have no text; a part of a character is U+FFFD."""
    index = INDEXES["duplicated"]

    assert index.text_of(0) is None
    assert index.text_of(index.vocabulary.tokens.index(b"\xc3")) == "\ufffd"


CONSTRAINTS = [
    Names(frozenset([b"append", b"total_price", "größe".encode()]), leading) for leading in Leading
]


def assert_same(index: TokenIndex, other: TokenIndex) -> None:
    """Both indexes give the same rows."""
    for constraint in [*CONSTRAINTS, Literal(b".app"), Names(frozenset([b""]))]:
        assert (index.row(constraint) == other.row(constraint)).all()


@pytest.mark.parametrize("name", tokenizers.NAMES)
def test_an_index_from_the_cache_is_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second `open` reads the file that the first one wrote, and builds nothing."""
    vocabulary = tokenizers.vocabulary(name)
    built = TokenIndex.open(vocabulary, tmp_path)
    monkeypatch.setattr("decoding.vocabulary.index.build", None)

    assert_same(built, TokenIndex.open(vocabulary, tmp_path))
    assert [file.suffix for file in tmp_path.iterdir()] == [".npz"]


def cache_file(folder: Path) -> Path:
    """The cache file of the ``current`` vocabulary, written."""
    TokenIndex.open(tokenizers.vocabulary("current"), folder)
    (file,) = folder.iterdir()
    return file


def array_file() -> bytes:
    """A sound file of a kind that is not expected."""
    output = io.BytesIO()
    np.save(output, np.arange(3))
    return output.getvalue()


@pytest.mark.parametrize("damage", ["empty", "cut", "flipped", "text", "array", "pickle"])
def test_a_damaged_cache_file_is_replaced(damage: str, tmp_path: Path) -> None:
    """A file that cannot be read, or that wants code to run, costs a new build only."""
    file = cache_file(tmp_path)
    sound = file.read_bytes()
    middle = len(sound) // 2
    bad = {
        "empty": b"",
        "cut": sound[:middle],
        "flipped": sound[:middle] + bytes([sound[middle] ^ 0xFF]) + sound[middle + 1 :],
        "text": b"no archive at all",
        "array": array_file(),
        "pickle": pickle.dumps({"runs": [b""]}),
    }
    file.write_bytes(bad[damage])

    assert_same(TokenIndex.open(tokenizers.vocabulary("current"), tmp_path), INDEXES["current"])
    assert file.stat().st_size == len(sound)


@settings(deadline=None)
@given(data=st.data())
def test_a_damaged_byte_is_noticed_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Whichever byte of a cache file is wrong, the index is right."""
    file = cache_file(tmp_path_factory.mktemp("cache"))
    content = bytearray(file.read_bytes())
    # Most of the file is arrays, which check sums cover alike: favour the directory and headers.
    position = data.draw(
        st.integers(0, 200) | st.integers(-1500, -1) | st.integers(0, len(content) - 1)
    )
    content[position] ^= data.draw(st.integers(1, 255))
    file.write_bytes(content)

    assert_same(TokenIndex.open(tokenizers.vocabulary("current"), file.parent), INDEXES["current"])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order0", 10_000_000),
        ("blank2", -1),
        ("starts1", -1),
        ("middles0", 10_000_000),
        ("lengths", 100),
        ("by_text", None),
        ("by_text", object()),
    ],
)
def test_a_cache_file_with_wrong_numbers_is_replaced(
    name: str, value: object, tmp_path: Path
) -> None:
    """Arrays that would lead a look-up astray, or that hold objects, are not trusted."""
    file = cache_file(tmp_path)
    with np.load(file) as archive:
        arrays = dict(archive)
    if isinstance(value, int):
        arrays[name][-1] = value
    else:
        arrays[name] = np.array([value], dtype=object)
    np.savez(file, **arrays)

    assert_same(TokenIndex.open(tokenizers.vocabulary("current"), tmp_path), INDEXES["current"])
    with np.load(file) as archive:
        assert archive[name].dtype.kind in "iu"


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    """Where no file can be made, every process builds its own index."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")

    index = TokenIndex.open(tokenizers.vocabulary("current"), blocked)

    assert_same(index, INDEXES["current"])


def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk leaves neither half a file nor a draft."""

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)

    TokenIndex.open(tokenizers.vocabulary("current"), tmp_path)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("leading", Leading)
def test_row_equals_the_definition_for_a_real_vocabulary(leading: Leading) -> None:
    """131,072 entries and dozens of names, one of them no identifier."""
    encoder = tokenizers.tekken()
    if encoder is None:
        pytest.skip("mistral_common, which carries the vocabulary, is not installed")
    index = TokenIndex(encoder.vocabulary)
    rests = frozenset(name.encode() for name in [*dir(Path)[::3], "$el", "größe", "_"])

    constraints: list[Constraint] = [Names(rests, leading), Names(frozenset([b"", b"_x"]), leading)]
    names = Names(rests, leading, b"$", b"(5", Comments.HASH | Comments.SLASHES, blank=False)
    constraints += [names, Unfinished(names, b"//"), Unfinished(names, b"/**")]
    for constraint in constraints:
        assert fast_row(index, constraint) == slow_row(encoder.vocabulary, constraint)
