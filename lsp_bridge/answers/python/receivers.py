"""What the receiver of a Python dereference has besides what its server lists."""

import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from tree_sitter import Node

from lsp_bridge.answers.python import conditional, guards
from lsp_bridge.answers.python.classes import Classes, module_writes
from lsp_bridge.answers.python.definitions import declared, is_of_class, is_static
from lsp_bridge.answers.python.guards import Guard
from lsp_bridge.answers.python.modules import Drafts, Found, Module, Sources, field_text, read
from lsp_bridge.answers.python.writes import parameters
from lsp_bridge.documents import overlay
from lsp_bridge.documents.overlay import Encoding
from lsp_bridge.documents.question import Question
from lsp_bridge.profiles.profile import Ask, Extra
from lsp_bridge.profiles.rules.python_source import receiver
from lsp_bridge.servers.project import Project
from monitors.protocols import Members, Name

_OWN = re.compile(
    r"(?:\btype\((?P<object>\w+)\)|\b(?P<class>\w+)\.__class__|\b(?P<super>super)\(.*\))\.\Z"
)
_LONGEST_RECEIVER = 200
_PLACEHOLDER = "_"
_NO_NAME = Name("")
_CLASS_OBJECTS = frozenset({"mro", "__mro__"})
_BRACKETS = re.compile(r"[()\[\]{}]")
_WORD = re.compile(r"\w")
_LONGEST_CALL = 1_000
"""Characters in which a call's opening bracket is looked for; those in strings count too."""
_STUBS = re.compile(r"stdlib\Z|pyrefly_bundled_typeshed|\d(?:and\d)?\Z")
"""Folders of typeshed's modules: pyrefly unpacks its own, jedi's are sorted by version."""


_LIBRARY = Path(sysconfig.get_path("stdlib"))

_UNLISTED_SHARE = 0.05
"""Of the names that a class's methods use of their own object: if more of them are listed nowhere,
others than its file's bring them."""


class _Type(NamedTuple):
    """One type that the receiver may have."""

    found: Found | Module
    is_class_object: bool
    is_own: bool = False
    """Whether the receiver is ``self`` or ``cls``, so that classes that derive count."""


class Receivers:
    """Looks up the classes of receivers, in a project."""

    def __init__(self, project: Project, lists_what_unions_share: bool = False) -> None:
        """``lists_what_unions_share``: see `lsp_bridge.profiles.profile.Profile`."""
        self._classes = Classes(Sources(project))
        self._only_shared = lists_what_unions_share
        self._drafts = Drafts()

    async def look_up(
        self, question: Question, facts: Members, encoding: Encoding, ask: Ask
    ) -> Extra:
        """Names that the receiver has besides ``facts``, or why nobody can name them all.

        ``ask`` sends a request about the document of ``question``, which the server has open.
        """
        text, cursor = question.text, question.cursor
        begin = len(text[:cursor].encode())
        source = f"{text[:cursor]}{_PLACEHOLDER}{text[cursor:]}".encode()
        module = self._drafts.read(Path(question.path), source)
        guard = guards.around(module.root.descendant_for_byte_range(begin, begin))
        if guard is Guard.PROBED:
            return Extra(why_open="the author expects that the name may be missing")
        types = list(_own_types(module, begin, text[:cursor]))
        if types:
            return self._judged(types, facts)
        links = await _links(question, encoding, ask)
        standard = [scope for link in links if (scope := _standard_scope(link, facts))]
        if guard is Guard.VERSION and (standard or _is_module(facts)):
            return Extra(why_open="code for some version of Python")
        names = frozenset[str]().union(*map(_conditional_names, standard))
        if self._only_shared and len(links) > 1:
            if len(standard) < len(links):
                return Extra(why_open="only what the types of a union share was listed")
            names = names.union(*map(_loaded_names, standard))
        types = list(self._linked(links, module, facts))
        if guard is Guard.PLATFORM and _is_module(facts) and not (standard or types):
            return Extra(why_open="code for some platform")
        return Extra(names) | self._judged(types, facts)

    def _linked(self, links: "list[_Link]", module: Module, facts: Members) -> Iterator[_Type]:
        is_class_object = _is_class_object(facts)
        for link in links:
            target = module if link.path == module.path else read(link.path)
            if target is None or link.path.suffix == ".pyi":
                continue
            found = _class_at(target, link.line)
            if found is not None and _fits(found, facts):
                yield _Type(found, is_class_object)
            elif link.line == 0 and _is_module(facts):
                yield _Type(target, False)

    def _judged(self, types: list[_Type], facts: Members) -> Extra:
        listed = {name.text for name in facts.names}
        extra = Extra()
        if not types and _hides_metaclass(facts):
            return Extra(why_open="a class with a metaclass")
        for each in types:
            if isinstance(each.found, Module):
                writes = module_writes(each.found)
                extra |= Extra(writes.names.union(each.found.bindings), writes.computed)
            else:
                extra |= _of_class(self._classes, each.found, each, listed)
        return extra


