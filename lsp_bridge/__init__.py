"""Everything that talks to a language server."""

from lsp_bridge.documents.holes import Repaired, repair
from lsp_bridge.pool.configuration import open_pool
from lsp_bridge.pool.flights import Handle
from lsp_bridge.pool.pool import ServerPool
from lsp_bridge.pool.statistics import Statistics
from lsp_bridge.profiles.profile import Profile
from lsp_bridge.profiles.registry import PROFILES

__all__ = [
    "PROFILES",
    "Handle",
    "Profile",
    "Repaired",
    "ServerPool",
    "Statistics",
    "open_pool",
    "repair",
]
