"""What a `Grammar` cannot say about Ruby: where operands begin, line ends, and heredocs.

A sign such as ``/`` or ``<<`` is an operator behind a value and begins an operand elsewhere.
Behind a word it begins the argument of a command if only a blank stands before: ``split /,/``.
"""

import re
from typing import Final

from monitors.languages.lexers.braces import MEMBER, Frame, Scanner
from monitors.languages.lexers.grammar import Text

LINE: Final = "\n"
"""The end of a value that lines end behind; only a dereference continues it."""
FIRST: Final = " ^"
"""In place of the end of a value: nothing has come yet."""
INTEGER: Final = " 0"
"""A number that a dot may continue."""
DEFINITION: Final = " def"
"""In place of the end of a value: the next word is what is defined."""
DEFINED: Final = " def."
"""What is defined, unless a dot follows."""
_VALUE: Final = "0"

NAME: Final = r"(?!\d)\w+(?:[?!](?!=))?"
WORD: Final = rf"@{{0,2}}{NAME}|\$(?:\w+|-\w|[^\w\s])"
_NUMBER = r"0[xXbBoOdD]\w*|\d[\d_]*(?:\.(?:\d[\d_]*|\Z))?(?:[eE](?:[-+]?\d[\d_]*|[-+]\Z)?)?[a-z]*"
_TOKEN = re.compile(
    rf"(?:[ \t\r\f\v]|\\\r?\n)*(?:({NAME}:(?!:))|({WORD})"
    rf"|({_NUMBER})"
    r"|((?:[-+*!~^|,;=>]|&(?!\.))+))?"
)
_SYMBOL = re.compile(rf":(?:(?:@{{0,2}}|\$){NAME}(?:=(?![=~>]))?|\[\]=?|[-+*/%<>=!~^&|`]+@?)")
_CHARACTER = re.compile(r"\?(?:\\\S[-\w]*|[^\s\\])(?!\w)")
_HEREDOC = re.compile(r"<<[~-]?(?:([\"'`])([^\"'`\r\n]+)\1|((?!\d)\w+))")
_ARGUMENT = re.compile(r"<<(?:[~-]|([\"'`]?)[A-Z][A-Z_\d]*\1(?!\w))")
"""What is a heredoc behind a word, too; anything else is appended to a value."""

# What cannot be judged before more text comes, by its first character.
_BEGUN: Final = {
    ":": re.compile(
        rf":(?:(?:@{{0,2}}|\$){NAME}=?|@{{1,2}}|\$|\w+[?!]?=?|\[\]?=?|[-+*/%<>=!~^&|`]+@?)?"
    ),
    "?": re.compile(r"\?(?:\\\S?[-\w]*|[^\s\\])?"),
    "<": re.compile(r"<(?:<(?:[~-]?(?:[\"'`][^\"'`\r\n]*|\w*))?)?"),
    "/": re.compile(r"/"),
    "%": re.compile(r"%[A-Za-z]?"),
    "@": re.compile(r"@{1,2}"),
    "$": re.compile(r"\$"),
    "\\": re.compile(r"\\\r?"),
    "\n": re.compile(r"\n(?:=(?:b(?:e(?:g(?:in?)?)?)?)?|_+(?:E(?:N(?:D_*)?)?)?\r?)?"),
    "=": re.compile(r"=(?:b(?:e(?:g(?:in?)?)?)?)?"),
}

_ROLES: Final = dict.fromkeys(("alias", "class", "def", "module", "undef"), DEFINITION)
_NEVER = re.compile(r"(?!)")

_BODY: Final = {
    "closes": r"\n[ \t]*{}(?![^\r\n])",
    "unfinished": r"\n[ \t]*(?:[^\W\d][\w ]*)?\r?",
    "multiline": True,
    "value": "",
}
_HEREDOCS: Final = {
    True: Text("", "", escapes=(), **_BODY),  # type: ignore[arg-type]
    False: Text("", "", fields=("#{",), **_BODY),  # type: ignore[arg-type]
}
"""By whether they are raw."""
_LINES: Final = {
    "unfinished": r"\n(?:=(?:e(?:n(?:d[^\r\n]*)?)?)?)?",
    "escapes": (),
    "multiline": True,
    "value": "",
}
_DOCUMENTS: Final = tuple(
    (re.compile(text.opens), text)
    for text in (
        Text(r"\n?=begin(?!\S)", "\n=end\n", closes=r"\n=end(?!\S)[^\r\n]*", **_LINES),  # type: ignore[arg-type]
        Text(r"\n__END__(?=\r?\n)", "\0", background=True, **_LINES),  # type: ignore[arg-type]
    )
)
"""Comments and data, which lines of their own begin and end."""


