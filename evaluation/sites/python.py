"""Python: targets on ``self`` and ``cls`` define members."""

from collections.abc import Iterator
from functools import partial

from tree_sitter import Node

from evaluation.sites.rules import Rules

_SELF = (b"self", b"cls")
_TARGETS = {
    "assignment": "left",
    "for_statement": "left",
    "as_pattern": "alias",
    "for_in_clause": "left",
}
_PATTERNS = frozenset(
    {
        "as_pattern_target",
        "list",
        "list_pattern",
        "list_splat_pattern",
        "pattern_list",
        "tuple",
        "tuple_pattern",
    }
)


def _targets(node: Node, target: str) -> Iterator[Node]:
    stack = node.children_by_field_name(target)
    while stack:
        each = stack.pop()
        if each.type in _PATTERNS:
            stack.extend(each.children)
        elif each.type == "attribute" and _is_own(each):
            yield each


def _is_own(attribute: Node) -> bool:
    receiver = attribute.child_by_field_name("object")
    return receiver is not None and receiver.type == "identifier" and receiver.text in _SELF


PYTHON = Rules(
    grammar="tree_sitter_python:language",
    operators=frozenset({"."}),
    names=frozenset({"identifier"}),
    skipped=frozenset({"future_import_statement", "import_from_statement", "import_statement"}),
    definitions={kind: partial(_targets, target=field) for kind, field in _TARGETS.items()},
)
