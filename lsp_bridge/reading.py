"""Reading text with a lexer, whatever triggers are on the way."""

from monitors.languages.language import LexState


def advance(state: LexState, text: str, start: int = 0) -> LexState:
    """State behind ``text[start:]``."""
    while start < len(text):
        state, start = state.scan(text, start)
    return state
