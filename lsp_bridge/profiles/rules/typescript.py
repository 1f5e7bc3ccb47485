"""How ``tsserver``, which every server for TypeScript drives, shows what its lists are worth."""

import re
from collections.abc import Iterable

from lsp_bridge.profiles.profile import Listing

LANGUAGES = frozenset({"typescript", "typescriptreact", "javascript", "javascriptreact"})

WORDS_OF_FILE = frozenset({0, 1})
"""Kinds of words that are anywhere in a JavaScript file, which say nothing of the receiver.

vtsls sends them without a kind.
"""

MOST_CHANGES = 1_000
"""``tsserver`` keeps a document as a tree of lines, which thousands of changes leave too deep for
its stack: after some 6,500 it answered every question about the document with an error."""

OBJECT_MEMBERS = (
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
)
"""Members of every value but null and undefined, which are listed for few."""

_OF_FUNCTIONS = frozenset(
    ["apply", "arguments", "bind", "call", "caller", "length", "name", "prototype", "toString"]
)
_RECEIVER = re.compile(r"(?:(?<![\w$.])|(?<=\.\.\.))([^\W\d][\w$]*(?:\??\.[\w$]+)*)[?!]?\.\s*\Z")
_STATEMENT = re.compile(
    r"(?:^|[;{}])[ \t]*([^\W\d][\w$]*(?:\.[\w$]+|\[[^\]\r\n]*\])*)\.\s*\Z", re.MULTILINE
)
"""Begins a statement whose first dereference ends at the cursor; members may have an index."""
_METHOD = re.compile(
    r"^[ \t]*(?:(?:async|static|get|set)[ \t]+)*([\w$#]+)[ \t]*\([^;{}]{0,300}\)[ \t]*\{",
    re.MULTILINE,
)
_OF_ERRORS = frozenset({"cause", "message", "name", "stack"})
_COMMENT_TYPE = r"@(?:param|type)\s*\{[^\r\n]*\}(?:\s*\*/\s*(?:const|let|var))?\s+\[?"
_DECLARED = r"(?:(%s)|\b(?:const|let|var|function|class)\s+)%s(?![\w$])"
"""What declares a name; the first group is there if a comment gives its type."""
_BLOCKS = frozenset({"catch", "for", "if", "switch", "while", "with"})
_CLASS = re.compile(r"\bclass\b")
_LONGEST_RECEIVER = 200
_NEARBY = 20_000
"""Characters before the cursor in which a class or method around it is looked for."""
_FEWEST_DECLARED = 3
"""Declared names from which on a type with an index signature is more than a dictionary."""


def every_value(listing: Listing) -> Iterable[str]:
    """Members of ``Object``, and what the file itself sets on the receiver from outside."""
    name = _receiver(listing)
    return (*OBJECT_MEMBERS, *(_assigned(name, listing.text) if name else ()))


def open_type(listing: Listing) -> str:
    """Why other names than the listed ones may stand here."""
    if _is_dictionary(listing):
        return "an index signature"
    unchecked = not WORDS_OF_FILE.isdisjoint(listing.dropped)
    if unchecked and (why := _open_unchecked(listing)):
        return why
    statement = _STATEMENT.search(_before(listing, _LONGEST_RECEIVER))
    if statement is None:
        return ""
    set_here = _assigned(statement[1], listing.text)
    if "apply" in listing.items and _OF_FUNCTIONS.union(set_here).issuperset(listing.items):
        return "a function, of which a member may be set here"
    if unchecked and _is_extended(statement[1], listing):
        return "an object, of which a member may be set here"
    return ""


def _open_unchecked(listing: Listing) -> str:
    """What makes a type in JavaScript that nobody checks a guess."""
    name = _receiver(listing)
    names = listing.items.keys()
    if name == "this" and not _CLASS.search(_before(listing)):
        return "a function's own object"
    if "message" in names and names <= _OF_ERRORS:
        return "an error, which is often given more members"
    if "ownerDocument" in names and "innerHTML" not in names:
        return "a node of a document, or of a syntax tree whose type has the same name"
    if name not in ("", "this") and _is_filled(name, listing.text):
        return "members are set by computed names"
    if name and _literals(name, listing.text) > 1:
        return "one of several literals"
    if name and _is_of_comment(re.split(r"\??\.", name)[0], _before(listing)):
        return "the type is a comment's"
    return ""


def _is_filled(name: str, text: str) -> bool:
    """Whether the file sets members of ``name`` by computed names."""
    return re.search(rf"(?<![\w$.]){re.escape(name)}\[.*\]\s*=(?![=>])", text) is not None


def _literals(name: str, text: str) -> int:
    """How many literals of objects the file binds to ``name``."""
    return len(re.findall(rf"(?<![\w$.]){re.escape(name)}\s*=\s*\{{", text))


def _is_of_comment(name: str, before: str) -> bool:
    """Whether the last declaration of ``name`` is one in a JSDoc comment."""
    declarations = re.findall(_DECLARED % (_COMMENT_TYPE, re.escape(name)), before)
    return bool(declarations) and bool(declarations[-1])


def _is_dictionary(listing: Listing) -> bool:
    """Whether the receiver can be indexed by any string, and hardly declares anything besides.

    ``tsserver`` shows the first: no character accepts an item.
    """
    few = len(listing.items) < _FEWEST_DECLARED or _receiver(listing).endswith("env")
    return few and all(item.commits == "" for item in listing.items.values())


def _is_extended(name: str, listing: Listing) -> bool:
    """Whether members of ``name`` are defined by setting them, in unchecked JavaScript."""
    if name == "this":
        methods = [name for name in _METHOD.findall(_before(listing)) if name not in _BLOCKS]
        return not methods or methods[-1] == "constructor"
    is_module = name in ("exports", "module.exports") or name.endswith(".prototype")
    if is_module or name.endswith("]"):
        return True
    return bool(_assigned(name, listing.text)) or _literals(name, listing.text) > 0


def _assigned(name: str, text: str) -> list[str]:
    """Names that the file sets or defines on ``name``."""
    owner = re.escape(name)
    defined = rf"\bObject\.defineProperty\(\s*{owner},\s*[\"']([\w$]+)[\"']"
    return re.findall(rf"(?<![\w$.]){owner}\.([\w$]+)\s*=(?![=>])", text) + re.findall(
        defined, text
    )


def _receiver(listing: Listing) -> str:
    """Dotted name whose operator ends at the cursor, or empty for any other expression."""
    match = _RECEIVER.search(_before(listing, _LONGEST_RECEIVER))
    return "" if match is None else match[1]


def _before(listing: Listing, length: int = _NEARBY) -> str:
    """The last ``length`` characters before the cursor."""
    return listing.text[max(0, listing.cursor - length) : listing.cursor]
