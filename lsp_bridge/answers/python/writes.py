"""Which attributes code writes on an object: those it names, and whether it computes others."""

import builtins
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tree_sitter import Node

from lsp_bridge.answers.python.modules import field_text, text_of, walk

_NAME = re.compile(r"[^\W\d]\w*")
_LITERAL = re.compile(r"[A-Za-z]{0,2}(\"\"\"|'''|\"|')(.*)\1", re.DOTALL)
_ALL_MEMBERS = re.compile(r"globals\(\)\.update\((\w+)\.__members__\)")
_FUNCTIONS = frozenset({"function_definition", "lambda"})
_READING_METHODS = frozenset(
    {"get", "items", "keys", "values", "pop", "copy", "mro", "__subclasses__", "__contains__"}
)
_PASSING = frozenset({"zip", "enumerate", "sorted", "reversed", "list", "tuple", "set"})
"""Functions that go through what they are given."""
_ASKING = re.compile(r"\b(?:hasattr\(|has_\w+\(|in\s+(?:self|cls|dir|type|vars)\b)")
_COPYING = frozenset({"__setstate__", "__copy__", "__deepcopy__", "__reduce__", "__reduce_ex__"})
"""Methods that give an object what another one of its class had."""
_SETTING = frozenset({"__setattr__"})
"""Methods that are told a name: whoever writes through them says it."""
_HARMLESS = frozenset(dir(builtins)) | {
    "add",
    "append",
    "cast",
    "get_type_hints",
    "getmembers",
    "getmro",
    "insert",
    "signature",
}
"""Functions, and methods of registries, that write nothing on what they are given."""


@dataclass(frozen=True, slots=True)
class Writes:
    """What is written on an object."""

    names: frozenset[str] = frozenset()
    computed: str = ""
    """Source of a write under a name that is not in the text; empty if there is none."""

    def __or__(self, other: "Writes") -> "Writes":
        return Writes(self.names | other.names, self.computed or other.computed)


NOTHING = Writes()


def joined(each: Iterable[Writes]) -> Writes:
    """All of them together."""
    writes = NOTHING
    for other in each:
        writes |= other
    return writes


Handed = Callable[[str, int | str], Writes | None]
"""What a function, by its name, writes on an argument, by its place or keyword; None: nobody
knows."""


Constant = Callable[[str], Node | None]
"""What a name such as ``FIELDS`` or ``self.FIELDS`` is bound to by an assignment."""


def no_constants(name: str) -> None:
    """Nothing is known of names."""


