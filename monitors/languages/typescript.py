"""TypeScript, with JSX and without, for the lexer of `monitors.languages.braces`."""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from monitors.languages.brace_language import BraceLanguage
from monitors.languages.javascript import JAVASCRIPT
from monitors.languages.jsx import ElementScanner
from monitors.languages.script_scanner import ScriptScanner

_GRAMMAR = replace(JAVASCRIPT.grammar, name="typescript", definers=MappingProxyType({}))
"""An assignment defines no member here."""

TYPESCRIPT: Final = BraceLanguage(_GRAMMAR, scanner=ScriptScanner)
TYPESCRIPT_REACT: Final = BraceLanguage(
    replace(_GRAMMAR, name="typescriptreact"), scanner=ElementScanner
)
