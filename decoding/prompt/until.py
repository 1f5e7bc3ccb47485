"""What generation goes on to the end of."""

from enum import StrEnum


class Until(StrEnum):
    """A unit of code, as users name it."""

    LINE = "line"
    STATEMENT = "statement"
    FUNCTION = "function"
