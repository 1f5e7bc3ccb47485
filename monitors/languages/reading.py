"""Reading text with a lexer, whatever triggers are on the way."""

from typing import TypeVar

from monitors.languages.language import LexState

S = TypeVar("S", bound=LexState)


def advance(state: S, text: str, start: int = 0) -> S:
    """State behind ``text[start:]``."""
    while start < len(text):
        state, start = state.scan(text, start)
    return state
