"""Names of the standard library that only some platforms or versions of Python have.

A server knows one platform and one version. The names that the library's stubs declare under
``sys.platform`` and ``sys.version_info`` stand in ``conditional.json``; `declared_in` reads them
off typeshed's stubs, and a test holds the file to those of an installed checker.
"""

import ast
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import msgspec

_TABLE = Path(__file__).with_suffix(".json")
_OTHER_IMPLEMENTATIONS = {"sys": frozenset({"pypy_translation_info", "pypy_version_info"})}
"""What typeshed leaves out, since it describes CPython."""

Table = Mapping[str, frozenset[str]]
"""Names by dotted scope: a module, or a module and a class."""


@cache
def table() -> Table:
    """The names of all versions and platforms that CPython's stubs know."""
    return msgspec.json.decode(_TABLE.read_bytes(), type=dict[str, frozenset[str]])


def of_module(module: str) -> frozenset[str]:
    """Names that a standard module has somewhere."""
    return table().get(module, frozenset()) | _OTHER_IMPLEMENTATIONS.get(module, frozenset())


def of_class(module: str, name: str) -> frozenset[str]:
    """Names that a standard class has somewhere, those of its bases too if it is loaded here."""
    found = loaded(module, name)
    bases = found.__mro__ if isinstance(found, type) else ()
    scopes = {f"{module}.{name}", *(f"{each.__module__}.{each.__qualname__}" for each in bases)}
    return frozenset[str]().union(*(table().get(scope, frozenset()) for scope in scopes))


def loaded(module: str, name: str) -> object:
    """What a module has by that name, if it is loaded here; None else. Nothing is imported."""
    found: object = getattr(sys.modules.get(module), name, None)
    return found


def declared_in(stubs: Path) -> dict[str, list[str]]:
    """What typeshed's folder ``stdlib`` declares under conditions, and nowhere without them."""
    modules = {
        _dotted(path.relative_to(stubs)): ast.parse(path.read_text())
        for path in sorted(stubs.rglob("*.pyi"))
    }
    found: dict[str, set[str]] = {}
    always: dict[str, set[str]] = {}
    for module, tree in modules.items():
        for scope, name, is_conditional in _names(tree.body, module, False):
            for each, is_there in _exported(modules, module, name):
                kept = found if is_conditional or is_there else always
                kept.setdefault(scope, set()).add(each)
    rest = {scope: names - always.get(scope, set()) for scope, names in found.items()}
    return {scope: sorted(names) for scope, names in sorted(rest.items()) if names}


def _dotted(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def _exported(
    modules: Mapping[str, ast.Module], importer: str, name: str
) -> Iterator[tuple[str, bool]]:
    """``name``, or all that ``from .module import *`` brings; whether it is conditional there."""
    if not name.endswith("*"):
        yield name, False
        return
    star = name.removesuffix("*")
    module = f"{importer}{star}" if star.startswith(".") else star
    body = modules[module].body if module in modules else []
    for scope, each, is_conditional in _names(body, module, False):
        if scope == module and each[0] != "_" and not each.endswith("*"):
            yield each, is_conditional


def _names(body: list[ast.stmt], scope: str, under: bool) -> Iterator[tuple[str, str, bool]]:
    """Scope and name of each binding, and whether it stands under a condition."""
    for node in body:
        match node:
            case ast.If():
                inside = under or _is_conditional(node.test)
                yield from _names(node.body, scope, inside)
                yield from _names(node.orelse, scope, inside)
            case ast.ClassDef():
                yield scope, node.name, under
                yield from _names(node.body, f"{scope}.{node.name}", False)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                yield scope, node.name, under
            case ast.AnnAssign(target=ast.Name(id=name)):
                yield scope, name, under
            case ast.Assign():
                names = (each.id for each in node.targets if isinstance(each, ast.Name))
                yield from ((scope, name, under) for name in names)
            case ast.ImportFrom(names=[ast.alias(name="*")]):
                yield scope, "." * node.level + (node.module or "") + "*", under
            case ast.Import() | ast.ImportFrom():
                yield from ((scope, each.asname, under) for each in node.names if each.asname)


def _is_conditional(test: ast.expr) -> bool:
    attributes = (node for node in ast.walk(test) if isinstance(node, ast.Attribute))
    return any(each.attr in ("platform", "version_info") for each in attributes)
