"""What stands between clients and vLLM: prompts are checked, and outcomes told.

In vLLM's place is an application that speaks as vLLM does, and tells a real bridge what vLLM's
workers would tell it.
"""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from transformers import AutoTokenizer

from decoding.engines.vllm import request as vllm_request
from decoding.engines.vllm.request import WORKSPACES_VARIABLE
from lsp_bridge import ServerPool
from lsp_bridge.bridge import BridgeClient, Outcome
from mgd.models import BUNDLED_MODEL
from mgd.serving import requests as serving_requests
from mgd.serving.metrics import Message
from mgd.serving.requests import GuidedRequests, Middleware
from tests.lsp_bridge.bridge.bridges import bridge

pytestmark = pytest.mark.timeout(60)
TEXT = "import os\nos.path\n"
PREFIX = "import os\nos."
GOOD = Outcome(2, 1, {"empty_mask": 1}, 0.25)
LATE = Outcome(2, 1, {"timeout": 1}, 1.0)
COMPLETIONS = "/v1/completions"


@cache
def tokenizer() -> Any:
    """The bundled one."""
    return AutoTokenizer.from_pretrained(BUNDLED_MODEL)


class State:
    """Where vLLM keeps its tokenizer."""

    def __init__(self) -> None:
        self.state = self
        self.engine_client = self
        self.renderer = self
        self.tokenizer = tokenizer()


class Engine:
    """Continues every prompt with "word", and tells of it what it is made to tell."""

    def __init__(self, path: Path) -> None:
        self.teller = BridgeClient(path)
        self.outcomes: list[Outcome] = [GOOD]
        self.asked: list[dict[str, Any]] = []
        self.is_shut = False
        self.fails: Callable[[dict[str, Any]], bool] = lambda body: False
        self.hangs = False
        self.gone = 0
        self.names: list[str] = []

    async def __call__(self, scope: Message, receive: Any, send: Any) -> None:
        """Answer one request."""
        if self.is_shut:
            await reply(send, 401, {"error": "Unauthorized"})
            return
        self.names = [name.decode() for name, _ in scope["headers"]]
        message = await receive()
        body = json.loads(message["body"] or b"null")
        if not isinstance(body, dict):
            await reply(send, 422, {"detail": "no body"})
            return
        self.asked.append(body)
        if self.fails(body):
            await reply(send, 404, {"error": {"message": "no such model", "code": 404}})
            return
        xargs = body.get("vllm_xargs") or {}
        if "mgd" in xargs:
            key = json.loads(xargs["mgd"])["key"]
            for outcome in self.outcomes:
                self.teller.tell(key, outcome)
        if self.hangs:
            assert (await receive())["type"] == "http.disconnect"
            self.gone += 1
        await (self.stream if body.get("stream") else self.complete)(body, send)

    async def complete(self, body: dict[str, Any], send: Any) -> None:
        """All at once."""
        count = body.get("n") or 1
        choices = [{"index": n, "text": "word", "finish_reason": "stop"} for n in range(count)]
        usage = {"prompt_tokens": 3, "completion_tokens": count, "details": {"cached": 1}}
        await reply(send, 200, {"id": "x", "choices": choices, "usage": usage, "metrics": None})

    async def stream(self, body: dict[str, Any], send: Any) -> None:
        """Event by event, in pieces that end anywhere."""
        events: list[bytes] = [b": ping\n\n"]
        for text, reason in (("wo", None), ("rd", "stop")):
            for number in range(body.get("n") or 1):
                choice = {"index": number, "text": text, "finish_reason": reason}
                events.append(event({"id": "x", "choices": [choice]}))
        if body.get("stream_options"):
            events.append(event({"id": "x", "choices": [], "usage": {"prompt_tokens": 3}}))
        data = b"".join([*events, b"data: [DONE]\n\n"])
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for start in range(0, len(data), 50):
            piece = data[start : start + 50]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await asyncio.sleep(0)
        await send({"type": "http.response.body"})


