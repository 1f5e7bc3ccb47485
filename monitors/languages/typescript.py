"""TypeScript, with JSX and without, for the lexer of `monitors.languages.lexers.braces`."""

from dataclasses import replace
from types import MappingProxyType
from typing import Final

from monitors.languages.javascript import JAVASCRIPT
from monitors.languages.lexers.brace_language import BraceLanguage
from monitors.languages.lexers.jsx import ElementScanner
from monitors.languages.lexers.script_scanner import ScriptScanner

_GRAMMAR = replace(JAVASCRIPT.grammar, name="typescript", definers=MappingProxyType({}))
"""An assignment defines no member here."""

TYPESCRIPT: Final = BraceLanguage(_GRAMMAR, scanner=ScriptScanner)
TYPESCRIPT_REACT: Final = BraceLanguage(
    replace(_GRAMMAR, name="typescriptreact"), scanner=ElementScanner
)
