"""Monitor-guided decoding: code completion in which every dereferenced name exists."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decoding.engines.endpoint.connection import Endpoint
    from decoding.engines.outlines import open_outlines
    from decoding.engines.transformers.model import open_index
    from decoding.engines.transformers.processor import MonitorLogitsProcessor
    from decoding.generate import Completion, check_request, complete, generate, load_model
    from decoding.request import Request
    from decoding.session.guide import Guide
    from decoding.session.options import CrossingPolicy, Options
    from decoding.session.session import Session
    from decoding.session.statistics import Statistics
    from decoding.wiring import open_guide
    from evaluation.invented import invented_names
    from lsp_bridge import ServerPool, open_pool
    from mgd.models import BUNDLED_MODEL
    from monitors.errors import MgdError, UsageError
    from monitors.protocols import Document

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
    "Request",
    "ServerPool",
    "Session",
    "Statistics",
    "UsageError",
    "check_request",
    "complete",
    "generate",
    "invented_names",
    "load_model",
    "open_guide",
    "open_index",
    "open_outlines",
    "open_pool",
]


_HOMES = {
    "decoding.generate": ("Completion", "check_request", "complete", "generate", "load_model"),
    "decoding.engines.endpoint.connection": ("Endpoint",),
    "decoding.engines.outlines": ("open_outlines",),
    "decoding.engines.transformers.model": ("open_index",),
    "decoding.engines.transformers.processor": ("MonitorLogitsProcessor",),
    "decoding.request": ("Request",),
    "decoding.session.guide": ("Guide",),
    "decoding.session.options": ("CrossingPolicy", "Options"),
    "decoding.session.session": ("Session",),
    "decoding.session.statistics": ("Statistics",),
    "decoding.wiring": ("open_guide",),
    "evaluation.invented": ("invented_names",),
    "lsp_bridge": ("ServerPool", "open_pool"),
    "mgd.models": ("BUNDLED_MODEL",),
    "monitors.errors": ("MgdError", "UsageError"),
    "monitors.protocols": ("Document",),
}
"""The module that each exported name is in."""


def __getattr__(name: str) -> Any:
    """Import on first use: a command that needs little starts at once."""
    for home, names in _HOMES.items():
        if name in names:
            value = globals()[name] = getattr(import_module(home), name)
            return value
    raise AttributeError(f"module 'mgd' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
