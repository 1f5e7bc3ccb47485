"""The bridge's metrics on vLLM's own page: a middleware for ``vllm serve --middleware``.

A plain ASGI middleware, so that it needs no part of vLLM and works in each of several API servers.
vLLM's own numbers stay as they are; those of the bridge follow them.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Self

from decoding.wiring import BRIDGE_VARIABLE
from lsp_bridge.bridge import BridgeClient

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]
_DEADLINE_S = 2.0
# Pages can be joined in the plain text format only, and not when they are compressed.
_CHOICES = frozenset({b"accept", b"accept-encoding"})


class BridgeMetrics:
    """Adds the metrics of the bridge that ``MGD_BRIDGE`` names to ``/metrics``."""

    def __init__(self, app: Application) -> None:
        self._app = app
        path = os.environ.get(BRIDGE_VARIABLE)
        self._client = None if path is None else BridgeClient(path, name="metrics", connect_s=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._client is not None:
            self._client.close()

    @property
    def connected(self) -> bool:
        """Whether the bridge can be asked now."""
        return self._client is not None and self._client.connected

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; all but ``GET /metrics`` pass untouched."""
        shown = scope["type"] == "http" and scope["path"].rstrip("/") == "/metrics"
        if self._client is None or not shown or scope["method"] != "GET":
            await self._app(scope, receive, send)
            return
        page = await asyncio.to_thread(self._client.metrics, _DEADLINE_S)
        addition = (page or "").encode() + b"# TYPE mgd_bridge_up gauge\n"
        addition += b"mgd_bridge_up %d\n" % (page is not None)
        headers = [(name, value) for name, value in scope["headers"] if name not in _CHOICES]
        await self._app({**scope, "headers": headers}, receive, _appending(send, addition))


def _appending(send: Send, addition: bytes) -> Send:
    """A ``send`` that puts ``addition`` behind the body of a response."""

    async def forward(message: Message) -> None:
        if message["type"] == "http.response.start":
            # The length changes; the server sends in chunks instead.
            headers = [each for each in message["headers"] if each[0].lower() != b"content-length"]
            message = {**message, "headers": headers}
        elif message["type"] == "http.response.body" and not message.get("more_body"):
            message = {**message, "body": message.get("body", b"") + addition}
        await send(message)

    return forward
