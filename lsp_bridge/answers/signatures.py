"""``textDocument/signatureHelp`` (LSP 3.17) as facts: how something may be called.

A call that is refused wrongly is worse than one that is let through, so whatever is unclear, a
label of unknown form or a receiver that may have to be passed, is read as if more were allowed,
or not at all.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from lsp_bridge.profiles.profile import Profile
from monitors.facts import Parameter, ParameterKind, Signature, Signatures
from monitors.protocols import Reason, Unavailable

_OPENERS, _CLOSERS, _QUOTES = "([{<", ")]}>", "\"'`"
_SCRIPT_NAME = re.compile(r"(?P<name>[\w$]+|\{.*?\}|\[.*?\])(?P<optional>\??):")
_PHP_NAME = re.compile(r"\$(\w+)")
_WORD = re.compile(r"\w+")
_RECEIVERS = frozenset({"self", "cls", "_cls", "mcs", "metacls"})
_MADE = re.compile(r"\(self: ((?:\w+\.)*(\w+))[,)].* -> \1\Z", re.DOTALL)
"""A class as it may be called: its ``__init__`` gives what it is given as ``self``."""
_CALLED = re.compile(r"(\w+)\s*\(\Z")
_ANYTHING = (
    Parameter("args", ParameterKind.VARIADIC, True),
    Parameter("kwargs", ParameterKind.KEYWORD_VARIADIC, True),
)


class _UnclearError(Exception):
    """A label of unknown form."""


def read(
    response: Any, profile: Profile, language: str, before: str = ""
) -> Signatures | Unavailable:
    """What a server's answer says about a call that has just been opened.

    ``before``: text up to the call's parenthesis, whose last word is what is called.
    """
    parse = _PARSERS.get(language)
    if parse is None or not profile.reads_signatures:
        return Unavailable(Reason.NOT_OFFERED, f"{profile.name} is not asked about calls")
    try:
        called = _CALLED.search(before)
        name = "" if called is None else called[1]
        overloads = tuple(parse(label, labels, name) for label, labels in _labels(response))
    except (_UnclearError, TypeError, ValueError, IndexError, KeyError, AttributeError) as error:
        return Unavailable(Reason.BAD_ANSWER, f"a signature: {error}")
    if not overloads:
        return Unavailable(Reason.EMPTY, "no signature")
    if all(overload is None for overload in overloads):
        return Unavailable(Reason.UNKNOWN_TYPE, "what is called is not known")
    return Signatures(tuple(each or Signature(_ANYTHING) for each in overloads))


def _labels(response: Any) -> Iterator[tuple[str, list[str]]]:
    """Labels of the signatures, each with those of its parameters."""
    found = response.get("signatures", ()) if isinstance(response, Mapping) else ()
    for signature in found:
        label = signature["label"]
        if not isinstance(label, str):
            raise _UnclearError(f"the label {label!r}")
        yield label, [_text(each["label"], label) for each in signature.get("parameters") or ()]


def _text(label: Any, signature: str) -> str:
    """A parameter's label, which may be a range of the signature's in UTF-16 units."""
    if isinstance(label, str):
        return label
    start, end = label
    return signature.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


def _split(text: str, stop: str = "") -> Iterator[str]:
    """Parts between commas that no bracket or string holds, up to a ``stop`` outside of them."""
    depth, quote, begin = 0, "", 0
    for at, char in enumerate(text):
        if quote:
            quote = "" if char == quote and text[at - 1] != "\\" else quote
        elif char in _QUOTES:
            quote = char
        elif depth == 0 and stop and char == stop:
            yield text[begin:at].strip()
            return
        elif char in _OPENERS:
            depth += 1
        elif char in _CLOSERS and not (char == ">" and text[at - 1] in "-="):
            depth -= 1
        elif char == "," and depth == 0:
            yield text[begin:at].strip()
            begin = at + 1
    if stop:
        raise _UnclearError(f"{text!r} has no end")
    yield text[begin:].strip()


def _has_default(text: str) -> bool:
    """Whether a sign of equality stands in ``text`` outside of brackets and strings."""
    flat = re.sub(r"=>|==|->|<=|>=", "", text)
    depth = 0
    for char in flat:
        depth += (char in _OPENERS) - (char in _CLOSERS)
        if char == "=" and depth == 0:
            return True
    return False


def _listed(read_one: Callable[[str], Parameter]) -> "_Parser":
    """A parser of signatures whose parameters are all listed."""

    def parse(label: str, labels: Iterable[str], called: str) -> Signature:
        return Signature(tuple(read_one(each) for each in labels))

    return parse


def _of_script(text: str) -> Parameter:
    """``x: number``, ``y?: string``, ``...rest: T[]``, ``{ a, b }?: T``."""
    if text.startswith("..."):
        return Parameter(text[3:].partition(":")[0], ParameterKind.VARIADIC, True)
    found = _SCRIPT_NAME.match(text)
    if found is None:
        raise _UnclearError(repr(text))
    return Parameter(found["name"], ParameterKind.POSITIONAL_ONLY, bool(found["optional"]))


def _by_position(text: str) -> Parameter:
    """``int x = 2``, ``...``, ``Args &&...args``, ``xs ...int``, ``x: &str``."""
    if "..." in text:
        return Parameter("", ParameterKind.VARIADIC, True)
    return Parameter("", ParameterKind.POSITIONAL_ONLY, _has_default(text))


def _of_php(text: str) -> Parameter:
    """``int $x = 3``, ``&$b``, ``...$xs``."""
    found = _PHP_NAME.search(text)
    if found is None:
        raise _UnclearError(repr(text))
    kind = ParameterKind.VARIADIC if "..." in text else ParameterKind.POSITIONAL
    return Parameter(found[1], kind, "..." in text or "=" in text)


def _php(label: str, labels: Iterable[str], called: str) -> Signature:
    """A function may be given more arguments than it names."""
    more = Parameter("", ParameterKind.VARIADIC, True)
    return Signature((*[_of_php(each) for each in labels], more))


def _c(label: str, labels: Iterable[str], called: str) -> Signature:
    """``f()`` without a prototype takes anything."""
    found = tuple(_by_position(each) for each in labels)
    return Signature(found or (Parameter("", ParameterKind.VARIADIC, True),))


def _python(label: str, labels: list[str], called: str) -> Signature | None:
    """From the label itself, since lists of parameters leave out ``*``, ``/`` and receivers."""
    begin = _parenthesis(label)
    if begin is None:
        return None
    found: list[Parameter] = []
    kind = ParameterKind.POSITIONAL
    for text in _split(label[begin + 1 :], ")"):
        if text == "/":
            found = [each._replace(kind=ParameterKind.POSITIONAL_ONLY) for each in found]
        elif text == "...":
            found += _ANYTHING
            kind = ParameterKind.KEYWORD_ONLY
        elif text.startswith("**"):
            found.append(Parameter(_name(text[2:]), ParameterKind.KEYWORD_VARIADIC, True))
        elif text.startswith("*"):
            kind = ParameterKind.KEYWORD_ONLY
            if text != "*":
                found.append(Parameter(_name(text[1:]), ParameterKind.VARIADIC, True))
        elif text:
            found.append(Parameter(_name(text), kind, _has_default(text)))
    if tuple(found) == _ANYTHING or _is_objects_own(label, found):
        return None
    if _drops_receiver(found, labels):
        found = _without_receiver(label, found, called)
    return Signature(tuple(found))


def _is_objects_own(label: str, found: list[Parameter]) -> bool:
    """Whether a class is made as any object is: a decorator may have written another way."""
    alone = len(found) == 1 and found[0].name in _RECEIVERS
    return alone and not label.startswith("def ")


def _parenthesis(label: str) -> int | None:
    """Where the parameters begin: behind a name, or behind type parameters in brackets.

    None where there are none, or several lists: of the parts of a union, one may be unknown. None
    too with ``ParamSpec``, where receivers stand among the parameters without their names.
    """
    if label.startswith("((") or "ParamSpec(" in label:
        return None
    depth = 0
    for at, char in enumerate(label):
        depth += (char == "[") - (char == "]")
        if char == "(" and depth == 0:
            return at
    return None


def _name(text: str) -> str:
    found = _WORD.match(text)
    return "" if found is None else found[0]


def _drops_receiver(found: list[Parameter], labels: list[str]) -> bool:
    """Whether the first parameter of the label is not in the list of parameters."""
    listed = sum(each not in ("/", "*") for each in labels)
    return bool(found) and found[0].name in _RECEIVERS and len(found) == listed + 1


def _without_receiver(label: str, found: list[Parameter], called: str) -> list[Parameter]:
    """The parameters without a receiver that the server leaves out.

    Whether a method was taken from an object or from its class, where its first argument is passed
    like all others, is not said, nor whether a function is a method at all: then it may be. The
    class or object that is made is never passed.
    """
    receiver, rest = found[0], found[1:]
    if label.startswith("def "):
        return [receiver._replace(optional=True), *rest]
    made = _MADE.match(label)
    if receiver.name != "self" or (made is not None and made[2] == called):
        return rest
    return [receiver._replace(optional=True), *rest]


_Parser = Callable[[str, list[str], str], Signature | None]
"""Of a label, those of its parameters, and the name of what is called."""
_PARSERS: Mapping[str, _Parser] = {
    "python": _python,
    "typescript": _listed(_of_script),
    "typescriptreact": _listed(_of_script),
    "c": _c,
    "cpp": _listed(_by_position),
    "go": _listed(_by_position),
    "rust": _listed(_by_position),
    "php": _php,
}
"""By language; a function of JavaScript may be given any number of arguments."""
