"""typescript-language-server: precise and fast, the default for TypeScript and JavaScript."""

from lsp_bridge.launch import executable
from lsp_bridge.profiles.profile import Profile, Tree
from lsp_bridge.profiles.typescript_rules import (
    LANGUAGES,
    WORD_OF_FILE,
    compiler,
    every_value,
    open_type,
)
from lsp_bridge.project import Project

_PROGRAM = "typescript-language-server"


def _options(project: Project) -> Tree:
    return {
        # Else npm is run to fetch types.
        "disableAutomaticTypingAcquisition": True,
        "plugins": [],
        "preferences": {
            "includeCompletionsForModuleExports": False,
            "includeCompletionsForImportStatements": False,
            # Else members that need `?.` come as edits of the operator, others as `["a-b"]`.
            "includeCompletionsWithInsertText": False,
            "includePackageJsonAutoImports": "off",
        },
        "tsserver": {
            "path": str(compiler(executable(_PROGRAM), project)),
            # A syntax server answers with empty lists while the project is being loaded.
            "useSyntaxServer": "never",
        },
    }


TYPESCRIPT_LANGUAGE_SERVER = Profile(
    name=_PROGRAM,
    languages=LANGUAGES,
    command=(_PROGRAM, "--stdio"),
    install="npm install --global typescript-language-server@5.3 typescript@5.9",
    version_command=(_PROGRAM, "--version"),
    initialization_options=_options,
    dropped_kinds=frozenset({WORD_OF_FILE, 14, 15}),
    open_type=open_type,
    implied=every_value,
)
