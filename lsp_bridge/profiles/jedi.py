"""jedi-language-server, which multilspy brings: needs nothing else, slower on large files."""

from lsp_bridge.documents.overlay import Encoding
from lsp_bridge.profiles.profile import Profile, Tree
from lsp_bridge.profiles.rules.python import BARE_CLASS, jedi_implied, jedi_open
from lsp_bridge.servers.project import Project


def _options(project: Project) -> Tree:
    return {
        "completion": {"disableSnippets": True, "resolveEagerly": False},
        "diagnostics": {"enable": False},
        "hover": {"enable": False},
        "jediSettings": {"autoImportModules": [], "caseInsensitiveCompletion": False},
        "workspace": {
            "environmentPath": project.interpreter,
            "extraPaths": [*project.source_roots, *project.site_packages],
        },
    }


JEDI = Profile(
    name="jedi",
    languages=frozenset({"python"}),
    command=("jedi-language-server",),
    install="pip install multilspy",
    version_command=("jedi-language-server", "--version"),
    multilspy="python",
    initialization_options=_options,
    # It hands columns to jedi as they come, and jedi counts code points.
    encodings=(Encoding.UTF32,),
    # pygls splits lines at form feeds and other marks that the protocol does not know.
    incremental=False,
    # parso caches a module's tree by path, whether the text came from disk or not.
    reread_on_close=True,
    unknown_if_only_dunder=True,
    reads_classes=True,
    open_type=jedi_open,
    implied=jedi_implied,
    # jedi takes types.SimpleNamespace for the one instance that typeshed describes.
    unknown_lists=frozenset(
        {frozenset({"cache_tag", "hexversion", "name", "version"}), BARE_CLASS}
    ),
    foreign_kinds=frozenset({14}),
    reads_imports=True,
)
