"""Languages with braces, as monitors see them: a `Grammar`, read by the lexer of `braces`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from monitors.constraints import Comments, Leading
from monitors.languages.language import Blocks, LexState, Operator
from monitors.languages.lexers.braces import BraceState, Frame, Scanner
from monitors.languages.lexers.grammar import Grammar
from monitors.languages.lexers.lexicon import Lexicon, either

_SEPARATORS: Final = ("", "\\", " ", "\n", " \n")
"""What may keep the text so far from swallowing closers that follow it."""


@dataclass(frozen=True)
class BraceLanguage:
    """A language with braces, for `monitors.languages.language.Language`."""

    grammar: Grammar
    blocks: Blocks = Blocks.BRACES
    scanner: type[Scanner] = Scanner
    """Reads what a `Grammar` cannot say."""

    @property
    def name(self) -> str:
        """Language identifier of the Language Server Protocol."""
        return self.grammar.name

    @property
    def extra(self) -> str:
        """ASCII characters in identifiers besides letters, digits and ``_``."""
        return self.grammar.extra

    @cached_property
    def operators(self) -> tuple[Operator, ...]:
        """The dereference operators, the usual one first."""
        return tuple(rule.operator for rule in self.grammar.operators)

    @cached_property
    def name_start(self) -> re.Pattern[str]:
        """Matches the beginning of an identifier, possibly empty."""
        return re.compile(self.grammar.name_start)

    @cached_property
    def crossing(self) -> re.Pattern[str]:
        """Finds an operator, or the last character of one that an earlier token began."""
        texts = sorted((operator.text for operator in self.operators), key=len, reverse=True)
        begun = sorted({text[-1] for text in texts if len(text) > 1})
        operator = rf"{either(map(re.escape, texts))}|\A{either(map(re.escape, begun))}"
        blank = self.grammar.blank
        return re.compile(rf"({operator})[{blank}]*[^{blank}]")

    @cached_property
    def _start(self) -> BraceState:
        begins = self.grammar.begins
        frames = () if begins is None else (Frame("", begins.closer, begins),)
        return BraceState(Lexicon(self.grammar, self.scanner), frames, last=self.scanner.first)

    def start(self) -> BraceState:
        """State at the beginning of a file."""
        return self._start

    def leading(self, state: LexState) -> Leading:
        """Line ends too, and escaped ones where the language has them."""
        return Leading.LINES if self.grammar.escaped_line_ends else Leading.SPACE

    def comments(self, state: LexState) -> Comments:
        """Those of the grammar, and lines for a preprocessor."""
        return self._comments

    @cached_property
    def _comments(self) -> Comments:
        plain = [re.compile(text.opens) for text in self.grammar.texts if not text.value]
        found = Comments.NONE
        for comments, text in ((Comments.HASH, "# "), (Comments.SLASHES, "// ")):
            if any(opens.match(text) for opens in plain):
                found |= comments
        return found

    def closers(self, state: BraceState, level: int = 0) -> str:
        """Text that closes everything in ``state.open[level:]``, innermost first."""
        kept = state.open[:level]
        closers = _closers(state.settled_frames, len(state.open) - level)
        texts = (before + closers + behind for before, behind in self._around(state))
        fitting = (text for text in texts if _read(state, text).open == kept)
        return next(fitting, closers) if closers else ""

    def _around(self, state: BraceState) -> Iterator[tuple[str, str]]:
        """What may have to come before and behind the closers for them to be read as such."""
        return ((separator, "") for separator in _SEPARATORS)


def _closers(frames: tuple[Frame, ...], count: int) -> str:
    """Closers of the ``count`` innermost frames that are shown, and of those inside them."""
    closers = ""
    for frame in reversed(frames):
        if count <= 0:
            break
        count -= frame.is_shown
        closers += frame.closer
    return closers


def _read(state: BraceState, text: str) -> BraceState:
    at = 0
    while at < len(text):
        state, at = state.scan(text, at)
    return state
