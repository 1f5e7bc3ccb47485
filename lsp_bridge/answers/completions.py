"""Raw completion responses as facts: which names may stand at the cursor.

Labels and filter texts are decorated, edits start before the cursor, lists hold keywords and
snippets: what counts is the text that accepting an item would leave behind the cursor. A list
that cannot be trusted to be closed is `Unavailable`, with the reason.
"""

import re
from collections.abc import Mapping
from typing import Any

from lsp_bridge.documents.overlay import Encoding, offset
from lsp_bridge.profiles.profile import Incomplete, Item, Listing, Profile
from monitors.protocols import Members, Name, Reason, Unavailable

_KINDS = (
    "",
    "text",
    "method",
    "function",
    "constructor",
    "field",
    "variable",
    "class",
    "interface",
    "module",
    "property",
    "unit",
    "value",
    "enum",
    "keyword",
    "snippet",
    "color",
    "file",
    "reference",
    "folder",
    "enum_member",
    "constant",
    "struct",
    "event",
    "operator",
    "type_parameter",
)
_CHAIN = re.compile(r"(?:\(\))?\??(?:\.|::|->)[^\W\d]")
_DEPRECATED_TAG = 1
_SNIPPET_FORMAT = 2
_DECORATION = " \t\u2022"
"""What clangd puts before labels: a blank, or a bullet if a header would be included."""
_PLACEHOLDER = re.compile(r"(?<!\\)(?:\\\\)*\$[\d{A-Za-z_]")
_ESCAPED = re.compile(r"\\([$}\\])")


class _MalformedError(Exception):
    """The response does not have the form that the protocol prescribes."""


def read(
    response: Any,
    profile: Profile,
    text: str,
    cursor: int,
    encoding: Encoding = Encoding.UTF16,
) -> Members | Unavailable:
    """Names in ``response``, asked at code point offset ``cursor`` of ``text``. Never raises."""
    found = _found(response, profile, text, cursor, encoding)
    if isinstance(found, Unavailable):
        return found
    names, listed, kinds = found
    if not profile.foreign_kinds.isdisjoint(kinds):
        return Unavailable(Reason.NOT_MEMBERS, "names in scope were listed")
    if not names:
        return Unavailable(Reason.EMPTY)
    dropped = profile.dropped_kinds.intersection(kinds)
    return _judge(names, profile, Listing(listed, text, cursor, dropped))


def read_plain(
    response: Any, profile: Profile, text: str, cursor: int, encoding: Encoding = Encoding.UTF16
) -> Members | Unavailable:
    """The same where nothing is dereferenced: rules for members do not apply."""
    found = _found(response, profile, text, cursor, encoding)
    if isinstance(found, Unavailable):
        return found
    names, _, _ = found
    return Members(tuple(names)) if names else Unavailable(Reason.EMPTY)


def _found(
    response: Any, profile: Profile, text: str, cursor: int, encoding: Encoding
) -> tuple[list[Name], dict[str, Item], list[int]] | Unavailable:
    """Names, what rules want to see of them, and the kinds of all items, dropped ones too."""
    try:
        items, incomplete, defaults = _parts(response)
        is_cut = profile.longest_list is not None and len(items) >= profile.longest_list
        if is_cut or (incomplete and profile.incomplete is Incomplete.DROP):
            return Unavailable(Reason.INCOMPLETE, f"{len(items)} items")
        place = _Place(text, cursor, encoding, defaults)
        kinds = [_kind(item) for item in items]
        return *_members(items, kinds, profile, place), kinds
    except (
        _MalformedError,
        TypeError,
        ValueError,
        KeyError,
        AttributeError,
        RecursionError,
    ) as error:
        return Unavailable(Reason.BAD_ANSWER, str(error)[:200])


def _judge(names: list[Name], profile: Profile, listing: Listing) -> Members | Unavailable:
    if why := profile.open_type(listing):
        return Unavailable(Reason.OPEN_TYPE, why)
    listed = listing.items
    plain = frozenset(name for name in listed if not is_dunder(name))
    if (profile.unknown_if_only_dunder and not plain) or plain in profile.unknown_lists:
        return Unavailable(Reason.UNKNOWN_TYPE, f"only {len(names)} names of every object")
    implied = [name for name in profile.implied(listing) if name not in listed]
    return Members((*names, *map(Name, dict.fromkeys(implied))))


def is_dunder(name: str) -> bool:
    """Whether a name is of the form ``__x__``."""
    return len(name) > 4 and name.startswith("__") and name.endswith("__")


def _parts(response: Any) -> tuple[list[Mapping[str, Any]], bool, Mapping[str, Any]]:
    """Items, whether the list is flagged incomplete, and its defaults."""
    if response is None:
        return [], False, {}
    body = {"items": response} if isinstance(response, list) else response
    if not isinstance(body, dict) or not isinstance(body.get("items"), list):
        raise _MalformedError(f"neither a list nor a CompletionList: {str(response)[:80]}")
    for item in body["items"]:
        if not isinstance(item, dict) or not isinstance(item.get("label"), str):
            raise _MalformedError(f"no CompletionItem: {str(item)[:80]}")
    return body["items"], bool(body.get("isIncomplete")), body.get("itemDefaults") or {}


