"""Elements of JSX: ``<Foo.Bar a={b.c}>text {d.e}</Foo.Bar>``.

Each is a frame: a tag is code of its own kind, and the text between tags is no code.
"""

import re
from typing import Final

from monitors.languages.lexers.braces import MEMBER, Frame
from monitors.languages.lexers.grammar import BLOCK_COMMENT, LINE_COMMENT, Text
from monitors.languages.lexers.script_scanner import ScriptScanner

FIELD: Final = Frame("<{", "}")
"""An expression in a tag or between tags; no block, whose opener is ``{``."""
_ARGUMENTS: Final = Frame("<,", ">")
"""Type arguments in a tag: ``<Foo<string> />``."""
_CHILDREN: Final = Text("", "", value="")
_ATTRIBUTES: Final = (
    Text('"', '"', escapes=(), multiline=True, value=""),
    Text("'", "'", escapes=(), multiline=True, value=""),
)
_OPENERS: Final = tuple(
    (re.compile(text.opens), text) for text in (*_ATTRIBUTES, LINE_COMMENT, BLOCK_COMMENT)
)

_LESS = re.compile(r"<+")
_BODY = re.compile(r"[^<{]*")
_WORD = re.compile(r"(?!\d)[\w$:-]+")
_ELEMENT = re.compile(r"<(?:(?!\d)[\w$]|>)")
# In a .tsx file an arrow function with type parameters is told by a comma or `extends`; in a type,
# by the parenthesis behind it.
_PARAMETERS = re.compile(r"<(?:const\s+)?[A-Z][\w$]*(?:\s*[,=]|\s+extends\s|>\()")
_BEGUN = re.compile(r"<(?:c[a-z]{0,4}\s*)?(?:[A-Z][\w$]*(?:>|\s+[a-z]{0,7})?)?")


class ElementScanner(ScriptScanner):
    """Reads JavaScript and TypeScript with JSX.

    A ``<`` behind a value compares, and one behind anything else begins an element.
    """

    __slots__ = ()

    def _code(self) -> None:
        opener = self.frames[-1].opener if self.frames else ""
        if opener[:1] == "<" and opener != FIELD.opener:
            self._tag(self.frames[-1])
        else:
            super()._code()

    def _text(self, frame: Frame, text: Text) -> None:
        if text is _CHILDREN:
            self._children()
        else:
            super()._text(frame, text)

    def _special(self, char: str) -> None:
        if char == "<":
            self._less()
        else:
            super()._special(char)

    def _less(self) -> None:
        """Begin an element, unless this compares, shifts, or begins type parameters."""
        if self._has_value() or self.last == MEMBER:
            self._compare()
        elif not self.final and _BEGUN.fullmatch(self.text, self.pos):
            self._wait()
        elif _ELEMENT.match(self.text, self.pos) and not _PARAMETERS.match(self.text, self.pos):
            self._begin_tag("<", "/>")
        else:
            self._token()

    def _compare(self) -> None:
        end = _LESS.match(self.text, self.pos).end()  # type: ignore[union-attr]
        if end == self.size and not self.final:
            self._wait()
        else:
            self.pos = end
            self._symbol("<")

    def _wait(self) -> None:
        """Leave the rest of the text for the next call."""
        self.pending, self.pos = self.text[self.pos :], self.size

    def _push(self, frame: Frame, length: int = 1) -> None:
        self.frames, self.last, self.mode = (*self.frames, frame), "", ""
        self.pos += length

    def _begin_tag(self, opener: str, closer: str) -> None:
        self._push(Frame(opener, closer), len(opener))

    # Between tags

    def _children(self) -> None:
        """Read text up to an expression or a tag."""
        self.pos = _BODY.match(self.text, self.pos).end()  # type: ignore[union-attr]
        if self.pos == self.size:
            return
        if self.text[self.pos] == "{":
            self._push(FIELD)
        elif self.pos + 1 == self.size and not self.final:
            self._wait()
        elif self.text.startswith("</", self.pos):
            self.frames = self.frames[:-1]
            self._begin_tag("</", ">")
        elif _ELEMENT.match(self.text, self.pos):
            self._begin_tag("<", "/>")
        else:
            self.pos += 1

    # Inside a tag

    def _tag(self, frame: Frame) -> None:
        """Read one token of a tag."""
        self.pos = self.lexicon.blanks.match(self.text, self.pos).end()  # type: ignore[union-attr]
        if self.pos == self.size:
            return
        match = _WORD.match(self.text, self.pos)
        if match is None:
            self._sign(frame, self.text[self.pos])
        elif match.end() == self.size and not self.final:
            self._wait()
        else:
            self.pos = match.end()
            self._word_of_tag(frame, match[0])

    def _word_of_tag(self, frame: Frame, word: str) -> None:
        """Read a part of the element's name or the name of an attribute."""
        if self.last == MEMBER or frame.opener in ("<", "</", _ARGUMENTS.opener):
            self.last = word
            self._rename(frame, word)
        else:
            self.last = ""

    def _rename(self, frame: Frame, more: str) -> None:
        """Add to the element's name, which the opener shows."""
        if frame.opener != _ARGUMENTS.opener:
            self.frames = (*self.frames[:-1], frame._replace(opener=frame.opener + more))

    def _sign(self, frame: Frame, char: str) -> None:
        if char == ">":
            self._end_tag(frame)
        elif char == "{":
            self._push(FIELD)
        elif char == "<":
            self._push(_ARGUMENTS) if self._has_value() else self._begin_tag("<", "/>")
        elif char == "/":
            self._slash()
        elif char == "." and self._has_value():
            self._rename(frame, char)
            self._dereference(char)
        elif not self._open_text(_OPENERS):
            self.pos, self.last = self.pos + 1, ""

    def _end_tag(self, frame: Frame) -> None:
        """End a tag; behind that of an opening one comes text."""
        self.pos, self.frames = self.pos + 1, self.frames[:-1]
        if frame.closer == "/>":
            closer = f"</{frame.opener[1:]}>"
            self.frames = (*self.frames, Frame(frame.opener + ">", closer, _CHILDREN))
        self.last = "" if frame is _ARGUMENTS else ">"

    def _slash(self) -> None:
        """Read the end of an element without content, or a comment."""
        if self.pos + 1 == self.size and not self.final:
            self._wait()
        elif self.text.startswith("/>", self.pos):
            self.frames, self.pos, self.last = self.frames[:-1], self.pos + 2, ">"
        elif not self._open_text(_OPENERS):
            self.pos, self.last = self.pos + 1, ""
