"""ty: fastest to start; flags every list incomplete, and cuts those of a thousand names."""

from lsp_bridge.profiles.profile import Incomplete, Item, Listing, Profile, Tree
from lsp_bridge.profiles.rules.python import BARE_CLASS, defines_getattr, every_value
from lsp_bridge.servers.project import Project

_NO_ITEM = Item(0, "")
_OF_ENUMERATIONS = frozenset({"mro", "name", "value"})
"""What every class of enumeration has beside names that begin with an underscore."""


def _settings(project: Project) -> Tree:
    environment = {
        "python": project.interpreter,
        "extra-paths": [*project.site_packages],
        "root": list(project.import_roots),
    }
    return {
        "ty": {
            "completions": {"autoImport": False},
            "configuration": {"environment": environment},
            "diagnosticMode": "off",
        }
    }


def _open(listing: Listing) -> str:
    """Unknown base classes show in the types of what every object has.

    ``__getattr__`` is listed for every module, whether it has one or not. Classes that a call of
    ``namedtuple`` or ``Enum`` has made are listed without what they are made of.
    """
    if listing.items.get("__dict__", _NO_ITEM).detail.endswith(("& Unknown", "& Any")):
        return "a base class is unknown"
    made_of = listing.items.get("__class__", _NO_ITEM).detail
    if "NamedTupleFallback" in made_of:
        return "the fields of a named tuple that a call has made"
    plain = {name for name in listing.items if name[0] != "_"}
    if "EnumMeta" in made_of and plain <= _OF_ENUMERATIONS:
        return "the members of an enumeration that a call has made"
    if listing.items.get("__getattr__", _NO_ITEM).detail.startswith("bound method ModuleType."):
        listing = listing._replace(
            items={name: item for name, item in listing.items.items() if name != "__getattr__"}
        )
    return defines_getattr(listing)


TY = Profile(
    name="ty",
    languages=frozenset({"python"}),
    command=("ty", "server"),
    install="pip install ty",
    version_command=("ty", "--version"),
    initialization_options=lambda project: _settings(project)["ty"],
    settings=_settings,
    incomplete=Incomplete.COMPLETE,
    longest_list=1000,
    unknown_if_only_dunder=True,
    reads_classes=True,
    lists_what_unions_share=True,
    unknown_lists=frozenset({BARE_CLASS}),
    open_type=_open,
    implied=every_value,
    foreign_kinds=frozenset({14}),
    reads_signatures=True,
    reads_imports=True,
)
