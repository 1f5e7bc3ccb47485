"""Solargraph, for Ruby. Written from its sources and multilspy's; not tried on the server.

It evaluates every gemspec of the workspace, lets Bundler evaluate the Gemfile, and requires the
plug-ins that ``.solargraph.yml`` names, which outranks the user's own settings: it is started in
trusted workspaces only. Methods that are defined at run time are not listed.
"""

import re

from lsp_bridge.profiles.profile import Profile, Readiness, Tree
from lsp_bridge.servers.project import Project


def _settings(project: Project) -> Tree:
    return {
        "solargraph": {
            "autoformat": False,
            "checkGemVersion": False,
            "completion": True,
            "diagnostics": False,
            "formatting": False,
            "logLevel": "warn",
        }
    }


SOLARGRAPH = Profile(
    name="solargraph",
    languages=frozenset({"ruby"}),
    command=("solargraph", "stdio"),
    install="mgd install solargraph",
    version_command=("solargraph", "--version"),
    multilspy="ruby",
    initialization_options=lambda project: _settings(project)["solargraph"],
    settings=_settings,
    runs_code=lambda project: "it evaluates gemspecs, the Gemfile and plug-ins",
    start_timeout_s=60.0,
    # Before, classes of files that have not been mapped have no members.
    readiness=Readiness.PROGRESS,
    names=re.compile(r"[^\W\d]\w*[?!]?"),
    dropped_kinds=frozenset({15}),
    # Names in scope are listed with keywords, members are not.
    foreign_kinds=frozenset({14}),
)
