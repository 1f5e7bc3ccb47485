"""A `Grammar` compiled: the regexes and tables that the lexer of `braces` reads with."""

import re
import string
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Final, Generic, TypeVar

from monitors.languages.lexers.grammar import ESCAPE, Grammar, Text

S = TypeVar("S")
Pattern = re.Pattern[str]
Opener = tuple[Pattern, Text]

NOTHING: Final = r"(?!)"
_SYMBOLS = frozenset(string.punctuation) - {"_"}
_BRACKETS = frozenset("()[]{}")
_ESCAPED = r"\\(?:\r\n|\r(?=[^\n])|[^\r])"


def either(parts: Iterable[str]) -> str:
    """Regex that matches what one of ``parts`` does."""
    found = "|".join(part for part in parts if part)
    return f"(?:{found})" if found else NOTHING


def char_class(chars: Iterable[str]) -> str:
    """The inside of a regex's character class."""
    return "".join(re.escape(char) for char in sorted(chars))


def _beginnings(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(text[:end] for text in texts for end in range(1, len(text)))


class Lexicon(Generic[S]):
    """Tables of one language, and what scans with them; made once, equal only to itself."""

    def __init__(self, grammar: Grammar, scanner: S) -> None:
        self.grammar, self.scanner = grammar, scanner
        texts = [text.operator.text for text in grammar.operators]
        first = [op for op in texts if not any(op != o and op.startswith(o) for o in texts)]
        self.rules = {rule.operator.text: rule for rule in grammar.operators}
        self.operator = re.compile(either(map(re.escape, first)))
        self.begun = re.compile(
            either(
                [
                    *(text.begun for text in grammar.texts),
                    *map(re.escape, _beginnings(first)),
                    *map(re.escape, grammar.extra),
                ]
            )
        )
        self.openers = {char: found for char in _STARTS if (found := self._openers(char))}
        self._compile_words()
        self._compile_run(first)

    def _openers(self, char: str) -> tuple[Opener, ...]:
        """Texts that may open at ``char``."""
        pairs = ((re.compile(text.opens), text) for text in self.grammar.texts)
        return tuple(
            (opens, text)
            for opens, text in pairs
            if opens.match(char) or re.fullmatch(text.begun or NOTHING, char)
        )

    def _compile_words(self) -> None:
        grammar = self.grammar
        self.word = re.compile(grammar.word)
        self.number = re.compile(grammar.number)
        self.mark = re.compile(grammar.marks or NOTHING)
        self.wordlike = re.compile(rf"[\w{char_class(grammar.extra)}]|{grammar.word}")
        self.blanks = re.compile(rf"[{grammar.blank}]*+")
        self.spaces = re.compile(r"[ \t\f]*+")
        self.blank = re.compile(rf"[{grammar.blank}]")
        meant = grammar.keywords | grammar.imports | grammar.qualifiers | set(grammar.definers)
        meant = meant.union(*grammar.definers.values())
        self.kept = _beginnings(word + " " for word in meant)

    def _compile_run(self, operators: list[str]) -> None:
        """What the lexer jumps over, because only the last token of it matters."""
        grammar = self.grammar
        stops = {*_BRACKETS, *self.openers, *grammar.postfix, *grammar.extra}
        stops |= {operator[0] for operator in operators}
        stops |= {char for char in _SYMBOLS if self.word.match(char) or self.mark.match(char)}
        if any(text.format for text in grammar.texts):
            stops.add(":")
        symbols = char_class(_SYMBOLS - stops)
        meant = grammar.imports | set(grammar.definers)
        barred = rf"(?!(?:{either(sorted(meant))})\b)" if meant else ""
        prefixed = any(char.isalpha() for char in self.openers)
        quotes = char_class(_SYMBOLS & (set(self.openers) | set(grammar.extra)))
        unless = rf"(?![{quotes}])" if prefixed else ""
        self.run = re.compile(
            rf"(?:[{grammar.blank}]++|({barred}(?:{_possessive(grammar.word)}){unless})"
            rf"|([{symbols}]++)|({_possessive(grammar.number)}))*"
        )  # not `*+`: possessive repeats of groups fail in CPython 3.11


_STARTS: Final = frozenset(string.printable) - frozenset(string.whitespace)


def _possessive(regex: str) -> str:
    """``regex`` with its last repetition made possessive, if it repeats no group."""
    return regex + "+" if re.search(r"[^)+*?][*+]\Z", regex) else regex


@dataclass(frozen=True, slots=True)
class TextPatterns:
    """How to read one kind of text up to one closer."""

    body: Pattern
    """What to jump over."""
    close: Pattern
    unfinished: Pattern
    """What cannot be judged before more text comes."""
    field: Pattern
    inside: tuple[Opener, ...]
    deref: Pattern


@cache
def text_patterns(text: Text, closer: str) -> TextPatterns:
    """Patterns for the inside of ``text`` that ``closer`` ends."""
    close = NOTHING if closer == "\n" else re.escape(closer)
    if text.closes:
        close = text.closes.replace("{}", re.escape(closer.strip()))
    inner = (*text.inside, text) if text.nests else text.inside
    literal = [escape for escape in text.escapes if escape != ESCAPE]
    unfinished = [
        *map(re.escape, _beginnings([*literal, *text.fields, closer])),
        *(other.begun for other in inner),
        text.unfinished,
        r"\\\r?" if ESCAPE in text.escapes else "",
    ]
    escapes = [*map(re.escape, literal), _ESCAPED if ESCAPE in text.escapes else ""]
    stops = _stops(text, closer, inner)
    return TextPatterns(
        body=re.compile(f"(?:[^{stops}]++|{either(escapes)})*"),
        close=re.compile(close),
        unfinished=re.compile(either(unfinished)),
        field=re.compile(either(map(re.escape, sorted(text.fields, key=len, reverse=True)))),
        inside=tuple((re.compile(other.opens), other) for other in inner),
        deref=re.compile(text.derefs or NOTHING),
    )


def _stops(text: Text, closer: str, inner: tuple[Text, ...]) -> str:
    """Characters that text cannot be jumped over at, as the inside of a character class."""
    stops = {opener[0] for opener in (closer, *text.escapes, *text.fields)}
    if not text.multiline:
        stops |= {"\r", "\n"}
    for regex in (text.unfinished, *(other.begun for other in inner)):
        stops |= {char for char in _STARTS if re.fullmatch(regex or NOTHING, char)}
    for other in inner:
        stops |= {char for char in _STARTS if re.match(other.opens, char)}
    return char_class(stops)
