"""Tables, quantities and code in Markdown."""

from collections.abc import Iterable, Sequence

Row = Sequence[object]


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit; shares as percentages."""
    if value is None:
        return "–"
    if unit == "share":
        return f"{value * 100:.2f} %"
    return f"{value:,g} {unit}".strip()


def table(head: Sequence[str], rows: Iterable[Row], align: str = "---:") -> str:
    """A Markdown table; ``align`` is that of all columns but the first."""
    lines = [head, ["---", *[align] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines) + "\n"


def _cell(value: object) -> str:
    text = "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("|", "\\|")


def code(text: str) -> str:
    """Text as it is; a backquote would end it."""
    return "`" + text.replace("`", "'") + "`"
