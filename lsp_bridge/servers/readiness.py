"""When a server's answers may be believed: each kind of server announces it in its own way.

A gate reads what a server says about itself. An answer counts if `Gate.ready` gave the same
number before the request was sent and behind the answer: the server was ready all the while.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from lsp_bridge.profiles.profile import Profile, Readiness


class Gate(ABC):
    """Whether one server is ready, as far as it has said so. Does no IO."""

    methods: tuple[str, ...] = ()
    """The notifications that it is to be shown."""

    def __init__(self, is_open: bool = False) -> None:
        self.is_open = is_open
        """Whether the server is ready now."""
        self.problem = ""
        """Why nothing that the server answers can be used; empty: it can."""
        self._closings = 0
        self._opened = asyncio.Event()
        if is_open:
            self._opened.set()

    def notice(self, method: str, params: Any) -> None:
        """Read a notification; a malformed one changes nothing."""
        if method in self.methods and isinstance(params, dict):
            self._turn(self._read(params))

    @abstractmethod
    def _read(self, params: Mapping[str, Any]) -> bool:
        """Whether the server is ready after this."""

    def _turn(self, is_open: bool) -> None:
        if is_open:
            self._opened.set()
        elif self.is_open:
            self._closings += 1
            self._opened.clear()
        self.is_open = is_open

    async def ready(self) -> int:
        """Wait until the server is ready; returns how often it has turned unready so far."""
        await self._opened.wait()
        return self._closings

    def held(self, closings: int) -> bool:
        """Whether the server has been ready ever since `ready` returned ``closings``."""
        return self.is_open and self._closings == closings


class Initialized(Gate):
    """Open from the beginning, for servers that answer only when they can."""

    def __init__(self) -> None:
        super().__init__(is_open=True)

    def _read(self, params: Mapping[str, Any]) -> bool:
        return True


class ServerStatus(Gate):
    """Open while the server is quiescent, as rust-analyzer says it.

    Any health but ``ok`` is a problem: with a workspace or a standard library that could not be
    loaded, lists are too short and nothing marks them.
    """

    methods = ("experimental/serverStatus",)

    def _read(self, params: Mapping[str, Any]) -> bool:
        health = params.get("health", "ok")
        complaint = str(params.get("message") or f"its health is {health}")
        self.problem = "" if health == "ok" else complaint
        return params.get("quiescent") is True


class Progress(Gate):
    """Open while no work is under way, once some has been reported."""

    methods = ("$/progress",)

    def __init__(self) -> None:
        super().__init__()
        self._under_way: set[Any] = set()

    def _read(self, params: Mapping[str, Any]) -> bool:
        value, token = params.get("value"), params.get("token")
        kind = value.get("kind") if isinstance(value, dict) else None
        if kind == "begin":
            self._under_way.add(token)
        elif kind == "end":
            self._under_way.discard(token)
            return not self._under_way
        return self.is_open and not self._under_way


class FirstProgress(Progress):
    """Opens for good at the end of the work that was reported first."""

    def _read(self, params: Mapping[str, Any]) -> bool:
        return self.is_open or super()._read(params)


class Indexing(Gate):
    """Open while no index is being made, as intelephense says it: in the method's name alone."""

    methods = ("indexingStarted", "indexingEnded")

    def notice(self, method: str, params: Any) -> None:
        """Read a notification, whatever its parameters are."""
        super().notice(method, {"ended": method == "indexingEnded"})

    def _read(self, params: Mapping[str, Any]) -> bool:
        return params["ended"] is True


class ServiceReady(Gate):
    """Opens for good at the message of Eclipse JDT LS."""

    methods = ("language/status",)

    def _read(self, params: Mapping[str, Any]) -> bool:
        return self.is_open or params.get("type") == "ServiceReady"


def gate(profile: Profile) -> Gate:
    """A gate for one process of a server."""
    match profile.readiness:
        case Readiness.INITIALIZED:
            return Initialized()
        case Readiness.SERVER_STATUS:
            return ServerStatus()
        case Readiness.PROGRESS:
            return Progress()
        case Readiness.FIRST_PROGRESS:
            return FirstProgress()
        case Readiness.INDEXING:
            return Indexing()
        case Readiness.SERVICE_READY:
            return ServiceReady()
