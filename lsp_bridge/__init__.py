"""Everything that talks to a language server."""

from lsp_bridge.configuration import open_pool
from lsp_bridge.flights import Handle
from lsp_bridge.holes import Repaired, repair
from lsp_bridge.pool import ServerPool
from lsp_bridge.profiles.profile import Profile
from lsp_bridge.registry import PROFILES
from lsp_bridge.statistics import Statistics

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
