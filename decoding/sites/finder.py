"""Finds dereference sites by walking a syntax tree."""

import importlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from tree_sitter import Language, Node, Parser

from decoding.sites.languages import RULES
from decoding.sites.rules import Rules
from monitors.errors import UsageError

_BROKEN = "ERROR"
_BETWEEN = frozenset({"block_comment", "comment", "line_comment", "type_arguments"})
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


def dereference_sites(text: str, language: str) -> list[DereferenceSite]:
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
    return [_site(*found, offsets) for found in _uses(root, rules)]


@lru_cache
def _parser(grammar: str) -> Parser:
    module, _, function = grammar.partition(":")
    return Parser(Language(getattr(importlib.import_module(module), function)()))


def _uses(root: Node, rules: Rules) -> Iterator[tuple[Node, Node]]:
    """Operators and names in text order, without recursion: expressions may nest deeply."""
    defining: set[int] = set()
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type in rules.skipped:
            continue
        if node.type in rules.definitions:
            defining.update(each.id for each in rules.definitions[node.type](node))
        children = node.children
        if node.type != _BROKEN and node.id not in defining:
            yield from _direct(children, rules)
        stack.extend(reversed(children))
