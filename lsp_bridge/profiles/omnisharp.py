"""OmniSharp, for C#. Written from its sources and multilspy's; not tried on the server.

It loads projects through MSBuild, which runs their targets and analysers; nothing can keep it
from that, so it is started in trusted workspaces only.
"""

import re

from lsp_bridge.profiles.profile import Profile, Tree
from lsp_bridge.servers.project import Project


def _settings(project: Project) -> Tree:
    return {
        "omnisharp": {
            "RoslynExtensionsOptions": {
                # Else lists are flagged incomplete until all other namespaces have been read.
                "EnableImportCompletion": False,
                "EnableAnalyzersSupport": False,
                "EnableDecompilationSupport": False,
            },
            "DotNet": {"enablePackageRestore": False},
        }
    }


OMNISHARP = Profile(
    name="omnisharp",
    languages=frozenset({"csharp"}),
    command=("OmniSharp", "-lsp", "DotNet:enablePackageRestore=false"),
    install="mgd install omnisharp",
    version_command=("OmniSharp", "--version"),
    multilspy="csharp",
    settings=_settings,
    runs_code=lambda project: "MSBuild runs the targets of its projects",
    start_timeout_s=120.0,
    # It handles `initialized` until the projects are loaded, and requests after that.
    patience_s=300.0,
    names=re.compile(r"@?[^\W\d]\w*"),
    # Indexers; what stands for operators and conversions is no name anyway.
    dropped_labels=re.compile(r"this\b"),
    # A `dynamic` value shows these, and an `object` no more: which it was cannot be told.
    unknown_lists=frozenset(
        {
            frozenset({"Equals", "GetHashCode", "GetType", "ToString"}),
            frozenset({"Equals", "GetHashCode", "GetType", "MemberwiseClone", "ToString"}),
        }
    ),
)