def _kind(item: Mapping[str, Any]) -> int:
    kind = item.get("kind", 0)
    if not isinstance(kind, int):
        raise _MalformedError(f"kind is {kind!r}")
    return kind


def _members(
    items: list[Mapping[str, Any]], kinds: list[int], profile: Profile, place: "_Place"
) -> tuple[list[Name], dict[str, Item]]:
    """Names in the server's order, each once, and what the profile's rules want to see of them."""
    names: list[Name] = []
    listed: dict[str, Item] = {}
    dropped = profile.dropped_labels
    for item, kind in zip(items, kinds, strict=True):
        if kind in profile.dropped_kinds or (dropped and dropped.match(item["label"])):
            continue
        text = place.name(item, profile)
        if text and text not in listed:
            detail = _detail(item)
            kind_name = _KINDS[kind] if 0 <= kind < len(_KINDS) else ""
            names.append(Name(text, kind_name, detail, _is_deprecated(item)))
            listed[text] = Item(kind, detail, place.commits(item))
    return names, listed


def _detail(item: Mapping[str, Any]) -> str:
    detail = item.get("detail")
    return detail if isinstance(detail, str) else ""


def _is_deprecated(item: Mapping[str, Any]) -> bool:
    return bool(item.get("deprecated")) or _DEPRECATED_TAG in (item.get("tags") or ())


def _plain(snippet: str) -> str:
    """Text of a snippet up to its first placeholder."""
    found = _PLACEHOLDER.search(snippet)
    return _ESCAPED.sub(r"\1", snippet if found is None else snippet[: found.end() - 2])


class _Place:
    """The cursor that items are read at."""

    def __init__(
        self, text: str, cursor: int, encoding: Encoding, defaults: Mapping[str, Any]
    ) -> None:
        self._text = text
        self._cursor = cursor
        self._encoding = encoding
        self._range = defaults.get("editRange")
        self._format = defaults.get("insertTextFormat")
        self._commits = defaults.get("commitCharacters")
        self._replaced: dict[tuple[int, int], str] = {}

    def name(self, item: Mapping[str, Any], profile: Profile) -> str | None:
        """The name that the item stands for; None if it is no plain name."""
        text = self._inserted(item)
        if text is None:
            return None
        if item.get("insertTextFormat", self._format) == _SNIPPET_FORMAT:
            text = _plain(text)
        match = profile.names.match(text)
        if match is None or _CHAIN.match(text, match.end()):
            return None
        if not profile.wraps_receiver and self._touches_receiver(item):
            return None
        return match[0]

    def commits(self, item: Mapping[str, Any]) -> str | None:
        """Characters that would accept the item, in one string."""
        characters = item.get("commitCharacters", self._commits)
        return None if characters is None else "".join(characters)

    def _inserted(self, item: Mapping[str, Any]) -> str | None:
        """Text that accepting the item leaves behind the cursor; None: it edits the receiver."""
        edit = item.get("textEdit")
        if edit is not None:
            return self._behind_cursor(edit["newText"], edit.get("range") or edit.get("insert"))
        default = self._range
        fallback = item.get("insertText") or item["label"]
        if default is not None:
            text = item.get("textEditText") or fallback
            return self._behind_cursor(text, default.get("insert") or default)
        return self._typed(fallback)

    def _behind_cursor(self, text: str, span: Any) -> str | None:
        start = span["start"]
        before = self._before(start["line"], start["character"])
        return text[len(before) :] if text.startswith(before) else None

    def _before(self, line: int, column: int) -> str:
        """Text between the start of an edit and the cursor; most edits start at one place."""
        key = (line, column)
        known = self._replaced.get(key)
        if known is None:
            start = self._offset(line, column)
            known = "" if start is None else self._text[start : self._cursor]
            self._replaced[key] = known
        return known

    def _typed(self, text: str) -> str:
        """Without an edit, clients replace the word before the cursor; there is none."""
        return text.lstrip(_DECORATION)

    def _touches_receiver(self, item: Mapping[str, Any]) -> bool:
        """Whether accepting the item also edits the line of the cursor (``.`` to ``->``)."""
        edits = item.get("additionalTextEdits") or ()
        if not edits:
            return False
        line_start = max(self._text.rfind(end, 0, self._cursor) for end in "\r\n") + 1
        starts = (edit["range"]["start"] for edit in edits)
        places = (self._offset(start["line"], start["character"]) for start in starts)
        return any(place is not None and place >= line_start for place in places)

    def _offset(self, line: int, column: int) -> int | None:
        return offset(self._text, line, column, self._encoding)
