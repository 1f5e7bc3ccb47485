"""Code that its author has guarded against names that are missing."""

import re
from enum import Enum

from tree_sitter import Node

from lsp_bridge.answers.python.modules import field_text, text_of

_VERSION = re.compile(
    r"\bsys\.(?:version_info|implementation|hexversion)\b|\bplatform\.python_\w+\("
    r"|\bPY[23]\w*\b|(?i:\b\w*pypy\w*\b)"
)
_NEWER = re.compile(r"\bPY3|(?:==|\bis)\s*3|!=\s*2")
_NOT = re.compile(r"^\s*not\b")
_PLATFORM = re.compile(
    r"\bsys\.(?:platform|maxsize)\b|\bos\.name\b|\bplatform\.\w+\("
    r"|(?i:\b\w*(?:win(?:dows|32)|darwin|mac_?os|linux|posix|bsd|solaris|cygwin)\w*\b)"
)
_PLATFORM_NAME = re.compile(
    r"(?i)(?:^|_)(?:win(?:dows|32)?|nt|darwin|osx|mac_?os|linux|posix|bsd|solaris|cygwin|pypy)(?:_|$)"
)
_MISSING = re.compile(r"\b(?:AttributeError|NameError)\b")
_SCOPES = ("function_definition", "class_definition")


class Guard(Enum):
    """What a piece of code is guarded by."""

    NONE = "none"
    PLATFORM = "platform"
    """A test for a platform, or a function or class named for one."""
    VERSION = "version"
    """A test for an older version of Python, or for another implementation."""
    PROBED = "probed"
    """It is tried whether the name is there."""


def around(node: Node | None) -> Guard:
    """The guard of the code at ``node``."""
    guard = Guard.NONE
    in_same_function = True
    below = None
    while node is not None:
        if in_same_function and node.type == "try_statement" and _tries(node, below):
            return Guard.PROBED
        if _is_under(_VERSION, node, below) and _is_older(node, below):
            guard = Guard.VERSION
        elif guard is Guard.NONE and (_is_under(_PLATFORM, node, below) or _is_named(node)):
            guard = Guard.PLATFORM
        in_same_function = in_same_function and node.type not in _SCOPES
        node, below = node.parent, node
    return guard


def _tries(node: Node, below: Node | None) -> bool:
    """Whether ``below`` is the body of a try statement that expects a name to be missing."""
    if below is None or below != node.child_by_field_name("body"):
        return False
    clauses = (each for each in node.named_children if each.type == "except_clause")
    return any(_MISSING.search(_caught(each)) for each in clauses)


def _caught(clause: Node) -> str:
    return " ".join(text_of(each) for each in clause.named_children if each.type != "block")


def _is_under(asked: re.Pattern[str], node: Node, below: Node | None) -> bool:
    """Whether ``below`` depends on a condition that asks so."""
    match node.type:
        case "if_statement" | "elif_clause" | "while_statement" | "conditional_expression":
            condition = node.child_by_field_name("condition")
            text = text_of(condition) if condition is not None else _ternary_condition(node)
            return below != condition and asked.search(text) is not None
        case "boolean_operator":
            left = node.child_by_field_name("left")
            return below != left and asked.search(text_of(left)) is not None
    return False


def _is_older(node: Node, below: Node | None) -> bool:
    """Whether ``below`` runs where a version is older than asked for, or Python another."""
    condition = node.child_by_field_name("condition") or node.child_by_field_name("left")
    text = text_of(condition) or _ternary_condition(node)
    is_otherwise = below is not None and (
        below.type in ("else_clause", "elif_clause")
        or (node.type == "conditional_expression" and below == node.named_children[-1])
    )
    if "<" in text or ">" in text:
        return ("<" in text) is not is_otherwise
    asks_for_older = _NEWER.search(text) is None
    return (asks_for_older is (_NOT.search(text) is None)) is not is_otherwise


def _is_named(node: Node) -> bool:
    return node.type in _SCOPES and _PLATFORM_NAME.search(field_text(node, "name")) is not None


def _ternary_condition(node: Node) -> str:
    parts = node.named_children
    return text_of(parts[1]) if node.type == "conditional_expression" and len(parts) > 1 else ""
