"""A prompt must be what its arguments say, in every order in which templates put the parts."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.prompt import fim
from decoding.prompt.check import MOST_COMPARED, check_ids, check_text
from decoding.prompt.fim import FORMATS, Format
from monitors.errors import UsageError
from tests.decoding.engines.vllm.fakes import ids_of, index, tokenizer

PREFIX = """class Ship:
    crew = 3

    def load(self, cargo: Cargo) -> int:
        return cargo."""
SUFFIX = "\n\n    def unload(self):\n        pass\n"


def written(form: Format, prefix: str, suffix: str) -> str:
    """A prompt in the marks of a format, as people write it."""
    before, behind, middle = (
        None if name is None else name.lstrip("▁")
        for name in (form.prefix, form.suffix, form.middle)
    )
    start = form.start or ""
    if middle is None:
        return f"{start}{behind}{suffix}{before}{prefix}"
    if form.guarded:
        return f"{start} {before} {prefix} {behind}{suffix} {middle}"
    return f"{start}{before}{prefix}{behind}{suffix}{middle}"


def suffix_first(form: Format, prefix: str, suffix: str) -> str:
    """The other order of models that have a mark for the middle."""
    before, behind, middle = (
        "" if name is None else re.sub("^▁", " ", name)
        for name in (form.prefix, form.suffix, form.middle)
    )
    return f"{before}{behind}{suffix}{middle}{prefix}"


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_every_order_is_known(form: Format) -> None:
    """The whole prefix, its tail, healed text left out, and text generated already."""
    orders = (written,) if form.middle is None else (written, suffix_first)
    for prompt in orders:
        check_text(prompt(form, PREFIX, SUFFIX), PREFIX, 0)
        check_text(prompt(form, PREFIX[-20:], SUFFIX), PREFIX, 0)
        check_text(prompt(form, PREFIX[:-6], SUFFIX), PREFIX, 6)
        for wrong in ("hello world", PREFIX[:-6], PREFIX + "\n", ""):
            with pytest.raises(UsageError, match="prompt_check"):
                check_text(prompt(form, wrong, SUFFIX), PREFIX, 0)
    check_text(written(form, PREFIX, SUFFIX) + "tons", PREFIX + "tons", 0)


FITTING = {
    "the same": PREFIX,
    "its tail": PREFIX[-30:],
    "behind a start": "<s>" + PREFIX[-30:],
    "behind another file": "# other.py\nimport this\n" + PREFIX,
    "behind an instruction, its middle left out": "Complete.\n" + PREFIX[-MOST_COMPARED:],
    "with the line ends of another system": PREFIX.replace("\n", "\r\n"),
    "with a blank before it": " " + PREFIX[-30:],
    "with the mark of a model that is not served": "x = '<|fim_prefix|>'\n" + PREFIX,
}


@pytest.mark.parametrize("case", FITTING)
def test_what_belongs_to_the_prefix_passes(case: str) -> None:
    """Wherever the prompt begins."""
    check_text(FITTING[case], PREFIX, 0)


def test_text_may_be_written_in_other_code_points() -> None:
    """Tokenizers compose letters and their accents."""
    check_text("caf\u00e9.", "cafe\u0301.", 0)
    check_text("cafe\u0301.", "caf\u00e9.", 0)


OTHER = {
    "unrelated": "hello world",
    "another receiver": PREFIX.replace("cargo.", "s.dump"),
    "longer": PREFIX + "t",
    "shorter": PREFIX[:-1],
    "a blank more": PREFIX + " ",
    "empty": "",
    "the suffix": SUFFIX,
}


@pytest.mark.parametrize("case", OTHER)
def test_what_does_not_belong_to_it_is_refused(case: str) -> None:
    """What was got, what was expected, and what to do."""
    with pytest.raises(UsageError) as caught:
        check_text(OTHER[case], PREFIX, 0)

    for part in (repr(OTHER[case][-40:]), repr(PREFIX[-40:]), "prompt_check"):
        assert part in str(caught.value)


def test_a_file_is_not_quoted() -> None:
    """Whoever may ask need not be allowed to read."""
    with pytest.raises(UsageError) as caught:
        check_text("hello", PREFIX, 0, shown=False)

    assert "cargo." not in str(caught.value)


def test_healed_text_must_be_missing() -> None:
    """It is generated again; were it in the prompt, it would come twice."""
    check_text(PREFIX[:-6], PREFIX, 6)
    with pytest.raises(UsageError, match="healed_bytes=6"):
        check_text(PREFIX, PREFIX, 6)


def test_healing_may_cut_a_character() -> None:
    """Tokens end where they like."""
    check_text("x = 'caf", "x = 'caf\u00e9", 1)
    check_text("x = 'caf\ufffd", "x = 'caf\u00e9", 1)


def test_nothing_before_the_cursor_fits_everything() -> None:
    """A model cannot begin with nothing."""
    check_text("<s>", "", 0)


@given(
    st.text("abé.\n (😀", min_size=1, max_size=30),
    st.text("ab\n)", max_size=20),
    st.integers(8, 60),
    st.booleans(),
)
def test_every_prompt_that_is_built_passes(
    prefix: str, suffix: str, most: int, filled: bool
) -> None:
    """As ids and as text, cut and healed; and another prefix does not."""
    template = fim.detect(tokenizer().get_vocab().get) if filled else None
    prompt = fim.build_prompt(ids_of, template, prefix, suffix, max_tokens=most, index=index())
    healed = len(prompt.healed)
    check_ids(prompt.ids, index().bytes_of, prefix, healed)
    check_text(tokenizer().decode(prompt.ids), prefix, healed)
    if not healed:
        with pytest.raises(UsageError, match="prompt_check"):
            check_ids(prompt.ids, index().bytes_of, prefix + "z", healed)


def test_unrelated_ids_are_refused() -> None:
    """Whatever they stand for."""
    with pytest.raises(UsageError, match="prompt_check"):
        check_ids([5, 6, 7], index().bytes_of, PREFIX, 0)
    with pytest.raises(UsageError, match="prompt_check"):
        check_ids([], index().bytes_of, PREFIX, 0)
