"""The lexical tables of Python: keywords, and what the lexer jumps over in one match."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Final

# What a statement may still be. START: nothing read; TARGETS: a list of assignment targets;
# TARGET: one target, as behind `as`; PLAIN: anything else.
PLAIN: Final = 0
START: Final = 1
TARGETS: Final = 2
TARGET: Final = 3
IMPORT: Final = 4

BRACKET: Final = 0
TARGET_BRACKET: Final = 1
FIELD: Final = 2
SPEC: Final = 3
TEXT: Final = 4

# Marks in `PythonState.last` that are not the end of an expression begin with a dot.
LIVE_DOT: Final = "."
DEFINING_DOT: Final = ".="
MEMBER: Final = "._"
DEFINER: Final = "="
NO_HEADER: Final = -1


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


OPENERS = {")": "(", "]": "[", "}": "{"}
CLOSERS = {opener: closer for closer, opener in OPENERS.items()}
HEADERS = _words("if elif else while for with try except finally def class async")
KEYWORDS = HEADERS | _words(
    "and as assert await break continue del from global import in is lambda nonlocal not or "
    "pass raise return yield"
)
RESTARTS = _words(
    "def class return import with while try raise del pass break continue global nonlocal "
    "assert elif except finally"
)
RESTARTS_IF_DEDENTED = frozenset(("if", "for", "else", "async"))
STRING_PREFIXES = frozenset(["r", "R", "b", "B", "u", "U", "f", "F", "t", "T"])


def _beginnings(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word[:end] for word in words for end in range(1, len(word) + 1))


KEPT_IN_PLAIN = _beginnings(KEYWORDS) | STRING_PREFIXES
KEPT = KEPT_IN_PLAIN | _beginnings(("self", "cls", "case"))

NUMBER_TEXT = (
    r"(?:0[xX]\w*+|[0-9](?:[eE][+-]|\w)*)(?:\.(?:[0-9eEjJ](?:[eE][+-]|\w)*)?)*"  # dots included
)
BLANK_TEXT = r"[ \t\f\ufeff]++|\\(?:\n|\r\n|\r(?=[^\n]))"
RUN_TEXT = (
    rf"(?:{BLANK_TEXT}|((?!(?:{{words}})\b)[^\W\d]\w*+(?![\"']))"
    rf"|([-+*/%&|^~<>=@,{{colon}}]++|!=)|({NUMBER_TEXT}))*"
)  # not `*+`: possessive repeats of groups fail in CPython 3.11
RUN = re.compile(RUN_TEXT.format(words="for|as|lambda", colon=""))
RUN_WITH_COLONS = re.compile(RUN_TEXT.format(words="for|as", colon=":"))
BLANKS = re.compile(rf"(?:{BLANK_TEXT})*")
WORD = re.compile(r"[^\W\d]\w*+")
NUMBER = re.compile(rf"\.?{NUMBER_TEXT}")
STRING = re.compile(r"""([rRbBuUfFtT]{0,2})("{1,3}|'{1,3})""")
NEWLINE = re.compile(r"[\r\n][ \t\f\r\n]*+")
FIRST_WORD = re.compile(r"@[^\W\d]?|(?:async[ \t]+)?(?:[^\W\d]\w*+)?")
COMMENT = re.compile(r"[^\r\n]*+")
CONVERSION = re.compile(r"!(?:=|\w*+)")
UNFINISHED_ESCAPE = re.compile(r"\\\r?")
UNFINISHED_NAME = re.compile(r"\\(?:\r|N(?:\{[\w \-]*)?)?")


@cache
def text_patterns(opener: str, in_spec: bool) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """What to jump over inside a string, and what ends it."""
    prefix = opener.rstrip("\"'").lower()
    quotes = opener[len(prefix) :]
    quote, triple = quotes[0], len(quotes) == 3
    fields = "f" in prefix or "t" in prefix
    stops = rf"\\{quote}" + ("" if triple else r"\r\n") + ("{}" if fields else "")
    parts = [rf"[^{stops}]++"]
    if triple:
        parts.append(rf"{quote}{{1,2}}(?=[^{quote}])")
    if not fields:
        parts.append(r"\\(?:\r\n|\r(?=[^\n])|[^\r])")
    else:
        parts.extend(_field_parts("r" in prefix, in_spec))
    close = quotes if triple else rf"[{quote}\r\n]"
    return re.compile(f"(?:{'|'.join(parts)})*"), re.compile(close)


def _field_parts(raw: bool, in_spec: bool) -> list[str]:
    """Braces and escapes that are text in a string with fields."""
    parts = [r"\\(?=[{}])"] if in_spec else [r"\{\{", r"\}\}", r"\}(?=[^}])", r"\\(?=[{}])"]
    if raw:
        return [*parts, r"\\(?:\r\n|\r(?=[^\n])|[^\r{}])"]
    name = r"\\N\{[\w \-]*+\}"
    return [*parts, name, r"\\N(?=[^{])", r"\\(?:\r\n|\r(?=[^\n])|[^\r{}N])"]
