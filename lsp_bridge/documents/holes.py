"""Hole repair: what a language server is given while a statement is still being written.

A server that is shown a file cut off at the cursor does not know what is defined below it, and
one that is shown the whole file trips over the unfinished statement. So the rest of the statement
in which the cursor stands is replaced by whatever closes it: `repair` keeps the text before the
cursor as it is, character by character, and everything from the next statement on.
"""

from dataclasses import dataclass

from lsp_bridge.documents import holes_braces, holes_python
from monitors.languages.language import Blocks, Language, LexState
from monitors.languages.reading import advance


@dataclass(frozen=True, slots=True)
class Repaired:
    """A document without holes."""

    text: str
    cursor: int
    """Offset of the cursor, in ``text`` as in the original: up to there they are equal."""
    patch: str
    """What stands in ``text`` behind the cursor in place of ``dropped`` characters."""
    dropped: int

    def original_offset(self, offset: int) -> int | None:
        """Offset in the original of ``text[offset]``; None inside the patch."""
        if offset <= self.cursor:
            return offset
        if offset < self.cursor + len(self.patch):
            return None
        return offset - len(self.patch) + self.dropped


def repair(language: Language, state: LexState | None, prefix: str, suffix: str) -> Repaired:
    """Close what is open behind ``prefix`` and drop the rest of its statement from ``suffix``.

    ``state`` is the lexer's state behind ``prefix``; it is computed if it is None.
    """
    if state is None:
        state = advance(language.start(), prefix)
    if language.blocks is Blocks.INDENTED:
        dropped = holes_python.statement_rest(state, suffix)
        patch = holes_python.patch(language, state, prefix, suffix[dropped:])
    else:
        dropped, patch = holes_braces.complete(language, state, prefix, suffix)
    kept = suffix[dropped:]
    if not kept:
        patch += "\n"
    return Repaired(prefix + patch + kept, len(prefix), patch, dropped)
