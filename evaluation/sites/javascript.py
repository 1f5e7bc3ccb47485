"""JavaScript and TypeScript. In JavaScript alone, assignments to ``this`` define members."""

from collections.abc import Iterator
from functools import partial

from tree_sitter import Node

from evaluation.sites.rules import Rules, name_chain

_OPERATORS = frozenset({".", "?.", "optional_chain"})
_NAMES = frozenset(
    {"identifier", "private_property_identifier", "property_identifier", "type_identifier"}
)
_SKIPPED = frozenset({"import_alias", "import_statement", "jsx_closing_element", "meta_property"})


def _assignments(statement: Node) -> Iterator[Node]:
    """Targets of ``a = b = value``."""
    assignment = next(iter(statement.named_children), None)
    while assignment is not None and assignment.type == "assignment_expression":
        target = assignment.child_by_field_name("left")
        if target is not None and target.type == "member_expression" and _defines(target):
            yield target
        assignment = assignment.child_by_field_name("right")


def _defines(target: Node) -> bool:
    """Whether nothing but this assignment need declare the member."""
    receiver, name = _parts(target)
    if receiver in (b"this", b"exports", b"module.exports"):
        return True
    return (receiver, name) == (b"module", b"exports") or receiver.endswith(b".prototype")


def _parts(member: Node) -> tuple[bytes, bytes]:
    receiver, name = (member.child_by_field_name(field) for field in ("object", "property"))
    return (receiver and receiver.text) or b"", (name and name.text) or b""


JAVASCRIPT = Rules(
    grammar="tree_sitter_javascript:language",
    operators=_OPERATORS,
    names=_NAMES,
    skipped=_SKIPPED,
    definitions={"expression_statement": _assignments},
)
TYPESCRIPT, TSX = (
    Rules(
        grammar=f"tree_sitter_typescript:language_{dialect}",
        operators=_OPERATORS,
        names=_NAMES,
        skipped=_SKIPPED,
        definitions=dict.fromkeys(
            ("internal_module", "module"), partial(name_chain, inner="object")
        ),
    )
    for dialect in ("typescript", "tsx")
)
