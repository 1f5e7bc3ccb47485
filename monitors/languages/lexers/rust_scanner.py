"""What a `Grammar` cannot say about Rust: attributes, whose paths may lead to a tool."""

from typing import Final

from monitors.languages.lexers.braces import Scanner

_SIGN: Final = " #"
"""In place of the end of a value: an attribute may begin."""
ATTRIBUTE: Final = " #["
"""`Frame.after` of an attribute's bracket: no value."""


class RustScanner(Scanner):
    """Reads Rust. No operator is live in an attribute: ``#[rustfmt::skip]`` names no item."""

    __slots__ = ()

    def _symbol(self, symbol: str) -> None:
        if symbol == "#":
            self.last = _SIGN
        elif not (symbol == "!" and self.last == _SIGN):
            super()._symbol(symbol)

    def _open(self) -> None:
        is_attribute = self.last == _SIGN and self.text[self.pos] == "["
        super()._open()
        if is_attribute:
            self.frames = (*self.frames[:-1], self.frames[-1]._replace(after=ATTRIBUTE))

    def _is_live(self, operator: str) -> bool:
        live = super()._is_live(operator)
        return live and all(frame.after != ATTRIBUTE for frame in self.frames)
