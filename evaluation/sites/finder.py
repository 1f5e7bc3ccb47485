"""Finds dereference sites by walking a syntax tree."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from tree_sitter import Language, Node, Parser

from evaluation.sites.languages import RULES
from evaluation.sites.rules import Rules
from monitors.errors import UsageError

_BETWEEN = frozenset(
    {"block_comment", "comment", "line_comment", "line_continuation", "type_arguments"}
)
_OPTIONAL_PARENTS = frozenset({"member_binding_expression"})


@dataclass(frozen=True, slots=True)
class DereferenceSite:
    """A name behind a dereference operator. Offsets count characters from the file's start."""

    operator: str
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
    """Uses of members in text order, for an LSP language identifier.

    Imports, comments, strings, directives of a preprocessor and names of annotations hold none;
    interpolations are code. A name that is defined where it stands is no use: ``self.x = 1`` in
    Python, ``this.x = 1`` in JavaScript, ``void A::f() {}`` in C++. Raises `UsageError` for a
    language without a grammar.
    """
    rules = RULES.get(language)
    if rules is None:
        raise UsageError(f"no grammar for {language!r}; expected one of {', '.join(sorted(RULES))}")
    data = text.encode()
    offsets = _Offsets(data)
    root = _parser(rules.grammar).parse(data).root_node
    uses = sorted(_uses(root, rules), key=lambda use: use[1].start_byte)
    return [_site(operator, name, offsets) for operator, name in uses]


@lru_cache
def _parser(grammar: str) -> Parser:
    module, _, function = grammar.partition(":")
    return Parser(Language(getattr(importlib.import_module(module), function)()))


def _uses(root: Node, rules: Rules) -> Iterator[tuple[Node, Node]]:
    """Operators and names in any order, without recursion: expressions may nest deeply."""
    defining: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type in rules.skipped:
            continue
        if node.type in rules.definitions:
            defining.update(each.id for each in rules.definitions[node.type](node))
        children = node.children
        if node.id not in defining:
            yield from _direct(children, rules)
        stack.extend(children)


def _direct(children: list[Node], rules: Rules) -> Iterator[tuple[Node, Node]]:
    """Operators among siblings, each with the name behind it."""
    for index, node in enumerate(children):
        # Where it cannot make sense of macros, the parser invents operators.
        if node.type in rules.operators and not node.is_missing:
            behind = (each for each in children[index + 1 :] if each.type not in _BETWEEN)
            name = _first_name(next(behind, None), rules)
            if name is not None:
                yield node, name


def _first_name(node: Node | None, rules: Rules) -> Node | None:
    while node is not None and node.type not in rules.names:
        node = node.children[0] if node.child_count else None
    return None if node is None or node.is_missing else node


class _Offsets:
    """Byte offsets of a UTF-8 text to character offsets and columns."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        bytes_ = np.frombuffer(data, np.uint8)
        self._characters = np.concatenate(([0], np.cumsum(bytes_ & 0xC0 != 0x80)))

    def __getitem__(self, byte_offset: int) -> int:
        return int(self._characters[byte_offset])

    def column(self, byte_offset: int) -> int:
        """1-based."""
        return self[byte_offset] - self[self.data.rfind(b"\n", 0, byte_offset) + 1] + 1


def _site(operator: Node, name: Node, offsets: _Offsets) -> DereferenceSite:
    optional = operator.parent is not None and operator.parent.type in _OPTIONAL_PARENTS
    return DereferenceSite(
        operator=("?" if optional else "") + _text(operator, offsets),
        operator_end=offsets[operator.end_byte],
        name_start=offsets[name.start_byte],
        name=_text(name, offsets),
        line=name.start_point[0] + 1,
        column=offsets.column(name.start_byte),
    )


def _text(node: Node, offsets: _Offsets) -> str:
    return offsets.data[node.start_byte : node.end_byte].decode()
