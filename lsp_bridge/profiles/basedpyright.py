"""basedpyright: pyright's community edition; installs from PyPI without npm."""

from dataclasses import replace

from lsp_bridge.profiles.profile import Tree
from lsp_bridge.profiles.pyright import PYRIGHT
from lsp_bridge.servers.project import Project


def _settings(project: Project) -> Tree:
    python = dict(PYRIGHT.settings(project)["python"])
    return {
        "python": {"pythonPath": python["pythonPath"]},
        "basedpyright": {
            "analysis": python["analysis"] | {"inlayHints": {}, "useTypingExtensions": True},
            "disableLanguageServices": False,
            "disableOrganizeImports": True,
        },
    }


BASEDPYRIGHT = replace(
    PYRIGHT,
    name="basedpyright",
    command=("basedpyright-langserver", "--stdio"),
    install="pip install basedpyright",
    version_command=("basedpyright", "--version"),
    settings=_settings,
    reads_imports=False,  # a module `_x` is not listed behind `from ._`
)
