"""The Dart analysis server. Written from its sources and multilspy's; not tried on the server."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from lsp_bridge.profiles.profile import Profile, Readiness, Tree
from lsp_bridge.servers.project import Project

_OPTIONS = "analysis_options.yaml"
_PLUGINS = re.compile(r"plugins\b|^include:(?!\s*[\"']?package:)", re.MULTILINE)


def plugins(project: Project) -> str:
    """Which plug-ins would be run: those that options of the workspace name, or may include.

    Options that come with packages are taken for as good as the packages.
    """
    for path in _option_files(project.root):
        if _PLUGINS.search(path.read_text("utf-8", "replace")):
            return f"{path.relative_to(project.root)} names plug-ins, or other files with options"
    return ""


def _option_files(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if _OPTIONS in files:
            yield Path(folder, _OPTIONS)


def _options(project: Project) -> Tree:
    return {
        "closingLabels": False,
        "flutterOutline": False,
        "onlyAnalyzeProjectsWithOpenFiles": False,
        "outline": False,
        "suggestFromUnimportedLibraries": False,
    }


def _settings(project: Project) -> Tree:
    return {
        "dart": {
            "completeFunctionCalls": False,
            "documentation": "none",
            "enableSdkFormatter": False,
            "enableSnippets": False,
            # 2000 by default.
            "maxCompletionItems": 1_000_000,
            "showTodos": False,
        }
    }


DART = Profile(
    name="dart",
    languages=frozenset({"dart"}),
    command=("dart", "language-server", "--client-id", "mgd", "--client-version", "1"),
    install="mgd install dart",
    version_command=("dart", "--version"),
    multilspy="dart",
    initialization_options=_options,
    settings=_settings,
    runs_code=plugins,
    start_timeout_s=60.0,
    # Every change is analysed too, but a completion waits for what it needs of that.
    # `$/analyzerStatus`, its older way to say so, is not sent to clients that know this one.
    readiness=Readiness.FIRST_PROGRESS,
    ready_timeout_s=300.0,
    names=re.compile(r"[^\W\d][\w$]*|\$[\w$]*"),
    # Members of a `dynamic` value, of one that may be null, and of every Object.
    unknown_lists=frozenset({frozenset({"hashCode", "noSuchMethod", "runtimeType", "toString"})}),
)
