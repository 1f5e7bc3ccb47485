"""Dereference sites of finished source files: the ground truth that monitors are measured on."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import tree_sitter_python
from tree_sitter import Language, Node, Parser

_SELF = (b"self", b"cls")
_TARGET_FIELDS = {
    "assignment": "left",
    "for_statement": "left",
    "as_pattern": "alias",
    "for_in_clause": "left",
    "named_expression": "name",
}


@dataclass(frozen=True, slots=True)
class DereferenceSite:
    """A name behind a dereference operator. Offsets count characters from the file's start."""

    operator_end: int
    name_start: int
    name: str
    line: int
    """1-based."""
    column: int
    """1-based, in characters, of the name."""

    @property
    def name_end(self) -> int:
        """Offset just behind the name."""
        return self.name_start + len(self.name)


def dereference_sites(text: str, language: str = "python") -> list[DereferenceSite]:
    """Sites in text order, without strings, comments, imports and the definitions of members.

    ``self.name`` (``cls.name``) as a target of an assignment, loop or ``with`` defines a member;
    interpolation fields of f-strings are code.
    """
    data = text.encode()
    offsets = _CharacterOffsets(data)
    nodes = (node for node in _walk(_parser(language).parse(data).root_node))
    return [_site(node, data, offsets) for node in nodes if _is_use(node)]


@lru_cache
def _parser(language: str) -> Parser:
    assert language == "python"
    return Parser(Language(tree_sitter_python.language()))


def _walk(root: Node) -> Iterator[Node]:
    """Nodes in text order of their last child, without recursion."""
    stack = [root]
    found: list[Node] = []
    while stack:
        node = stack.pop()
        if node.type == "attribute":
            found.append(node)
        stack.extend(node.children)
    return iter(sorted(found, key=lambda node: node.end_byte))


def _is_use(node: Node) -> bool:
    name = node.child_by_field_name("attribute")
    return name is not None and not name.is_missing and not _is_definition(node)


def _is_definition(node: Node) -> bool:
    receiver = node.child_by_field_name("object")
    if receiver is None or receiver.type != "identifier" or receiver.text not in _SELF:
        return False
    child, parent = node, node.parent
    while parent is not None and parent.type in _TARGET_PATTERNS:
        child, parent = parent, parent.parent
    if parent is None or parent.type not in _TARGET_FIELDS:
        return False
    return parent.child_by_field_name(_TARGET_FIELDS[parent.type]) == child


_TARGET_PATTERNS = frozenset(
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


class _CharacterOffsets:
    """Byte offsets of a UTF-8 text to character offsets."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._ascii = data.isascii()

    def __call__(self, byte_offset: int) -> int:
        if self._ascii:
            return byte_offset
        return len(self._data[:byte_offset].decode("utf-8", "replace"))


def _site(node: Node, data: bytes, offsets: _CharacterOffsets) -> DereferenceSite:
    name = node.child_by_field_name("attribute")
    operator = next(child for child in reversed(node.children) if child.type == ".")
    assert name is not None
    line_start = data.rfind(b"\n", 0, name.start_byte) + 1
    return DereferenceSite(
        operator_end=offsets(operator.end_byte),
        name_start=offsets(name.start_byte),
        name=data[name.start_byte : name.end_byte].decode(),
        line=name.start_point[0] + 1,
        column=len(data[line_start : name.start_byte].decode()) + 1,
    )