class Subject:
    """A function's view of an object: the names that stand for it and for its attributes."""

    def __init__(
        self,
        function: Node,
        objects: Iterable[str],
        namespaces: Iterable[str] = (),
        constant: Constant = no_constants,
        handed: Handed | None = None,
    ) -> None:
        """``handed``: what functions write on the object that are given it; None: nothing."""
        self._function = function
        self._name = field_text(function, "name")
        self._objects = {*objects, *_made(function)} - {""}
        self._namespaces = {*namespaces} - {""}
        self._constant = constant
        self._handed = handed
        if handed is not None and self._namespaces:
            self._namespaces |= set(_passed_on(function))
        self._namespaces |= set(self._aliases())

    def writes(self) -> Writes:
        """What the function writes on the object."""
        return joined(self._all())

    def _all(self) -> Iterator[Writes]:
        for node in reached(self._function):
            match node.type:
                case "assignment" | "augmented_assignment":
                    yield self._assignment(node)
                case "call":
                    yield self._call(node)

    def _aliases(self) -> Iterator[str]:
        """Variables that hold the dictionary of the object's attributes."""
        for node in reached(self._function):
            if node.type == "assignment" and self._is_namespace(node.child_by_field_name("right")):
                target = node.child_by_field_name("left")
                if target is not None and target.type == "identifier":
                    yield text_of(target)

    def _is_object(self, node: Node | None) -> bool:
        return node is not None and text_of(node) in self._objects

    def _is_namespace(self, node: Node | None) -> bool:
        """Whether a node is the dictionary of the object's attributes."""
        if node is None:
            return False
        if node.type == "attribute":
            return field_text(node, "attribute") == "__dict__" and self._is_object(
                node.child_by_field_name("object")
            )
        if node.type == "call" and field_text(node, "function") == "vars":
            return any(map(self._is_object, _arguments(node)))
        return node.type == "identifier" and text_of(node) in self._namespaces

    def _assignment(self, node: Node) -> Writes:
        value = node.child_by_field_name("right")
        target = node.child_by_field_name("left")
        writes = [self._target(each, node, value) for each in _targets(target)]
        if node.type == "augmented_assignment" and self._is_namespace(target):
            writes.append(self._update(node, [value] if value else []))
        return joined(writes)

    def _target(self, target: Node, node: Node, value: Node | None) -> Writes:
        if target.type == "subscript" and self._is_namespace(target.child_by_field_name("value")):
            return self._named(target.child_by_field_name("subscript"), node)
        if target.type == "attribute" and self._is_object(target.child_by_field_name("object")):
            name = field_text(target, "attribute")
            if name == "__dict__":
                return self._update(node, [value] if value else [])
            return Writes(frozenset({name}))
        return NOTHING

    def _call(self, node: Node) -> Writes:
        function = node.child_by_field_name("function")
        arguments = _arguments(node)
        if function is None:
            return NOTHING
        called = text_of(function)
        if called == "setattr" and arguments and self._is_object(arguments[0]):
            return self._named(arguments[1] if len(arguments) > 1 else None, node)
        if function.type == "attribute":
            return self._method(node, function, arguments)
        return self._handed_over(node, called, arguments)

    def _method(self, node: Node, function: Node, arguments: list[Node]) -> Writes:
        owner, name = function.child_by_field_name("object"), field_text(function, "attribute")
        if name == "__setattr__":
            own = self._is_object(owner) or text_of(owner).startswith("super(")
            if own:
                return self._named(arguments[0] if arguments else None, node)
            if arguments and self._is_object(arguments[0]):
                return self._named(arguments[1] if len(arguments) > 1 else None, node)
        if self._is_namespace(owner):
            if name == "setdefault":
                return self._named(arguments[0] if arguments else None, node)
            return self._update(node, arguments) if name == "update" else NOTHING
        if self._is_object(owner) or text_of(owner).startswith(("super(", "type")):
            return NOTHING
        return self._handed_over(node, text_of(function), arguments)

    def _handed_over(self, node: Node, called: str, arguments: list[Node]) -> Writes:
        last = called.split(".")[-1]
        if self._handed is None or last in _HARMLESS or last in _READING_METHODS:
            return NOTHING
        writes = []
        for place, argument in enumerate(arguments):
            each = _value(argument)
            if self._is_object(each) or self._is_namespace(each):
                known = self._handed(called, field_text(argument, "name") or place)
                writes.append(Writes(computed=_line(node)) if known is None else known)
        return joined(writes)

    def _update(self, node: Node, arguments: list[Node]) -> Writes:
        writes = [self._updated(each, node) for each in arguments]
        return joined(writes)

    def _updated(self, argument: Node, node: Node) -> Writes:
        """What ``update(argument)`` writes."""
        if argument.type == "keyword_argument":
            return Writes(frozenset({field_text(argument, "name")}))
        if argument.type == "dictionary":
            pairs = [each for each in argument.named_children if each.type == "pair"]
            if len(pairs) == argument.named_child_count:
                keys = (each.child_by_field_name("key") for each in pairs)
                return joined(self._named(key, node) for key in keys)
        if argument.type == "call" and field_text(argument, "function") == "dict":
            return self._update(node, _arguments(argument))
        if self._is_own(argument) or self._name in _COPYING:
            return NOTHING
        return Writes(computed=_line(node))

    def _named(self, key: Node | None, node: Node) -> Writes:
        """A write under the name that ``key`` says."""
        names = _strings(key)
        if names is not None:
            return Writes(names)
        if self._name in _COPYING or self._is_told(key):
            return NOTHING
        looped = self._looped(text_of(key), node) if key is not None else None
        return Writes(computed=_line(node)) if looped is None else looped

    def _is_told(self, key: Node | None) -> bool:
        """Whether ``key`` is the name that ``__setattr__`` was called with."""
        return self._name in _SETTING and text_of(key) in parameters(self._function)[1:2]

    def _looped(self, key: str, node: Node) -> Writes | None:
        """The names that the loop variable ``key`` goes through, if they are in the text.

        None of them is new where the object is asked first whether it has the name.
        """
        around = node.parent
        while around is not None and around != self._function:
            if around.type == "if_statement" and _asks_for(around, key):
                return NOTHING
            if around.type == "for_statement" and key in _identifiers(around, "left"):
                over = around.child_by_field_name("right")
                return None if over is None else self._run_through(over)
            around = around.parent
        return None

    def _run_through(self, over: Node) -> Writes | None:
        names = _strings(over)
        if names is None and over.type in ("identifier", "attribute"):
            names = _strings(self._constant(text_of(over)))
        if names is not None:
            return Writes(names)
        if self._are_parameters(over):
            return Writes(frozenset(parameters(self._function)))
        if over.type == "call" and field_text(over, "function") in _PASSING:
            found = [self._run_through(each) for each in _arguments(over)]
            known = [each for each in found if each is not None]
            return joined(known) if known else None
        return NOTHING if self._is_own(over) else None

    def _are_parameters(self, over: Node) -> bool:
        """Whether an expression goes through what ``locals()`` held."""
        name = text_of(over).removesuffix(".items()").removesuffix(".keys()")
        if name == "locals()":
            return True
        return any(
            node.type == "assignment"
            and field_text(node, "left") == name
            and field_text(node, "right") in ("locals()", "dict(locals())", "locals().copy()")
            for node in reached(self._function)
        )

    def _is_own(self, over: Node) -> bool:
        """Whether an expression goes through what the object has already."""
        declared = ("__slots__", "__annotations__", "__dataclass_fields__", "__attrs_attrs__")
        for node in (over, *walk(over)):
            if self._is_namespace(node) or text_of(node).endswith("__dict__"):
                return True
            if node.type == "attribute" and field_text(node, "attribute") in declared:
                return True
            if node.type == "call" and field_text(node, "function").endswith(("dir", "fields")):
                return any(map(self._is_object, _arguments(node)))
        return False


