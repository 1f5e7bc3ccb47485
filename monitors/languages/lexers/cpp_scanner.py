"""What a `Grammar` cannot say about C++: names that are being declared, and where members may be.

Behind ``namespace`` or the key of a class a name may be new or private, so no operator is live
there. And the braces of namespaces are told from others: outside of those others a member may be
defined, private or not.
"""

from typing import Final

from monitors.languages.lexers.braces import CODE, BraceState, Scanner
from monitors.languages.lexers.grammar import QUOTE

SCOPE: Final = " namespace"
"""`Frame.after` of a namespace's braces, and of those of ``extern "C"``: no value, as it were."""
_USING: Final = "using"
_NAMESPACE: Final = "namespace"


class CppScanner(Scanner):
    """Reads C++. `Grammar.definers` holds the words that a name follows, and ``using``."""

    __slots__ = ()

    def _end_mode(self, char: str) -> None:
        """A ``::`` belongs to the name; a brace of a namespace is for `_open` to see."""
        if char == ":" and self._is_scope_operator():
            return
        if not (char == "{" and self.mode == _NAMESPACE):
            super()._end_mode(char)

    def _is_scope_operator(self) -> bool:
        """Whether the colon here is the first of two, or the last character so far."""
        behind = self.pos + 1
        return self.text[behind : behind + 1] == ":" or (behind == self.size and not self.final)

    def _word(self, word: str) -> None:
        """In ``using namespace a::b`` nothing is declared."""
        if self.mode != _USING:
            super()._word(word)
            return
        self.mode = CODE
        if word == _NAMESPACE:
            self.last = ""
        else:
            super()._word(word)

    def _open(self) -> None:
        is_scope = self.text[self.pos] == "{" and (self.mode == _NAMESPACE or self.last == QUOTE)
        super()._open()
        if is_scope:
            self.mode = CODE
            self.frames = (*self.frames[:-1], self.frames[-1]._replace(after=SCOPE))


def in_namespace(state: BraceState) -> bool:
    """Whether ``state`` is outside of every class, function and bracket."""
    return all(frame.after == SCOPE for frame in state.settled_frames)
