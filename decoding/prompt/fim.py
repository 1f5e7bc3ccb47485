"""Prompts for code with text on both sides of the cursor, and healing of their last token.

A model that can fill in the middle is known by the special tokens of its tokenizer, not by its
name. A prompt ends where the user typed, which is rarely where the tokenizer would have cut:
*healing* takes the last tokens off the prompt and leaves their text to be generated again, so
that the model may choose a longer token (``.app`` may become ``.append``).
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from decoding.vocabulary.index import TokenIndex
from monitors.errors import UsageError

Encode = Callable[[str], list[int]]
"""Token ids of a text, without any special token before or behind it."""

_MOST_HEALED = 3
_PREFIX_SHARE = 0.75
_LEAST_USE = 0.5
"""A cut at a line start must leave this share of the room in use; else the cut is anywhere."""
_GUARD = "☺"
"""Stands before a suffix for a tokenizer that would put a blank there."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a family of models marks the parts of a prompt, in names of special tokens."""

    name: str
    prefix: str
    suffix: str
    middle: str | None
    """None: the suffix comes first, and the middle follows the prefix without a mark."""
    stops: tuple[str, ...]
    """What a model writes when the middle is done, apart from the tokenizer's end of text."""
    start: str | None = None
    """Stands before everything."""
    guarded: bool = False
    """Whether the tokenizer puts a blank before every text."""


FORMATS = (
    Format(
        "qwen",
        "<|fim_prefix|>",
        "<|fim_suffix|>",
        "<|fim_middle|>",
        ("<|endoftext|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>", "<|im_end|>"),
    ),
    Format(
        "starcoder",
        "<fim_prefix>",
        "<fim_suffix>",
        "<fim_middle>",
        ("<|endoftext|>", "<fim_pad>", "<repo_name>", "<file_sep>"),
    ),
    Format(
        "santacoder",
        "<fim-prefix>",
        "<fim-suffix>",
        "<fim-middle>",
        ("<|endoftext|>", "<fim-pad>"),
    ),
    Format(
        "deepseek",
        "<｜fim▁begin｜>",
        "<｜fim▁hole｜>",
        "<｜fim▁end｜>",
        ("<｜end▁of▁sentence｜>", "<|EOT|>"),
        start="<｜begin▁of▁sentence｜>",
    ),
    Format(
        "codellama",
        "▁<PRE>",
        "▁<SUF>",
        "▁<MID>",
        ("▁<EOT>", "</s>"),
        start="<s>",
        guarded=True,
    ),
    Format("codestral", "[PREFIX]", "[SUFFIX]", None, ("</s>",), start="<s>"),
    # The bundled model: suffix first too, since a small model continues better than it jumps back.
    Format("suffix-first", "<|prefix|>", "<|suffix|>", None, ("<|endoftext|>",)),
)


@dataclass(frozen=True, slots=True)
class FimTemplate:
    """A `Format` in the token ids of one tokenizer."""

    format: Format
    prefix_id: int
    suffix_id: int
    middle_id: int | None
    start_ids: tuple[int, ...]
    stop_ids: frozenset[int]
    """Ids that end the middle, the marks themselves among them."""

    @property
    def marks(self) -> int:
        """Number of ids that the template adds to the text, start included."""
        return len(self.start_ids) + (2 if self.middle_id is None else 3)

    def assemble(self, prefix: Sequence[int], suffix: Sequence[int]) -> list[int]:
        """Ids of the whole prompt, without those of the start."""
        before = [self.prefix_id, *prefix]
        behind = [self.suffix_id, *suffix]
        if self.middle_id is None:
            return behind + before
        return [*before, *behind, self.middle_id]


class Prompt(NamedTuple):
    """What the model is given."""

    ids: list[int]
    healed: bytes
    """Text that was taken off the prompt and must be generated again, first."""