def written_in_class(body: Node) -> Writes:
    """What a class's body writes into its own namespace: ``locals()[name] = ...``."""
    return joined(_in_namespace(body))


def written_in_module(root: Node, members: Callable[[str], frozenset[str] | None]) -> Writes:
    """What a module writes into its own namespace: ``globals()[name] = ...``.

    ``members``: what an enumeration of the module holds, by its name.
    """
    return joined(_in_namespace(root)) | joined(_in_globals(root, members))


def _in_namespace(scope: Node) -> Iterator[Writes]:
    for node in walk(scope, lambda each: each.type not in (*_FUNCTIONS, "class_definition")):
        yield _namespace_write(node, ("locals()", "vars()"))
        is_run = node.type == "call" and field_text(node, "function") == "exec"
        if is_run and len(_arguments(node)) < 2:
            yield Writes(computed=_line(node))


def _in_globals(root: Node, members: Callable[[str], frozenset[str] | None]) -> Iterator[Writes]:
    for node in walk(root):
        enumeration = _ALL_MEMBERS.fullmatch(text_of(node)) if node.type == "call" else None
        known = members(enumeration[1]) if enumeration is not None else None
        yield _namespace_write(node, ("globals()",)) if known is None else Writes(known)
        if node.type == "call" and field_text(node, "function") == "setattr":
            first, *rest = _arguments(node) or [node]
            if text_of(first).startswith("sys.modules["):
                names = _strings(rest[0]) if rest else None
                yield Writes(computed=_line(node)) if names is None else Writes(names)
        if node.type == "assignment" and field_text(node, "left") == "sys.modules[__name__]":
            yield Writes(computed=_line(node))


def _namespace_write(node: Node, calls: tuple[str, ...]) -> Writes:
    """What a node writes into the dictionary that one of ``calls`` gives."""
    key: Node | None = None
    if node.type == "assignment":
        target = node.child_by_field_name("left")
        if target is None or target.type != "subscript" or field_text(target, "value") not in calls:
            return NOTHING
        key = target.child_by_field_name("subscript")
    elif node.type == "call":
        owner, _, method = field_text(node, "function").rpartition(".")
        if owner not in calls or method not in ("update", "setdefault"):
            return NOTHING
        key = next(iter(_arguments(node)), None)
    else:
        return NOTHING
    names = _strings(key)
    return Writes(computed=_line(node)) if names is None else Writes(names)


