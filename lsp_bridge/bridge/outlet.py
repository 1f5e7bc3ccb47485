"""Frames go out from whatever thread has them, at once, and nobody waits for them to be read."""

import asyncio
import socket
import threading

MOST_UNSENT_BYTES = 64 << 20


class Outlet:
    """The sending side of a connected socket. Thread safe.

    An event loop could do it, but waking its thread costs the one that computes tokens far more
    than the system call does: half a millisecond where both share a core.
    """

    def __init__(self, connected: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        """``connected`` does not block and is closed by `close`; ``loop`` sends what is left."""
        self._socket = connected
        self._loop = loop
        self._lock = threading.Lock()
        self._unsent = bytearray()
        self._closed = False

    def send(self, data: bytes) -> bool:
        """Send, or have sent later; False if the connection has ended or does not keep up."""
        with self._lock:
            if self._closed or len(self._unsent) > MOST_UNSENT_BYTES:
                return False
            if self._unsent:
                self._unsent += data
                return True
            try:
                sent = self._socket.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                return False
            if sent < len(data):
                self._unsent += data[sent:]
                self._loop.call_soon_threadsafe(self._wait_for_room)
            return True

    def close(self) -> None:
        """Send nothing any more. For the loop's thread."""
        with self._lock:
            self._closed = True
            self._loop.remove_writer(self._socket)
            self._socket.close()

    def _wait_for_room(self) -> None:
        with self._lock:
            if not self._closed:
                self._loop.add_writer(self._socket, self._flush)

    def _flush(self) -> None:
        with self._lock:
            if self._closed:
                return
            try:
                del self._unsent[: self._socket.send(self._unsent)]
            except BlockingIOError:
                return
            except OSError:
                self._unsent.clear()  # whoever reads finds out
            if not self._unsent:
                self._loop.remove_writer(self._socket)
