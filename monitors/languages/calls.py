"""What calls look like in each language: the little that monitors of arguments have to know."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NEVER = re.compile(r"(?!)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CallSyntax:
    """How arguments are written in one language."""

    no_call: re.Pattern[str] = _NEVER
    """Matches the end of a text behind which a parenthesis is no call: definitions, headers."""
    trailing_comma: bool = True
    """Whether a comma may follow the last argument."""
    opaque: re.Pattern[str] = _NEVER
    """Finds, in an argument, what may hold commas of its own without brackets around them."""
    spread: re.Pattern[str] = _NEVER
    """Finds, in an argument, what stands for any number of arguments."""
    spread_sign: bytes = b""
    """What such an argument begins with, if it can be told by its first byte."""
    keyword_sign: str = ""
    """What follows the name of an argument that is given by name; empty: there are none."""
    expands_calls: bool = False
    """Whether a call that is the only argument may give several."""


_GENERIC = re.compile("<")
_ELLIPSIS = re.compile(r"\.\.\.")
_NO_TYPES = "return|new|else|throw|co_return|co_await|co_yield|case|delete|and|or|not|goto|do"
_C = CallSyntax(
    # A name behind a type declares a function, or a variable; also `a * f(`, which looks like one.
    no_call=re.compile(
        r"\b(?:if|for|while|switch|return|sizeof|alignof|decltype|catch)\s*\Z"
        rf"|\b(?!(?:{_NO_TYPES})\b)\w+(?:<[^()]*>)?(?:\s*[*&]+\s*|\s+)(?:\w+::)*~?\w+\s*\Z"
    ),
    trailing_comma=False,
    opaque=_GENERIC,
    spread=_ELLIPSIS,
)
_SCRIPT = CallSyntax(
    no_call=re.compile(
        r"\b(?:if|for|while|switch|catch|with)\s*\Z|\bfunction\b\s*\*?\s*[\w$]*\s*(?:<[^()]*>)?\Z"
    ),
    opaque=_GENERIC,
    spread=_ELLIPSIS,
    spread_sign=b".",
)
CALLS: Mapping[str, CallSyntax] = {
    "python": CallSyntax(
        no_call=re.compile(r"\b(?:def|class)\s+\w+\s*(?:\[[^()]*\])?\Z"),
        opaque=re.compile(r"\blambda\b"),
        spread=re.compile(r"\A\*"),
        spread_sign=b"*",
        keyword_sign="=",
    ),
    "javascript": _SCRIPT,
    "javascriptreact": _SCRIPT,
    "typescript": _SCRIPT,
    "typescriptreact": _SCRIPT,
    "c": _C,
    "cpp": _C,
    "go": CallSyntax(
        no_call=re.compile(r"\bfunc\b\s*(?:\([^()]*\)\s*)?\w*\s*(?:\[[^()]*\])?\Z"),
        spread=_ELLIPSIS,
        expands_calls=True,
    ),
    "rust": CallSyntax(
        no_call=re.compile(r"\bfn\s+\w+\s*(?:<[^()]*>)?\Z|!\s*\Z"),
        opaque=re.compile(r"[<|]"),
    ),
    "php": CallSyntax(
        no_call=re.compile(
            r"\b(?:if|for|foreach|while|switch|catch|declare|match|array|list|isset|unset|empty"
            r"|echo|print|use)\s*\Z|\b(?:function|fn)\s*&?\s*\w*\s*\Z",
            re.IGNORECASE,
        ),
        opaque=re.compile(r"\bfn\b"),
        spread=_ELLIPSIS,
        spread_sign=b".",
        keyword_sign=":",
    ),
}
"""By language identifier of the Language Server Protocol."""