class RubyScanner(Scanner):
    """Reads Ruby. `BraceState.mode` holds the openers of heredocs whose bodies have yet to come."""

    __slots__ = ()
    first = FIRST

    def _code(self) -> None:
        """Read words, numbers and signs, and the token at which they stop."""
        text, size = self.text, self.size
        if self.last == FIRST and text[self.pos] == "=":
            self._special("=")
            return
        while True:
            match = _TOKEN.match(text, self.pos)
            assert match is not None
            kind, self.pos = match.lastindex, match.end()
            if self.last == FIRST and match[0]:
                self.last = ""
            if self.pos == size and kind is not None and not self.final:
                self.pending = match[kind]
                return
            if kind == 1:
                self.last = ""
            elif kind == 2:
                self._word(match[2])
            elif kind == 3:
                self.last = INTEGER if match[3].replace("_", "").isdecimal() else _VALUE
            elif kind == 4:
                self._symbol(match[4])
            elif self.pos < size:
                self._special(text[self.pos])
                return
            else:
                return

    def _word(self, word: str) -> None:
        if self.last == DEFINITION:
            self.last = DEFINED
        elif self.last == MEMBER or word not in self.lexicon.grammar.keywords:
            self.last = word
        else:
            self.last = _ROLES.get(word, "")

    def _symbol(self, symbol: str) -> None:
        self.last = self._name_of_method() if self._names_method() else ""

    def _names_method(self) -> bool:
        return self.last in (MEMBER, DEFINITION)

    def _name_of_method(self) -> str:
        return DEFINED if self.last == DEFINITION else _VALUE

    def _special(self, char: str) -> None:
        if not self.final and _BEGUN.get(char, _NEVER).fullmatch(self.text, self.pos):
            self.pending, self.pos = self.text[self.pos :], self.size
        elif char in "([{":
            self._open()
        elif char in ")]}":
            self._close()
        elif char == "\n":
            self._end_line()
        elif not self._operand(char):
            self._operator(char)

    def _operator(self, char: str) -> None:
        if char in "/%<`" and self._names_method():
            self.last, self.pos = self._name_of_method(), self.pos + 1
        elif char in "/%?<":
            self.last = ""
            self.pos += 2 if self.text.startswith("<<", self.pos) else 1
        else:
            self._token()

    def _begins_operand(self) -> bool:
        """Whether an operand, not a binary operator, stands here."""
        if self._names_method() or self.last == INTEGER:
            return False
        return not self._has_value() or self.last == LINE or self._begins_argument()

    def _begins_argument(self) -> bool:
        """Whether a blank stands here behind a word, and none follows the sign."""
        is_word = self.lexicon.word.fullmatch(self.last) is not None
        follows = self.text[self.pos + 1 : self.pos + 2]
        return is_word and self._before(self.pos) == " " and follows not in (" ", "=", "\n", "\t")

    def _operand(self, char: str) -> bool:
        """Read a literal, if one begins here."""
        if char == "<":
            return self._heredoc()
        if char == ":":
            return self._literal(_SYMBOL)
        if char == "?":
            begins = self._begins_operand() and not self._begins_argument()
            return begins and self._literal(_CHARACTER)
        if char == "=":
            return self._open_text(_DOCUMENTS)
        if char in "/%":
            return self._begins_operand() and self._open_text(self.lexicon.openers[char])
        return False

    def _literal(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self.text, self.pos)
        if match is None:
            return False
        self.pos, self.last = match.end(), _VALUE
        return True

    # Line ends and heredocs

    def _end_line(self) -> None:
        """Begin the bodies that wait for the line end, or read the line end itself."""
        if self.mode:
            self.frames, self.mode = (*self.frames, *bodies(self.mode)[::-1]), ""
        elif self.text[self.pos + 1 : self.pos + 2] not in ("=", "_") or not self._open_text(
            _DOCUMENTS
        ):
            self.pos += 1
            if self.last != MEMBER:
                self.last = LINE if self._has_value() else ""

    def _heredoc(self) -> bool:
        """Note a heredoc, whose body begins on the next line."""
        match = _HEREDOC.match(self.text, self.pos)
        if match is None or not self._begins_operand():
            return False
        if self._begins_argument() and not _ARGUMENT.match(self.text, self.pos):
            return False
        self.mode += match[0] + "\n"
        self.pos, self.last = match.end(), '"'
        return True

    # Definitions

    def _dereference(self, operator: str) -> None:
        """An operator, which is live but for that of a definition: ``def self.name``."""
        live, self.pos = self._is_live(operator), self.pos + len(operator)
        if self.last in (DEFINED, DEFINITION):
            self.last = DEFINITION
        elif live:
            self.operator = operator
        else:
            self.last = ""


def bodies(mode: str) -> tuple[Frame, ...]:
    """Frames of the heredocs that wait, the first one first."""
    return tuple(map(_body, mode.splitlines()))


def _body(opener: str) -> Frame:
    """Frame of a heredoc, from its opener: ``<<~'NAME'``."""
    name = opener.lstrip("<~-")
    return Frame(opener, f"\n{name.strip(_QUOTES)}\n", _HEREDOCS[name[0] == "'"])


_QUOTES: Final = "\"'`"