def _of_class(classes: Classes, found: Found, each: _Type, listed: set[str]) -> Extra:
    members = classes.members(found)
    writes = members.of_class if each.is_class_object else members.of_instances
    names = writes.names
    if each.is_class_object:
        names = names.union(members.metaclass, dir(type))
    if each.is_own:
        names |= classes.brought(found)
    hidden = "_" if members.has_standard_base else "__"
    used = {name for name in members.used if not name.startswith(hidden)} - {_PLACEHOLDER}
    unlisted = used - listed - names
    why = ""
    if each.is_own and len(unlisted) > _UNLISTED_SHARE * len(used):
        why = f"its class uses {min(unlisted)}, which is not listed"
    return Extra(names | unlisted, writes.computed or why)


class _Scope(NamedTuple):
    """A module of the standard library, or a class in it."""

    module: str
    name: str = ""


def _standard_scope(link: "_Link", facts: Members) -> _Scope | None:
    """What a link into typeshed, or into the library's own source, leads to."""
    parts = link.path.parts
    is_source = link.path.is_relative_to(_LIBRARY) and "site-packages" not in parts
    target = read(link.path) if is_source or link.path.suffix == ".pyi" else None
    if target is None:
        return None
    roots = [place for place, part in enumerate(parts) if _STUBS.match(part)]
    start = len(_LIBRARY.parts) if is_source else roots[-1] + 1 if roots else len(parts)
    inside = parts[start:-1]
    dotted = ".".join((*inside, link.path.stem)).removesuffix(".__init__")
    found = _class_at(target, link.line)
    if found is not None:
        return _Scope(dotted, field_text(found.node, "name"))
    return _Scope(dotted) if link.line == 0 and _is_module(facts) else None


def _conditional_names(scope: _Scope) -> frozenset[str]:
    """Names that it has on other platforms and in other versions."""
    if scope.name:
        return conditional.of_class(scope.module, scope.name)
    return conditional.of_module(scope.module)


def _loaded_names(scope: _Scope) -> list[str]:
    """Members of a standard class that is loaded here."""
    return dir(conditional.loaded(scope.module, scope.name))


def _own_types(module: Module, cursor_byte: int, before: str) -> Iterator[_Type]:
    """The class around the cursor, where the receiver is its object or itself."""
    node = module.root.descendant_for_byte_range(max(0, cursor_byte - 1), cursor_byte)
    function, around = _scopes(node)
    if function is None or around is None:
        return
    first = next(iter(parameters(function)), "")
    found = Found(module, around)
    name = receiver(before, len(before))
    own = _OWN.search(before[-_LONGEST_RECEIVER:])
    if first and name == first and not is_static(function):
        yield _Type(found, _is_class_method(function), is_own=True)
    elif own is not None and (own["super"] or first in (own["object"], own["class"])):
        is_instance = bool(own["super"]) and not _is_class_method(function)
        yield _Type(found, not is_instance, is_own=not own["super"])


