"""Where generation ends, by the text alone: at the end of a line, a statement, or a function."""

from typing import Protocol, Self

from decoding.prompt.stopping_braces import BraceStopper
from decoding.prompt.stopping_python import PythonStopper
from decoding.prompt.until import Until
from monitors.errors import UsageError
from monitors.languages.language import Blocks, Language


class Stopper(Protocol):
    """Reads generated text piece by piece and tells where it ends. `fork` before alternatives."""

    def update(self, text: str) -> int | None:
        """Characters of all generated text to keep, once that is known; None: go on."""
        ...

    def fork(self) -> Self:
        """An independent copy."""
        ...


def open_stopper(language: Language, prefix: str, until: Until | str) -> Stopper:
    """Begin behind ``prefix``, the text before the cursor. Raises `UsageError`."""
    try:
        unit = Until(until)
    except ValueError as error:
        raise UsageError(f"got {until!r}; expected one of {', '.join(Until)}") from error
    if language.blocks is Blocks.INDENTED:
        return PythonStopper(language, prefix, unit)
    return BraceStopper(language, prefix, unit)


def stop_index(language: Language, prefix: str, generated: str, until: Until | str) -> int | None:
    """How many characters of ``generated`` to keep; None: generation goes on."""
    return open_stopper(language, prefix, until).update(generated)
