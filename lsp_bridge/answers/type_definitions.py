"""How the types of a receiver are defined, asked of the server that has listed its members.

A server that may not run the workspace's macros lists what is written out and nothing else. What
it leaves out can only be guessed from a type's definition: see `Profile.type_rule`.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from lsp_bridge.documents import overlay
from lsp_bridge.documents.overlay import Encoding, Position
from lsp_bridge.documents.question import Question
from lsp_bridge.profiles.profile import Ask, Definition, TypeRule
from lsp_bridge.servers.transport import GarbledMessageError
from monitors.languages.reading import advance
from monitors.languages.registry import LANGUAGES

_COMMENT = re.compile("//")
_MOST_COMMENTS = 8
"""Number of comments between a receiver and its operator that are read."""
_PATH = "::"
_ALIAS = re.compile(r"\btype\s*\Z")
_ALIASED = re.compile(r"\s*(?:<[^;]*>)?\s*=\s*")
_LARGEST_FILE_BYTES = 4 << 20
_LONGEST_HEADER = 1 << 16
_LONGEST_REST = 500


class Receiver(NamedTuple):
    """The expression whose members are asked for; it ends at code point offset ``end``."""

    question: Question
    end: int
    operator: str

    @property
    def is_path(self) -> bool:
        """Whether it names a type or a module, and is no value."""
        return self.operator == _PATH


class _Link(NamedTuple):
    """Where a definition is: all of it, and its name."""

    uri: str
    start: Position
    name_start: Position
    name_end: Position


def receiver(question: Question) -> Receiver | None:
    """The receiver, with a blank between it and the operator; None if there is no operator.

    A position between two tokens belongs to the one that the server likes better. The blank makes
    the end of the receiver belong to its last token.
    """
    text = question.text[: question.cursor].rstrip()
    operator = next(filter(text.endswith, _operators(question)), None)
    end = None if operator is None else _end(question, text.removesuffix(operator))
    if operator is None or end is None:
        return None
    before, behind = question.text[:end], question.text[end:]
    if behind[0].isspace():
        return Receiver(question, end, operator)
    spaced = replace(question, text=f"{before} {behind}", cursor=question.cursor + 1)
    return Receiver(spaced, end, operator)


def _operators(question: Question) -> list[str]:
    """The language's dereference operators, the longest first."""
    texts = (each.text for each in LANGUAGES[question.language].operators)
    return sorted(texts, key=len, reverse=True)


def _end(question: Question, text: str) -> int | None:
    """Offset behind the last token of ``text``; None if it is not found."""
    for _ in range(_MOST_COMMENTS):
        text = text.rstrip()
        comment = _comment(question, text)
        if comment < 0:
            return len(text)
        text = text[:comment]
    return None


def _comment(question: Question, text: str) -> int:
    """Offset of the comment that ends ``text``, -1 if none does."""
    if text.endswith("*/"):
        return text.rfind("/*")
    for match in _COMMENT.finditer(text, text.rfind("\n") + 1):
        before = advance(LANGUAGES[question.language].start(), text[: match.start()])
        if before.in_code and not advance(before, text, match.start()).in_code:
            return match.start()
    return -1


async def why_open(rule: TypeRule, receiver: Receiver | None, encoding: Encoding, ask: Ask) -> str:
    """What ``rule`` says of the receiver's types; a type that cannot be read is open.

    Raises as ``ask`` does, and GarbledMessageError for an answer without the prescribed form.
    """
    if receiver is None:
        return "no operator stands in front of the cursor"
    try:
        definitions = await _definitions(receiver, encoding, ask)
    except (OSError, ValueError) as error:
        return f"a type's definition cannot be read: {error}"
    return rule(definitions)


