"""Python's classes and functions as they stand in a syntax tree."""

import re
from collections.abc import Iterator

from tree_sitter import Node

from lsp_bridge.answers.python.modules import field_text, statements, text_of, walk
from lsp_bridge.answers.python.writes import parameters

METACLASS_MAKERS = frozenset({"with_metaclass", "add_metaclass"})
"""Functions whose first argument is a metaclass."""
KNOWN_MAKERS = frozenset({"namedtuple", "NamedTuple", "TypedDict", "NewType", "Generic", "Enum"})
"""Functions of the standard library that make classes of what stands in their calls."""
_TRANSFORMS = "dataclass_transform"


def declared(node: Node) -> frozenset[str]:
    """Names that a class's body binds."""
    body = node.child_by_field_name("body")
    names = set()
    for statement in [] if body is None else statements(body):
        if statement.type in ("function_definition", "class_definition"):
            names.add(field_text(statement, "name"))
        elif statement.type == "expression_statement":
            for each in statement.named_children:
                if each.type == "assignment":
                    names.add(field_text(each, "left"))
    return frozenset(names)


def is_bound(function: Node) -> bool:
    """Whether calls leave the first parameter out."""
    return parameters(function)[:1] in (["self"], ["cls"]) and _is_method(function)


def _is_method(function: Node) -> bool:
    around = function.parent
    if around is not None and around.type == "decorated_definition":
        around = around.parent
    return (
        around is not None
        and around.parent is not None
        and (around.parent.type == "class_definition")
    )


def assigned_to(body: Node, name: str) -> Node | None:
    """What a class's body assigns to ``name``; None if it does not."""
    for statement in statements(body):
        for each in statement.named_children:
            if each.type == "assignment" and field_text(each, "left") == name:
                return each.child_by_field_name("right")
    return None


def methods(definition: Node) -> list[Node]:
    """Functions of a class's body that get an object or its class."""
    body = definition.child_by_field_name("body")
    functions = [] if body is None else statements(body)
    return [
        each for each in functions if each.type == "function_definition" and not is_static(each)
    ]


def is_static(function: Node) -> bool:
    """Whether a function of a class gets neither an instance nor the class."""
    return "@staticmethod" in decorators(function)


def is_of_class(function: Node) -> bool:
    """Whether a method gets the class, and no instance."""
    name = field_text(function, "name")
    if name in ("__init_subclass__", "__class_getitem__"):
        return True
    return "@classmethod" in decorators(function)


def decorators(definition: Node) -> list[str]:
    """Source of a definition's decorators, ``@`` included."""
    around = definition.parent
    if around is None or around.type != "decorated_definition":
        return []
    return [text_of(each) for each in around.named_children if each.type == "decorator"]


def superclasses(node: Node) -> list[Node]:
    """The bases in a class's head, keywords left out."""
    listed = node.child_by_field_name("superclasses")
    if listed is None:
        return []
    kinds = ("keyword_argument", "comment", "dictionary_splat", "list_splat")
    return [each for each in listed.named_children if each.type not in kinds]


def metaclass_nodes(node: Node) -> Iterator[Node]:
    """The metaclasses that a class names: by keyword, by ``six``, and as Python 2 had it."""
    listed = node.child_by_field_name("superclasses")
    for each in [] if listed is None else listed.named_children:
        value = each.child_by_field_name("value")
        if each.type == "keyword_argument" and field_text(each, "name") == "metaclass" and value:
            yield value
        if each.type == "call":
            yield from _metaclass_argument(each)
    body = node.child_by_field_name("body")
    legacy = None if body is None else assigned_to(body, "__metaclass__")
    if legacy is not None:
        yield legacy
    around = node.parent
    if around is not None and around.type == "decorated_definition":
        for decorator in around.named_children:
            for call in decorator.named_children if decorator.type == "decorator" else ():
                yield from _metaclass_argument(call)


def _metaclass_argument(call: Node) -> Iterator[Node]:
    """The metaclass in ``with_metaclass(Meta, Base)`` and ``@add_metaclass(Meta)``."""
    if field_text(call, "function").split(".")[-1] in METACLASS_MAKERS:
        arguments = call.child_by_field_name("arguments")
        yield from [] if arguments is None else arguments.named_children[:1]


def unsubscripted(node: Node) -> Node:
    """``Base`` of ``Base[T]``."""
    while node.type == "subscript":
        value = node.child_by_field_name("value")
        if value is None:
            break
        node = value
    return node


def is_transform(node: Node) -> bool:
    """Whether a definition declares that the fields of its classes are declared (PEP 681)."""
    return any(_TRANSFORMS in each for each in decorators(node))


def made_fields(base: Node) -> frozenset[str]:
    """Names in the strings of a base such as ``namedtuple("Point", "x y")``."""
    if base.type != "call" or field_text(base, "function").split(".")[-1] not in KNOWN_MAKERS:
        return frozenset()
    strings = (text_of(node) for node in walk(base) if node.type == "string_content")
    return frozenset(re.findall(r"[^\W\d]\w*", " ".join(strings)))
