"""One process per node that answers queries by content, shared by ranks and replicas."""

from lsp_bridge.bridge.client import BridgeClient, BridgeTicket, Following
from lsp_bridge.bridge.protocol import Outcome
from lsp_bridge.bridge.server import serve

__all__ = ["BridgeClient", "BridgeTicket", "Following", "Outcome", "serve"]
