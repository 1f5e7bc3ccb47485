"""ty: fastest to start; cuts long lists short."""

from lsp_bridge.profiles.profile import Profile, Tree
from lsp_bridge.profiles.python_rules import BARE_CLASS, defines_getattr, every_value
from lsp_bridge.project import Project


def _settings(project: Project) -> Tree:
    return {
        "ty": {
            "diagnosticMode": "off",
            "completions": {"autoImport": False},
            "configuration": {
                "environment": {
                    "python": project.interpreter,
                    "extra-paths": [*project.site_packages],
                    "root": [str(project.root), *project.source_roots],
                }
            },
        }
    }


TY = Profile(
    name="ty",
    languages=frozenset({"python"}),
    command=("ty", "server"),
    install="pip install ty",
    version_command=("ty", "--version"),
    initialization_options=lambda project: _settings(project)["ty"],
    settings=_settings,
    unknown_if_only_dunder=True,
    unknown_lists=frozenset({BARE_CLASS}),
    open_type=defines_getattr,
    implied=every_value,
    foreign_kinds=frozenset({14}),
)
