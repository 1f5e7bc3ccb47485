"""A profile from plain values, as a configuration file holds them."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, replace
from enum import Enum, IntEnum
from typing import Any, NoReturn, get_type_hints

from lsp_bridge.documents.overlay import Encoding
from lsp_bridge.profiles.profile import Profile, Tree
from lsp_bridge.servers.project import Project
from monitors.errors import ConfigError

_ROOT = "{root}"
_Kind = IntEnum(
    "_Kind",
    "text method function constructor field variable class interface module property unit value"
    " enum keyword snippet color file reference folder enum_member constant struct event operator"
    " type_parameter",
)
"""The protocol's kinds of completion items."""


@dataclass(frozen=True)
class Form:
    """What a field's value looks like in a file."""

    expected: str
    read: Callable[[Any], Any]
    """The field's value; raises ValueError for anything that was not expected."""
    harmless: bool = False
    """Whether no value of it can name a program, a path or a costly pattern."""
    overlays: bool = False
    """Whether the value is laid over the base's own."""


def declare(
    name: str, table: Mapping[str, Any], base: Profile | None = None, *, where: str
) -> Profile:
    """The profile ``name`` with the fields of ``table``; those left out are as in ``base``.

    Tables are merged into those of ``base``; ``{root}`` in their texts stands for the workspace's
    root. Raises ConfigError, which names ``where`` the table stands.
    """
    values = {key: _value(key, value, base, where) for key, value in table.items()}
    if base is not None:
        return replace(base, name=name, **values)
    missing = [key for key in _REQUIRED if key not in values]
    if missing:
        raise ConfigError(
            f"{where}: no {' and no '.join(missing)}; a new profile needs them,"
            " or based_on = the name of a profile to take them from"
        )
    return Profile(name=name, **values)


def is_harmless(key: str) -> bool:
    """Whether anybody may set the field ``key``, even who must not run programs here."""
    return key in FORMS and FORMS[key].harmless


def _value(key: str, value: Any, base: Profile | None, where: str) -> Any:
    form = FORMS.get(key)
    if form is None:
        known = ", ".join(sorted(FORMS))
        raise ConfigError(f"{where}: got the unknown key {key!r}; expected some of {known}")
    try:
        read = form.read(value)
    except ValueError as error:
        detail = f" ({error})" if str(error) else ""
        raise ConfigError(
            f"{where}.{key}: got {value!r}{detail}; expected {form.expected}"
        ) from error
    return _overlay(getattr(base, key, None), read) if form.overlays else read


def _overlay(below: Callable[[Project], Tree] | None, table: Tree) -> Callable[[Project], Tree]:
    """The table over what ``below`` says of a project."""

    def tree(project: Project) -> Tree:
        own = _filled(table, str(project.root))
        return _merged({} if below is None else below(project), own)

    return tree


def _merged(below: Tree, above: Tree) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        both = isinstance(old, Mapping) and isinstance(value, Mapping)
        merged[key] = _merged(old, value) if both else value  # type: ignore[arg-type]
    return merged


def _filled(value: Any, root: str) -> Any:
    if isinstance(value, str):
        return value.replace(_ROOT, root)
    if isinstance(value, Mapping):
        return {key: _filled(each, root) for key, each in value.items()}
    return [_filled(each, root) for each in value] if isinstance(value, list) else value


def _unfit() -> NoReturn:
    raise ValueError


def _text(value: Any) -> str:
    return value if isinstance(value, str) and value else _unfit()


def _always(value: Any) -> Callable[[Project], str]:
    text = _text(value)
    return lambda project: text


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, list) else _unfit()


def _some_texts(value: Any) -> tuple[str, ...]:
    return _texts(value) or _unfit()


def _name_lists(value: Any) -> frozenset[frozenset[str]]:
    if not isinstance(value, list):
        _unfit()
    return frozenset(frozenset(_some_texts(each)) for each in value)


def _flag(value: Any) -> bool:
    return value if isinstance(value, bool) else _unfit()


def _count(value: Any) -> int:
    return value if type(value) is int and value > 0 else _unfit()


def _seconds(value: Any) -> float:
    if type(value) not in (int, float) or not math.isfinite(value) or value <= 0:
        _unfit()
    return float(value)


def _kinds(value: Any) -> frozenset[int]:
    return frozenset(map(_kind, value)) if isinstance(value, list) else _unfit()


def _kind(value: Any) -> int:
    if isinstance(value, str) and value in _Kind.__members__:
        return int(_Kind[value])
    return value if type(value) is int and 1 <= value <= len(_Kind) else _unfit()


def _pattern(value: Any) -> re.Pattern[str]:
    try:
        return re.compile(_text(value))
    except re.error as error:
        raise ValueError(str(error)) from error


def _table(value: Any) -> Tree:
    return value if isinstance(value, Mapping) else _unfit()


def _variables(value: Any) -> Mapping[str, str]:
    table = _table(value)
    return table if all(isinstance(each, str) for each in table.values()) else _unfit()


def _encodings(value: Any) -> tuple[Encoding, ...]:
    return tuple(map(Encoding, _some_texts(value)))


def _choice(enum: type[Enum]) -> Form:
    def read(value: Any) -> Enum:
        return enum(value) if value in values else _unfit()

    values = [each.value for each in enum]
    return Form(f"one of {', '.join(values)}", read, harmless=True)


_TREE = Form("a table", _table, overlays=True)
_COUNT = Form("a whole number above 0", _count, harmless=True)
_PATTERN = Form("a regular expression", _pattern)
_BY_TYPE: Mapping[Any, Form] = {
    bool: Form("true or false", _flag, harmless=True),
    int: _COUNT,
    int | None: _COUNT,
    float: Form("a number above 0", _seconds, harmless=True),
    str: Form("a text", _text),
    tuple[str, ...]: Form("a list of texts", _some_texts),
    tuple[Encoding, ...]: Form(f"a list of {', '.join(Encoding)}", _encodings, harmless=True),
    frozenset[str]: Form(
        "a list of texts", lambda value: frozenset(_some_texts(value)), harmless=True
    ),
    frozenset[int]: Form("a list of kinds, by name or number", _kinds, harmless=True),
    frozenset[frozenset[str]]: Form("a list of lists of names", _name_lists, harmless=True),
    re.Pattern[str]: _PATTERN,
    re.Pattern[str] | None: _PATTERN,
    Tree: Form("a table", _table),
    Callable[[Project], Tree]: _TREE,
    Callable[[Project], str]: Form("a text that says what code", _always),
    Callable[[Project], Mapping[str, str]]: Form("a table of texts", _variables, overlays=True),
}


def _forms() -> dict[str, Form]:
    hints = get_type_hints(Profile)
    named = {each.name: hints[each.name] for each in fields(Profile) if each.name != "name"}
    enums = {
        key: _choice(hint)
        for key, hint in named.items()
        if isinstance(hint, type) and issubclass(hint, Enum)
    }
    return {key: _BY_TYPE[hint] for key, hint in named.items() if hint in _BY_TYPE} | enums


FORMS: Mapping[str, Form] = _forms()
"""The fields of a profile that a file can set; rules that are functions are not among them."""
_REQUIRED = [
    each.name
    for each in fields(Profile)
    if each.name in FORMS and each.default is MISSING and each.default_factory is MISSING
]
