"""Languages with braces: one resumable lexer that finds live dereferences in unfinished code.

What tells the languages apart is in their `Grammar`s. The lexer keeps a stack of `Frame`s, each
code in brackets or a `Text` (string, comment, directive), and the end of the last value. A token
that touches the end of the text may still grow, so it is kept as `BraceState.pending` and read
again, together with what follows. That makes a state independent of how the text was split.
"""

import re
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from monitors.languages.lexers.grammar import NAME, QUOTE, Text
from monitors.languages.lexers.lexicon import Lexicon, Opener, text_patterns

# What the words being read mean: plain code, the word that begins an import, the path of one.
# Anything else is the word that begins a definition (`Grammar.definers`).
CODE: Final = ""
IMPORT_WORD: Final = "import?"
IMPORT: Final = "import"

MEMBER: Final = "."
"""In place of the end of a value: an operator was read, and the next word is a name.

Where a language needs to know more, what begins with a blank is no value either.
"""

_CLOSERS: Final = {"(": ")", "[": "]", "{": "}"}
_ENDS: Final = {**{char: char for char in ")]}>\n"}, **dict.fromkeys("\"'`/", QUOTE)}
_END_OF_IMPORT: Final = frozenset(";(){}[]\"'\r\n")
_FORMAT: Final = Text(":", "}", escapes=("{{", "}}"), value="")
"""What a colon in a field of C# begins."""


class Frame(NamedTuple):
    """Something that is open."""

    opener: str
    closer: str
    text: Text | None = None
    """None for code."""
    after: str = ""
    """What `BraceState.last` is behind the closer, if not the closer itself."""

    @property
    def is_shown(self) -> bool:
        """Whether it is in `LexState.open`: not what a line end closes, and no background."""
        return self.closer != "\n" and not (self.text is not None and self.text.background)


@dataclass(frozen=True, slots=True)
class BraceState:
    """State of the lexer between two characters; implements `LexState`."""

    lexicon: "Lexicon[type[Scanner]]"
    frames: tuple[Frame, ...] = ()
    mode: str = CODE
    last: str = ""
    """End of the value before ``pending``: an identifier or a closer; or `MEMBER`; or empty."""
    operator: str = ""
    """The dereference operator that the last character completed, if it is live."""
    pending: str = ""
    """Text of the token that may still grow."""
    before: str = " "
    """The character before ``pending`` if it is ``>``, a blank for white space, else empty."""

    @property
    def at_trigger(self) -> bool:
        """Whether the last character completed a live dereference operator."""
        return self.operator != ""

    @property
    def receiver(self) -> str:
        """End of the value that the usual operator, typed now, would apply to."""
        usual = self.lexicon.grammar.operators[0].operator.text
        after, end = self.scan(usual)
        return after.last if after.operator and end == len(usual) else ""

    @property
    def settled_frames(self) -> tuple[Frame, ...]:
        """What is open if no more text comes, outermost first."""
        if not self.pending:
            return self.frames
        return self.lexicon.scanner(self, self.pending, 0, final=True).run().frames

    @property
    def open(self) -> tuple[str, ...]:
        """Brackets, string and comment openers, and openers of fields, outermost first."""
        return tuple(frame.opener for frame in self.settled_frames if frame.is_shown)

    @property
    def in_brackets(self) -> bool:
        """Whether a line end is plain white space: not where it may end a statement."""
        frames = self.settled_frames
        if not frames:
            return not self.lexicon.grammar.newline_ends
        if frames[-1].text is not None:
            return False
        return frames[-1].opener != "{" or not self.lexicon.grammar.newline_ends

    @property
    def in_code(self) -> bool:
        """False inside strings, comments and directives; True in the fields of strings."""
        frames = self.settled_frames
        return not frames or frames[-1].text is None

    @property
    def key(self) -> Hashable:
        """State without what no later trigger depends on."""
        last = _end(self.last) if _is_value(self.last) else self.last
        pending = self._pending_key()
        return self.frames, self.mode, last, self.operator, pending, self.before

    def _pending_key(self) -> str:
        """One value for all words that stay names, and one for all numbers.

        Names that begin with a sign may end otherwise: Ruby's ``a?`` is one, ``$a?`` is none.
        """
        pending, lexicon = self.pending, self.lexicon
        if lexicon.number.fullmatch(pending):
            return "0"
        is_name = lexicon.word.fullmatch(pending) is not None and pending not in lexicon.kept
        if not is_name or lexicon.begun.fullmatch(pending) is not None:
            return pending
        return " " if pending[0].isalnum() or pending[0] == "_" else pending[0]

    def scan(self, text: str, start: int = 0) -> tuple["BraceState", int]:
        """Read ``text[start:]`` up to just behind the next live operator, or to the end."""
        if start >= len(text):
            return self, start
        if not self.pending:
            scanner = self.lexicon.scanner(self, text, start)
            return scanner.run(), scanner.pos
        scanner = self.lexicon.scanner(self, self.pending + text[start:], 0)
        return scanner.run(), scanner.pos - len(self.pending) + start


