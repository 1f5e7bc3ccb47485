"""gopls: Go. Blocks until it can answer, and lists everything."""

from lsp_bridge.profiles.profile import Incomplete, Profile, Tree
from lsp_bridge.servers.project import Project


def _options(project: Project) -> Tree:
    return {
        "completionBudget": "0s",
        "completeUnimported": False,
        "deepCompletion": False,
        "experimentalPostfixCompletions": False,
        "matcher": "CaseSensitive",
        "usePlaceholders": False,
        "diagnosticsDelay": "10s",
        "analyses": {},
        "codelenses": {},
    }


def _environment(project: Project) -> dict[str, str]:
    # A go.mod may name a tool chain, which Go would fetch and run, and modules to fetch.
    return {} if project.trusted else {"GOTOOLCHAIN": "local", "GOPROXY": "off"}


GOPLS = Profile(
    name="gopls",
    languages=frozenset({"go"}),
    command=("gopls", "-remote=", "serve"),
    install="go install golang.org/x/tools/gopls@latest",
    version_command=("gopls", "version"),
    initialization_options=_options,
    settings=lambda project: {"gopls": _options(project)},
    environment=_environment,
    # Every list that is not empty is flagged.
    incomplete=Incomplete.COMPLETE,
    dropped_kinds=frozenset(),
    # Where a type is expected, members that become it by `*`, `&` or `<-` in front of the receiver
    # are listed with that edit.
    wraps_receiver=True,
    # Packages and keywords: it took the cursor's place for the beginning of an expression.
    foreign_kinds=frozenset({9, 14}),
    reads_signatures=True,
)
