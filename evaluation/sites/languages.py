"""Dereferences in every language that has a tree-sitter grammar on PyPI; Dart has none."""

from collections.abc import Iterator, Mapping
from functools import partial

from tree_sitter import Node

from evaluation.sites.cpp import CPP, C
from evaluation.sites.javascript import JAVASCRIPT, TSX, TYPESCRIPT
from evaluation.sites.python import PYTHON
from evaluation.sites.rules import Rules, itself, name_chain, own_name

_RUST = Rules(
    grammar="tree_sitter_rust:language",
    operators=frozenset({".", "::"}),
    names=frozenset(
        {"await", "field_identifier", "identifier", "integer_literal", "type_identifier"}
    ),
    skipped=frozenset(
        {
            "attribute_item",
            "inner_attribute_item",
            "macro_definition",
            "use_declaration",
            "visibility_modifier",
        }
    ),
)
_GO = Rules(
    grammar="tree_sitter_go:language",
    operators=frozenset({"."}),
    names=frozenset({"field_identifier", "identifier", "type_identifier"}),
    skipped=frozenset({"import_declaration"}),
)
_JAVA = Rules(
    grammar="tree_sitter_java:language",
    operators=frozenset({".", "::"}),
    names=frozenset({"class", "identifier", "new", "this", "type_identifier"}),
    # Apart from packages and imports, the grammar has scoped identifiers in annotations only.
    skipped=frozenset({"import_declaration", "package_declaration", "scoped_identifier"}),
)
_CSHARP = Rules(
    grammar="tree_sitter_c_sharp:language",
    operators=frozenset({".", "->", "::"}),
    names=frozenset({"identifier"}),
    skipped=frozenset({"explicit_interface_specifier", "using_directive"}),
    definitions={
        kind: partial(name_chain, inner="qualifier")
        for kind in ("attribute", "file_scoped_namespace_declaration", "namespace_declaration")
    },
)


def _annotation(node: Node) -> Iterator[Node]:
    """The annotation's name; its arguments are code."""
    for child in node.named_children:
        yield from child.named_children[:1] if child.type == "constructor_invocation" else (child,)


_KOTLIN = Rules(
    grammar="tree_sitter_kotlin:language",
    operators=frozenset({".", "?.", "::"}),
    names=frozenset({"identifier"}),
    skipped=frozenset({"import", "package_header"}),
    definitions={
        "annotation": _annotation,
        # An extension's receiver.
        "function_declaration": itself,
        "property_declaration": itself,
    },
)
_RUBY = Rules(
    grammar="tree_sitter_ruby:language",
    operators=frozenset({".", "&.", "::"}),
    names=frozenset({"constant", "identifier"}),
    definitions={
        "class": own_name,
        "module": own_name,
        "singleton_method": itself,
    },
)


def _dynamic(node: Node) -> Iterator[Node]:
    """``$a->$b`` and ``A::$b()`` use whatever ``$b`` names; ``A::$b`` is a property."""
    if any(name.type == "variable_name" for name in node.children_by_field_name("name")):
        yield node


_PHP = Rules(
    grammar="tree_sitter_php:language_php",
    operators=frozenset({"->", "?->", "::"}),
    names=frozenset({"name", "variable_name"}),
    skipped=frozenset({"use_declaration"}),
    definitions=dict.fromkeys(
        (
            "member_access_expression",
            "member_call_expression",
            "nullsafe_member_access_expression",
            "nullsafe_member_call_expression",
            "scoped_call_expression",
        ),
        _dynamic,
    ),
)

RULES: Mapping[str, Rules] = {
    "c": C,
    "cpp": CPP,
    "csharp": _CSHARP,
    "go": _GO,
    "java": _JAVA,
    "javascript": JAVASCRIPT,
    "javascriptreact": JAVASCRIPT,
    "kotlin": _KOTLIN,
    "php": _PHP,
    "python": PYTHON,
    "ruby": _RUBY,
    "rust": _RUST,
    "typescript": TYPESCRIPT,
    "typescriptreact": TSX,
}
"""By language identifier of the Language Server Protocol."""

SITE_LANGUAGES = frozenset(RULES)
