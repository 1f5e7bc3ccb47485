"""A language server made slow and flaky: ``python flaky_server.py COMMAND...`` runs the real one.

Nobody can foresee what becomes of a list of completions: most come, some of them late, some become
errors, and now and then the server dies of one.
"""

import asyncio
import json
import random
import sys
from typing import Any

LENGTH = "content-length"
CONTENT_MODIFIED, INTERNAL_ERROR = -32801, -32603
FATES = {"soon": 68, "late": 16, "modified": 8, "error": 7, "death": 1}
"""What becomes of a list, in percent."""
DELAYS_S = {"soon": (0.0, 0.02), "late": (0.9, 1.1)}


async def read(reader: asyncio.StreamReader) -> dict[str, Any] | None:
    """The next message; None at the end."""
    length = 0
    while line := (await reader.readline()).decode().strip():
        name, _, value = line.partition(":")
        length = int(value) if name.lower() == LENGTH else length
    if not length:
        return None
    message: dict[str, Any] = json.loads(await reader.readexactly(length))
    return message


def write(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    """Send a message."""
    body = json.dumps(message).encode()
    writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)


class Flaky:
    """Stands between a client and the server."""

    def __init__(self, server: asyncio.subprocess.Process, client: asyncio.StreamWriter) -> None:
        self._server = server
        self._client = client
        self._lists: set[Any] = set()

    async def forward(self, reader: asyncio.StreamReader) -> None:
        """What the client says reaches the server."""
        assert self._server.stdin is not None
        while (message := await read(reader)) is not None:
            if message.get("method") == "textDocument/completion":
                self._lists.add(message["id"])
            write(self._server.stdin, message)
        self._server.kill()

    async def back(self) -> None:
        """What the server says reaches the client, or not."""
        assert self._server.stdout is not None
        async with asyncio.TaskGroup() as answers:
            while (message := await read(self._server.stdout)) is not None:
                if message.get("id") in self._lists and "method" not in message:
                    self._lists.discard(message["id"])
                    answers.create_task(self._answer(message))
                else:
                    write(self._client, message)
        sys.exit(1)

    async def _answer(self, message: dict[str, Any]) -> None:
        (fate,) = random.choices(list(FATES), list(FATES.values()))  # not secret
        await asyncio.sleep(random.uniform(*DELAYS_S.get(fate, (0.0, 0.0))))
        if fate == "death":
            self._server.kill()
            return
        if fate in ("modified", "error"):
            code = CONTENT_MODIFIED if fate == "modified" else INTERNAL_ERROR
            error = {"code": code, "message": fate}
            message = {"jsonrpc": "2.0", "id": message["id"], "error": error}
        write(self._client, message)


async def main(command: list[str]) -> None:
    """Run the server, and pass messages both ways."""
    pipe = asyncio.subprocess.PIPE
    server = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, limit=1 << 24)
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=1 << 24)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, sys.stdout
    )
    flaky = Flaky(server, asyncio.StreamWriter(transport, protocol, None, loop))
    await asyncio.gather(flaky.forward(reader), flaky.back())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
