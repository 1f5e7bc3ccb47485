"""What the lexer of `monitors.languages.lexers.braces` has to know about a language, as data.

A language is one `Grammar`: its dereference operators, its words, and its `Text`s, the stretches
of a file that are not code (strings, comments, directives). Each regex here describes one token.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from monitors.languages.language import Operator

ESCAPE: Final = "\\"
"""In `Text.escapes`: a backslash and the character behind it, which may be a line end."""

NAME: Final = "w"
QUOTE: Final = '"'
ANY_VALUE: Final = NAME + QUOTE + ")]}"
"""Ends of values in `Dereference`: a name, a string or character, or the bracket itself."""


def words(text: str) -> frozenset[str]:
    """The words of ``text``."""
    return frozenset(text.split())


@dataclass(frozen=True, slots=True)
class Dereference:
    """A dereference operator, and the ends of values that it is live behind.

    Ends are those of `ANY_VALUE`, and ``>`` for a list of type arguments.
    """

    operator: Operator
    behind: str = ANY_VALUE
    """Ends that white space may follow."""
    touching: str = ""
    """Ends that count only where the operator touches them."""


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A kind of string, comment or other text that is not code."""

    opens: str
    """Regex of the opener. Its groups are what `closer` refers to."""
    closer: str
    """Template of the text that closes it, such as ``)\\1"`` for ``R"(\\w*)\\(``.

    A ``"\\n"`` stands for a line end, which ends the text but is not part of it; such text is
    left out of `LexState.open`.
    """
    begun: str = ""
    """Regex of whatever may yet become this opener, or a longer one, if more text comes."""
    closes: str = ""
    """Regex of what ends the text, if that is more than `closer`, for which ``{}`` stands in it."""
    unfinished: str = ""
    """Regex of what may yet become `closes` or one of `derefs`, if more text comes.

    The beginnings of `closer`, `escapes` and `fields` need not be named.
    """
    escapes: tuple[str, ...] = (ESCAPE,)
    """What is plain text although a closer or a field seems to begin there."""
    multiline: bool = False
    """Whether the text may span lines; if not, a line end ends it."""
    fields: tuple[str, ...] = ()
    """Openers of code inside the text, each of which ``}`` closes."""
    format: bool = False
    """Whether a colon ends the code of a field, and text follows up to the ``}``."""
    nests: bool = False
    """Whether the same kind of text may open inside."""
    inside: tuple["Text", ...] = ()
    """Other texts that may open inside."""
    derefs: str = ""
    """Regex of a dereference inside the text, up to and with the operator, its last group.

    Such as ``\\$\\w+(->)`` in PHP's ``"$a->b"``.
    """
    value: str = QUOTE
    """End of the value that this is, for `LexState.receiver`; empty for comments."""
    background: bool = False
    """Whether it need not be closed, as the HTML around PHP; left out of `LexState.open`."""
    operand: bool = False
    """Whether it opens only where no value stands before, as JavaScript's regular expressions."""


def string(quote: str, prefix: str = "", **more: object) -> Text:
    """A string on one line, whose prefix matches the regex ``prefix``."""
    options: dict[str, object] = {"begun": prefix, "value": quote, **more}
    return Text(prefix + quote, quote, **options)  # type: ignore[arg-type]


LINE_COMMENT: Final = Text("//", "\n", begun="/", escapes=(), value="")
BLOCK_COMMENT: Final = Text(r"/\*", "*/", begun="/", escapes=(), multiline=True, value="")
NESTED_COMMENT: Final = Text(
    r"/\*", "*/", begun="/", escapes=(), multiline=True, nests=True, value=""
)
STRING: Final = string('"')
CHARACTER: Final = string("'")


@dataclass(frozen=True, slots=True, eq=False)
class Grammar:
    """A language that delimits blocks by braces."""

    name: str
    """Language identifier of the Language Server Protocol."""
    operators: tuple[Dereference, ...]
    """The usual one first. One that begins with another, ``..``, completes where that is live."""
    texts: tuple[Text, ...]
    """Those with longer openers first."""
    keywords: frozenset[str]
    """Words that are no values; behind an operator they are names all the same."""
    word: str = r"(?!\d)\w+"
    """Regex of an identifier or keyword, whole as far as it goes."""
    name_start: str = r"\w*"
    """Regex of the beginning of an identifier, possibly empty."""
    extra: str = ""
    """ASCII characters in identifiers besides letters, digits and ``_``."""
    number: str = r"\d\w*"
    """Regex of a number up to its first dot or sign."""
    marks: str = ""
    """Regex of other tokens that are no values, such as Rust's lifetimes."""
    postfix: str = ""
    """Characters that leave a value a value, such as the ``!`` of ``a!.b``."""
    blank: str = r"\s"
    """White space, inside a regex's character class."""
    imports: frozenset[str] = frozenset()
    """Words behind which a dotted path is named, up to ``;`` or the line end."""
    qualifiers: frozenset[str] = frozenset()
    """Words that may stand between one of ``imports`` and the path."""
    definers: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    """Words behind which a member is defined, ``fun A.b()``, and the tokens that end that."""
    begins: Text | None = None
    """Text that a file begins in."""
    newline_ends: bool = False
    """Whether a line end may end a statement."""
    escaped_line_ends: bool = False
    """Whether a backslash may escape a line end."""
