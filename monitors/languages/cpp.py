"""C++, for the lexer of `monitors.languages.lexers.braces`."""

from types import MappingProxyType
from typing import Final

from monitors.languages.c import BEGUN, KEYWORDS, PREFIX, TEXTS
from monitors.languages.language import Operator
from monitors.languages.lexers.brace_language import BraceLanguage
from monitors.languages.lexers.cpp_scanner import CppScanner
from monitors.languages.lexers.grammar import ANY_VALUE, Dereference, Grammar, Text, words

_DELIMITER = r'[^()\\\s"]{0,16}'
_RAW_STRING = Text(
    rf'{PREFIX}R"({_DELIMITER})\(',
    r")\1" + '"',
    begun=rf'(?:{BEGUN})?(?:R(?:"{_DELIMITER})?)?',
    escapes=(),
    multiline=True,
)
_WORDS = words("template operator")
_END_OF_NAME = words("{ } ( ) < > = ; , * & :")
_DEFINERS = MappingProxyType(
    {
        "namespace": words("{ = ;"),
        **dict.fromkeys(("class", "struct", "union", "enum"), _END_OF_NAME),
        "using": words(";"),
    }
)
"""Behind these stands a name that is being declared, or that may be private."""

CPP: Final = BraceLanguage(
    Grammar(
        name="cpp",
        operators=(
            Dereference(Operator(".", _WORDS, exits="*.~"), ANY_VALUE),
            # A blank stands before the arrow of a return type: `auto f() -> int`.
            Dereference(Operator("->", _WORDS, exits="*~"), behind="w]", touching=")}"),
            # `return ::f()` and `MACRO ::f()` name something global.
            Dereference(Operator("::", _WORDS, exits="*~"), behind="", touching="w)>"),
        ),
        texts=(_RAW_STRING, *TEXTS),
        keywords=(KEYWORDS - words("restrict"))
        | words(
            "alignas alignof and and_eq asm bitand bitor bool catch char8_t char16_t char32_t "
            "class co_await co_return co_yield compl concept const_cast consteval constexpr "
            "constinit delete dynamic_cast explicit export final friend mutable namespace new "
            "noexcept not not_eq operator or or_eq override private protected public "
            "reinterpret_cast requires static_assert static_cast template throw try typeid "
            "typename using virtual wchar_t xor xor_eq"
        )
        - words("final override"),
        number=r"\d[\w']*",
        blank=r"\s\\",
        definers=_DEFINERS,
        escaped_line_ends=True,
    ),
    scanner=CppScanner,
)
