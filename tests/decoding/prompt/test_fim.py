"""Fill-in-the-middle prompts: templates, truncation, and healing of the last token."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decoding.prompt.fim import FORMATS, FimTemplate, Format, Prompt, build_prompt, detect, heal
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from monitors.constraints import Literal
from monitors.errors import UsageError
from tests import tokenizers

BASE = 1000
"""Ids of special tokens begin here; those below are code points."""


def encode(text: str) -> list[int]:
    """One token a character."""
    return [ord(character) for character in text]


def names_of(form: Format) -> list[str]:
    """The special tokens of a family, in a fixed order."""
    marks = [form.start, form.prefix, form.suffix, form.middle, *form.stops]
    return list(dict.fromkeys(name for name in marks if name is not None))


def knows(*names: str) -> Callable[[str], int | None]:
    """The look-up of a tokenizer with these special tokens."""
    return {name: BASE + i for i, name in enumerate(names)}.get


def template_of(name: str) -> FimTemplate:
    """The template of one family."""
    (form,) = (form for form in FORMATS if form.name == name)
    template = detect(knows(*names_of(form)))
    assert template is not None
    return template


def shown(template: FimTemplate, ids: list[int]) -> str:
    """A prompt as text, special tokens by name."""
    names = names_of(template.format)
    return "".join(names[i - BASE] if i >= BASE else chr(i) for i in ids)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_templates_are_found_by_their_special_tokens(form: Format) -> None:
    """The model's name does not matter, nor which other tokens there are."""
    template = detect(knows(*names_of(form), "<unrelated>"))

    assert template is not None
    assert template.format is form
    assert len(template.stop_ids) == len({*names_of(form)} - {form.start})


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_template_needs_all_its_marks(form: Format) -> None:
    """With one mark missing a model cannot have been trained for it."""
    for missing in (form.prefix, form.suffix, form.middle):
        if missing is not None:
            assert detect(knows(*(n for n in names_of(form) if n != missing))) is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("qwen", "<|fim_prefix|>P<|fim_suffix|>S<|fim_middle|>"),
        ("starcoder", "<fim_prefix>P<fim_suffix>S<fim_middle>"),
        ("santacoder", "<fim-prefix>P<fim-suffix>S<fim-middle>"),
        ("deepseek", "<｜begin▁of▁sentence｜><｜fim▁begin｜>P<｜fim▁hole｜>S<｜fim▁end｜>"),
        ("codellama", "<s>▁<PRE>P▁<SUF>S▁<MID>"),
        ("codestral", "<s>[SUFFIX]S[PREFIX]P"),
    ],
)
def test_prompts_have_the_form_of_their_family(name: str, expected: str) -> None:
    """Marks and text stand where the models were trained to see them."""
    template = template_of(name)

    prompt = build_prompt(encode, template, "P", "S", max_tokens=100)

    assert prompt.healed == b""
    assert shown(template, prompt.ids) == expected


def test_code_llama_stops_at_its_own_mark() -> None:
    """``<EOT>`` ends the middle, though it does not end the text."""
    template = template_of("codellama")

    assert knows(*names_of(template.format))("▁<EOT>") in template.stop_ids


def test_a_suffix_has_no_blank_put_before_it() -> None:
    """A tokenizer that puts a blank before every text puts it before a guard instead."""

    def with_blank(text: str) -> list[int]:
        return encode(" " + text)

    template = template_of("codellama")
    prompt = build_prompt(with_blank, template, "P", "S", max_tokens=100)

    assert shown(template, prompt.ids) == "<s>▁<PRE> P▁<SUF>S▁<MID>"


def test_without_a_template_the_prompt_is_the_prefix() -> None:
    """The suffix is of no use to a model that cannot fill in the middle."""
    prompt = build_prompt(encode, None, "ab", "cd", max_tokens=10, start_ids=[BASE])

    assert prompt == Prompt([BASE, *encode("ab")], b"")


@pytest.mark.parametrize(
    ("prefix", "suffix", "expected"),
    [
        ("p" * 20, "s" * 20, ("p" * 9, "sss")),
        ("p" * 20, "s", ("p" * 11, "s")),
        ("pp", "s" * 20, ("pp", "s" * 10)),
        ("p" * 20, "", ("p" * 12, "")),
        ("", "s" * 20, ("", "s" * 12)),
        ("old\nline\nnew", "s" * 20, ("line\nnew", "ssss")),
        ("a long line\nnew", "s" * 20, (" line\nnew", "sss")),
        ("p" * 20 + "\n", "s" * 20, ("p" * 8 + "\n", "sss")),
    ],
)
def test_what_does_not_fit_is_cut_off_far_from_the_cursor(
    prefix: str, suffix: str, expected: tuple[str, str]
) -> None:
    """Twelve tokens of text: nine and three, unless one side leaves room to the other."""
    template = template_of("qwen")

    prompt = build_prompt(encode, template, prefix, suffix, max_tokens=15)

    kept = shown(template, prompt.ids).removeprefix("<|fim_prefix|>")
    assert tuple(kept.removesuffix("<|fim_middle|>").split("<|fim_suffix|>")) == expected


LINES = st.lists(st.text("ab ", max_size=12), max_size=8).map("\n".join)


