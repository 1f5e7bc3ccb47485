"""What a bridge and its clients say to each other over a Unix socket.

A frame is a length of four bytes, big end first, and a message in msgpack. A client says `Hello`
and hears `Welcome` or `Refused`; then either side sends when it likes. Documents travel whole: a
frame of 100 kB costs both sides together less than a millisecond (``docs/serving.md``).
"""

import asyncio
import struct
from typing import TypeVar

import msgspec

from monitors.errors import MgdError
from monitors.facts import Signatures
from monitors.protocols import Answer, Members, Query, Reason, Unavailable

VERSION = 3
MOST_BYTES = 16 << 20
"""Longest message of either side."""
_LENGTH = struct.Struct(">I")
M = TypeVar("M")


class ProtocolError(MgdError):
    """The other side does not speak this protocol."""


class Hello(msgspec.Struct, frozen=True, tag=True):
    """First word of a client."""

    version: int
    name: str = ""
    """Who asks, for logs."""


class Ask(msgspec.Struct, frozen=True, tag=True):
    """Begin to answer ``query``; the answer is sent without being waited for."""

    number: int
    query: Query
    scope: str = ""
    server: str | None = None


class Wait(msgspec.Struct, frozen=True, tag=True):
    """Somebody waits for the answer to ``number``, for ``deadline_s`` seconds at most."""

    number: int
    deadline_s: float


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """The answer to ``number`` is not wanted any more."""

    number: int


class Start(msgspec.Struct, frozen=True, tag=True):
    """Start the servers for ``language``, which will be asked for soon."""

    language: str
    server: str | None = None


class Report(msgspec.Struct, frozen=True, tag=True):
    """Add to the counters that the bridge shows; a name may have a reason, ``name:reason``."""

    counts: dict[str, float]


class Outcome(msgspec.Struct, frozen=True):
    """What has become of a guided request so far."""

    points: int = 0
    """How often a monitor asked."""
    constrained: int = 0
    """How often a closed list of names came."""
    unconstrained: dict[str, int] = {}
    """Why a point went unconstrained (a `Reason`), and how often."""
    waited_s: float = 0.0
    """Time that was spent waiting for answers."""
    unguided: str = ""
    """Why nothing at all is guided."""


class Tell(msgspec.Struct, frozen=True, tag=True):
    """What has become of the request that is called ``key``; replaces what was told before."""

    key: str
    outcome: Outcome


class Follow(msgspec.Struct, frozen=True, tag=True):
    """Send whatever is told of the request that is called ``key``."""

    number: int
    key: str


class Unfollow(msgspec.Struct, frozen=True, tag=True):
    """The request has ended: send what was told last, and forget it."""

    number: int


class Fenced(msgspec.Struct, frozen=True, tag=True):
    """Everything that was sent before `Fence` came has been sent before this."""

    number: int


class ShowMetrics(msgspec.Struct, frozen=True, tag=True):
    """Send the metrics page."""

    number: int


class Welcome(msgspec.Struct, frozen=True, tag=True):
    """The client may ask about files below ``workspaces``."""

    version: int
    workspaces: tuple[str, ...]


class Refused(msgspec.Struct, frozen=True, tag=True):
    """The client is sent away."""

    why: str


class Answered(msgspec.Struct, frozen=True, tag=True):
    """The answer to ``number``: facts of one kind, or ``unavailable``."""

    number: int
    members: Members | None = None
    signatures: Signatures | None = None
    unavailable: Unavailable | None = None

    @property
    def answer(self) -> Answer:
        """Whichever of them it is."""
        facts = self.members or self.signatures
        if facts is not None:
            return facts
        empty = Unavailable(Reason.BAD_ANSWER, "the bridge sent neither facts nor a reason")
        return empty if self.unavailable is None else self.unavailable


class Told(msgspec.Struct, frozen=True, tag=True):
    """What has become of a request that is followed; None: nothing was ever told of it."""

    number: int
    outcome: Outcome | None
    is_last: bool = False


class Fence(msgspec.Struct, frozen=True, tag=True):
    """Say `Fenced`: the bridge wants to know that it has heard everything until now."""

    number: int


class Metrics(msgspec.Struct, frozen=True, tag=True):
    """The metrics page, in Prometheus' text format."""

    number: int
    text: str


ToBridge = (
    Hello | Ask | Wait | Cancel | Start | Report | Tell | Follow | Unfollow | Fenced | ShowMetrics
)
ToClient = Welcome | Refused | Answered | Told | Fence | Metrics

_to_bridge = msgspec.msgpack.Decoder(ToBridge)
_to_client = msgspec.msgpack.Decoder(ToClient)


def answered(number: int, answer: Answer) -> Answered:
    """``answer`` as a message."""
    if isinstance(answer, Members):
        return Answered(number, members=answer)
    if isinstance(answer, Signatures):
        return Answered(number, signatures=answer)
    return Answered(number, unavailable=answer)


def frame(message: ToBridge | ToClient) -> bytes:
    """``message`` as it is sent.

    Raises ProtocolError if it is too long, and UnicodeEncodeError for lone surrogates.
    """
    body = msgspec.msgpack.encode(message)
    if len(body) > MOST_BYTES:
        raise ProtocolError(f"a message of {len(body)} bytes; expected at most {MOST_BYTES}")
    return _LENGTH.pack(len(body)) + body


async def read_from_client(reader: asyncio.StreamReader) -> ToBridge:
    """The client's next message.

    Raises ProtocolError for anything else, and IncompleteReadError at the end of the connection.
    """
    message: ToBridge = _decoded(_to_bridge, await _body(reader))
    return message


async def read_from_bridge(reader: asyncio.StreamReader) -> ToClient:
    """The bridge's next message; raises as `read_from_client` does."""
    message: ToClient = _decoded(_to_client, await _body(reader))
    return message


async def _body(reader: asyncio.StreamReader) -> bytes:
    (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
    if length > MOST_BYTES:
        raise ProtocolError(f"a frame of {length} bytes; expected at most {MOST_BYTES}")
    return await reader.readexactly(length)


def _decoded(decoder: "msgspec.msgpack.Decoder[M]", body: bytes) -> M:
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"not a message: {error}") from error
