"""How a list of PHP members shows that other names are valid too."""

import re
from collections.abc import Iterable

from lsp_bridge.profiles.profile import Listing

_MAGIC = ("__get", "__set", "__call", "__callStatic")
_SET_MEMBER = re.compile(r"\$this->([^\W\d]\w*)\s*=(?!=)")
_THIS = re.compile(r"\$this\??->\s*\Z")
_CLASS = re.compile(r"^[ \t]*(?:(?:abstract|final|readonly)[ \t]+)*(class|trait)\b", re.MULTILINE)


def magic(listing: Listing) -> str:
    """Why members come up that nobody declared: magic methods, or what a trait is used in."""
    found = next((name for name in _MAGIC if name in listing.items), "")
    if found:
        return found
    if _is_this(listing):
        kinds = _CLASS.findall(listing.text, 0, listing.cursor)
        return "a trait" if kinds and kinds[-1] == "trait" else ""
    return ""


def unlisted(listing: Listing) -> Iterable[str]:
    """Members that the file sets on ``$this`` undeclared, and constructors, which are inherited."""
    if _is_this(listing):
        return _SET_MEMBER.findall(listing.text)
    return ("__construct",) if "class" in listing.items else ()


def _is_this(listing: Listing) -> bool:
    return _THIS.search(listing.text[: listing.cursor][-40:]) is not None
