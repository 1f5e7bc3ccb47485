"""A language server that misbehaves on request. Plain Python, started as a process of its own.

    python misbehaving_server.py FAULT [MARKER]

Completions are the words of the document's first line. FAULT strikes at the first completion
request, or at every one without MARKER; with it, only in the first process: the file is created
when the fault strikes, and once it exists the server behaves. ``type_FAULT`` strikes at a request
for a type's definition.
"""

import json
import os
import sys
import time
from pathlib import Path
from threading import Timer
from typing import Any

LATE_S = 1.5


def apply_change(text: str, change: dict[str, Any]) -> str:
    """The text after an incremental change, computed in UTF-16 and without the package's help."""
    span = change.get("range")
    if span is None:
        return str(change["text"])
    raw = text.encode("utf-16-le")
    start, end = (_utf16_byte(raw, span[edge]) for edge in ("start", "end"))
    new: str = change["text"]
    return (raw[:start] + new.encode("utf-16-le") + raw[end:]).decode("utf-16-le")


def _utf16_byte(raw: bytes, place: dict[str, int]) -> int:
    units = [raw[index : index + 2] for index in range(0, len(raw), 2)]
    line = index = 0
    while line < place["line"]:
        unit = units[index]
        index += 1
        if unit == b"\r\0" and index < len(units) and units[index] == b"\n\0":
            index += 1
            line += 1
        elif unit in (b"\r\0", b"\n\0"):
            line += 1
    return 2 * (index + place["character"])


