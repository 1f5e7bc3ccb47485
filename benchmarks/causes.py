"""Why a true name was forbidden, read off the source around it."""

import re

SILENCED = "the author silenced a type checker on this line"
ELSEWHERE = "no dereference here: an error of the monitor"

_RECEIVER = re.compile(r"([^\W\d]\w*)\.\s*\Z")
_CHAIN = re.compile(r"([^\W\d][\w.]*)\.\s*\Z")
_PLATFORM = re.compile(r"sys\.platform|os\.name|\bhasattr\(|win32|Windows")
_LINES_BEFORE = 25


EXAMINED = {
    ("aiohttp/helpers.py", "_SENTINEL"): "the functional form of an enumeration",
    ("attr/validators.py", "self.pattern"): "a descriptor is taken for the value of its field",
    ("networkx/generators/directed.py", "G"): "inferred wrongly, through a decorator",
    ("pydantic/v1/_hypothesis_plugin.py", "pydantic.color"): "the package is wrong: no such name",
}
"""What was looked at by hand, by path and receiver; the packages are pinned."""


def cause(path: str, text: str, line: int, column: int, name: str, reason: str) -> str:
    """One phrase on the name at 1-based ``line`` and ``column`` of ``text``.

    ``reason`` is the replay's own: whether the server listed the name, and what the line says.
    """
    if reason.startswith("no dereference"):
        return ELSEWHERE
    if reason.startswith("listed"):
        return "the server lists it: an error of the mask"
    if "silenced" in reason:
        return SILENCED
    lines = text.splitlines()
    here = lines[line - 1]
    before, behind = here[: column - 1], here[column - 1 :]
    near = "\n".join(lines[max(0, line - _LINES_BEFORE) : line])
    chain = _CHAIN.search(before)
    if chain is not None and (path, chain[1]) in EXAMINED:
        return EXAMINED[path, chain[1]]
    if _is_bound_behind(before, behind + "\n" + "\n".join(lines[line : line + 3])):
        return "a comprehension's variable, bound behind its use"
    if _is_set_outside(text, name):
        return "an attribute that is set from outside the class"
    if _is_narrowed(before, near):
        return "narrowed by isinstance, which the server does not follow here"
    if _PLATFORM.search(near):
        return "exists on other platforms or versions only"
    if re.fullmatch(r"_(?!_)\w*", name):
        return "a private name that the server does not list"
    return "not in the server's list"


def _is_bound_behind(before: str, behind: str) -> bool:
    receiver = _RECEIVER.search(before)
    if receiver is None:
        return False
    return re.search(rf"\bfor\b[^:\n]*\b{receiver[1]}\b[^:\n]*\bin\b", behind) is not None


def _is_narrowed(before: str, near: str) -> bool:
    """Whether the receiver, or a part of its chain, was the subject of an ``isinstance``."""
    chain = _CHAIN.search(before)
    if chain is None:
        return False
    parts = chain[1].split(".")
    chains = (".".join(parts[:length]) for length in range(1, len(parts) + 1))
    return any(f"isinstance({each}," in near for each in chains)


def _is_set_outside(text: str, name: str) -> bool:
    pattern = rf"(?<!\bself)(?<!\bcls)\.{name}\s*(?::[^=\n]+)?=(?!=)"
    return re.search(pattern, text) is not None or f'setattr(self, "{name}"' in text
