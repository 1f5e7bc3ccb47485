"""One server process and its message stream.

multilspy launches the process and frames the messages. What is repaired here: a pending request
outlived its server, one long stderr line stopped the reader for good, an unreadable message was
dropped and its request hung, finished tasks were kept for ever, a stop took seconds, and servers
got all variables of this process.
"""

import asyncio
import json
import logging
import os
import shutil
import signal
import sys
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]  # ships no types
from multilspy.lsp_protocol_handler.server import LanguageServerHandler, ProcessLaunchInfo

_log = logging.getLogger(__name__)
_STDERR_CHUNK_BYTES = 1 << 16
_STDERR_KEPT_CHUNKS = 4

RequestHandler = Callable[[Any], Awaitable[Any]]


class ConnectionLostError(Exception):
    """The server's process ended, or its message stream broke."""


class GarbledMessageError(Exception):
    """The server sent something that is no message while the request was pending."""


class ResponseError(Exception):
    """The server answered a request with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code


class _Tasks(dict[int, "asyncio.Task[Any]"]):
    """multilspy's task table, without the tasks that are done."""

    def __setitem__(self, number: int, task: "asyncio.Task[Any]") -> None:
        super().__setitem__(number, task)
        task.add_done_callback(lambda done: self._forget(number, done))

    def _forget(self, number: int, task: "asyncio.Task[Any]") -> None:
        if self.get(number) is task:
            del self[number]
        if not task.cancelled() and task.exception() is not None:
            _log.debug("language server task failed", exc_info=task.exception())