def detect(token_to_id: Callable[[str], int | None]) -> FimTemplate | None:
    """The template that a tokenizer has the special tokens of; None: it has none.

    ``token_to_id`` must return None, not the id of an unknown token, for a name it does not know.
    """
    for form in FORMATS:
        prefix, suffix = token_to_id(form.prefix), token_to_id(form.suffix)
        middle = None if form.middle is None else token_to_id(form.middle)
        if prefix is None or suffix is None or (middle is None) != (form.middle is None):
            continue
        start = None if form.start is None else token_to_id(form.start)
        stops = (prefix, suffix, middle, *map(token_to_id, form.stops))
        return FimTemplate(
            form,
            prefix,
            suffix,
            middle,
            start_ids=() if start is None else (start,),
            stop_ids=frozenset(i for i in stops if i is not None),
        )
    return None


def build_prompt(
    encode: Encode,
    template: FimTemplate | None,
    prefix: str,
    suffix: str,
    *,
    max_tokens: int,
    index: TokenIndex | None = None,
    start_ids: Sequence[int] = (),
) -> Prompt:
    """Make a prompt of at most ``max_tokens`` ids for the text between prefix and suffix.

    What does not fit is cut off far from the cursor: the prefix keeps its tail, from a line start
    if that wastes little, and the suffix its head, three tokens to one; what one leaves unused
    goes to the other. Without a template the suffix is left out. With ``index`` the prompt is
    healed. ``start_ids`` come first; a template has its own. Raises `UsageError` if there is no
    room for a single token of text.
    """
    start = start_ids if template is None else template.start_ids
    marks = len(start) if template is None else template.marks
    room = max_tokens - marks
    if room < 1:
        raise UsageError(
            f"a prompt of {max_tokens} tokens has no room for text beside {marks} special ones; "
            "allow a longer prompt or fewer new tokens"
        )
    behind = [] if template is None else _encode_suffix(encode, template, suffix)
    share = max(int(room * _PREFIX_SHARE), room - len(behind), 1)
    before = _tail(encode, prefix, share)
    behind = behind[: room - len(before)]
    healed = b""
    if index is not None:
        # The first id of a prompt must stay: a model cannot start from nothing.
        keep = 1 if marks == 0 else 0
        before, healed = heal(before, index.bytes_of, index, keep=keep)
    body = before if template is None else template.assemble(before, behind)
    return Prompt([*start, *body], healed)


def heal(
    ids: Sequence[int],
    bytes_of: Callable[[int], bytes | None],
    index: TokenIndex,
    *,
    keep: int = 1,
) -> tuple[list[int], bytes]:
    """Take the last tokens off ``ids`` whose text some longer token begins with.

    Returns what is left and the text that was taken, which must be generated again. Never takes
    a token without text, the first ``keep`` ids, or more than a few tokens.
    """
    last = [bytes_of(i) for i in ids[max(keep, len(ids) - _MOST_HEALED) :]]
    taken, healed = 0, b""
    for count, text in enumerate(accumulate(reversed(last), _prepend), start=1):
        if text is None:
            break
        if index.extends(text):
            taken, healed = count, text
    return list(ids[: len(ids) - taken]), healed


def _prepend(text: bytes | None, before: bytes | None) -> bytes | None:
    return None if text is None or before is None else before + text


def _encode_suffix(encode: Encode, template: FimTemplate, suffix: str) -> list[int]:
    if not template.format.guarded:
        return encode(suffix)
    return encode(_GUARD + suffix)[len(encode(_GUARD)) :]


def _tail(encode: Encode, text: str, room: int) -> list[int]:
    """The last ``room`` tokens of ``text`` at most, from a line start if that wastes little."""
    ids = encode(text)
    if len(ids) <= room:
        return ids
    starts = list(accumulate(map(len, text.splitlines(keepends=True))))
    first = bisect_left(starts, True, key=lambda start: len(encode(text[start:])) <= room)
    lines = encode(text[starts[first] :]) if first < len(starts) else []
    return lines if len(lines) >= room * _LEAST_USE else ids[len(ids) - room :]