def _is_value(last: str) -> bool:
    return last[:1] not in ("", MEMBER, " ")


def _end(last: str) -> str:
    """Kind of the end of a value, as in `Dereference.behind`."""
    return _ENDS.get(last, NAME)


class Scanner:
    """One pass over one piece of text; lives for one call of `BraceState.scan`."""

    __slots__ = (
        "before",
        "completed",
        "final",
        "frames",
        "last",
        "lexicon",
        "mode",
        "operator",
        "pending",
        "pos",
        "size",
        "start",
        "text",
        "value",
    )
    first: ClassVar = ""
    """`BraceState.last` at the beginning of a file."""

    def __init__(self, state: BraceState, text: str, pos: int, final: bool = False) -> None:
        self.lexicon, self.text, self.pos, self.size = state.lexicon, text, pos, len(text)
        self.start, self.final, self.before = pos, final, state.before
        self.frames, self.mode = state.frames, state.mode
        self.operator = self.pending = ""
        self.completed, self.value = state.operator, state.last
        self.last = MEMBER if state.operator else state.last

    def run(self) -> BraceState:
        """Read to the next live operator or to the end."""
        if not (self.completed and self._extend()):
            while self.pos < self.size and not self.pending and not self.operator:
                if self.frames and self.frames[-1].text is not None:
                    self._text(self.frames[-1], self.frames[-1].text)
                else:
                    self._code()
        return BraceState(
            self.lexicon,
            self.frames,
            self.mode,
            self.last,
            self.operator,
            self.pending,
            self._before(self.pos - len(self.pending)),
        )

    def _extend(self) -> bool:
        """Complete a longer operator, such as ``..`` behind ``.``, with the next character."""
        longer = self.completed + self.text[self.pos]
        if longer not in self.lexicon.rules:
            return False
        self.operator, self.last, self.pos = longer, self.value, self.pos + 1
        return True

    def _before(self, at: int) -> str:
        """What stands before ``at``, as in `BraceState.before`."""
        if at <= self.start:
            return self.before
        char = self.text[at - 1]
        return ">" if char == ">" else " " if self.lexicon.blank.match(char) else ""

    def _has_value(self) -> bool:
        return _is_value(self.last)

    def _keep(self, begin: int) -> None:
        """Leave the token at ``begin`` for the next call."""
        self.pending, self.pos = self.text[begin:], self.size
        if self.mode == CODE and self.last != MEMBER and self.lexicon.wordlike.match(self.pending):
            self.last = ""

    # Code

    def _code(self) -> None:
        """Read a run of tokens, and the token at which it stops."""
        lexicon = self.lexicon
        if self.mode == CODE and self.last != MEMBER:
            self._skip_run()
        else:
            importing = self.mode in (IMPORT, IMPORT_WORD)
            blanks = lexicon.spaces if importing else lexicon.blanks
            self.pos = blanks.match(self.text, self.pos).end()  # type: ignore[union-attr]
        if self.pos == self.size or self.pending:
            return
        char = self.text[self.pos]
        if self.mode != CODE:
            self._end_mode(char)
        self._special(char)

    def _special(self, char: str) -> None:
        """Read a bracket, an operator or what opens a text."""
        if char in "([{":
            self._open()
        elif char in ")]}":
            self._close()
        else:
            self._token()

    def _skip_run(self) -> None:
        """Jump over names, numbers and symbols: only the last one matters."""
        match = self.lexicon.run.match(self.text, self.pos)
        assert match is not None
        self.pos = match.end()
        group = match.lastindex
        if group is None:
            return
        if group != 2 and match.end(group) == self.size and not self.final:
            self._keep(match.start(group))
        elif group == 1:
            word = match[1]
            self.last = "" if word in self.lexicon.grammar.keywords else word
        else:
            self.last = ""

    def _end_mode(self, char: str) -> None:
        """Back to plain code where ``char`` cannot belong to an import or definition."""
        if self.mode == IMPORT_WORD:
            ends = char != "/" and not self.lexicon.wordlike.match(char)
        elif self.mode == IMPORT:
            ends = char in _END_OF_IMPORT
        else:
            ends = char in self.lexicon.grammar.definers[self.mode]
        if ends:
            self.mode = CODE

    def _token(self) -> None:
        """Read what is no bracket: a text's opener, an operator, a word or a symbol."""
        lexicon, text, pos = self.lexicon, self.text, self.pos
        if not self.final and lexicon.begun.fullmatch(text, pos):
            self._keep(pos)
            return
        openers = lexicon.openers.get(text[pos], ())
        if openers and self._open_text(openers):
            return
        if (match := lexicon.operator.match(text, pos)) is not None:
            self._dereference(match[0])
        elif (match := lexicon.word.match(text, pos)) is not None:
            self._name(match, self._word)
        elif (match := lexicon.number.match(text, pos)) is not None:
            self._name(match, self._number)
        elif (match := lexicon.mark.match(text, pos)) is not None:
            self._name(match, self._symbol)
        else:
            self.pos += 1
            self._symbol(text[pos])

    def _name(self, match: re.Match[str], read: Callable[[str], None]) -> None:
        """Read a token that grows with every character of an identifier."""
        if match.end() == self.size and not self.final:
            self._keep(self.pos)
        else:
            self.pos = match.end()
            read(match[0])

    def _word(self, word: str) -> None:
        grammar = self.lexicon.grammar
        if self.last == MEMBER:
            self.last = word
            return
        if self.mode in (IMPORT, IMPORT_WORD):
            self._word_of_import(word)
        elif self.mode != CODE:
            if word in grammar.definers[self.mode]:
                self.mode = CODE
        elif word in grammar.imports:
            self.mode = IMPORT_WORD
        elif word in grammar.definers:
            self.mode = word
        self.last = "" if word in grammar.keywords else word

    def _word_of_import(self, word: str) -> None:
        """Of two words in a row, the second shows that this is no import: ``using var x``."""
        if self.mode == IMPORT and self._has_value():
            self.mode = CODE
        elif word not in self.lexicon.grammar.qualifiers:
            self.mode = IMPORT

    def _number(self, number: str) -> None:
        """A number is no value; behind an operator it is the index of a tuple."""
        self.last = number if self.last == MEMBER else ""

    def _symbol(self, symbol: str) -> None:
        if symbol == ":" and self._begin_format():
            return
        if not (symbol in self.lexicon.grammar.postfix and self._has_value()):
            self.last = ""

    def _begin_format(self) -> bool:
        """Turn a field of a string into the text of its format."""
        if len(self.frames) < 2 or self.frames[-2].text is None or not self.frames[-2].text.format:
            return False
        self.frames = (*self.frames[:-1], self.frames[-1]._replace(text=_FORMAT))
        return True

    def _dereference(self, operator: str) -> None:
        """An operator, which is live behind a value unless an import or definition goes on."""
        live = self._is_live(operator)
        self.pos += len(operator)
        if not live:
            self.last = ""
        elif self.mode == CODE:
            self.operator = operator
        else:
            self.last = MEMBER

    def _is_live(self, operator: str) -> bool:
        rule, before = self.lexicon.rules[operator], self._before(self.pos)
        if self._has_value():
            end = _end(self.last)
        elif before == ">" and self.last == "":
            end = self.last = ">"
        else:
            return False
        return end in rule.behind or (before != " " and end in rule.touching)

    def _open(self) -> None:
        char = self.text[self.pos]
        self.frames = (*self.frames, Frame(char, _CLOSERS[char]))
        self.pos, self.last = self.pos + 1, ""

    def _close(self) -> None:
        """Pop to the matching opener; a closer without one is ignored."""
        char = self.text[self.pos]
        self.pos, self.last = self.pos + 1, char
        for depth in range(len(self.frames) - 1, -1, -1):
            frame = self.frames[depth]
            if frame.text is not None:
                return
            if frame.closer[0] == char:
                self.frames, self.last = self.frames[:depth], frame.after or char
                return

    # Text

    def _open_text(self, openers: tuple[Opener, ...]) -> bool:
        """Open the first of ``openers`` that stands here."""
        for pattern, text in openers:
            if text.operand and self._has_value() and self.last != "}":
                continue
            if (match := pattern.match(self.text, self.pos)) is not None:
                closer = match.expand(text.closer) if "\\" in text.closer else text.closer
                self.frames = (*self.frames, Frame(match[0], closer, text))
                self.pos = match.end()
                if text.value:
                    self.last = ""
                return True
        return False

    def _text(self, frame: Frame, text: Text) -> None:
        """Read text up to its end, or to what begins inside it."""
        patterns = text_patterns(text, frame.closer)
        self.pos = patterns.body.match(self.text, self.pos).end()  # type: ignore[union-attr]
        if self.pos == self.size:
            return
        if not self.final and patterns.unfinished.fullmatch(self.text, self.pos):
            self.pending, self.pos = self.text[self.pos :], self.size
        elif (match := patterns.close.match(self.text, self.pos)) is not None:
            self._end_text(match.end(), text.value or self.last)
        elif not text.multiline and self.text[self.pos] in "\r\n":
            self._end_text(self.pos, "" if text.value else self.last)
        elif (match := patterns.field.match(self.text, self.pos)) is not None:
            self.frames = (*self.frames, Frame(match[0], "}" * match[0].count("{")))
            self.pos, self.last = match.end(), ""
        elif (match := patterns.deref.match(self.text, self.pos)) is not None:
            self.operator, self.last = match[match.lastindex or 0], match[0]
            self.pos = match.end()
        elif not self._open_text(patterns.inside):
            self.pos += 1

    def _end_text(self, end: int, last: str) -> None:
        self.frames, self.pos, self.last = self.frames[:-1], end, last
