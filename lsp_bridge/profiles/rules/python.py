"""What every Python value has, and how the Python servers' lists give themselves away."""

import re
import sys
from collections.abc import Iterable, Mapping

from lsp_bridge.profiles.profile import Item, Listing
from lsp_bridge.profiles.rules.python_source import (
    assigned_members,
    imported_as,
    is_in_mixin,
    is_narrowed,
    is_unannotated_parameter,
    is_under_construction,
    probed_members,
    receiver,
)

OBJECT_MEMBERS = (*dir(object), "__dict__", "__module__")
"""Members that no Python value lacks, but for ``__dict__`` on a few built-in types."""

CLASS_MEMBERS = (*OBJECT_MEMBERS, *(name for name in dir(type) if name not in OBJECT_MEMBERS))
"""Members of every class object."""

BARE_CLASS = frozenset({"mro"})
"""All that `type` has beside special names: the members of a class that nothing is known of."""

_FUNCTION = 3
_NO_ITEM = Item(0, "")
_IMPORT = re.compile(r"^[ \t]*import[ \t]+([^\r\n#;]+)", re.MULTILINE)
_SUPER = re.compile(r"\bsuper\([^()]*\)\.\Z")
_CLASS = re.compile(r"^[ \t]*class[ \t]+\w+[ \t]*\(([^:]*)\)[ \t]*:", re.MULTILINE)
_UNKNOWN_PART = re.compile(r"(?:^|\| )(?:Unknown|Any)(?= \||$)")
_METACLASS = re.compile(r",\s*metaclass\s*=[^,]*\Z")
_LONGEST_RECEIVER = 200


def every_value(listing: Listing) -> Iterable[str]:
    """Members of `object`, and what the file itself says of its objects' members.

    jedi leaves the first out for modules, pyrefly for ``super()``; no server sees what a file sets
    on objects from outside, asks about with ``hasattr``, or what stubs keep quiet about.
    """
    name = receiver(listing.text, listing.cursor)
    of_receiver = (*probed_members(name, listing.text), *_module_names(name, listing))
    return (*OBJECT_MEMBERS, *assigned_members(listing.text), *of_receiver)


def defines_getattr(listing: Listing) -> str:
    """Why members come up that nobody declared: ``__getattr__``, or an object being made."""
    if "__getattr__" in listing.items:
        return "__getattr__"
    name = receiver(listing.text, listing.cursor)
    if name and is_under_construction(name, listing.text, listing.cursor):
        return "an object that __new__ makes"
    if name in ("self", "cls") and is_in_mixin(listing.text, listing.cursor):
        return "a mixin"
    return ""


def pyrefly_implied(listing: Listing) -> Iterable[str]:
    """What pyrefly leaves out: members of metaclasses, imported submodules, `object`'s."""
    if _is_class(listing.items):
        is_enum = "_generate_next_value_" in listing.items
        metaclass = (*CLASS_MEMBERS, "__members__") if is_enum else CLASS_MEMBERS
        return (*metaclass, *every_value(listing))
    if _is_module(listing.items):
        return (*every_value(listing), *_imported_submodules(listing))
    return every_value(listing)


def pyrefly_open(listing: Listing) -> str:
    """Unknown base classes show in the type of ``__new__``."""
    if listing.items.get("__new__", _NO_ITEM).detail == "Unknown":
        return "a base class is unknown"
    if _UNKNOWN_PART.search(listing.items.get("__class__", _NO_ITEM).detail):
        return "a part of the type is unknown"
    return defines_getattr(listing)


def jedi_implied(listing: Listing) -> Iterable[str]:
    """What jedi leaves out: what enumerations add."""
    if "_generate_next_value_" in listing.items and "__mro__" in listing.items:
        return (*every_value(listing), "__members__")
    return every_value(listing)


def _module_names(name: str, listing: Listing) -> Iterable[str]:
    """Names, ``_getframe`` and its like too, of a standard module that is loaded here.

    Stubs and servers hide many; a module that is not loaded is not imported for it.
    """
    module = imported_as(name, listing.text)
    is_standard = module in sys.stdlib_module_names and module in sys.modules
    return dir(sys.modules[module]) if is_standard and _is_module(listing.items) else ()


def jedi_open(listing: Listing) -> str:
    """With a base class that cannot be resolved, jedi leaves out the members of `object`.

    It takes parameters without annotation for what their default value is, or what the calls in
    the same file pass, and misses many a test with ``isinstance``: guesses, and no closed lists.
    """
    name = receiver(listing.text, listing.cursor).split(".")[0]
    if name and is_unannotated_parameter(name, listing.text, listing.cursor):
        return "the type of a parameter is a guess"
    whole = receiver(listing.text, listing.cursor)
    if whole and is_narrowed(whole, listing.text, listing.cursor):
        return "jedi does not follow isinstance everywhere"
    if "__class__" not in listing.items and not _is_module(listing.items):
        return "a base class is unknown"
    return defines_getattr(listing)


def pyright_open(listing: Listing) -> str:
    """``super()`` shows the first base class only."""
    before = listing.text[max(0, listing.cursor - _LONGEST_RECEIVER) : listing.cursor]
    if _SUPER.search(before):
        classes = _CLASS.findall(listing.text, 0, listing.cursor)
        if classes and "," in _METACLASS.sub("", classes[-1]).strip().rstrip(","):
            return "several base classes"
    return defines_getattr(listing)


def _is_class(items: Mapping[str, Item]) -> bool:
    """Whether pyrefly listed a class object, or a union of them.

    An instance would show ``__dir__`` as a method.
    """
    is_union = items.get("__class__", _NO_ITEM).detail.startswith("((")
    return is_union or items.get("__dir__", _NO_ITEM).kind == _FUNCTION


def _is_module(items: Mapping[str, Item]) -> bool:
    return "__file__" in items and "__class__" not in items


def _imported_submodules(listing: Listing) -> set[str]:
    """``metadata`` for ``importlib.`` where the file says ``import importlib.metadata``."""
    name = receiver(listing.text, listing.cursor)
    if not name:
        return set()
    package = name + "."
    modules = (
        module.strip().split(" ")[0]
        for match in _IMPORT.finditer(listing.text)
        for module in match.group(1).split(",")
    )
    return {name[len(package) :].split(".")[0] for name in modules if name.startswith(package)}
