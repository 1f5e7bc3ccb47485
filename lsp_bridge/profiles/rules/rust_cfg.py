"""Rust code that is compiled under conditions only: its paths may lead where nothing is now."""

import re

from lsp_bridge.profiles.profile import Listing

_BRACES = re.compile(
    r"//[^\n]*|/\*.*?\*/|r(#+)\".*?\"\1|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\\n]|\\[^\n])'|[{};]",
    re.DOTALL,
)
"""Braces and ends of statements; comments, strings and characters are read past."""
_CONDITION = re.compile(r"#\[\s*cfg(?:_attr)?\s*\((?!\s*test\s*\))")
_CONDITION_OF_FILE = re.compile(r"^#!\[\s*cfg\s*\(", re.MULTILINE)
_PATH = "::"


def why_open(listing: Listing) -> str:
    """Why a path may have more behind it than is listed: ``#[cfg(windows)] use std::os::``.

    Values in code that is not compiled have no lists at all; paths have those of what is compiled.
    """
    before = listing.text[: listing.cursor]
    if not before.rstrip().endswith(_PATH):
        return ""
    headers = [""]
    start = 0
    for match in _BRACES.finditer(before):
        sign = match[0]
        if sign == "{":
            headers[-1] = before[start : match.start()]
            headers.append("")
        elif sign == "}" and len(headers) > 1:
            headers.pop()
        elif sign not in "};":
            continue
        start = match.end()
    headers[-1] = before[start:]
    if _CONDITION_OF_FILE.search(before) or any(map(_CONDITION.search, headers)):
        return "code that is compiled under a condition"
    return ""