async def reply(send: Any, status: int, content: Any) -> None:
    """A response in JSON, with its length."""
    body = json.dumps(content).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def event(content: Any) -> bytes:
    """An event of a stream."""
    return b"data: " + json.dumps(content).encode() + b"\n\n"


class Front:
    """A client of the middleware."""

    def __init__(self, app: GuidedRequests, engine: Engine, root: Path) -> None:
        self.app = app
        self.engine = engine
        self.root = root
        self.state: State | None = State()

    def post(
        self, body: Any, path: str = COMPLETIONS, headers: Any = (), *, leaves: bool = False
    ) -> tuple[int, bytes]:
        """Status and body of a response; ``leaves``: the client goes once it has asked."""
        return asyncio.run(self.ask(body, path, headers, leaves=leaves))

    async def ask(
        self, body: Any, path: str = COMPLETIONS, headers: Any = (), *, leaves: bool = False
    ) -> tuple[int, bytes]:
        """The same, beside others."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        heard = [data[:10], data[10:]]
        sent: list[Message] = []
        over = asyncio.Event()

        async def receive() -> Message:
            if heard:
                piece = heard.pop(0)
                return {"type": "http.request", "body": piece, "more_body": bool(heard)}
            if not leaves:
                await over.wait()
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "app": self.state,
            "headers": [(b"accept-encoding", b"gzip"), *headers],
        }
        await self.app(scope, receive, send)
        if not sent:
            return 0, b""
        body = b"".join(each.get("body", b"") for each in sent[1:])
        length = dict(sent[0]["headers"]).get(b"content-length")
        assert length is None or int(length) == len(body)
        assert not sent[-1].get("more_body")
        return sent[0]["status"], body

    def complete(self, prompt: Any, arguments: Any, **options: Any) -> tuple[int, Any]:
        """A guided completion: status, and content or the contents of all events."""
        mgd = arguments if isinstance(arguments, list) else json.dumps(arguments)
        body = {"model": "m", "prompt": prompt, "vllm_xargs": {"mgd": mgd, "other": 1}, **options}
        status, data = self.post(body)
        if not data.startswith((b"data:", b":")):
            return status, json.loads(data)
        events = [each for each in data.split(b"\n\n") if each.startswith(b"data: {")]
        assert data.endswith(b"\n\ndata: [DONE]\n\n")
        assert data.count(b"[DONE]") == 1
        return status, [json.loads(each[6:]) for each in events]


def arguments(prefix: str | None = PREFIX, **content: Any) -> dict[str, Any]:
    """Those of one prompt."""
    cursor = {"position": [2, 4]} if prefix is None else {"prefix": prefix}
    return {"path": "src/app.py", **cursor, **content}


@pytest.fixture
def front(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Front]:
    """A middleware between a client and an engine."""
    root = tmp_path / "work"
    (root / "src").mkdir(parents=True)
    (root / "src/app.py").write_text(TEXT)
    path = tmp_path / "s"
    monkeypatch.setenv("MGD_BRIDGE", str(path))
    monkeypatch.setenv(WORKSPACES_VARIABLE, str(root))
    pool = ServerPool(root)
    with pool, bridge(path, {root: pool}):
        engine = Engine(path)
        with engine.teller, GuidedRequests(engine) as app:
            assert app.client is not None
            while not app.client.connected:
                threading.Event().wait(0.01)
            yield Front(app, engine, root)


SHOWN = {"points": 2, "constrained": 1, "unconstrained": {"empty_mask": 1}, "waited_s": 0.25}


def test_a_response_says_what_became_of_the_request(front: Front) -> None:
    """In an object beside vLLM's own; everything else is as vLLM said it."""
    status, content = front.complete(PREFIX, arguments())

    assert status == 200
    assert content.pop("mgd") == SHOWN
    assert content["choices"] == [{"index": 0, "text": "word", "finish_reason": "stop"}]
    assert content["id"] == "x"
    assert "accept-encoding" not in front.engine.names


