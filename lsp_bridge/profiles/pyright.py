"""pyright: precise; flags every list incomplete and yet sends it whole."""

from lsp_bridge.profiles.profile import Incomplete, Profile, Tree
from lsp_bridge.profiles.rules.python import BARE_CLASS, every_value, pyright_open
from lsp_bridge.servers.project import Project


def _settings(project: Project) -> Tree:
    return {
        "python": {
            "pythonPath": project.interpreter,
            "analysis": {
                "autoImportCompletions": False,
                "autoSearchPaths": True,
                "diagnosticMode": "openFilesOnly",
                "extraPaths": [*project.source_roots, *project.site_packages],
                "indexing": False,
                "typeCheckingMode": "off",
                "useLibraryCodeForTypes": True,
            },
        },
        "pyright": {"disableLanguageServices": False, "disableOrganizeImports": True},
    }


PYRIGHT = Profile(
    name="pyright",
    languages=frozenset({"python"}),
    command=("pyright-langserver", "--stdio"),
    install="npm install --global pyright",
    version_command=("pyright", "--version"),
    settings=_settings,
    incomplete=Incomplete.COMPLETE,
    unknown_if_only_dunder=True,
    reads_classes=True,
    unknown_lists=frozenset({BARE_CLASS}),
    open_type=pyright_open,
    implied=every_value,
    foreign_kinds=frozenset({14}),
    reads_signatures=True,
    reads_imports=True,
)
