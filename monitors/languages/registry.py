"""Every programming language that monitors know, by its LSP identifier."""

from collections.abc import Mapping

from monitors.languages.language import Language
from monitors.languages.python import PYTHON

LANGUAGES: Mapping[str, Language] = {language.name: language for language in (PYTHON,)}
"""LSP language identifier to lexer."""
