"""Dereferences according to tree-sitter, to compare the lexers with on complete files."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from tree_sitter import Language, Node, Parser

from monitors.languages.brace_language import BraceLanguage
from tests.monitors.languages.reading import read


class HasLanguage(Protocol):
    """A tree-sitter grammar's package."""

    def language(self) -> object:
        """The grammar."""


SAMPLES = Path(__file__).parent / "samples"


def check_sample(
    language: BraceLanguage, grammar: HasLanguage, name: str, is_exempt: Callable[[Node], bool]
) -> None:
    """The live operators of a sample are those of its syntax tree, but for exempt nodes.

    A dot that another one follows begins a range or an ellipsis: an exit of the operator.
    """
    text = (SAMPLES / name).read_text(encoding="ascii")
    tree = Parser(Language(grammar.language())).parse(text.encode())
    assert not tree.root_node.has_error
    texts = {operator.text for operator in language.operators}
    leaves = _leaves(tree.root_node, is_exempt)
    expected = {leaf.end_byte for leaf in leaves if _is_operator(leaf, texts)}
    assert len(expected) > 20
    found = {at for at in read(language, [text])[0] if text[at - 1 : at + 1] != ".."}
    assert found == expected, [text[at - 30 : at + 10] for at in sorted(found ^ expected)]


def _is_operator(leaf: Node, texts: set[str]) -> bool:
    if leaf.type == "optional_chain":  # in JavaScript
        return True
    return not leaf.is_named and leaf.type in texts


def _leaves(node: Node, is_exempt: Callable[[Node], bool]) -> Iterator[Node]:
    if is_exempt(node):
        return
    if node.child_count == 0:
        yield node
    for child in node.children:
        yield from _leaves(child, is_exempt)


def is_first(node: Node) -> bool:
    """Whether ``node`` is the first child of its parent."""
    return node.parent is not None and node.parent.children[0] == node