class Connection(LanguageServerHandler):  # type: ignore[misc]  # multilspy has no annotations
    """A running server. All methods belong to the event loop that called `start`."""

    def __init__(self, command: tuple[str, ...], cwd: Path, env: dict[str, str]) -> None:
        super().__init__(ProcessLaunchInfo(list(_die_with_us(command)), env, str(cwd)))
        self.process: asyncio.subprocess.Process | None
        self.tasks = _Tasks()
        self.closed = asyncio.Event()
        self._killing = asyncio.Lock()
        self._replies: dict[int, asyncio.Future[Any]] = {}
        self._stderr: deque[bytes] = deque(maxlen=_STDERR_KEPT_CHUNKS)

    @property
    def pid(self) -> int | None:
        """Process id, None before `start` and after `kill`."""
        return None if self.process is None else int(self.process.pid)

    @property
    def stderr_tail(self) -> str:
        """The last line that the server wrote to its standard error."""
        lines = b"".join(self._stderr)[-2000:].decode("utf-8", "replace").strip().splitlines()
        return lines[-1][:300] if lines else ""

    async def start(self) -> None:
        """Start the process, with the given variables and no others, and read what it sends.

        Raises OSError, and ConnectionLostError if it was closed meanwhile.
        """
        launched = self.process_launch_info
        self.process = await asyncio.create_subprocess_exec(
            *launched.cmd,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=launched.env,
            cwd=launched.cwd,
            start_new_session=True,
        )
        self.loop = asyncio.get_running_loop()
        for number, reading in enumerate((self.run_forever(), self.run_forever_stderr())):
            self.tasks[number] = self.loop.create_task(reading)
        self.task_counter = len(self.tasks)
        if self.closed.is_set():
            await self.kill()
            raise ConnectionLostError("the server was stopped while it was started")

    async def request(self, method: str, params: Any = None) -> Any:
        """Send a request and wait for its result.

        Raises ConnectionLostError, GarbledMessageError or ResponseError. Cancelling the
        wait only stops waiting: see `cancel`.
        """
        return await self.begin(method, params)[1]

    def begin(self, method: str, params: Any = None) -> "tuple[int, asyncio.Future[Any]]":
        """Send a request; returns its id and the future of its result."""
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        number = self.request_id
        self.request_id += 1
        if self.closed.is_set() or self.process is None:
            reply.set_exception(ConnectionLostError("the server is not running"))
            return number, reply
        self._replies[number] = reply
        message = {"jsonrpc": "2.0", "id": number, "method": method}
        self._write(message if params is None else message | {"params": params})
        return number, reply

    def cancel(self, number: int) -> None:
        """Tell the server that a request's result is no longer needed; it may still come."""
        if number in self._replies:
            self.notification("$/cancelRequest", {"id": number})

    def notification(self, method: str, params: Any = None) -> None:
        """Send a notification; lost without a word if the server is gone."""
        message = {"jsonrpc": "2.0", "method": method}
        self._write(message if params is None else message | {"params": params})

    def _write(self, message: dict[str, Any]) -> None:
        stdin = None if self.process is None else self.process.stdin
        body = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
        # Paths hold bytes as surrogates where the file system's encoding cannot read them.
        data = body.encode("utf-8", "surrogateescape")
        # Writing to the pipe of a process that has just ended is found out by the reader.
        with suppress(ConnectionError, RuntimeError):
            if stdin is not None:
                stdin.write(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))

    async def _send_payload(self, payload: dict[str, Any]) -> None:
        """multilspy's way of answering the server's own requests."""
        self._write(payload)

    async def run_forever(self) -> bool:
        """multilspy's reader; when it ends, every pending request fails."""
        try:
            return bool(await super().run_forever())
        finally:
            self._fail_all(ConnectionLostError("the server ended or its stream broke"))
            self.closed.set()

    async def run_forever_stderr(self) -> None:
        """Drain standard error in pieces of bounded size, whatever its lines look like."""
        stream = self.process.stderr if self.process is not None else None
        while stream is not None and (piece := await stream.read(_STDERR_CHUNK_BYTES)):
            self._stderr.append(piece)

    async def _handle_body(self, body: bytes) -> None:
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            payload = None
        if not isinstance(payload, dict):
            self._fail_all(GarbledMessageError(f"no JSON-RPC message: {body[:60]!r}"))
            return
        await self._receive_payload(payload)

    async def _response_handler(self, response: dict[str, Any]) -> None:
        number = response.get("id")
        reply = self._replies.pop(number, None) if isinstance(number, int) else None
        if reply is None or reply.done():
            return
        error = response.get("error")
        if error is None:
            reply.set_result(response.get("result"))
        elif isinstance(error, dict) and isinstance(error.get("code"), int):
            reply.set_exception(ResponseError(error["code"], str(error.get("message"))[:300]))
        else:
            reply.set_exception(GarbledMessageError(f"malformed error: {str(error)[:60]}"))

    def _fail_all(self, error: Exception) -> None:
        for reply in self._replies.values():
            if not reply.done():
                reply.set_exception(error)
                reply.exception()  # mark as seen: nobody may be waiting any more
        self._replies.clear()

    async def close(self, patience_s: float = 0.5) -> None:
        """Ask the server to leave, wait ``patience_s`` at most, then kill what is left."""
        process = self.process
        if process is not None and not self.closed.is_set():
            with suppress(Exception):
                await asyncio.wait_for(self.request("shutdown"), patience_s)
                self.notification("exit")
                await asyncio.wait_for(process.wait(), patience_s)
        await self.kill()

    async def kill(self) -> None:
        """End the process and its descendants at once; harmless when they are gone.

        Returns once they have ended, whoever began to kill them.
        """
        async with self._killing:
            await self._kill()

    async def _kill(self) -> None:
        process, self.process = self.process, None
        if process is None:
            self.closed.set()
            return
        self._received_shutdown = True
        kill_tree(process.pid)
        await self._cancel_pending_tasks()
        self._safely_close_pipe(process.stdin)
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(process.wait(), 2)
        transport: Any = getattr(process, "_transport", None)
        if transport is not None:
            transport.close()  # else its pipes outlive the event loop
        self._fail_all(ConnectionLostError("the server was stopped"))
        self.closed.set()


def kill_tree(pid: int) -> None:
    """Kill a process that leads its own group, the group, and its descendants."""
    with suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            with suppress(psutil.Error):
                child.kill()
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
    with suppress(psutil.Error):
        psutil.Process(pid).kill()


def _die_with_us(command: tuple[str, ...]) -> tuple[str, ...]:
    """On Linux, have the kernel kill the server if we die without closing it (SIGKILL)."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return command if setpriv is None else (setpriv, "--pdeathsig", "KILL", "--", *command)
