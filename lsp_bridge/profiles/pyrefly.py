"""pyrefly: complete lists, fastest of the Python servers; the default."""

from pathlib import Path

from lsp_bridge.profiles.profile import Profile, Tree
from lsp_bridge.profiles.rules.python import BARE_CLASS, pyrefly_implied, pyrefly_open
from lsp_bridge.servers.project import Project

_CONFIGURATION = str(Path(__file__).with_suffix(".toml"))


def _settings(project: Project) -> Tree:
    return {
        "python": {
            "pythonPath": project.interpreter,
            "pyrefly": {
                # The workspace's own file may name an interpreter, which pyrefly would run.
                "configPath": _CONFIGURATION,
                "displayTypeErrors": "force-off",
                "disableTypeErrors": True,
                "extraSearchPaths": [*project.import_roots, *project.site_packages],
            },
            "analysis": {"importFormat": "absolute"},
        }
    }


PYREFLY = Profile(
    name="pyrefly",
    languages=frozenset({"python"}),
    command=("pyrefly", "lsp", "--indexing-mode", "none"),
    install="pip install pyrefly",
    version_command=("pyrefly", "--version"),
    initialization_options=lambda project: {"pyrefly": _settings(project)["python"]["pyrefly"]},
    settings=_settings,
    unknown_if_only_dunder=True,
    reads_classes=True,
    unknown_lists=frozenset({BARE_CLASS}),
    open_type=pyrefly_open,
    implied=pyrefly_implied,
    foreign_kinds=frozenset({14}),
    reads_signatures=True,
    reads_imports=True,
    omits_submodules=True,
)
