"""Every programming language that monitors know, by its LSP identifier."""

from collections.abc import Mapping

from monitors.errors import UsageError
from monitors.languages.c import C
from monitors.languages.cpp import CPP
from monitors.languages.csharp import CSHARP
from monitors.languages.dart import DART
from monitors.languages.go import GO
from monitors.languages.java import JAVA
from monitors.languages.javascript import JAVASCRIPT, JAVASCRIPT_REACT
from monitors.languages.kotlin import KOTLIN
from monitors.languages.language import Language
from monitors.languages.php import PHP
from monitors.languages.python import PYTHON
from monitors.languages.ruby import RUBY
from monitors.languages.rust import RUST
from monitors.languages.typescript import TYPESCRIPT, TYPESCRIPT_REACT

LANGUAGES: Mapping[str, Language] = {
    language.name: language
    for language in (
        PYTHON,
        RUBY,
        C,
        CPP,
        CSHARP,
        DART,
        GO,
        JAVA,
        JAVASCRIPT,
        JAVASCRIPT_REACT,
        KOTLIN,
        PHP,
        RUST,
        TYPESCRIPT,
        TYPESCRIPT_REACT,
    )
}
"""LSP language identifier to lexer."""


def language_named(name: str) -> Language:
    """The lexer of a language; raises `UsageError` for one that monitors do not know."""
    language = LANGUAGES.get(name)
    if language is None:
        known = ", ".join(sorted(LANGUAGES))
        raise UsageError(f"no monitor knows the language {name!r}; expected one of {known}")
    return language