def _scopes(node: Node | None) -> tuple[Node | None, Node | None]:
    """The method around a node, and the class around that."""
    function = None
    while node is not None:
        if node.type == "function_definition":
            function = node
        elif node.type == "class_definition":
            return function, node
        node = node.parent
    return None, None


def _is_class_method(function: Node) -> bool:
    """Whether the first parameter is the class, in which ``__new__`` makes an instance."""
    return is_of_class(function) or field_text(function, "name") == "__new__"


def _class_at(module: Module, line: int) -> Found | None:
    """The class whose name stands in ``line``."""
    stack = [module.root]
    while stack:
        node = stack.pop()
        if node.type == "class_definition":
            name = node.child_by_field_name("name")
            if name is not None and name.start_point[0] == line:
                return Found(module, node)
        if node.start_point[0] <= line <= node.end_point[0]:
            stack.extend(node.named_children)
    return None


def _fits(found: Found, facts: Members) -> bool:
    """Whether the list shows what the class declares: servers misjudge some expressions."""
    plain = {name for name in declared(found.node) if name.isidentifier() and name[0] != "_"}
    missing = plain.difference(name.text for name in facts.names)
    return 2 * len(missing) <= len(plain)


def _is_class_object(facts: Members) -> bool:
    """Whether the list is that of a class: with the members of `type`, or as pyrefly shows it.

    pyrefly lists no members of metaclasses; an instance would show ``__dir__`` as a method. It
    tells the types of members, others with functions for methods do not.
    """
    names = {name.text: name for name in facts.names}
    shown = names.get("__class__", _NO_NAME).detail
    is_function = names.get("__dir__", _NO_NAME).kind == "function"
    return (
        not _CLASS_OBJECTS.isdisjoint(names)
        or (bool(shown) and is_function)
        or shown.startswith("((")
    )


def _hides_metaclass(facts: Members) -> bool:
    """Whether pyrefly's list is that of a class whose metaclass it does not show.

    That of enumerations is known: see `lsp_bridge.profiles.rules.python`.
    """
    names = {name.text: name.detail for name in facts.names}
    is_enum = "_generate_next_value_" in names
    return names.get("__class__", "").startswith("type[type[") and not is_enum


def _is_module(facts: Members) -> bool:
    return any(name.text == "__file__" for name in facts.names)


class _Link(NamedTuple):
    """Where a type is defined."""

    path: Path
    line: int


async def _links(question: Question, encoding: Encoding, ask: Ask) -> list[_Link]:
    """Definitions of the types of the expression in front of the operator."""
    text = question.text[: question.cursor].rstrip().removesuffix(".").rstrip()
    for find in (len, _called_end):
        if not (end := find(text)):
            break
        place = overlay.position(question.text, end - 1, encoding).to_lsp()
        params = {"textDocument": {"uri": question.uri}, "position": place}
        response = await ask("textDocument/typeDefinition", params)
        links = [response] if isinstance(response, dict) else response or []
        if found := [link for each in links if (link := _link(each)) is not None]:
            return found
    return []


def _called_end(text: str) -> int:
    """Where the name ends that a call at the end of ``text`` calls; 0 if there is none.

    Some servers say nothing of a call's type, but a class that is called is what it makes.
    """
    depth = 0
    for match in _BRACKETS.finditer(text[-_LONGEST_CALL:][::-1]):
        depth += 1 if match[0] in ")]}" else -1
        if not depth:
            end = len(text) - match.end()
            is_call = text.endswith(")") and end and _WORD.match(text[end - 1])
            return end if is_call else 0
    return 0


def _link(link: Any) -> _Link | None:
    """A Location or LocationLink; None if it names no file."""
    try:
        uri = link["targetUri"] if "targetUri" in link else link["uri"]
        span = link["targetSelectionRange"] if "targetUri" in link else link["range"]
        parts, line = urlsplit(uri), int(span["start"]["line"])
    except (AttributeError, TypeError, KeyError, ValueError):
        return None
    return _Link(Path(unquote(parts.path)), line) if parts.scheme == "file" else None
