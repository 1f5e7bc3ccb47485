"""Why written names were not listed: what was found by looking at the source and the answer."""

EXAMINED: dict[tuple[str, str, str], str] = {}
"""By project, path and name; the projects are pinned."""


def cause(project: str, path: str, name: str) -> str:
    """One phrase, or empty for a name that nobody has looked at."""
    return EXAMINED.get((project, path, name), "")
