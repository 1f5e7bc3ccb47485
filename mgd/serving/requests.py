"""Requests on their way into vLLM and back: a middleware for ``vllm serve --middleware``.

vLLM shows a logits processor neither the prompt at admission nor the response. This sees both: it
refuses a prompt that is not what its arguments say, takes several prompts apart so that each has
arguments of its own, and says in the response what became of them. It is a plain ASGI middleware
and needs no part of vLLM but its tokenizer. Requests without our argument pass as they are.

vLLM puts such a middleware before its own check of API keys. So a body is looked at only once the
application asks for it, which it does for those that may ask.
"""

import asyncio
import copy
import json
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any, Self

from decoding.wiring import BRIDGE_VARIABLE
from lsp_bridge.bridge import BridgeClient, Following, Outcome
from mgd.serving import answers, prompts
from mgd.serving.metrics import Application, BridgeMetrics, Message, Receive, Send
from mgd.serving.prompts import Asked
from monitors.errors import UsageError

_GUIDED = ("/completions", "/invocations")
_NOT_GUIDED = ("/responses", "/messages", "/batch")
_LAST_WORD_S = 2.0
_DISCONNECT = {"type": "http.disconnect"}


class GuidedRequests:
    """Checks guided requests, and says in their responses what became of them."""

    def __init__(self, app: Application) -> None:
        self.app = app
        path = os.environ.get(BRIDGE_VARIABLE)
        self.client = None if path is None else BridgeClient(path, name="requests", connect_s=0)
        self.decoder: Decoder | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self.client is not None:
            self.client.close()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        is_post = scope["type"] == "http" and scope["method"] == "POST"
        if not is_post or not scope["path"].rstrip("/").endswith(_GUIDED + _NOT_GUIDED):
            await self.app(scope, receive, send)
            return
        if self.decoder is None and (tokenizer := _tokenizer(scope)) is not None:
            self.decoder = Decoder(tokenizer)
        await _Exchange(self, scope, receive, send).run()


class Middleware(GuidedRequests):
    """All that ``mgd serve`` puts around vLLM's application: the bridge's metrics as well."""

    def __init__(self, app: Application) -> None:
        super().__init__(BridgeMetrics(app))


class Decoder:
    """Turns token ids into text, with a tokenizer of its own: they are not thread safe."""

    def __init__(self, tokenizer: Any) -> None:
        """``tokenizer`` is copied when it is first needed."""
        self._given = tokenizer
        self._own: Any = None
        self._lock = threading.Lock()

    def __call__(self, ids: Sequence[int]) -> str:
        """Text, marks of templates written out."""
        with self._lock:
            if self._own is None:
                self._own = copy.deepcopy(self._given)
            return str(
                self._own.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)
            )


def _tokenizer(scope: Message) -> Any:
    """The tokenizer of the application; None if it has none where vLLM keeps it."""
    found: Any = scope.get("app")
    for name in ("state", "engine_client", "renderer", "tokenizer"):
        found = getattr(found, name, None)
    return found


class _Part:
    """One prompt on its way through the application."""

    def __init__(self, exchange: "_Exchange", number: int) -> None:
        self.number = number
        self.status = 0
        """Of the response; 0 until it begins."""
        self.headers: list[tuple[bytes, bytes]] = []
        self.streams = False
        self.body = b""
        self.following: Following | None = None
        self._exchange = exchange
        self._events = answers.Events()
        self._was_asked = False

    async def receive(self) -> Message:
        """What the application is told: the body, and then when nobody wants its answer."""
        if self._was_asked:
            return await self._exchange.disconnected()
        self._was_asked = True
        return await self._exchange.body_of(self)

    async def send(self, message: Message) -> None:
        """Take what the application says."""
        if self._exchange.passes:
            await self._exchange.pass_on(message)
        elif message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
            kind = dict(self.headers).get(b"content-type", b"")
            self.streams = self.status == HTTPStatus.OK and kind.startswith(b"text/event-stream")
            self._exchange.note_beginning()
        elif message["type"] == "http.response.body" and not self.streams:
            self.body += message.get("body", b"")
        elif message["type"] == "http.response.body":
            for event in self._events.feed(message.get("body", b"")):
                await self._exchange.take_event(self, event)

    async def last_word(self) -> Outcome | None:
        """What became of the prompt; None if nobody tells."""
        if self.following is None:
            return None
        self.following.end()
        try:
            async with asyncio.timeout(_LAST_WORD_S):
                return await asyncio.wrap_future(self.following.last)
        except TimeoutError:
            return None


