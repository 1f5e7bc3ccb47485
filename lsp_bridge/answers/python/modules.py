"""Python modules read as syntax trees, and where the names in them come from. Nothing is run."""

import builtins
import sys
import sysconfig
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import tree_sitter_python
from tree_sitter import Language, Node, Parser, Tree

from lsp_bridge.servers.project import Project

_LANGUAGE = Language(tree_sitter_python.language())
_LARGEST_FILE_BYTES = 4 << 20
_MOST_FILES = 128
"""Trees that are kept; one takes some 25 times its source."""
_LONGEST_PATH = 12
"""Number of imports that a name is followed through."""
_NESTING = frozenset(
    {
        "if_statement",
        "elif_clause",
        "else_clause",
        "try_statement",
        "except_clause",
        "finally_clause",
        "with_statement",
        "block",
        "decorated_definition",
    }
)
"""Nodes whose statements belong to the scope around them."""


class Import(NamedTuple):
    """What a name in a module was imported as."""

    module: str
    """Dotted name, relative ones with their leading dots."""
    name: str
    """What was imported from it; empty: the module itself."""


Binding = Node | Import
"""A class, a function, the right side of an assignment, or an import."""


@dataclass(eq=False)
class Module:
    """A module's source, read; errors in it are nodes of its tree like others."""

    path: Path
    text: bytes
    tree: Tree

    @property
    def root(self) -> Node:
        """The whole module."""
        return self.tree.root_node

    @cached_property
    def bindings(self) -> dict[str, list[Binding]]:
        """What each name of the module's scope is bound to, in the order of the text."""
        found: dict[str, list[Binding]] = {}
        for name, binding in _bound(self.root):
            found.setdefault(name, []).append(binding)
        return found

    @cached_property
    def stars(self) -> list[str]:
        """Modules of which everything is imported."""
        return [
            text_of(node.child_by_field_name("module_name"))
            for node in statements(self.root)
            if node.type == "import_from_statement" and _has(node, "wildcard_import")
        ]


class Found(NamedTuple):
    """A class, a function or an expression, and the module it stands in."""

    module: Module
    node: Node


class Outside(NamedTuple):
    """What is known by its name alone, of the standard library or of modules not found."""

    module: str
    name: str

    @property
    def is_standard(self) -> bool:
        """Whether the standard library has it, built-in names included."""
        return self.module.split(".")[0] in sys.stdlib_module_names


Target = Found | Module | Outside


class Sources:
    """The modules that a project can import."""

    def __init__(self, project: Project) -> None:
        packages = project.site_packages or (sysconfig.get_path("purelib"),)
        folders = (*project.import_roots, *packages)
        self._folders = [Path(folder) for folder in folders]

    def module(self, dotted: str, importer: Path) -> Module | None:
        """The module that ``importer``, a file, calls ``dotted``; None if its source is not found.

        Modules of the standard library are not looked for.
        """
        level = len(dotted) - len(dotted.lstrip("."))
        parts = [part for part in dotted[level:].split(".") if part]
        if level:
            return _first_module([importer.parents[level - 1]], parts)
        if not parts or parts[0] in sys.stdlib_module_names:
            return None
        return _first_module(self._folders, parts)

    def resolve(self, dotted: str, module: Module, left: int = _LONGEST_PATH) -> list[Target]:
        """What ``dotted``, an expression such as ``orm.Model``, may mean in ``module``."""
        first, _, rest = dotted.partition(".")
        found: list[Target] = []
        for binding in module.bindings.get(first, ()):
            if isinstance(binding, Import):
                found += self._imported(binding, module, left)
            elif binding.type in ("identifier", "attribute") and left:  # another name for it
                found += self.resolve(text_of(binding), module, left - 1)
            else:
                found.append(Found(module, binding))
        if not found:
            for star in module.stars if left else ():
                source = self.module(star, module.path)
                found += [] if source is None else self._from(source, first, left - 1)
        if not found:
            found.append(Outside("builtins" if hasattr(builtins, first) else "", first))
        return self._members(found, rest, left)

    def _members(self, targets: list[Target], dotted: str, left: int) -> list[Target]:
        if not dotted:
            return targets
        found: list[Target] = []
        for target in targets:
            match target:
                case Module():
                    found += self._from_package(target, dotted, left - 1)
                case Outside():
                    found.append(Outside(f"{target.module}.{target.name}".rstrip("."), dotted))
                case Found():
                    found += self._attribute(target, dotted, left)
        return found

    def _attribute(self, owner: Found, name: str, left: int) -> list[Target]:
        """A method of a class, or of what a module makes by calling one; else ``owner``."""
        node = owner.node
        if node.type == "call" and left:
            made = self.resolve(field_text(node, "function"), owner.module, left - 1)
            classes = [each for each in made if isinstance(each, Found)]
            of_classes = [self._attribute(each, name, 0) for each in classes]
            return [found for each in of_classes for found in each] or [owner]
        body = node.child_by_field_name("body") if node.type == "class_definition" else None
        methods = [] if body is None else list(statements(body))
        found = [each for each in methods if field_text(each, "name") == name]
        return [Found(owner.module, each) for each in found] or [owner]

    def _imported(self, binding: Import, module: Module, left: int) -> list[Target]:
        if not left:
            return []
        source = self.module(binding.module, module.path)
        if not binding.name:
            return [source or Outside(binding.module, "")]
        if source is not None:
            return self._from_package(source, binding.name, left - 1)
        separator = "" if binding.module.endswith(".") else "."
        submodule = self.module(binding.module + separator + binding.name, module.path)
        return [submodule or Outside(binding.module.lstrip("."), binding.name)]

    def _from_package(self, source: Module, dotted: str, left: int) -> list[Target]:
        found = self._from(source, dotted, left)
        if all(isinstance(target, Outside) for target in found):
            first, _, rest = dotted.partition(".")
            submodule = self.module("." + first, source.path)
            if submodule is not None:
                return self._members([submodule], rest, left)
        return found

    def _from(self, source: Module, dotted: str, left: int) -> list[Target]:
        return self.resolve(dotted, source, left) if left > 0 else []


