"""What a dereference looks like in a language's syntax tree, as data."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from tree_sitter import Node

Definitions = Callable[[Node], Iterable[Node]]
"""Nodes at or below a node whose own operator stands in front of a name that is being defined."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Node types of one grammar. A site is an operator with a name as its next sibling."""

    grammar: str
    """Module and function that give the grammar, such as ``tree_sitter_php:language_php``."""
    operators: frozenset[str]
    names: frozenset[str]
    """Types of names; where a name is part of a larger node, it is the first leaf of it."""
    skipped: frozenset[str] = frozenset()
    """Nodes that hold no use of a member, in any depth."""
    definitions: Mapping[str, Definitions] = field(default_factory=dict)
    """By the type of the node that may hold a definition, or an operator that is none."""


def itself(node: Node) -> Iterator[Node]:
    """The node's own operator defines."""
    yield node


def own_name(node: Node) -> Iterable[Node]:
    """The node's name."""
    return node.children_by_field_name("name")


def name_chain(node: Node, inner: str) -> Iterator[Node]:
    """The node's name, the name in its field ``inner``, and so on."""
    link = node.child_by_field_name("name")
    while link is not None:
        yield link
        link = link.child_by_field_name(inner)
