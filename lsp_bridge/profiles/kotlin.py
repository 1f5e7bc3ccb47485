"""fwcd's Kotlin language server. Written from its sources and multilspy's; not tried on it.

It runs Gradle, Maven or a script of the workspace to learn the class path, without a setting to
keep it from that: it is started in trusted workspaces only.
`Any` has members of its own and the JVM knows no dynamic type, so its list is one like any other.
"""

import re
from collections.abc import Iterable

from lsp_bridge.profiles.profile import Listing, Profile, Tree
from lsp_bridge.servers.project import Project

_EXTENSION = re.compile(r"(?:fun|va[lr]) (?:<.*> )?[^(:]*\.")
_ACCESSOR = re.compile(r" \(from (\w+)[^()]*(?:\(.*\))?\)\Z")


def unknown(listing: Listing) -> str:
    """Why members may be missing: only extensions are listed, and they fit an unknown type too."""
    details = (item.detail for item in listing.items.values())
    if "hashCode" not in listing.items and any(map(_EXTENSION.match, details)):
        return "the type is unknown"
    return ""


def accessors(listing: Listing) -> Iterable[str]:
    """``getName`` and ``setName``: the server lists them as ``name`` alone."""
    found = (_ACCESSOR.search(item.detail) for item in listing.items.values())
    return [match[1] for match in found if match]


def _options(project: Project) -> Tree:
    return {
        # Changes are compiled this long after they were made.
        "diagnostics": {"enabled": False, "debounceTime": 0},
        # Of symbols that are not imported.
        "indexing": {"enabled": False},
        "completion": {"snippets": {"enabled": False}},
    }


KOTLIN = Profile(
    name="kotlin-language-server",
    languages=frozenset({"kotlin"}),
    command=("kotlin-language-server",),
    install="mgd install kotlin-language-server",
    version_command=("kotlin-language-server", "--version"),
    multilspy="kotlin",
    initialization_options=_options,
    settings=lambda project: {"kotlin": _options(project)},
    runs_code=lambda project: "Gradle and Maven run its build",
    # Which it answers when the class path is known.
    start_timeout_s=600.0,
    patience_s=60.0,
    names=re.compile(r"[^\W\d]\w*|`[^`\r\n]+`"),
    dropped_kinds=frozenset({15}),
    # Where it finds no member it lists keywords.
    foreign_kinds=frozenset({14}),
    open_type=unknown,
    implied=accessors,
)
