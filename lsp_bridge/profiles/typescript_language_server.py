"""typescript-language-server: precise and fast, the default for TypeScript and JavaScript."""

from collections.abc import Iterator
from pathlib import Path

from lsp_bridge.profiles.profile import Profile, Tree
from lsp_bridge.profiles.rules.typescript import (
    LANGUAGES,
    MOST_CHANGES,
    WORDS_OF_FILE,
    every_value,
    open_type,
)
from lsp_bridge.servers.launch import executable
from lsp_bridge.servers.project import Project

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


def compiler(program: str | None, project: Project) -> Path:
    """Path of the ``tsserver.js`` to drive: the one installed beside the server's program.

    The workspace's own one is code of the project: in a trusted workspace it comes first, in any
    other it is not run. Raises FileNotFoundError where there is none.
    """
    installed = (each for each in _around(program) if not each.is_relative_to(project.root))
    folders = [*([project.root] if project.trusted else []), *installed]
    scripts = (folder / "node_modules/typescript/lib/tsserver.js" for folder in folders)
    found = next((script for script in scripts if script.is_file()), None)
    if found is None:
        # Left to itself the server would look in the workspace.
        raise FileNotFoundError(
            "no TypeScript with a tsserver.js, as up to version 5, is installed beside"
            f" {program}; install it with: npm install --global typescript@5.9"
        )
    return found


def _around(program: str | None) -> Iterator[Path]:
    """Folders around a program, and around what it is a link to."""
    for path in (Path(program).resolve(), Path(program).absolute()) if program else ():
        yield from path.parents


TYPESCRIPT_LANGUAGE_SERVER = Profile(
    name=_PROGRAM,
    languages=LANGUAGES,
    command=(_PROGRAM, "--stdio"),
    install="npm install --global typescript-language-server@5.3 typescript@5.9",
    version_command=(_PROGRAM, "--version"),
    initialization_options=_options,
    most_changes=MOST_CHANGES,
    dropped_kinds=WORDS_OF_FILE | {14, 15},
    open_type=open_type,
    implied=every_value,
    reads_signatures=True,
)
