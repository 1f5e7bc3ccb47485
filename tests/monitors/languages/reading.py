"""Reading marked code: in these tests a ``•`` stands behind each live dereference operator."""

from monitors.languages.lexers.brace_language import BraceLanguage
from monitors.languages.lexers.braces import BraceState


def read(
    language: BraceLanguage, pieces: list[str], state: BraceState | None = None
) -> tuple[list[int], BraceState]:
    """Indexes behind the live operators of a text that comes in pieces, and the last state."""
    found: list[int] = []
    state, offset = language.start() if state is None else state, 0
    for piece in pieces:
        at = 0
        while at < len(piece):
            state, at = state.scan(piece, at)
            if state.at_trigger:
                assert piece[:at].endswith(state.operator[-1])
                found.append(offset + at)
        offset += len(piece)
    return found, state


def begin(language: BraceLanguage) -> BraceState:
    """The state where code begins."""
    begins = language.grammar.begins
    return read(language, [] if begins is None else [f"{begins.closer} "])[1]


def mark(language: BraceLanguage, text: str) -> str:
    """``text`` with a ``•`` behind each live operator."""
    found, _ = read(language, [text])
    pieces = [text[a:b] for a, b in zip([0, *found], [*found, len(text)], strict=True)]
    return "•".join(pieces)


def unmark(marked: str) -> str:
    """The text of a case."""
    return marked.replace("•", "")


def opened(language: BraceLanguage, text: str) -> tuple[str, str]:
    """What is open behind ``text``, and what closes it."""
    _, state = read(language, [text])
    return " ".join(state.open), language.closers(state)
