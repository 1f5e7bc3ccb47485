"""C and C++. A member that is defined outside of its class is no use of it."""

from collections.abc import Iterator

from tree_sitter import Node

from evaluation.sites.rules import Rules, itself, name_chain

_PREPROCESSOR = frozenset(
    {"preproc_call", "preproc_def", "preproc_function_def", "preproc_include"}
)
_DESIGNATORS = frozenset({"field_designator"})
"""``.x = 1`` in an initialiser has no receiver."""


def _declared(node: Node) -> Iterator[Node]:
    """Qualified names that a declaration or a function's definition declares."""
    for declarator in node.children_by_field_name("declarator"):
        name: Node | None = _innermost(declarator)
        while name is not None and name.type == "qualified_identifier":
            yield name
            name = name.child_by_field_name("name")


def _defined_class(node: Node) -> Iterator[Node]:
    """The qualified name of a class whose body follows."""
    if node.child_by_field_name("body") is not None:
        yield from name_chain(node, "name")


def _innermost(declarator: Node) -> Node:
    """What ``*``, ``&``, ``()``, ``[]`` and ``=`` are wrapped around."""
    while declarator.type.endswith("_declarator"):
        inner = declarator.child_by_field_name("declarator")
        # A reference's declarator has no field of its own.
        inner = inner or declarator.named_child(declarator.named_child_count - 1)
        if inner is None:
            break
        declarator = inner
    return declarator


C = Rules(
    grammar="tree_sitter_c:language",
    operators=frozenset({".", "->"}),
    names=frozenset({"field_identifier"}),
    skipped=_PREPROCESSOR | _DESIGNATORS,
)
CPP = Rules(
    grammar="tree_sitter_cpp:language",
    operators=frozenset({".", "->", "::"}),
    names=frozenset({"field_identifier", "identifier", "namespace_identifier", "type_identifier"}),
    skipped=_PREPROCESSOR
    | _DESIGNATORS
    | {
        "attribute_declaration",
        "namespace_alias_definition",
        "nested_namespace_specifier",
        "using_declaration",
    },
    definitions={
        "declaration": _declared,
        "function_definition": _declared,
        "class_specifier": _defined_class,
        "struct_specifier": _defined_class,
        "trailing_return_type": itself,
    },
)
