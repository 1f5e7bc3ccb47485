"""What a `Grammar` cannot say about JavaScript and TypeScript: which tokens begin an expression.

That tells a regular expression from a division and, in `jsx`, an element from a comparison. And
it tells where a statement begins: there ``this.x`` may define the member that it names.
"""

import re
from typing import Final

from monitors.languages.lexers.braces import MEMBER, Scanner

START: Final = " ;"
"""In place of the end of a value: a statement may begin."""
HEADER: Final = " ("
"""In place of the end of a value: a word whose parenthesis a statement follows."""

# Modes. What is being read may define a member, belongs to a chain of names that may do so,
# or is behind `case`.
DEFINING: Final = "defining"
CHAIN: Final = "chain"
CASE: Final = "case"

NUMBER: Final = "0"
"""The end of a value that is a number."""

NAME: Final = r"#?(?!\d)[\w$]+"
_NUMBER = r"0[xXbBoO]\w*|\d[\d_]*(?:\.[\d_]*)?(?:[eE][-+]?[\d_]*)?n?"
_TOKEN = re.compile(rf"\s*(?:({NAME})|({_NUMBER})|([-+*%&|^~,:=>;@!]+))?")

_ROLES: Final = {
    **dict.fromkeys(("break", "continue", "do", "else"), START),
    **dict.fromkeys(("for", "if", "while", "with"), HEADER),
}


class ScriptScanner(Scanner):
    """Reads JavaScript and TypeScript without JSX.

    A slash behind a value divides, and one behind anything else begins a regular expression; so
    does one behind the parenthesis of ``if (...)`` or behind ``}``, which ends a block more
    often than a value that is to be divided.
    """

    __slots__ = ()
    first = START

    def _code(self) -> None:
        """Read words, numbers and signs, and the token at which they stop."""
        text, size = self.text, self.size
        while True:
            match = _TOKEN.match(text, self.pos)
            assert match is not None
            kind, self.pos = match.lastindex, match.end()
            if self.pos == size and kind is not None and not self.final:
                self.pending = match[kind]
                return
            if kind == 1:
                self._word(match[1])
            elif kind == 2:
                self.last = NUMBER
            elif kind == 3:
                self._symbol(match[3])
            elif self.pos < size:
                self._special(text[self.pos])
                return
            else:
                return

    def _word(self, word: str) -> None:
        grammar = self.lexicon.grammar
        if self.last == MEMBER:
            self.last = word
            if self.mode in (CHAIN, DEFINING):
                self.mode = DEFINING if word in grammar.definers and word != "this" else CHAIN
            return
        is_name = word not in grammar.keywords or (word == "of" and not self._has_value())
        if self.mode != CASE:
            self.mode = self._role(word)
        self.last = word if is_name else _ROLES.get(word, "")

    def _role(self, word: str) -> str:
        """Mode behind a word. Of two values in a row, the second begins a statement."""
        if self.last != START and not self._has_value():
            return ""
        if word in ("case", "default"):
            return CASE
        if word == "prototype":
            return CHAIN
        return DEFINING if word in self.lexicon.grammar.definers else CHAIN

    def _symbol(self, symbol: str) -> None:
        if symbol in ("!", "++", "--") and self._has_value() and self.last != "}":
            return
        ends = symbol[-1] == ";" or (symbol[-1] == ":" and self.mode == CASE)
        in_header = self.frames != () and self.frames[-1].opener == "("
        self.last = START if ends and not in_header else ""
        if ends or self.mode != CASE:
            self.mode = ""

    def _dereference(self, operator: str) -> None:
        """An operator, which is live behind a value that it cannot define a member of."""
        live, self.pos = self._is_live(operator), self.pos + len(operator)
        if not live:
            self.last = ""
        elif self.mode == DEFINING and operator == ".":
            self.last, self.mode = MEMBER, CHAIN
        else:
            self.operator = operator

    def _open(self) -> None:
        header = self.last == HEADER
        super()._open()
        if header:
            self.frames = (*self.frames[:-1], self.frames[-1]._replace(after=START))
        elif self.frames[-1].opener == "{":
            self.last = START
        self._leave_chain()

    def _close(self) -> None:
        super()._close()
        self._leave_chain()

    def _leave_chain(self) -> None:
        if self.mode != CASE or self.text[self.pos - 1] in "{}":
            self.mode = ""