class Server:
    """Reads from standard input until it ends, or until the fault ends it."""

    def __init__(self, fault: str, marker: Path | None) -> None:
        self.fault = fault
        self.marker = marker
        self.texts: dict[str, str] = {}
        self.replies: list[Any] = []
        self.openings = 0
        self.unready = False
        self.refusals = 5

    def strikes(self) -> bool:
        """Whether the fault is to happen now."""
        if self.marker is not None:
            if self.marker.exists():
                return False
            self.marker.touch()
        return True

    def serve(self) -> None:
        """Answer one message after the other."""
        if self.fault == "crash_at_start" and self.strikes():
            sys.stderr.write("cannot start: no licence\n")
            sys.exit(3)
        while (message := read()) is not None:
            if "method" not in message:
                self.replies.append(message.get("result"))
                continue
            handler = getattr(self, message["method"].replace("/", "_").replace("$", ""), None)
            if handler is not None:
                handler(message)
            elif "id" in message:
                send({"id": message["id"], "result": None})

    def initialize(self, message: dict[str, Any]) -> None:
        if self.fault == "hang_at_start" and self.strikes():
            time.sleep(600)
        if self.fault == "bad_initialize" and self.strikes():
            send({"id": message["id"], "result": [1]})
            return
        send({"id": message["id"], "result": {"capabilities": {"textDocumentSync": 2}}})

    def initialized(self, message: dict[str, Any]) -> None:
        begins = {"loading", "never_ready", "unhealthy", "dies_unready"}
        if self.fault not in begins or not self.strikes():
            status(True)
        elif self.fault == "unhealthy":
            status(True, health="warning", message="the library is missing")
        else:
            status(False)
            self.unready = True
            if self.fault == "dies_unready":
                sys.exit(1)
            if self.fault == "loading":
                self.get_ready_soon()

    def get_ready_soon(self) -> None:
        """Say that the server is ready, a moment from now."""

        def get_ready() -> None:
            self.unready = False
            status(True)

        Timer(0.3, get_ready).start()

    def exit(self, message: dict[str, Any]) -> None:
        sys.exit(0)

    def textDocument_didOpen(self, message: dict[str, Any]) -> None:  # noqa: N802
        document = message["params"]["textDocument"]
        self.texts[document["uri"]] = document["text"]
        self.openings += 1

    def textDocument_didClose(self, message: dict[str, Any]) -> None:  # noqa: N802
        del self.texts[message["params"]["textDocument"]["uri"]]

    def textDocument_didChange(self, message: dict[str, Any]) -> None:  # noqa: N802
        uri = message["params"]["textDocument"]["uri"]
        for change in message["params"]["contentChanges"]:
            self.texts[uri] = apply_change(self.texts[uri], change)

    def textDocument_completion(self, message: dict[str, Any]) -> None:  # noqa: N802
        number = message["id"]
        uri = message["params"]["textDocument"]["uri"]
        words = self.texts[uri].splitlines()[0].strip("# ").split()
        words.append(f"open_{len(self.texts)}")
        if self.unready:
            words = ["wrong"]
        elif self.fault == "restless" and self.refusals:
            self.refusals -= 1
            words = self.modified(number, words)
        elif hasattr(self, self.fault) and self.strikes():
            words = getattr(self, self.fault)(number, words)
        if words is not None:
            send({"id": number, "result": [{"label": word, "kind": 5} for word in words]})

    def textDocument_typeDefinition(self, message: dict[str, Any]) -> None:  # noqa: N802
        """A type's definition is the document's first line; its name is the last word there."""
        number = message["id"]
        fault = self.fault.removeprefix("type_")
        if fault != self.fault and self.strikes():
            getattr(self, fault)(number, [])
            return
        uri = message["params"]["textDocument"]["uri"]
        line = self.texts[uri].splitlines()[0]
        places = [{"line": 0, "character": c} for c in (0, line.rfind(" ") + 1, len(line))]
        link = {"targetUri": uri, "targetRange": {"start": places[0], "end": places[2]}}
        link["targetSelectionRange"] = {"start": places[1], "end": places[2]}
        send({"id": number, "result": [link]})

    # ruff: noqa: D102
    # The faults: each answers by itself, or returns what is to be answered.

    def crash(self, number: int, words: list[str]) -> None:
        sys.stderr.write("segmentation fault, more or less\n")
        sys.stderr.flush()
        os._exit(139)

    def hang(self, number: int, words: list[str]) -> None:
        time.sleep(600)

    def deaf(self, number: int, words: list[str]) -> None:
        """Never answers this request, but reads on."""

    def garbage(self, number: int, words: list[str]) -> None:
        write(b"{]")

    def noise(self, number: int, words: list[str]) -> list[str]:
        sys.stdout.buffer.write(b"DEBUG: here I am\r\n")
        return words

    def wrong_type(self, number: int, words: list[str]) -> None:
        send({"id": number, "result": 42})

    def wrong_item(self, number: int, words: list[str]) -> None:
        send({"id": number, "result": [{"label": 7}]})

    def late(self, number: int, words: list[str]) -> list[str]:
        time.sleep(LATE_S)
        return words

    def flood(self, number: int, words: list[str]) -> list[str]:
        sys.stderr.write("x" * (1 << 20) + "\n")
        sys.stderr.flush()
        return words

    def null(self, number: int, words: list[str]) -> None:
        send({"id": number, "result": None})

    def empty(self, number: int, words: list[str]) -> None:
        send({"id": number, "result": {"isIncomplete": False, "items": []}})

    def incomplete(self, number: int, words: list[str]) -> None:
        send({"id": number, "result": {"isIncomplete": True, "items": [{"label": "one"}]}})

    def error(self, number: int, words: list[str]) -> None:
        send({"id": number, "error": {"code": -32603, "message": "internal error"}})

    def bad_error(self, number: int, words: list[str]) -> None:
        send({"id": number, "error": "internal error"})

    def counting(self, number: int, words: list[str]) -> list[str]:
        """Says how many documents were opened so far."""
        return [*words, f"opening_{self.openings}"]

    def broken(self, number: int, words: list[str]) -> list[str] | None:
        """Cannot answer about a document as it was opened first."""
        if self.openings == 1:
            self.error(number, words)
            return None
        return self.counting(number, words)

    def modified(self, number: int, words: list[str]) -> None:
        send({"id": number, "error": {"code": -32801, "message": "content modified"}})

    def reloading(self, number: int, words: list[str]) -> list[str]:
        """Turns unready, answers wrongly, and is ready again a moment later."""
        status(False)
        self.unready = True
        self.get_ready_soon()
        return ["wrong"]

    def interrupted(self, number: int, words: list[str]) -> list[str]:
        """Was unready while it answered."""
        status(False)
        status(True)
        return ["wrong"]

    def asks(self, number: int, words: list[str]) -> list[str]:
        """Asks the client things first, some of which it does not know."""
        for method in ("client/registerCapability", "window/workDoneProgress/create", "x/unknown"):
            send({"id": f"mine-{method}", "method": method, "params": {}})
        send({"method": "window/logMessage", "params": {"type": 3, "message": "hello"}})
        for _ in range(3):
            read()
        return words

    def configuration(self, number: int, words: list[str]) -> list[str]:
        """Answers with what the client says about a setting."""
        items = [{"section": "python"}, {"section": "python.depth"}, {"section": "a.b"}, {}]
        params = {"items": items}
        send({"id": "mine", "method": "workspace/configuration", "params": params})
        reply = read()
        return [
            next(iter(each)) if isinstance(each, dict) else json.dumps(each).strip('"{}')
            for each in (reply or {}).get("result", [])
        ]


def read() -> dict[str, Any] | None:
    """The next message, None at the end of input."""
    size = 0
    while line := sys.stdin.buffer.readline():
        if line.lower().startswith(b"content-length:"):
            size = int(line.split(b":")[1])
        if line == b"\r\n":
            return dict(json.loads(sys.stdin.buffer.read(size)))
    return None


def send(message: dict[str, Any]) -> None:
    """Write one message."""
    write(json.dumps({"jsonrpc": "2.0", **message}).encode())


def status(quiescent: bool, **more: str) -> None:
    """Say whether the server is ready, as rust-analyzer does."""
    params = {"health": "ok", "quiescent": quiescent, **more}
    send({"method": "experimental/serverStatus", "params": params})


def write(body: bytes) -> None:
    """Write one body, whatever it is."""
    sys.stdout.buffer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    Server(sys.argv[1], Path(sys.argv[2]) if len(sys.argv) > 2 else None).serve()