def _first_module(folders: list[Path], parts: list[str]) -> Module | None:
    for folder in folders:
        base = folder.joinpath(*parts)
        for path in (base / "__init__.py", base.with_suffix(".py") if parts else base):
            module = read(path)
            if module is not None:
                return module
    return None


def read(path: Path) -> Module | None:
    """The module at ``path``, read again once the file has changed; None if it cannot be read."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return None
    if status.st_size > _LARGEST_FILE_BYTES:
        return None
    return _read(path, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=_MOST_FILES)
def _read(path: Path, modified_ns: int, size: int) -> Module | None:
    try:
        text = path.read_bytes() if path.is_file() else None
    except OSError:
        return None
    return None if text is None else Module(path, text, Parser(_LANGUAGE).parse(text))


class Drafts:
    """Modules as they are being written: each text is read from where it differs from the last."""

    def __init__(self, capacity: int = 8) -> None:
        self._capacity = capacity
        self._last: OrderedDict[Path, Module] = OrderedDict()

    def read(self, path: Path, text: bytes) -> Module:
        """The module whose source is now ``text``."""
        last = self._last.pop(path, None)
        old = None if last is None else _edited(last, text)
        tree = Parser(_LANGUAGE).parse(text) if old is None else Parser(_LANGUAGE).parse(text, old)
        module = self._last[path] = Module(path, text, tree)
        if len(self._last) > self._capacity:
            self._last.popitem(last=False)
        return module


def _edited(module: Module, text: bytes) -> Tree:
    """The module's tree, told which bytes are others in ``text``."""
    old = module.text
    start = _shared(old, text)
    rest = min(len(old), len(text)) - start
    kept = bisect_left(
        range(1, rest + 1), True, key=lambda size: old[-size:] != text[-size:]
    )  # bytes at the end that both have
    old_end, new_end = len(old) - kept, len(text) - kept
    tree = module.tree.copy()
    tree.edit(
        start, old_end, new_end, _point(old, start), _point(old, old_end), _point(text, new_end)
    )
    return tree


def _shared(one: bytes, other: bytes) -> int:
    """Length of the beginning that both have."""
    most = min(len(one), len(other))
    return bisect_left(range(1, most + 1), True, key=lambda size: one[:size] != other[:size])


def _point(text: bytes, offset: int) -> tuple[int, int]:
    """Row and column, in bytes, of an offset."""
    return text.count(b"\n", 0, offset), offset - (text.rfind(b"\n", 0, offset) + 1)


def text_of(node: Node | None) -> str:
    """Source text of a node; empty for none."""
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def field_text(node: Node, name: str) -> str:
    """Source text of one of a node's fields; empty if it has none."""
    return text_of(node.child_by_field_name(name))


def statements(scope: Node) -> Iterator[Node]:
    """Statements of a module, a class's body or a function's, those under conditions included."""
    for node in scope.named_children:
        if node.type in _NESTING:
            yield from statements(node)
        else:
            yield node


def walk(scope: Node, into: Callable[[Node], bool] = lambda node: True) -> Iterator[Node]:
    """All named nodes below ``scope``, but for those below a node that ``into`` declines."""
    stack = list(reversed(scope.named_children))
    while stack:
        node = stack.pop()
        yield node
        if into(node):
            stack.extend(reversed(node.named_children))


def _has(node: Node, kind: str) -> bool:
    return any(child.type == kind for child in node.named_children)


def _bound(scope: Node) -> Iterator[tuple[str, Binding]]:
    for node in statements(scope):
        match node.type:
            case "class_definition" | "function_definition":
                yield field_text(node, "name"), node
            case "import_statement":
                yield from _imported_modules(node)
            case "import_from_statement":
                yield from _imported_names(node)
            case "expression_statement":
                yield from _assigned(node)


def _imported_modules(node: Node) -> Iterator[tuple[str, Import]]:
    for each in node.children_by_field_name("name"):
        if each.type == "aliased_import":
            yield field_text(each, "alias"), Import(field_text(each, "name"), "")
        else:
            first = text_of(each).split(".")[0]
            yield first, Import(first, "")


def _imported_names(node: Node) -> Iterator[tuple[str, Import]]:
    module = field_text(node, "module_name")
    for each in node.children_by_field_name("name"):
        if each.type == "aliased_import":
            yield field_text(each, "alias"), Import(module, field_text(each, "name"))
        else:
            yield text_of(each), Import(module, text_of(each))


def _assigned(node: Node) -> Iterator[tuple[str, Binding]]:
    for each in node.named_children:
        if each.type == "assignment":
            target, value = each.child_by_field_name("left"), each.child_by_field_name("right")
            if target is not None and value is not None and target.type == "identifier":
                yield text_of(target), value
