"""The encoding of a source file: its mark, what its first lines declare, or else UTF-8."""

import codecs
import re
from typing import NamedTuple

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16, so it goes first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)"  # PEP 263; Ruby has taken it over
    rb"|-\*-.*?coding:[ \t]*([-\w.]+).*-\*-"  # of Emacs, in a comment of any language
)
_BLANK = re.compile(rb"^[ \t\f]*(?:#.*)?$")
_LINE_END = re.compile(rb"\r\n|\r|\n")


class Encoding(NamedTuple):
    """How bytes become text."""

    name: str
    """As Python's codecs call it."""
    is_declared: bool
    """Whether the file says so itself."""


def encoding_of(data: bytes) -> Encoding:
    """The encoding of a file's bytes; that of a mark outranks a declared one.

    A declaration stands in the first two lines, behind nothing but blanks and comments in the
    first. Decoding by the result takes the mark away.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return Encoding(name, is_declared=True)
    for line in _LINE_END.split(data[:4096], maxsplit=2)[:2]:
        if match := _DECLARED.search(line):
            return Encoding((match[1] or match[2]).decode("ascii", "replace"), is_declared=True)
        if not _BLANK.match(line):
            break
    return Encoding("utf-8", is_declared=False)