class _Exchange:
    """One request and its response."""

    def __init__(
        self, guided: GuidedRequests, scope: Message, receive: Receive, send: Send
    ) -> None:
        self._guided = guided
        self._scope = _plain(scope)
        self._receive = receive
        self._send = send
        self.passes = True
        """Whether everything goes through as it is: the request is not ours, or not read yet."""
        self._asked: Asked | None = None
        self._parts = [_Part(self, 0)]
        self._tasks: list[asyncio.Task[None]] = []
        self._refusal: str | None = None
        self._failure: str | None = None
        self._over = asyncio.Event()
        """Whether nobody wants the rest: the client has gone, or the request has failed."""
        self._ready = asyncio.Event()
        """Whether every part has begun to answer, or one has failed."""
        self._sending = asyncio.Lock()
        self._is_streaming = False
        """Whether the client has seen the beginning of a stream."""
        self._held: tuple[dict[str, Any], bytes] | None = None
        """An event that may be the last one, and its text."""
        self._usages: list[dict[str, Any]] = []

    async def run(self) -> None:
        """Have the application answer, and complete what it says."""
        try:
            await self._answer(self._parts[0])
            await asyncio.gather(*self._tasks[1:])  # the first watches the client
            if self._refusal is not None:
                error = answers.error(self._refusal, HTTPStatus.BAD_REQUEST, "BadRequestError")
                await self._respond(HTTPStatus.BAD_REQUEST, error)
            elif not self.passes:
                await self._finish()
        finally:
            for task in self._tasks:
                task.cancel()
            for part in self._parts:
                if part.following is not None and not part.following.last.done():
                    part.following.end()

    async def _answer(self, part: _Part) -> None:
        try:
            await self._guided.app(self._scope, part.receive, part.send)
        except Exception:
            # It has answered all the same, or does not like that nobody wants its answer.
            if self._failure is None and self._refusal is None and not _is_bad(part):
                self._give_up()
                raise
        finally:
            if _is_bad(part):
                self._give_up()

    def _give_up(self) -> None:
        self._over.set()
        self._ready.set()

    async def body_of(self, part: _Part) -> Message:
        """The body of a part; for the first one the request is read and checked."""
        if part.number:
            assert self._asked is not None
            return _body(self._asked.parts[part.number].body)
        body = await _read(self._receive)
        if body is None:
            return dict(_DISCONNECT)
        if not prompts.is_guided(body):
            return _body(body)
        self.passes = False
        try:
            self._asked = await self._check(body)
        except UsageError as error:
            self._refusal = str(error)
            self._give_up()
            return _body(b"")  # what the application says of this is not sent
        self._begin(self._asked)
        return _body(self._asked.parts[0].body)

    async def _check(self, body: bytes) -> Asked:
        path = self._scope["path"]
        if path.rstrip("/").endswith(_NOT_GUIDED):
            raise UsageError(f"mgd: got arguments for {path}; expected /v1/completions")
        name = dict(self._scope["headers"]).get(b"x-request-id", b"").decode("latin-1")
        asked = await asyncio.to_thread(prompts.read, body, path, name, self._guided.decoder)
        if self._guided.client is None and any(part.required for part in asked.parts):
            raise UsageError(
                "mgd: got require='guided', but no bridge tells what becomes of requests; serve"
                f" with mgd serve, or name a bridge in {BRIDGE_VARIABLE}"
            )
        return asked

    def _begin(self, asked: Asked) -> None:
        """Follow every part, and have those behind the first one answered too."""
        self._parts += [_Part(self, number) for number in range(1, len(asked.parts))]
        if self._guided.client is not None:
            loop = asyncio.get_running_loop()
            for part, each in zip(self._parts, asked.parts, strict=True):
                hear = partial(self._hear, part)
                part.following = self._guided.client.follow(each.key, _on(loop, hear))
        self._tasks.append(asyncio.create_task(self._watch()))
        # A name that the client gave is that of the first part; the others have names of their own.
        headers = [each for each in self._scope["headers"] if each[0] != b"x-request-id"]
        for part in self._parts[1:]:
            self._tasks.append(asyncio.create_task(self._answer(part)))
        self._scope = {**self._scope, "headers": headers}

    async def _watch(self) -> None:
        """Wait for the client to go."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._give_up()

    def _hear(self, part: _Part, outcome: Outcome) -> None:
        """Fail as soon as that is certain."""
        assert self._asked is not None
        if self._asked.parts[part.number].required and self._failure is None:
            self._failure = answers.objection(outcome)
        if self._failure is not None:
            self._give_up()

    async def disconnected(self) -> Message:
        """Wait until nobody wants the answer any more."""
        if self.passes:
            return await self._receive()
        await self._over.wait()
        return dict(_DISCONNECT)

    async def pass_on(self, message: Message) -> None:
        """Send what is none of ours."""
        await self._send(message)

    def note_beginning(self) -> None:
        """A part begins to answer."""
        if all(part.status for part in self._parts):
            self._ready.set()

    async def take_event(self, part: _Part, raw: bytes) -> None:
        """Pass an event on; one that may be the last is held until there is another."""
        await self._ready.wait()
        async with self._sending:
            if self._refusal is not None or self._over.is_set() or raw == answers.DONE:
                return
            await self._begin_stream()
            content = answers.content_of(raw)
            if content is not None and len(self._parts) > 1:
                content = self._as_part(content, part)
                raw = answers.event(json.dumps(content, ensure_ascii=False).encode())
                if "usage" in content and not content.get("choices"):
                    self._usages.append(content)
                    return
            await self._release()
            if content is not None and answers.may_be_last(content):
                self._held = content, raw
            else:
                await self._stream(raw)

    def _as_part(self, content: dict[str, Any], part: _Part) -> dict[str, Any]:
        assert self._asked is not None
        before = part.number * self._asked.count
        choices = [
            {**choice, "index": before + choice["index"]} for choice in content.get("choices", [])
        ]
        kept = content if "error" in content else answers.without_parts(content, self._asked.name)
        return {**kept, "choices": choices} if "choices" in content else kept

    async def _finish(self) -> None:
        """Say what became of the prompts, or why the request has failed."""
        assert self._asked is not None
        outcomes = await asyncio.gather(*(part.last_word() for part in self._parts))
        for part, outcome in zip(self._asked.parts, outcomes, strict=True):
            if part.required and self._failure is None:
                self._failure = answers.objection(outcome)
        bad = next(filter(_is_bad, self._parts), None)
        if self._failure is not None:
            code = HTTPStatus.SERVICE_UNAVAILABLE
            message = f'mgd: "require": "guided" was not met: {self._failure}'
            await self._fail(code, answers.error(message, code, "ServiceUnavailableError"))
        elif bad is not None:
            await self._fail(bad.status, bad.body, bad.headers)
        elif self._over.is_set():
            return  # the client has gone
        elif self._parts[0].streams:
            await self._end_stream(outcomes)
        else:
            await self._respond(HTTPStatus.OK, self._joined(outcomes), self._parts[0].headers)

    async def _fail(
        self, code: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        if not self._is_streaming:
            await self._respond(code, body, headers)
            return
        await self._release()
        await self._stream(answers.event(body))
        await self._stream(answers.DONE, is_last=True)

    def _joined(self, outcomes: Sequence[Outcome | None]) -> bytes:
        assert self._asked is not None
        contents = [json.loads(part.body) for part in self._parts]
        if len(contents) > 1:
            return answers.completed(answers.joined(contents, self._asked.name), outcomes)
        return answers.completed(contents[0], outcomes)

    async def _end_stream(self, outcomes: Sequence[Outcome | None]) -> None:
        await self._begin_stream()
        if self._usages:
            await self._release()
            usage = answers.summed([each["usage"] for each in self._usages])
            self._held = {**self._usages[0], "usage": usage}, b""
        if self._held is not None:
            await self._stream(answers.event(answers.completed(self._held[0], outcomes)))
        await self._stream(answers.DONE, is_last=True)

    async def _begin_stream(self) -> None:
        if not self._is_streaming:
            self._is_streaming = True
            await self._send(
                {
                    "type": "http.response.start",
                    "status": HTTPStatus.OK,
                    "headers": self._parts[0].headers,
                }
            )

    async def _release(self) -> None:
        if self._held is not None:
            await self._stream(self._held[1])
            self._held = None

    async def _stream(self, raw: bytes, *, is_last: bool = False) -> None:
        await self._send({"type": "http.response.body", "body": raw, "more_body": not is_last})

    async def _respond(
        self, code: int, body: bytes, headers: Sequence[tuple[bytes, bytes]] = ()
    ) -> None:
        kept = [each for each in headers if each[0].lower() not in (b"content-length",)]
        if not any(name.lower() == b"content-type" for name, _ in kept):
            kept.append((b"content-type", b"application/json"))
        kept.append((b"content-length", b"%d" % len(body)))
        await self._send({"type": "http.response.start", "status": code, "headers": kept})
        await self._send({"type": "http.response.body", "body": body})


def _is_bad(part: _Part) -> bool:
    return part.status not in (0, HTTPStatus.OK)


def _on(
    loop: asyncio.AbstractEventLoop, hear: Callable[[Outcome], None]
) -> Callable[[Outcome], None]:
    """The same function on the thread of ``loop``, if that still runs."""

    def call(outcome: Outcome) -> None:
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(hear, outcome)

    return call


def _plain(scope: Message) -> Message:
    """The same request for a response that is not compressed: we have to read it."""
    headers = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
    return {**scope, "headers": headers}


def _body(data: bytes) -> Message:
    return {"type": "http.request", "body": data, "more_body": False}


async def _read(receive: Receive) -> bytes | None:
    """The whole body; None if the client has gone."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body)