@settings(deadline=None)
@given(
    prefix=LINES,
    suffix=LINES,
    room=st.integers(1, 60),
    name=st.sampled_from([None, *(form.name for form in FORMATS)]),
)
def test_prompts_fit_and_keep_what_is_near_the_cursor(
    prefix: str, suffix: str, room: int, name: str | None
) -> None:
    """A prompt is never too long; it holds a tail of the prefix and a head of the suffix."""
    template = None if name is None else template_of(name)
    marks = 0 if template is None else template.marks

    ids = build_prompt(encode, template, prefix, suffix, max_tokens=marks + room).ids

    assert len(ids) <= marks + room
    text = [i for i in ids if i < BASE]
    if len(prefix) + len(suffix) <= room and template is not None:
        assert len(text) == len(prefix) + len(suffix)
    if template is not None:
        after = ids[ids.index(template.suffix_id) + 1 :]
        head = after[: next((k for k, i in enumerate(after) if i >= BASE), len(after))]
        before = ids[ids.index(template.prefix_id) + 1 :]
        text = before[: next((k for k, i in enumerate(before) if i >= BASE), len(before))]
        assert suffix.startswith("".join(map(chr, head)))
    assert prefix.endswith("".join(map(chr, text)))
    assert text or not prefix


@pytest.mark.parametrize("name", [None, "qwen"])
def test_a_context_without_room_is_refused(name: str | None) -> None:
    """At least one token of text must fit beside the marks."""
    template = None if name is None else template_of(name)
    marks = 0 if template is None else template.marks

    with pytest.raises(UsageError, match=f"{marks} tokens has no room .* allow a longer prompt"):
        build_prompt(encode, template, "p", "s", max_tokens=marks)


SMALL = Vocabulary(
    (b"foo", b"foobar", b".", b".append", b".app", b"x", b" ", None, b"oo.", b"f", b"foo.ba"),
    frozenset(),
)
INDEX = TokenIndex(SMALL)


@pytest.mark.parametrize(
    ("ids", "left", "healed"),
    [
        ([5, 0], [5], b"foo"),
        ([5, 4], [5], b".app"),
        ([5, 5], [5, 5], b""),
        ([5, 5, 2], [5, 5], b"."),
        ([5, 0, 2], [5], b"foo."),
        ([5, 0, 2, 5], [5, 0, 2, 5], b""),
        ([0], [0], b""),
        ([7, 0], [7], b"foo"),
        ([0, 7], [0, 7], b""),
        ([0, 7, 2], [0, 7], b"."),
        ([], [], b""),
    ],
)
def test_healing_takes_tokens_that_longer_ones_begin_with(
    ids: list[int], left: list[int], healed: bytes
) -> None:
    """Never the first id, a token without text, or one that nothing longer begins with."""
    assert heal(ids, INDEX.bytes_of, INDEX) == (left, healed)


def test_healing_may_take_everything_where_marks_stay() -> None:
    """With ``keep=0`` even the only token is taken."""
    assert heal([0], INDEX.bytes_of, INDEX, keep=0) == ([], b"foo")


def test_healing_takes_a_few_tokens_at_most() -> None:
    """However long the token that begins with them, three are enough."""
    vocabulary = Vocabulary((b"a", b"a" * 20), frozenset())

    left, healed = heal([0] * 10, vocabulary.tokens.__getitem__, TokenIndex(vocabulary))

    assert (left, healed) == ([0] * 7, b"aaa")


@pytest.mark.parametrize("name", tokenizers.BY_NAME)
@settings(deadline=None)
@given(cut=st.integers(1, 400))
def test_healed_text_and_prompt_make_up_the_prefix(name: str, cut: int) -> None:
    """No text is lost, and a model can generate what was taken: some token is open."""
    text = "".join(tokenizers.TEXTS)[:cut]
    vocabulary = tokenizers.vocabulary(name)
    index = TokenIndex(vocabulary)
    tokenizer = tokenizers.tokenizer(name)

    def encode_text(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)

    prompt = build_prompt(encode_text, None, text, "", max_tokens=1000, index=index)

    kept = b"".join(index.bytes_of(i) or b"" for i in prompt.ids)
    assert (kept + prompt.healed).removeprefix(b" ") == text.encode()
    if prompt.healed:
        assert index.extends(prompt.healed)
        assert index.ids(Literal(prompt.healed)).size


def test_healed_text_comes_after_the_middle_mark() -> None:
    """It is taken off the prefix, so that the model writes it first in the middle."""
    tokenizer = tokenizers.tokenizer("current")
    index = TokenIndex(tokenizers.vocabulary("current"))
    template = detect(tokenizer.token_to_id)
    assert template is not None

    def encode_text(text: str) -> list[int]:
        return list(tokenizer.encode(text, add_special_tokens=False).ids)

    prompt = build_prompt(
        encode_text, template, "self.items.app", "(x)\n", max_tokens=100, index=index
    )

    assert prompt.healed.endswith(b"app")
    assert tokenizer.decode(prompt.ids, skip_special_tokens=False) == (
        "<|fim_prefix|>self.items<|fim_suffix|>(x)\n<|fim_middle|>"
    )
