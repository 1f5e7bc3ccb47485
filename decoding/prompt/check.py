"""Whether a prompt is what its arguments say: it must end where the text before the cursor ends.

A prompt may begin with anything and leave out what is far from the cursor, and a template may put
the text behind the cursor before it or behind it. So it is the end of the part before the cursor
that is compared, in every order that `decoding.prompt.fim` knows and in the prompt as it is.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator

from decoding.prompt.fim import FORMATS, Format
from monitors.errors import UsageError

MOST_COMPARED = 64
"""Characters that are compared. More would refuse prompts from which code was left out."""
_MOST_SHOWN = 40
_LEADING_MARKS = re.compile(r"(?:<[^<>\s]{1,40}>|\[[A-Z]{1,40}\])+")
_LINE_END = re.compile(r"\r\n?")
_ALIKE: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: _LINE_END.sub("\n", text),
    lambda text: unicodedata.normalize("NFC", text),
    lambda text: unicodedata.normalize("NFKC", text),
)
"""What becomes of text on its way through clients and tokenizers."""


def check_text(prompt: str, prefix: str, healed_bytes: int, shown: bool = True) -> None:
    """Raise `UsageError` unless ``prompt`` ends as ``prefix`` does without its healed bytes.

    ``shown`` is whether the message may quote the prefix: a file's may be nobody's business.
    """
    expected = _without_healed(prefix, healed_bytes)
    if any(_ends_alike(each, expected) for each in _before_cursor(prompt)):
        return
    end = repr(expected[-_MOST_SHOWN:]) if shown else "what is before the position in the file"
    left_out = f", without the last {healed_bytes=} bytes" if healed_bytes else ""
    raise UsageError(
        f"mgd: got a prompt that ends in {prompt[-_MOST_SHOWN:]!r}; expected one whose text before"
        f" the cursor ends in {end}{left_out}; send the prompt that belongs to the arguments, or"
        ' say "prompt_check": false'
    )


def check_ids(
    ids: Iterable[int],
    bytes_of: Callable[[int], bytes | None],
    prefix: str,
    healed_bytes: int,
    shown: bool = True,
) -> None:
    """The same for token ids; ``bytes_of`` gives None for marks. Raises `UsageError`."""
    parts: list[list[bytes]] = [[]]
    for data in map(bytes_of, ids):
        if data is None:
            parts.append([])
        else:
            parts[-1].append(data)
    texts = [_text(b"".join(part)) for part in parts]
    expected = _without_healed(prefix, healed_bytes)
    # Behind which mark the cursor is depends on the template, and so it may be any.
    if not any(_ends_alike(each, expected) for each in (*texts, texts[0] + texts[-1])):
        check_text("".join(texts), prefix, healed_bytes, shown)


def _without_healed(prefix: str, healed_bytes: int) -> str:
    data = prefix.encode()
    return _text(data[: len(data) - healed_bytes])


def _text(data: bytes) -> str:
    """Text of bytes that may begin or end inside a character."""
    return data.decode(errors="ignore")


def _before_cursor(prompt: str) -> Iterator[str]:
    """Every text that the prompt may have before the cursor."""
    yield prompt
    if marks := _LEADING_MARKS.match(prompt):
        yield prompt[marks.end() :]
    for form in FORMATS:
        yield from _in_format(prompt, form)


def _in_format(prompt: str, form: Format) -> Iterator[str]:
    """What stands behind the marks of the prefix and of the middle.

    The suffix has a mark of its own. Behind that of the middle stands nothing, or the text before
    the cursor itself, or what was generated of the middle already.
    """
    prefix, suffix, middle = (
        None if name is None else name.strip("▁")
        for name in (form.prefix, form.suffix, form.middle)
    )
    marks = "|".join(re.escape(name) for name in (prefix, suffix, middle) if name)
    _, *pieces = re.split(f"({marks})", prompt)
    if prefix not in pieces:
        return
    parts = zip(pieces[::2], pieces[1::2], strict=True)
    texts = [text for mark, text in parts if mark != suffix]
    yield "".join(texts)
    if form.guarded:  # blanks around marks belong to the template
        yield "".join(_without_guards(text) for text in texts)


def _without_guards(text: str) -> str:
    for guard in "▁ ":
        text = text.removesuffix(guard)
    return text.removeprefix(" ")


def _ends_alike(got: str, expected: str) -> bool:
    # Tokens may begin and end inside a character, which decoders show like this.
    got = got[-4 * MOST_COMPARED :].strip("\ufffd")
    expected = expected[-4 * MOST_COMPARED :].rstrip("\ufffd")
    return not expected or any(_same_end(make(got), make(expected)) for make in _ALIKE)


def _same_end(got: str, expected: str) -> bool:
    compared = min(len(got), len(expected), MOST_COMPARED)
    if compared and got[-compared:] == expected[-compared:]:
        return True
    # Some tokenizers put a blank before every text.
    return 1 < len(got) <= MOST_COMPARED and got[0] == " " and expected.endswith(got[1:])
