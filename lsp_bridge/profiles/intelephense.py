"""intelephense, for PHP: what it does without a licence key."""

from pathlib import Path

import platformdirs

from lsp_bridge.profiles.profile import Profile, Readiness, Tree
from lsp_bridge.profiles.rules.php import magic, unlisted
from lsp_bridge.servers.project import Project


def _options(project: Project) -> Tree:
    cache = Path(platformdirs.user_cache_dir("mgd")) / "intelephense"
    return {
        # By default it writes to the home folder.
        "globalStoragePath": str(cache / "global"),
        "storagePath": str(cache / "workspaces"),
    }


def _settings(project: Project) -> Tree:
    return {
        "intelephense": {
            "completion": {
                "fullyQualifyGlobalConstantsAndFunctions": False,
                "insertUseDeclaration": False,
                # 100 by default.
                "maxItems": 100_000,
                "suggestObjectOperatorStaticMethods": True,
                "triggerParameterHints": False,
            },
            "diagnostics": {"enable": False},
            "files": {"maxSize": 5_000_000},
            "telemetry": {"enabled": False},
        }
    }


INTELEPHENSE = Profile(
    name="intelephense",
    languages=frozenset({"php"}),
    command=("intelephense", "--stdio"),
    install="npm install --global intelephense",
    initialization_options=_options,
    settings=_settings,
    # Before, classes of other files have no members.
    readiness=Readiness.INDEXING,
    open_type=magic,
    implied=unlisted,
    # The one name that a class has of which nothing is known.
    unknown_lists=frozenset({frozenset({"class"})}),
    reads_signatures=True,
)
