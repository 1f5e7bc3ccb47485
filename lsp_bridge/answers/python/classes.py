"""Members that a class has at run time although its body does not show them.

Metaclasses, class decorators, ``__init_subclass__`` and writes under computed names: where their
source says which names they write, these are known; otherwise the class is open.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from tree_sitter import Node

from lsp_bridge.answers.python import conditional
from lsp_bridge.answers.python.definitions import (
    KNOWN_MAKERS,
    METACLASS_MAKERS,
    assigned_to,
    declared,
    is_bound,
    is_of_class,
    is_transform,
    made_fields,
    metaclass_nodes,
    methods,
    superclasses,
    unsubscripted,
)
from lsp_bridge.answers.python.modules import (
    Found,
    Module,
    Outside,
    Sources,
    Target,
    field_text,
    statements,
    text_of,
    walk,
)
from lsp_bridge.answers.python.writes import (
    NOTHING,
    Subject,
    Writes,
    joined,
    parameters,
    reached,
    written_in_class,
    written_in_module,
)

_T = TypeVar("_T")
_MOST_CLASSES = 64
_MOST_FUNCTIONS = 20_000
_KNOWN_METACLASSES = frozenset(
    {
        "abc.ABCMeta",
        "builtins.type",
        "enum.EnumMeta",
        "enum.EnumType",
        "typing.NamedTupleMeta",
        "typing._ProtocolMeta",
        "typing_extensions._ProtocolMeta",
    }
)
_BARE = frozenset({"ABC", "Generic", "NamedTuple", "Protocol", "TypedDict", "object"})
"""Classes that bring no attributes of their own."""
_KNOWN_DECORATORS = frozenset(
    {"_pytest", "attr", "attrs", "mypy_extensions", "pytest", "six", "typing_extensions"}
)
"""Packages, besides the standard library, whose class decorators add no names of their own, or
such as servers know."""
_HARMLESS_DECORATORS = frozenset({"implementer", "implementer_only", "provider"})
_MAKES_CLASSES = "it makes classes"
_GETTING = "__getattribute__"
"""Makes members up. Servers list ``__getattr__`` only where somebody wrote it."""
_MOST_CALLS = 3
"""Number of calls that an object is followed through."""


class Members(NamedTuple):
    """What a class has besides what its servers list."""

    of_instances: Writes = NOTHING
    of_class: Writes = NOTHING
    metaclass: frozenset[str] = frozenset()
    """Names that the class object has from its metaclass, and its instances do not have."""
    used: frozenset[str] = frozenset()
    """What its own methods read of ``self`` or ``cls``, declared or not."""
    has_standard_base: bool = False
    """Whether it has what stubs of the standard library keep quiet about: private names."""

    def __or__(self, other: "Members") -> "Members":
        return Members(
            self.of_instances | other.of_instances,
            self.of_class | other.of_class,
            self.metaclass | other.metaclass,
            self.used | other.used,
            self.has_standard_base or other.has_standard_base,
        )


class Classes:
    """Reads the classes of a project's sources."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources
        self._notes: WeakKeyDictionary[Module, dict[int, Members]] = WeakKeyDictionary()
        self._memory: OrderedDict[tuple[str, str, str, bytes | None], Any] = OrderedDict()

    def members(self, found: Found) -> Members:
        """What servers do not see of a class, of what it inherits too."""
        members = Members()
        for each in self.ancestry(found):
            if isinstance(each, str):
                members |= Members(of_class=Writes(computed=each))
            else:
                members |= self._own(each)
        return members._replace(of_instances=members.of_instances | members.of_class)

    def _own(self, found: Found) -> Members:
        """What the class itself brings; known as long as its module is."""
        notes = self._notes.setdefault(found.module, {})
        key = found.node.start_byte
        if key not in notes:
            notes[key] = self._read(found)
        return notes[key]

    def _read(self, found: Found) -> Members:
        bases = list(self._targets(found))
        of_class = [Writes(declared(found.node)), self._own_writes(found, of_class=True)]
        of_class += [*self._decorated(found), *self._derived(found)]
        of_class += [Writes(_conditional_names(base)) for base in bases]
        of_class += [Writes(made_fields(base)) for base in superclasses(found.node)]
        metaclass = frozenset[str]().union(*map(_standard_names, bases))
        for meta in self._metaclasses(found):
            writes, names = self._metaclass(meta)
            of_class.append(writes)
            metaclass |= names
        return Members(
            self._own_writes(found, of_class=False),
            joined(of_class),
            metaclass,
            self._self_uses(found),
            any(map(_is_standard, bases)),
        )

    def brought(self, found: Found) -> frozenset[str]:
        """Names that classes of the same file bring which derive from the class directly."""
        name = field_text(found.node, "name")
        names: frozenset[str] = frozenset()
        for node in statements(found.module.root):
            if node.type == "class_definition" and name in map(text_of, superclasses(node)):
                derived = Found(found.module, node)
                names |= declared(node) | self._own_writes(derived, of_class=False).names
        return names

    def ancestry(self, found: Found) -> Iterator[Found | str]:
        """The class and its bases, as far as their sources are found; a string: why one is open."""
        waiting = [found]
        seen: set[tuple[Path, int]] = set()
        while waiting and len(seen) < _MOST_CLASSES:
            each = waiting.pop(0)
            key = (each.module.path, each.node.start_byte)
            if key in seen:
                continue
            seen.add(key)
            yield each
            for base in self._bases(each):
                if isinstance(base, str):
                    yield base
                else:
                    waiting.append(base)

    def _targets(self, found: Found) -> Iterator[Target]:
        for node in superclasses(found.node):
            yield from self._sources.resolve(text_of(unsubscripted(node)), found.module)

    def _bases(self, found: Found) -> Iterator[Found | str]:
        for node in superclasses(found.node):
            yield from self._base(found.module, node, found.node)

    def _base(
        self, module: Module, node: Node, derived: Node, left: int = 4
    ) -> Iterator[Found | str]:
        node = unsubscripted(node)
        if node.type == "call":
            yield from self._made_base(module, node, derived)
            return
        if node.type not in ("identifier", "attribute"):
            return
        for target in self._sources.resolve(text_of(node), module):
            if _is_standard_metaclass(target):
                yield _MAKES_CLASSES
            if not isinstance(target, Found) or target.node == derived:
                continue
            if target.node.type == "class_definition":
                yield target
            elif left:
                yield from self._base(target.module, target.node, derived, left - 1)

    def _made_base(self, module: Module, call: Node, derived: Node) -> Iterator[Found | str]:
        """Bases that a call makes. What stands in calls of ``namedtuple`` is read elsewhere."""
        name = field_text(call, "function").split(".")[-1]
        if name in METACLASS_MAKERS:
            arguments = call.child_by_field_name("arguments")
            for node in [] if arguments is None else arguments.named_children[1:]:
                yield from self._base(module, node, derived)
        elif name not in KNOWN_MAKERS:
            yield f"a base is made by {name}()"

    def _derived(self, found: Found) -> Iterator[Writes]:
        """What ``__init_subclass__`` writes on classes that derive."""
        for function in methods(found.node):
            if field_text(function, "name") == "__init_subclass__":
                yield self._remembered(found, function, "derived", self._deriving_writes)

    def _deriving_writes(self, found: Found, function: Node) -> Writes:
        handed = partial(self._handed, found, left=_MOST_CALLS)
        return Subject(function, parameters(function)[:1], handed=handed).writes()

    def _decorated(self, found: Found) -> Iterator[Writes]:
        """What the class's decorators write."""
        around = found.node.parent
        if around is None or around.type != "decorated_definition":
            return
        for decorator in around.named_children:
            if decorator.type == "decorator" and decorator.named_children:
                yield self._decorator(found.module, decorator.named_children[0])

    def _decorator(self, module: Module, node: Node) -> Writes:
        called = node.child_by_field_name("function") if node.type == "call" else node
        name = text_of(called)
        if name.split(".")[-1] in _HARMLESS_DECORATORS | METACLASS_MAKERS:
            return NOTHING
        return joined(map(self._decorating, self._sources.resolve(name, module)))

    def _decorating(self, target: Target) -> Writes:
        match target:
            case Outside():
                package = target.module.split(".")[0]
                known = target.is_standard or package in _KNOWN_DECORATORS
                return NOTHING if known else Writes(computed=f"@{target.name or target.module}")
            case Found(module, node):
                if _KNOWN_DECORATORS.intersection((*module.path.parts, module.path.stem)):
                    return NOTHING
                if node.type == "function_definition":
                    return self._given_to(target, 0, _MOST_CALLS, inner=True)
        return Writes(computed="a decorator that is no function")

    def _given_to(self, found: Found, place: int | str, left: int, inner: bool = False) -> Writes:
        """What a function writes on one of its arguments.

        With ``inner`` also what functions in it write on their first: one of them may be returned.
        """
        if is_transform(found.node):
            return NOTHING
        names = parameters(found.node)
        if isinstance(place, int):
            place += is_bound(found.node)
            given = [(found.node, names[place : place + 1])]
        else:
            given = [(found.node, [name for name in names if name == place])]
        if inner:
            nested = (each for each in walk(found.node) if each.type == "function_definition")
            given += [(each, parameters(each)[:1]) for each in nested]
            if any(node.type == "class_definition" for node in walk(found.node)):
                return Writes(computed="a decorator makes a class")
        handed = partial(self._handed, found, left=left - 1)
        return joined(Subject(node, names, handed=handed).writes() for node, names in given)

    def _handed(self, caller: Found, name: str, place: int | str, left: int) -> Writes | None:
        """What a function that is called ``name`` in ``caller`` writes on its argument."""
        if left <= 0:
            return None
        own = [each for each in walk(caller.node) if each.type == "function_definition"]
        local = [each for each in own if field_text(each, "name") == name]
        owner, _, method = name.rpartition(".")
        if owner in ("cls", "mcs", "mcls", "metacls", "meta", "self"):
            local = [each for each in own if field_text(each, "name") == method]
        targets: list[Target] = [Found(caller.module, each) for each in local]
        writes = []
        for target in targets or self._sources.resolve(name, caller.module):
            match target:
                case Outside() if target.is_standard:
                    pass
                case Found(_, node) if node.type == "function_definition":
                    writes.append(self._given_to(target, place, left))
                case _:
                    return None
        return joined(writes)

    def _metaclasses(self, found: Found) -> Iterator[Target]:
        for node in metaclass_nodes(found.node):
            yield from self._sources.resolve(text_of(unsubscripted(node)), found.module)

    def _metaclass(self, target: Target) -> tuple[Writes, frozenset[str]]:
        """What a metaclass writes on its classes, and what they have of it."""
        match target:
            case Outside():
                known = target.is_standard or _is_standard_metaclass(target)
                writes = NOTHING if known else Writes(computed=f"metaclass {target.name}")
                return writes, _standard_names(target)
            case Found(_, node) if node.type == "class_definition":
                return self._metaclass_source(target)
        return Writes(computed="a metaclass that is no class"), frozenset()

    def _metaclass_source(self, found: Found) -> tuple[Writes, frozenset[str]]:
        writes: list[Writes] = []
        names: frozenset[str] = frozenset()
        is_declared = False
        for each in self.ancestry(found):
            if isinstance(each, str):
                if each != _MAKES_CLASSES:
                    writes.append(Writes(computed=each))
                continue
            is_declared = is_declared or is_transform(each.node)
            names |= declared(each.node)
            writes.append(self._metaclass_writes(each))
            names = names.union(*map(_standard_names, self._targets(each)))
        joint = joined(writes)
        if is_declared:  # its classes' fields are declared, so that checkers know them (PEP 681)
            joint = Writes(joint.names)
        return joint, names

    def _metaclass_writes(self, found: Found) -> Writes:
        """What a metaclass's methods write on the classes that it makes."""
        functions = methods(found.node)
        return joined(self._in_methods(found, functions, "metaclass", self._making_writes))

    def _making_writes(self, found: Found, function: Node) -> Writes:
        names = parameters(function)
        name = field_text(function, "name")
        is_making = name in ("__new__", "__init__", "__prepare__")
        objects = names[:1] if name not in ("__new__", "__prepare__") else []
        namespaces = names[3:4] if is_making else []
        handed = partial(self._handed, found, left=_MOST_CALLS) if is_making else None
        return Subject(function, objects, namespaces, _Constants(found), handed).writes()

    def _own_writes(self, found: Found, of_class: bool) -> Writes:
        """What a class's own methods write on the class, or on its instances."""
        role = "class" if of_class else "instance"
        functions = [each for each in methods(found.node) if is_of_class(each) is of_class]
        writes = joined(self._in_methods(found, functions, role, _method_writes))
        body = found.node.child_by_field_name("body")
        return writes | written_in_class(body) if of_class and body is not None else writes

    def _in_methods(
        self,
        found: Found,
        functions: Iterable[Node],
        role: str,
        read: Callable[[Found, Node], Writes],
    ) -> Iterator[Writes]:
        """What each of a class's methods writes; some make members up."""
        for function in functions:
            yield self._remembered(found, function, role, read)
            if field_text(function, "name") == _GETTING:
                yield Writes(computed=_GETTING)

    def _self_uses(self, found: Found) -> frozenset[str]:
        """Names that a class's own methods read of their instance."""
        uses = (self._remembered(found, each, "uses", _uses) for each in methods(found.node))
        return frozenset().union(*uses)

    def _remembered(
        self, found: Found, function: Node, role: str, read: Callable[[Found, Node], _T]
    ) -> _T:
        """What ``read`` says of a function, whose text is read once: most stay as they are.

        Results are kept, never trees: a file that is being written has a new one each time.
        """
        key = (str(found.module.path), field_text(found.node, "name"), role, function.text)
        if key in self._memory:
            known: _T = self._memory[key]
            return known
        result = self._memory[key] = read(found, function)
        if len(self._memory) > _MOST_FUNCTIONS:
            self._memory.popitem(last=False)
        return result