def test_the_engine_gets_the_request_with_a_key(front: Front) -> None:
    """Each request another one; what was checked is not checked again."""
    for _ in range(2):
        front.complete(PREFIX, arguments(tag="t", key="mine"), temperature=0.5)
    first, second = (json.loads(each["vllm_xargs"]["mgd"]) for each in front.engine.asked)

    assert len({first["key"], second["key"], "mine"}) == 3
    assert first["prompt_check"] is False
    assert first["tag"] == "t"
    assert front.engine.asked[0]["temperature"] == 0.5
    assert front.engine.asked[0]["vllm_xargs"]["other"] == 1


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": True}}])
def test_the_last_event_of_a_stream_says_it(front: Front, options: dict[str, Any]) -> None:
    """Whichever that is; no event is added."""
    status, events = front.complete(PREFIX, arguments(), stream=True, n=2, **options)

    assert status == 200
    assert len(events) == 4 + len(options)
    assert [each.get("mgd") for each in events] == [None] * (len(events) - 1) + [SHOWN]
    texts = [choice["text"] for each in events for choice in each["choices"]]
    assert texts == ["wo", "wo", "rd", "rd"]


WRONG: dict[str, tuple[Any, str]] = {
    "unrelated text": ("hello world", "got a prompt that ends in 'hello world'; expected"),
    "unrelated ids": ([5, 6, 7], "got a prompt that ends in"),
    "another place": ("import os\ns.dump", "s.dump"),
    "one of a list": ([PREFIX, "s.dump"], "got 1 object(s) of arguments for 2 prompt(s)"),
    "nothing": (None, "got no prompt"),
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_that_is_not_what_the_arguments_say_is_refused(
    front: Front, case: str, stream: bool
) -> None:
    """With 400, streams too, and the engine never hears of it."""
    prompt, message = WRONG[case]
    status, content = front.complete(prompt, arguments(), stream=stream)

    assert status == 400
    assert message in content["error"]["message"]
    assert content["error"]["code"] == 400
    assert not front.engine.asked


def test_a_file_is_not_quoted_to_who_may_only_ask(front: Front) -> None:
    """Where the arguments name a position, the text is the file's."""
    status, content = front.complete("hello world", arguments(None))

    assert status == 400
    assert "import os" not in content["error"]["message"]
    assert front.complete(PREFIX, arguments(None))[0] == 200


def test_whoever_knows_better_is_believed(front: Front) -> None:
    """``prompt_check`` lets everything through, chats too, and tells of it."""
    sure = arguments(prompt_check=False)
    chat = {"messages": [], "vllm_xargs": {"mgd": json.dumps(sure)}}

    assert front.complete("hello world", sure)[0] == 200
    status, data = front.post(chat, "/v1/chat/completions")
    assert status == 200
    assert json.loads(data)["mgd"] == SHOWN


def test_prompts_of_token_ids_are_checked(front: Front) -> None:
    """By what they stand for."""
    ids = tokenizer().encode(PREFIX, add_special_tokens=False)

    assert front.complete(ids, arguments())[0] == 200
    assert front.complete([ids], [json.dumps(arguments())])[0] == 200
    assert front.complete(ids[:-1], arguments())[0] == 400
    assert front.complete(ids[:-1], arguments(healed_bytes=1))[0] == 200


def test_without_a_tokenizer_ids_are_left_to_the_engine(front: Front) -> None:
    """Which checks them again, as it does where the end of a prompt may be cut off."""
    front.state = None
    front.complete([5, 6, 7], arguments())
    front.complete(PREFIX, arguments(), truncation_side="right", truncate_prompt_tokens=3)
    front.complete([5, "x"], [arguments(), arguments()])  # vLLM's to refuse

    for body in front.engine.asked[:2]:
        assert "prompt_check" not in json.loads(body["vllm_xargs"]["mgd"])


def test_ids_that_are_none_are_left_to_the_engine(front: Front) -> None:
    """Who says what is wrong with them."""
    for ids in ([-1], [10**9], [1.5]):
        assert front.complete(ids, arguments())[0] in (200, 400)


BAD: dict[str, tuple[Any, str]] = {
    "no json": ("{", "no JSON"),
    "a number": (5, "json.dumps"),
    "unknown key": (arguments(paht=1), "unknown key 'paht'"),
    "outside": (arguments(path="/etc/passwd"), "outside"),
    "a list of numbers": ([1], "json.dumps"),
    "nested lists": ([[arguments()]], "json.dumps"),
    "texts of numbers": (["1"], "expected an object"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_arguments_are_refused(front: Front, case: str) -> None:
    """Whatever they are."""
    value, message = BAD[case]
    text = json.dumps(value) if isinstance(value, dict) else value
    body = {"prompt": PREFIX, "vllm_xargs": {"mgd": text}}
    status, data = front.post(body)

    assert status == 400
    assert message in json.loads(data)["error"]["message"]


def test_beams_are_refused(front: Front) -> None:
    """vLLM searches without extra arguments, so nothing would be guided."""
    status, content = front.complete(PREFIX, arguments(), use_beam_search=True)

    assert status == 400
    assert "use_beam_search" in content["error"]["message"]


@pytest.mark.parametrize("path", ["/v1/responses", "/v1/messages", "/v1/chat/completions/batch"])
def test_what_cannot_be_guided_is_refused(front: Front, path: str) -> None:
    """And passes without our argument."""
    body: dict[str, Any] = {"vllm_xargs": {"mgd": json.dumps(arguments(prompt_check=False))}}

    assert front.post(body, path)[0] == 400
    assert front.post({}, path)[0] == 200


def test_several_prompts_have_arguments_of_their_own(front: Front) -> None:
    """Each is a request of its own, and the response is one."""
    other = arguments("x.", path="src/other.py")
    several = json.dumps([arguments(), other])
    body = {"prompt": [PREFIX, "x."], "n": 2, "vllm_xargs": {"mgd": several}}
    status, data = front.post(body, headers=[(b"x-request-id", b"seven")])
    content = json.loads(data)

    assert status == 200
    assert [each["index"] for each in content["choices"]] == [0, 1, 2, 3]
    assert content["usage"] == {
        "prompt_tokens": 6,
        "completion_tokens": 4,
        "details": {"cached": 2},
    }
    assert content["id"] == "cmpl-seven"
    assert content["mgd"]["prompts"] == [SHOWN, SHOWN]
    assert content["mgd"]["points"] == 4
    assert content["mgd"]["unconstrained"] == {"empty_mask": 2}
    asked = {each["prompt"]: each for each in front.engine.asked}
    assert json.loads(asked["x."]["vllm_xargs"]["mgd"])["path"] == "src/other.py"
    assert asked[PREFIX]["request_id"] != asked["x."]["request_id"]


def test_several_prompts_are_streamed_together(front: Front) -> None:
    """Choices keep their numbers, tokens are added up, and there is one end."""
    status, events = front.complete(
        [PREFIX, "x."],
        [json.dumps(arguments()), json.dumps(arguments("x."))],
        stream=True,
        n=2,
        stream_options={"include_usage": True},
    )
    texts = dict.fromkeys(range(4), "")
    for each in events:
        for choice in each["choices"]:
            texts[choice["index"]] += choice["text"]

    assert status == 200
    assert texts == dict.fromkeys(range(4), "word")
    assert len({each["id"] for each in events}) == 1
    assert events[-1]["usage"] == {"prompt_tokens": 6}
    assert events[-1]["mgd"]["prompts"] == [SHOWN, SHOWN]
    assert not any("mgd" in each for each in events[:-1])


@pytest.mark.parametrize("stream", [False, True])
def test_one_of_several_may_be_refused_by_the_engine(front: Front, stream: bool) -> None:
    """Then all are, with what the engine said."""
    front.engine.fails = lambda body: body["prompt"] == "x."
    several = [json.dumps(arguments()), json.dumps(arguments("x."))]
    status, content = front.complete([PREFIX, "x."], several, stream=stream)

    assert status == 404
    assert content["error"]["message"] == "no such model"


def test_requests_at_once_hear_each_of_its_own(front: Front) -> None:
    """However many there are, and however often the engine tells of each."""

    async def engine(scope: Message, receive: Any, send: Any) -> None:
        body = json.loads((await receive())["body"])
        key = json.loads(body["vllm_xargs"]["mgd"])["key"]
        for points in range(body["seed"] + 1):
            front.engine.teller.tell(key, Outcome(points))
            await asyncio.sleep(0)
        await front.engine.complete(body, send)

    async def live() -> list[tuple[int, bytes]]:
        xargs = {"mgd": json.dumps(arguments())}
        bodies = [{"prompt": PREFIX, "seed": n, "vllm_xargs": xargs} for n in range(60)]
        return await asyncio.gather(*map(front.ask, bodies))

    front.app.app = engine
    answers = asyncio.run(live())

    assert [json.loads(data)["mgd"]["points"] for _, data in answers] == list(range(60))


def test_unguided_requests_pass_as_they_are(front: Front) -> None:
    """Byte for byte, whatever they are."""
    for body in (b"{", b"\xff", b'{"vllm_xargs": 5}', b'{"prompt": "x",  "vllm_xargs": null}'):
        seen: list[bytes] = []

        async def engine(scope: Message, receive: Any, send: Any, seen: Any = seen) -> None:
            seen.append((await receive())["body"])
            await reply(send, 200, {"mine": 1})
            assert (await receive())["type"] == "http.disconnect"

        front.app.app = engine
        assert front.post(body, leaves=True) == (200, b'{"mine": 1}')
        assert seen == [body]
    front.app.app = front.engine
    assert front.post({}, "/v1/embeddings")[0] == 200


def test_who_may_not_ask_learns_nothing(front: Front) -> None:
    """The application refuses without reading, and so nothing is read or checked."""
    front.engine.is_shut = True
    status, content = front.complete("hello world", arguments())

    assert (status, content) == (401, {"error": "Unauthorized"})


@pytest.mark.parametrize("stream", [False, True])
def test_what_is_required_and_met_changes_nothing(front: Front, stream: bool) -> None:
    """A mask that had to be released is no failure of an analysis."""
    status, content = front.complete(PREFIX, arguments(require="guided"), stream=stream)

    assert status == 200
    assert (content[-1] if stream else content)["mgd"] == SHOWN


FAILED = {
    "late": ([LATE], "timeout (1)"),
    "unguided": ([Outcome(unguided="no such file")], "it went unguided: no such file"),
    "unknown": ([], "not known"),
}


@pytest.mark.parametrize("case", FAILED)
def test_what_is_required_and_not_met_fails(front: Front, case: str) -> None:
    """With 503 and the reason; without the requirement it is only said."""
    front.engine.outcomes, message = FAILED[case]
    status, content = front.complete(PREFIX, arguments(require="guided"))
    allowed, told = front.complete(PREFIX, arguments())

    assert status == content["error"]["code"] == 503
    assert message in content["error"]["message"]
    assert allowed == 200
    assert told["mgd"].keys() & {"unconstrained", "unguided", "unknown"}


def test_a_stream_that_must_be_guided_ends_with_an_error(front: Front) -> None:
    """What was sent stays; the last event says why there is no more."""
    front.engine.outcomes = [GOOD]
    told = front.engine.stream

    async def stream(body: dict[str, Any], send: Any) -> None:
        await told(body, send)
        front.engine.teller.tell(json.loads(body["vllm_xargs"]["mgd"])["key"], LATE)

    front.engine.stream = stream  # type: ignore[method-assign]
    status, events = front.complete(PREFIX, arguments(require="guided"), stream=True)

    assert status == 200
    assert events[0]["choices"][0]["text"] == "wo"
    assert "timeout (1)" in events[-1]["error"]["message"]


@pytest.mark.parametrize("stream", [False, True])
def test_the_engine_stops_as_soon_as_a_request_has_failed(front: Front, stream: bool) -> None:
    """It hears that the client has gone, and the client that it has failed."""
    front.engine.outcomes, front.engine.hangs = [LATE], True
    status, content = front.complete(PREFIX, arguments(require="guided"), stream=stream)

    assert status == 503
    assert "timeout (1)" in content["error"]["message"]
    assert front.engine.gone == 1


def test_a_client_that_goes_is_gone_for_the_engine(front: Front) -> None:
    """For each of its prompts."""
    front.engine.hangs = True
    several = json.dumps([arguments(), arguments("x.")])
    front.post({"prompt": [PREFIX, "x."], "vllm_xargs": {"mgd": several}}, leaves=True)

    assert front.engine.gone == 2


def test_a_client_may_go_before_it_has_asked(front: Front) -> None:
    """The application hears it."""
    heard: list[Message] = []

    async def engine(scope: Message, receive: Any, send: Any) -> None:
        heard.append(await receive())

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    front.app.app = engine
    scope = {"type": "http", "method": "POST", "path": COMPLETIONS, "headers": []}
    asyncio.run(front.app(scope, receive, receive))  # type: ignore[arg-type]

    assert heard == [{"type": "http.disconnect"}]


@pytest.mark.parametrize("several", [False, True])
def test_an_application_that_fails_is_not_covered_up(front: Front, several: bool) -> None:
    """Its exception goes where it would go without us."""

    async def engine(scope: Message, receive: Any, send: Any) -> None:
        body = json.loads((await receive())["body"])
        if body["prompt"] == "x.":
            raise ZeroDivisionError
        await receive()

    front.app.app = engine
    prompt: Any = [PREFIX, "x."] if several else "x."
    both: Any = [json.dumps(arguments()), json.dumps(arguments("x."))]
    with pytest.raises(ZeroDivisionError):
        front.complete(prompt, both if several else arguments("x."))


def test_without_a_bridge_nothing_is_known(front: Front, monkeypatch: pytest.MonkeyPatch) -> None:
    """Prompts are checked all the same; what cannot be seen to is refused."""
    monkeypatch.delenv("MGD_BRIDGE")
    with GuidedRequests(front.engine) as app:
        alone = Front(app, front.engine, front.root)

        assert alone.complete("hello", arguments())[0] == 400
        assert alone.complete(PREFIX, arguments(require="guided"))[0] == 400
        assert alone.complete(PREFIX, arguments())[1]["mgd"].keys() == {"unknown"}


def test_a_bridge_that_says_nothing_is_not_waited_for(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A response is worth more than what is said of it."""
    monkeypatch.setattr(serving_requests, "_LAST_WORD_S", 0.1)
    monkeypatch.setattr(BridgeClient, "unfollow", lambda self, number: None)

    assert front.complete(PREFIX, arguments())[1]["mgd"].keys() == {"unknown"}


def test_it_is_what_mgd_serve_names_to_vllm(monkeypatch: pytest.MonkeyPatch) -> None:
    """Together with the metrics."""
    monkeypatch.delenv("MGD_BRIDGE", raising=False)
    module, _, name = vllm_request.MIDDLEWARE.rpartition(".")

    assert module == serving_requests.__name__
    assert getattr(serving_requests, name) is Middleware
    assert isinstance(Middleware(lambda *each: None), GuidedRequests)  # type: ignore[arg-type,return-value]
