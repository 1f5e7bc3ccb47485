"""Monitor-guided decoding: code completion in which every dereferenced name exists."""

from typing import TYPE_CHECKING, Any

from decoding.api import (
    Completion,
    check_request,
    generate,
    invented_names,
    load_model,
    open_index,
)
from decoding.endpoint import Endpoint
from decoding.session import CrossingPolicy, Guide, Options, Session
from decoding.statistics import Statistics
from decoding.wiring import open_guide
from lsp_bridge import ServerPool, open_pool
from mgd.models import BUNDLED_MODEL
from monitors.errors import MgdError, UsageError
from monitors.protocols import Document

if TYPE_CHECKING:
    from decoding.hf import MonitorLogitsProcessor

__all__ = [
    "BUNDLED_MODEL",
    "Completion",
    "CrossingPolicy",
    "Document",
    "Endpoint",
    "Guide",
    "MgdError",
    "MonitorLogitsProcessor",
    "Options",
    "ServerPool",
    "Session",
    "Statistics",
    "UsageError",
    "check_request",
    "generate",
    "invented_names",
    "load_model",
    "open_guide",
    "open_index",
    "open_pool",
]


def __getattr__(name: str) -> Any:
    """Import what needs torch on first use."""
    if name == "MonitorLogitsProcessor":
        from decoding.hf import MonitorLogitsProcessor

        return MonitorLogitsProcessor
    raise AttributeError(f"module 'mgd' has no attribute {name!r}")
