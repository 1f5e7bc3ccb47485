"""What the servers for TypeScript and JavaScript share: both drive Microsoft's ``tsserver``."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lsp_bridge.profiles.profile import Listing
from lsp_bridge.project import Project

LANGUAGES = frozenset({"typescript", "typescriptreact", "javascript", "javascriptreact"})

WORD_OF_FILE = 1
"""Kind of a word that is somewhere in a JavaScript file, which says nothing of the receiver."""

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
_RECEIVER = re.compile(r"([^\W\d][\w$]*(?:\??\.[\w$]+)*)[?!]?\.\s*\Z")
_STATEMENT = re.compile(r"(?:^|[;{}])[ \t]*([^\W\d][\w$]*(?:\.[\w$]+)*)\.\s*\Z", re.MULTILINE)
_METHOD = re.compile(
    r"^[ \t]*(?:(?:async|static|get|set)[ \t]+)*([\w$#]+)[ \t]*\([^;{}]*\)[ \t]*\{", re.MULTILINE
)
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
    unchecked = WORD_OF_FILE in listing.dropped
    if unchecked and _receiver(listing) == "this" and not _CLASS.search(_before(listing)):
        return "a function's own object"
    statement = _STATEMENT.search(_before(listing, _LONGEST_RECEIVER))
    if statement is None:
        return ""
    if _OF_FUNCTIONS.issuperset(listing.items):
        return "a function, of which a member may be set here"
    if unchecked and _is_extended(statement[1], listing):
        return "an object, of which a member may be set here"
    return ""


def _is_dictionary(listing: Listing) -> bool:
    """Whether the receiver can be indexed by any string, and hardly declares anything besides.

    ``tsserver`` shows the first: no character accepts an item.
    """
    few = len(listing.items) < _FEWEST_DECLARED or _receiver(listing).endswith("env")
    return few and all(item.commits == "" for item in listing.items.values())


def _is_extended(name: str, listing: Listing) -> bool:
    """Whether unchecked JavaScript is likely to define members of ``name`` by setting them."""
    if name == "this":
        methods = [name for name in _METHOD.findall(_before(listing)) if name not in _BLOCKS]
        return not methods or methods[-1] == "constructor"
    is_module = name in ("exports", "module.exports") or name.endswith(".prototype")
    return is_module or bool(_assigned(name, listing.text))


def _assigned(name: str, text: str) -> list[str]:
    """Names that the file sets on ``name``."""
    return re.findall(rf"(?<![\w$.]){re.escape(name)}\.([\w$]+)\s*=(?![=>])", text)


def _receiver(listing: Listing) -> str:
    """Dotted name whose operator ends at the cursor, or empty for any other expression."""
    match = _RECEIVER.search(_before(listing, _LONGEST_RECEIVER))
    return "" if match is None else match[1]


def _before(listing: Listing, length: int = _NEARBY) -> str:
    """The last ``length`` characters before the cursor."""
    return listing.text[max(0, listing.cursor - length) : listing.cursor]


def compiler(program: str | None, project: Project) -> Path:
    """Path of the ``tsserver.js`` that belongs to the server started as ``program``.

    The workspace's own one is code of the project: in a trusted workspace it comes first, in any
    other it is not run. Raises FileNotFoundError where there is none.
    """
    own = project.root / "node_modules"
    folders = [own] if project.trusted else []
    folders += [each for each in _beside(program) if not each.is_relative_to(project.root)]
    scripts = (folder / "typescript" / "lib" / "tsserver.js" for folder in folders)
    found = next((script for script in scripts if script.is_file()), None)
    if found is None:
        # Later versions of TypeScript come without the tsserver.js that these servers drive.
        raise FileNotFoundError(
            f"no TypeScript with a tsserver.js is installed beside {program};"
            " install it with: npm install --global typescript@5.9"
        )
    return found


def _beside(program: str | None) -> Iterator[Path]:
    """Folders of modules around a program, and around what it is a link to."""
    if program is None:
        return
    for path in (Path(program).resolve(), Path(program).absolute()):
        yield from (folder / "node_modules" for folder in path.parents)
