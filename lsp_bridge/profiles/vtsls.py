"""vtsls: the TypeScript extension of VS Code as a server; brings its own compiler."""

from lsp_bridge.profiles.profile import Profile, Tree
from lsp_bridge.profiles.rules.typescript import (
    LANGUAGES,
    MOST_CHANGES,
    WORDS_OF_FILE,
    every_value,
    open_type,
)
from lsp_bridge.servers.project import Project


def _settings(project: Project) -> Tree:
    language = {
        "preferences": {"includePackageJsonAutoImports": "off"},
        "suggest": {
            "autoImports": False,
            "classMemberSnippets": {"enabled": False},
            "completeJSDocs": False,
            "includeAutomaticOptionalChainCompletions": False,
            "includeCompletionsForImportStatements": False,
            # Words of the file show that it is JavaScript nobody checks.
            "names": True,
            "objectLiteralMethodSnippets": {"enabled": False},
        },
        "validate": {"enable": False},
    }
    typescript = {
        # Else npm is run to fetch types.
        "disableAutomaticTypeAcquisition": True,
        "tsserver": {
            "log": "off",
            "pluginPaths": [],
            # A syntax server answers with empty lists while the project is being loaded.
            "useSyntaxServer": "never",
        },
    }
    return {
        "javascript": language,
        "typescript": language | typescript,
        # The workspace's own compiler is code of the project.
        "vtsls": {"autoUseWorkspaceTsdk": project.trusted},
    }


VTSLS = Profile(
    name="vtsls",
    languages=LANGUAGES,
    command=("vtsls", "--stdio"),
    install="npm install --global @vtsls/language-server@0.3",
    version_command=("vtsls", "--version"),
    settings=_settings,
    most_changes=MOST_CHANGES,
    dropped_kinds=WORDS_OF_FILE | {14, 15},
    open_type=open_type,
    implied=every_value,
    reads_signatures=True,
)
