"""Procedural macros that are not run, seen in front of the Rust types that they extend."""

import re
from collections.abc import Iterator, Sequence

from lsp_bridge.profiles.profile import Definition
from monitors.languages.lexers.grammar import words

_STANDARD = words("Clone Copy Debug Default Eq Hash Ord PartialEq PartialOrd")
"""Derives of the compiler's own, which rust-analyzer knows without running anything."""
_BUILT_IN = words(
    "allow automatically_derived bench cfg cold coverage debugger_visualizer deny deprecated doc "
    "expect export_name forbid ignore inline link link_name link_section macro_export macro_use "
    "must_use no_link no_mangle non_exhaustive path repr should_panic target_feature test "
    "track_caller type_length_limit used warn"
)
_TOOLS = words("clippy diagnostic miri rust_analyzer rustdoc rustfmt")
_LIBRARY = re.compile(r"(?:un)?stable\Z|rustc_")
"""Matches attributes that only the standard library may use."""
_POINTERS = words(
    "Arc AssertUnwindSafe Box Cow LazyCell LazyLock ManuallyDrop MappedMutexGuard "
    "MappedRwLockReadGuard MappedRwLockWriteGuard MutexGuard PeekMut Pin Rc Ref RefMut "
    "ReentrantLockGuard RwLockReadGuard RwLockWriteGuard ThinBox UniqueArc UniqueRc"
)
"""Types of the standard library that have the members of the type that they are given."""
_NO_CODE = re.compile(
    r"//[^\n]*|/\*.*?\*/"
    r"|\b[bc]?r(#*)\".*?\"\1|\"(?:\\.|[^\"\\])*\"|'(?:\\[^']+|[^'\\])'",
    re.DOTALL,
)
_ATTRIBUTE = re.compile(r"#\s*!?\s*\[")
_META = re.compile(r"\s*(?:unsafe\s*\(\s*)?((?:::\s*)?\w+(?:\s*::\s*\w+)*)\s*(\(?)")


def why_open(definitions: Sequence[Definition]) -> str:
    """Which macro may give the type members that are not listed; empty: none.

    A library's container has at most some trait more if its elements have: that is not counted.
    """
    for definition in definitions:
        attributes = _attributes(definition.header)
        if any(_LIBRARY.match(path) for path, _ in attributes):
            if definition is definitions[0] and definition.name not in _POINTERS:
                return ""
            continue
        for path, arguments in attributes:
            for macro in _macros(path, arguments):
                return f"the macro {macro} in front of {definition.name} was not run"
    return ""


def _attributes(header: str) -> list[tuple[str, list[str]]]:
    """Path and arguments of every attribute."""
    code = _NO_CODE.sub(" ", header)
    found, place = [], 0
    while match := _ATTRIBUTE.search(code, place):
        meta = _balanced(code, match.end())
        found.append(_parsed(meta))
        place = match.end() + len(meta)
    return found


def _parsed(meta: str) -> tuple[str, list[str]]:
    match = _META.match(meta)
    if match is None:
        return meta.strip(), []
    path = "".join(match[1].split()).removeprefix("::")
    return path, _split(_balanced(meta, match.end())) if match[2] else []


def _macros(path: str, arguments: list[str]) -> Iterator[str]:
    """The procedural macros that an attribute names, or may name."""
    if path == "cfg_attr":
        for each in arguments[1:]:
            yield from _named(*_parsed(each))
    else:
        yield from _named(path, arguments)


def _named(path: str, arguments: list[str]) -> Iterator[str]:
    if path == "derive":
        derives = (_parsed(each)[0] for each in arguments)
        yield from (each for each in derives if not _is_standard(each))
    elif path not in _BUILT_IN and path.split("::")[0] not in _TOOLS:
        yield path


def _is_standard(derive: str) -> bool:
    library, _, name = derive.rpartition("::")
    return name in _STANDARD and library.split("::")[0] in ("", "core", "std")


def _balanced(text: str, start: int) -> str:
    """``text`` from ``start`` to the bracket that closes what was opened before."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] in "([{") - (text[place] in ")]}")
        if depth < 0:
            return text[start:place]
    return text[start:]


def _split(text: str) -> list[str]:
    """What commas separate, but those in brackets."""
    parts = [""]
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part for part in parts if part.strip()]
