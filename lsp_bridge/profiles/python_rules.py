"""What every Python value has, and how the Python servers' lists give themselves away."""

from collections.abc import Iterable, Mapping

from lsp_bridge.profiles.profile import Item

OBJECT_MEMBERS = (*dir(object), "__dict__", "__module__")
"""Members that no Python value lacks, but for ``__dict__`` on a few built-in types."""

CLASS_MEMBERS = (*OBJECT_MEMBERS, *(name for name in dir(type) if name not in OBJECT_MEMBERS))
"""Members of every class object."""

_FUNCTION = 3
_NO_ITEM = Item(0, "")


def every_value(items: Mapping[str, Item]) -> Iterable[str]:
    """Members of `object`; jedi leaves them out for modules, pyrefly for ``super()``."""
    return OBJECT_MEMBERS


def defines_getattr(items: Mapping[str, Item]) -> str:
    """``__getattr__`` if the class or the module makes up members; `object` has none."""
    return "__getattr__" if "__getattr__" in items else ""


def pyrefly_implied(items: Mapping[str, Item]) -> Iterable[str]:
    """pyrefly lists a class object without the members of its metaclass.

    What an instance would show as a method is a function there.
    """
    special = items.get("__dir__")
    if special is None or special.kind != _FUNCTION:
        return OBJECT_MEMBERS
    is_enum = "_generate_next_value_" in items
    return (*CLASS_MEMBERS, "__members__") if is_enum else CLASS_MEMBERS


def pyrefly_open(items: Mapping[str, Item]) -> str:
    """Unknown base classes show in the type of ``__new__``, metaclasses in that of ``__class__``.

    The members of a metaclass are not listed; that of enumerations is known.
    """
    if items.get("__new__", _NO_ITEM).detail == "Unknown":
        return "a base class is unknown"
    metaclass = items.get("__class__", _NO_ITEM).detail.startswith("type[type[")
    if metaclass and "_generate_next_value_" not in items:
        return "a class with a metaclass"
    return defines_getattr(items)


def jedi_open(items: Mapping[str, Item]) -> str:
    """With a base class that cannot be resolved, jedi leaves out the members of `object`."""
    if "__class__" not in items and "__file__" not in items:
        return "a base class is unknown"
    return defines_getattr(items)
