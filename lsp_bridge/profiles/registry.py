"""Which language server answers for a language, and which goes by a name."""

from collections.abc import Iterable, Mapping

from lsp_bridge.profiles.basedpyright import BASEDPYRIGHT
from lsp_bridge.profiles.clangd import CLANGD
from lsp_bridge.profiles.dart import DART
from lsp_bridge.profiles.eclipse_jdtls import ECLIPSE_JDTLS
from lsp_bridge.profiles.gopls import GOPLS
from lsp_bridge.profiles.intelephense import INTELEPHENSE
from lsp_bridge.profiles.jedi import JEDI
from lsp_bridge.profiles.kotlin import KOTLIN
from lsp_bridge.profiles.omnisharp import OMNISHARP
from lsp_bridge.profiles.profile import Profile
from lsp_bridge.profiles.pyrefly import PYREFLY
from lsp_bridge.profiles.pyright import PYRIGHT
from lsp_bridge.profiles.rust_analyzer import RUST_ANALYZER
from lsp_bridge.profiles.solargraph import SOLARGRAPH
from lsp_bridge.profiles.ty import TY
from lsp_bridge.profiles.typescript_language_server import TYPESCRIPT_LANGUAGE_SERVER
from lsp_bridge.profiles.vtsls import VTSLS
from monitors.errors import ServerError

PROFILES: Mapping[str, Profile] = {
    each.name: each
    for each in (
        PYREFLY,
        JEDI,
        PYRIGHT,
        BASEDPYRIGHT,
        TY,
        TYPESCRIPT_LANGUAGE_SERVER,
        VTSLS,
        CLANGD,
        RUST_ANALYZER,
        GOPLS,
        INTELEPHENSE,
        ECLIPSE_JDTLS,
        OMNISHARP,
        KOTLIN,
        SOLARGRAPH,
        DART,
    )
}
"""Every profile that comes with the project, by name; a language's first one is its default."""


def by_name(name: str, profiles: Mapping[str, Profile] = PROFILES) -> Profile:
    """The profile called ``name``. Raises ServerError with the known names."""
    if name not in profiles:
        known = ", ".join(sorted(profiles))
        raise ServerError(f"unknown language server {name!r}; known are: {known}")
    return profiles[name]


def default_for(language: str, profiles: Mapping[str, Profile] = PROFILES) -> Profile:
    """The default profile of an LSP language identifier. Raises ServerError if there is none."""
    for profile in profiles.values():
        if language in profile.languages:
            return profile
    known = ", ".join(sorted(_languages(profiles.values())))
    raise ServerError(f"no language server for {language!r}; known languages are: {known}")


def choose(language: str, name: str | None, profiles: Mapping[str, Profile] = PROFILES) -> Profile:
    """The profile called ``name``, or the default one, for an LSP language identifier.

    Raises ServerError if there is none, or if it does not understand the language.
    """
    if name is None:
        return default_for(language, profiles)
    profile = by_name(name, profiles)
    if language not in profile.languages:
        known = ", ".join(sorted(profile.languages))
        raise ServerError(f"language server {name!r} understands {known}, not {language}")
    return profile


def _languages(profiles: Iterable[Profile]) -> set[str]:
    return {language for profile in profiles for language in profile.languages}
