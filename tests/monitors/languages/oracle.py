"""Dereferences according to tree-sitter, to compare the lexers with on complete files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tree_sitter import Language, Node, Parser

from monitors.languages.language import Operator

SAMPLES = Path(__file__).parent / "samples"


@dataclass(frozen=True)
class Oracle:
    """A grammar, a file, and which nodes hold operators that are not to be live."""

    grammar: Callable[[], object]
    sample: str
    is_exempt: Callable[[Node], bool] = lambda node: False

    @property
    def text(self) -> str:
        """The sample."""
        return (SAMPLES / self.sample).read_text(encoding="ascii")

    def live(self, operators: tuple[Operator, ...]) -> set[int]:
        """Indexes behind the live operators of the sample."""
        tree = Parser(Language(self.grammar())).parse(self.text.encode())
        assert not tree.root_node.has_error
        texts = {operator.text for operator in operators}
        leaves = _leaves(tree.root_node, self.is_exempt)
        return {leaf.end_byte for leaf in leaves if _is_operator(leaf, texts)}


def is_first(node: Node) -> bool:
    """Whether ``node`` is the first child of its parent."""
    return node.parent is not None and node.parent.children[0] == node


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