async def _definitions(receiver: Receiver, encoding: Encoding, ask: Ask) -> list[Definition]:
    """Definitions of the receiver's types, the outermost first; empty for built-in types."""
    question = receiver.question
    end = _named_end(question.text, receiver.end) if receiver.is_path else receiver.end
    place = overlay.position(question.text, end, encoding)
    method = "textDocument/definition" if receiver.is_path else "textDocument/typeDefinition"
    links = await _links(ask, method, question.uri, place)
    found = [_definition(link, question, encoding) for link in links]
    meant = []
    if receiver.is_path:
        for link, definition in zip(links, found, strict=True):
            place = _meant(link, definition, question, encoding)
            meant += await _links(ask, "textDocument/typeDefinition", link.uri, place)
    return [_definition(link, question, encoding) for link in meant] + found


def _named_end(text: str, end: int) -> int:
    """Where a path's name ends: ``Vec`` of ``Vec::<T>``; in ``<T as Trait>``, where it begins."""
    if text[end - 1 : end] == ">":
        start = _opening(text, end)
        named = text[:start].rstrip().removesuffix(_PATH).rstrip()
        return len(named) if re.search(r"\w\Z", named) else start + 1
    return end


def _opening(text: str, end: int) -> int:
    """Offset of the angle bracket that the one before ``end`` closes."""
    depth = 0
    for place in range(end - 1, -1, -1):
        if text[place] == ">" and text[place - 1 : place] != "-":
            depth += 1
        depth -= text[place] == "<"
        if depth == 0:
            return place
    return 0


def _meant(link: _Link, definition: Definition, question: Question, encoding: Encoding) -> Position:
    """Where to ask which type a path leads to: an alias's own type, or the one of an ``impl``."""
    aliased = _ALIASED.match(definition.rest) if _ALIAS.search(definition.header) else None
    if aliased is None:
        return link.name_start
    text = _text(link.uri, question)
    return overlay.position(text, _offset(text, link.name_end, encoding) + aliased.end(), encoding)


async def _links(ask: Ask, method: str, uri: str, place: Position) -> list[_Link]:
    params = {"textDocument": {"uri": uri}, "position": place.to_lsp()}
    response = await ask(method, params)
    links = [response] if isinstance(response, dict) else response or []
    try:
        return [_link(each) for each in links]
    except (TypeError, KeyError, ValueError) as error:
        raise GarbledMessageError(f"no location: {str(response)[:80]}") from error


def _link(link: Mapping[str, Any]) -> _Link:
    """A LocationLink. Its range holds what stands in front of a definition, a Location's not."""
    name = link["targetSelectionRange"]
    places = (link["targetRange"]["start"], name["start"], name["end"])
    positions = (Position(int(each["line"]), int(each["character"])) for each in places)
    return _Link(str(link["targetUri"]), *positions)


def _definition(link: _Link, question: Question, encoding: Encoding) -> Definition:
    text = _text(link.uri, question)
    start, name_start, name_end = (_offset(text, place, encoding) for place in link[1:])
    if name_start - start > _LONGEST_HEADER:
        raise OSError(f"{link.uri}: too much stands in front of line {link.name_start.line + 1}")
    rest = text[name_end : name_end + _LONGEST_REST]
    return Definition(text[start:name_start], text[name_start:name_end], rest)


def _offset(text: str, place: Position, encoding: Encoding) -> int:
    offset = overlay.offset(text, place.line, place.column, encoding)
    if offset is None:
        raise OSError(f"it has no line {place.line + 1}")
    return offset


def _text(uri: str, question: Question) -> str:
    """Text of a document, as the server knows it. Raises OSError and ValueError."""
    parts = urlsplit(uri)
    path = Path(unquote(parts.path))
    if parts.scheme == "file" and str(path) == question.path:
        return question.text
    if parts.scheme != "file" or not path.is_file():
        raise OSError(f"{uri} is no file")
    with path.open("rb") as file:
        content = file.read(_LARGEST_FILE_BYTES + 1)
    if len(content) > _LARGEST_FILE_BYTES:
        raise OSError(f"{path} is too large")
    return content.decode()