def _made(function: Node) -> Iterator[str]:
    """Variables that hold what ``__new__``, or a call of ``type``, has made."""
    is_new = field_text(function, "name") == "__new__"
    for node in walk(function):
        if node.type == "assignment":
            value = node.child_by_field_name("right")
            called = "" if value is None else field_text(value, "function")
            if called == "type" or called.endswith((".__new__", "super().__call__")):
                yield field_text(node, "left")
        elif is_new and node.type == "return_statement":
            yield from (text_of(each) for each in node.named_children if each.type == "identifier")


def _passed_on(function: Node) -> Iterator[str]:
    """Variables that are handed to ``__new__`` as the namespace of a class."""
    for node in walk(function):
        if node.type == "call" and field_text(node, "function").endswith("__new__"):
            arguments = _arguments(node)
            if len(arguments) > 3 and arguments[3].type == "identifier":
                yield text_of(arguments[3])


def reached(function: Node) -> Iterator[Node]:
    """Nodes of a function in which its first parameter means what it means there."""
    first = parameters(function)[:1]

    def keeps(node: Node) -> bool:
        hides = node.type == "function_definition" and parameters(node)[:1] == first
        return node.type != "class_definition" and not hides

    return walk(function, keeps)


def parameters(function: Node) -> list[str]:
    """Names of a function's parameters, in their order."""
    listed = function.child_by_field_name("parameters")
    if listed is None:
        return []
    names = []
    for node in listed.named_children:
        if node.type == "identifier":
            names.append(text_of(node))
        elif node.type in ("typed_parameter", "default_parameter", "typed_default_parameter"):
            names.append(field_text(node, "name") or text_of(node.named_children[0]))
    return names


def _arguments(call: Node) -> list[Node]:
    arguments = call.child_by_field_name("arguments")
    return [] if arguments is None else [a for a in arguments.named_children if a.type != "comment"]


def _value(argument: Node) -> Node | None:
    if argument.type == "keyword_argument":
        return argument.child_by_field_name("value")
    if argument.type in ("list_splat", "dictionary_splat"):
        return argument.named_children[0] if argument.named_children else None
    return argument


def _targets(target: Node | None) -> Iterator[Node]:
    if target is None:
        return
    if target.type in ("pattern_list", "tuple_pattern", "list_pattern"):
        for each in target.named_children:
            yield from _targets(each)
    else:
        yield target


def _asks_for(condition: Node, key: str) -> bool:
    """Whether a condition asks an object for the name ``key``."""
    asked = field_text(condition, "condition")
    return (
        bool(key)
        and re.search(rf"\b{re.escape(key)}\b", asked) is not None
        and bool(_ASKING.search(asked))
    )


def _identifiers(loop: Node, side: str) -> set[str]:
    target = loop.child_by_field_name(side)
    if target is None:
        return set()
    return {text_of(node) for node in (target, *walk(target)) if node.type == "identifier"}


def _strings(node: Node | None) -> frozenset[str] | None:
    """The names in a string or a collection of strings; None for anything else."""
    if node is None:
        return None
    if node.type == "string":
        literal = _LITERAL.fullmatch(text_of(node))
        is_name = literal is not None and _NAME.fullmatch(literal[2]) is not None
        if literal is not None and is_name:
            return frozenset({literal[2]})
        is_formatted = any(child.type == "interpolation" for child in node.named_children)
        return None if is_formatted else frozenset()
    if node.type in ("parenthesized_expression", "tuple", "list", "set", "expression_list"):
        return _all_strings(node.named_children)
    if node.type == "dictionary":
        return _all_strings([each.child_by_field_name("key") for each in node.named_children])
    return None


def _all_strings(nodes: Iterable[Node | None]) -> frozenset[str] | None:
    names: frozenset[str] = frozenset()
    for node in nodes:
        if node is not None and node.type == "comment":
            continue
        found = _strings(node)
        if found is None:
            return None
        names |= found
    return names


def _line(node: Node) -> str:
    """The source of a write, in one line."""
    return " ".join(text_of(node).split())[:80]