def module_writes(module: Module) -> Writes:
    """What a module has besides what its statements bind."""

    def members(name: str) -> frozenset[str] | None:
        classes = [
            each
            for each in module.bindings.get(name, ())
            if isinstance(each, Node) and each.type == "class_definition"
        ]
        return declared(classes[-1]) if classes else None

    return written_in_module(module.root, members)


def _conditional_names(target: Target) -> frozenset[str]:
    """What instances of a standard class have on some platform."""
    if not isinstance(target, Outside) or not target.is_standard:
        return frozenset()
    return conditional.of_class(target.module, target.name)


def _is_standard(target: Target) -> bool:
    """Whether instances of a class have attributes of the standard library's."""
    return isinstance(target, Outside) and target.is_standard and target.name not in _BARE


def _is_standard_metaclass(target: Target) -> bool:
    if not isinstance(target, Outside):
        return False
    return f"{target.module}.{target.name}" in _KNOWN_METACLASSES


def _method_writes(found: Found, function: Node) -> Writes:
    first = parameters(function)[:1]
    return Subject(function, first, constant=_Constants(found)).writes()


def _uses(found: Found, function: Node) -> frozenset[str]:
    first = next(iter(parameters(function)), "")
    return frozenset(
        field_text(each, "attribute")
        for each in reached(function)
        if each.type == "attribute" and field_text(each, "object") == first
    )


class _Constants:
    """Looks up what names are bound to, in a class and in its module."""

    def __init__(self, found: Found) -> None:
        self._found = found

    def __call__(self, name: str) -> Node | None:
        owner, _, attribute = name.rpartition(".")
        if owner in ("self", "cls"):
            body = self._found.node.child_by_field_name("body")
            return None if body is None else assigned_to(body, attribute)
        bound = self._found.module.bindings.get(name, ()) if not owner else ()
        last = bound[-1] if len(bound) == 1 else None
        return last if isinstance(last, Node) else None


def _standard_names(target: Target) -> frozenset[str]:
    """What class objects have of the metaclass of a standard class, if that is loaded here.

    ``target`` may also be the metaclass itself.
    """
    if not isinstance(target, Outside) or not target.is_standard:
        return frozenset()
    found = conditional.loaded(target.module, target.name)
    if not isinstance(found, type):
        return frozenset()
    metaclass = found if issubclass(found, type) else type(found)
    return frozenset(dir(metaclass)).difference(dir(type))
