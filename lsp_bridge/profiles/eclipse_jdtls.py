"""Eclipse JDT LS, for Java. Written from its sources and multilspy's; not tried on the server.

Without trust no Gradle or Maven build is imported, since both run code of the workspace: then
classes of dependencies are unknown, and inherited members of classes that extend them are missed.
`Object` has members of its own in Java and no type is dynamic, so its list is one like any other.
"""

import re

from lsp_bridge.profiles.profile import Profile, Readiness, Tree
from lsp_bridge.servers.project import Project


def _settings(project: Project) -> Tree:
    return {
        "java": {
            # A build runs annotation processors, which may come with the workspace.
            "autobuild": {"enabled": project.trusted},
            "completion": {
                "chain": {"enabled": False},
                "favoriteStaticMembers": [],
                # By default classes of java.awt and others are left out of their packages.
                "filteredTypes": [],
                "guessMethodArguments": False,
                "matchCase": "off",
                # No limit.
                "maxResults": 0,
                "postfix": {"enabled": False},
            },
            "configuration": {
                "updateBuildConfiguration": "automatic" if project.trusted else "disabled"
            },
            "eclipse": {"downloadSources": False},
            "import": {
                "gradle": {
                    "enabled": project.trusted,
                    "annotationProcessing": {"enabled": project.trusted},
                },
                "maven": {"enabled": project.trusted},
            },
            "maven": {"downloadSources": False, "updateSnapshots": False},
            "signatureHelp": {"enabled": False},
            "trace": {"server": "off"},
        }
    }


ECLIPSE_JDTLS = Profile(
    name="eclipse-jdtls",
    languages=frozenset({"java"}),
    command=("jdtls",),
    install="mgd install eclipse-jdtls",
    multilspy="java",
    # multilspy's bundle ranks items, and marks their labels with stars.
    initialization_options=lambda project: {"bundles": [], "settings": _settings(project)},
    settings=_settings,
    start_timeout_s=120.0,
    readiness=Readiness.SERVICE_READY,
    ready_timeout_s=600.0,
    names=re.compile(r"[^\W\d][\w$]*|\$[\w$]*"),
)
