"""What the text of a Python file says about the receiver, where servers only guess."""

import ast
import re
from collections.abc import Iterator

_RECEIVER = re.compile(r"([^\W\d][\w.]*)\.\Z")
_LONGEST_RECEIVER = 200
_NEARBY = 4_000
"""Characters before the cursor in which the binding of a local name is looked for."""
_FUNCTION = re.compile(
    r"^([ \t]*)(?:async[ \t]+)?def[ \t]+\w+[ \t]*(?:\[[^\]\n]*\])?\(", re.MULTILINE
)
_CLASS = re.compile(r"^[ \t]*class[ \t]+(\w+)", re.MULTILINE)
_ASSIGNED_MEMBER = re.compile(
    r"^[ \t]*(?!self\.|cls\.)[^\W\d][\w.]*\.([^\W\d]\w*)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE
)


def receiver(text: str, cursor: int) -> str:
    """Dotted name whose operator ends at ``cursor``, or empty for any other expression."""
    match = _RECEIVER.search(text[max(0, cursor - _LONGEST_RECEIVER) : cursor])
    return "" if match is None else match[1]


def assigned_members(text: str) -> Iterator[str]:
    """Names that the file assigns on objects other than ``self``: ``function.cache = {}``."""
    return (match[1] for match in _ASSIGNED_MEMBER.finditer(text))


def probed_members(name: str, text: str) -> list[str]:
    """Names that the file asks about with ``hasattr(name, "...")`` or ``getattr``."""
    if not name:
        return []
    tested = rf"\b(?:hasattr|getattr)\(\s*{re.escape(name)}\s*,\s*[\"']([^\W\d]\w*)[\"']"
    return re.findall(tested, text)


def imported_as(name: str, text: str) -> str:
    """The module that the file calls ``name``: itself, unless ``import module as name`` says so."""
    if not name or not name.isidentifier():
        return name
    found = re.search(rf"^[ \t]*import[ \t]+([\w.]+)[ \t]+as[ \t]+{name}\b", text, re.MULTILINE)
    return name if found is None else found[1]


def is_under_construction(name: str, text: str, cursor: int) -> bool:
    """Whether ``name`` was bound last by ``name = ....__new__(...)``: members come one by one."""
    nearby = text[max(0, cursor - _NEARBY) : cursor]
    bound = re.findall(rf"\b{re.escape(name)}\b[ \t]*(?::[^=\n]*)?=(?!=)([^\n]*)", nearby)
    return bool(bound) and ".__new__(" in bound[-1]


def is_narrowed(name: str, text: str, cursor: int) -> bool:
    """Whether ``isinstance(name, ...)`` or a ``match`` on it stands shortly before the cursor."""
    nearby = text[max(0, cursor - _NEARBY) : cursor]
    return (
        re.search(rf"\bisinstance\(\s*{re.escape(name)}\s*,|\bmatch {re.escape(name)}:", nearby)
        is not None
    )


def is_in_mixin(text: str, cursor: int) -> bool:
    """Whether the class around the cursor calls itself a mixin: other classes bring its members."""
    classes = _CLASS.findall(text, 0, cursor)
    return bool(classes) and "mixin" in classes[-1].lower()


def is_unannotated_parameter(name: str, text: str, cursor: int) -> bool:
    """Whether ``name`` is a parameter without annotation of a function around the cursor."""
    return any(
        name in (argument.arg for argument in _plain(parameters) if argument.annotation is None)
        for parameters in _enclosing_parameters(text, cursor)
    )


def _enclosing_parameters(text: str, cursor: int) -> Iterator[ast.arguments]:
    """Parameters of the functions around the cursor, by indentation."""
    line_start = text.rfind("\n", 0, cursor) + 1
    line = text[line_start:cursor]
    indent = len(line) - len(line.lstrip())
    for match in reversed(list(_FUNCTION.finditer(text, 0, cursor))):
        if len(match[1]) < indent:
            indent = len(match[1])
            parsed = _parse(text, match.end())
            if parsed is not None:
                yield parsed


def _parse(text: str, start: int) -> ast.arguments | None:
    end = _closing(text, start)
    try:
        module = ast.parse(f"def f({text[start:end]}): pass")
    except (SyntaxError, ValueError):
        return None
    function = module.body[0]
    return function.args if isinstance(function, ast.FunctionDef) else None


def _closing(text: str, start: int) -> int:
    """Offset of the bracket that closes the one before ``start``; brackets in strings count."""
    depth = 1
    for match in re.finditer(r"[()]", text[start : start + _NEARBY]):
        depth += 1 if match[0] == "(" else -1
        if not depth:
            return start + match.start()
    return start


def _plain(parameters: ast.arguments) -> list[ast.arg]:
    """Named parameters, without the first of a method, whose type is the class."""
    named = [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs]
    return named[1:] if named and named[0].arg in ("self", "cls") else named
