"""Endpoints over real HTTP: a tiny random model behind a server that this file holds."""

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiktoken
import torch
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from decoding.engines.endpoint.connection import (
    Connection,
    Endpoint,
    EndpointStatistics,
    opened,
)
from decoding.engines.endpoint.http_client import Sample, Served
from decoding.engines.endpoint.resampling import Place, Position
from decoding.engines.endpoint.tokens import EndpointTokens, open_tokens
from decoding.engines.engine import Sampling
from decoding.engines.transformers import processor as hf
from decoding.generate import generate
from decoding.session.guide import Guide
from decoding.session.options import CrossingPolicy, Options
from decoding.session.session import Session
from decoding.vocabulary import masks
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Encoder, Vocabulary
from evaluation.audit import audit
from lsp_bridge import ServerPool
from mgd.models import BUNDLED_MODEL
from monitors.dereference import DereferenceMonitor
from monitors.errors import EndpointError, ModelError, UsageError
from monitors.languages.python import PYTHON
from monitors.protocols import Document, Reason
from tests.analysts import ScriptedAnalyst, facts, members
from tests.fakes import misbehaving
from tests.llamas import random_llama

MONITOR = DereferenceMonitor(PYTHON)
ANALYST = ScriptedAnalyst(
    members({"order": ["total", "items", "größe"]}, facts("append", "get", "café"))
)
PROMPTS = (
    "def f(order, x):\n    y = order",
    "y = order.",
    "print(order.it",
    'x = """order',
    "for x in order.items:\n    x.",
)
LIKED = (
    ".",
    " order",
    "items",
    "(",
    ".get",
    ".append",
    ".total",
    ".weight",
    "\n",
    "caf",
    "gr",
    "é",
)


@cache
def tokenizer() -> Any:
    """The bundled tokenizer, as Transformers loads it."""
    return AutoTokenizer.from_pretrained(BUNDLED_MODEL)


@cache
def model() -> Any:
    """A random model, as good as any other that has never seen code."""
    return random_llama(len(tokenizer()), 5)


@cache
def vocabulary() -> Vocabulary:
    """Its tokens' bytes."""
    return Vocabulary.from_tokenizer(tokenizer())


@cache
def liked() -> list[int]:
    """Ids that make dereferences."""
    ids = {i for text in LIKED for i in tokenizer().encode(text, add_special_tokens=False)}
    return sorted(ids)


def eager(input_ids: Any, scores: Any) -> Any:
    """Logits of a model that writes dereferences all the time; a logits processor."""
    scores = scores.clone()
    scores[:, liked()] += 20
    return scores


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """So small a model is slower on several."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def logits_of(ids: list[int]) -> "np.ndarray[Any, Any]":
    """The served model's logits behind ``ids``."""
    return _logits_of(tuple(ids)).copy()


@lru_cache(maxsize=512)
def _logits_of(ids: tuple[int, ...]) -> "np.ndarray[Any, Any]":
    with torch.no_grad():
        rows = model()(torch.tensor([ids])).logits[:, -1]
    return np.asarray(eager(None, rows)[0].numpy(), np.float64)


HANG_UP = 0
"""Instead of a status: the connection ends without an answer."""


@dataclass
class Behaviour:
    """How the server answers, and what it was asked."""

    kind: str = "vllm"
    """``vllm`` gives token ids, ``tokens`` their text, ``text`` nothing but the whole text."""
    limit: int = 1024
    """Most entries of a bias."""
    heeds_bias: bool = True
    logits: Callable[[list[int]], Any] = logits_of
    """The model."""
    ending: float = 0.0
    """How much the model likes to stop."""
    statuses: list[int] = field(default_factory=list)
    """HTTP statuses of the next answers, before it gets well."""
    reason: str = "said the server"
    odd: Any = None
    """Sent instead of a completion."""
    raw: bytes | None = None
    """Sent instead of an answer."""
    silent: threading.Event | None = None
    """Answers only once it is set."""
    pause: str = "0"
    """When a busy server wants to be asked again."""
    models: tuple[str, ...] = ("tiny",)
    bodies: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def listed(self) -> dict[str, Any]:
        """The list of models."""
        owner = "vllm" if self.kind == "vllm" else "someone"
        common = {"object": "model", "owned_by": owner, "root": BUNDLED_MODEL, "max_model_len": 200}
        return {"object": "list", "data": [{"id": name} | common for name in self.models]}

    def complete(self, body: dict[str, Any]) -> dict[str, Any]:
        """A completion as the kind gives it."""
        ids = list(body["prompt"])
        random = np.random.default_rng(body.get("seed"))
        chosen: list[int] = []
        tops: list[list[int]] = []
        while len(chosen) < body["max_tokens"] and chosen[-1:] != [0]:
            logits = self.logits(ids + chosen)
            logits[0] += self.ending
            top = np.argpartition(-logits, 8)[:8]
            tops.append(top[np.argsort(-logits[top])][: body.get("logprobs", 0)].tolist())
            chosen.append(self._draw(logits, body, random))
        return self._answer(chosen, tops, "logprobs" in body)

    def _draw(self, logits: Any, body: dict[str, Any], random: Any) -> int:
        for token_id, value in body.get("logit_bias", {}).items() if self.heeds_bias else ():
            logits[int(token_id)] += value
        if body["temperature"] == 0:
            return int(logits.argmax())
        weights = np.exp((logits - logits.max()) / body["temperature"])
        return int(random.choice(len(weights), p=weights / weights.sum()))

    def _answer(self, ids: list[int], tops: list[list[int]], logprobs: bool) -> dict[str, Any]:
        ended = ids[-1] == 0
        text = tokenizer().decode([i for i in ids if i != 0], clean_up_tokenization_spaces=False)
        choice: dict[str, Any] = {"text": text, "finish_reason": "stop" if ended else "length"}
        if self.kind == "vllm":
            choice["token_ids"] = ids
        if self.kind != "text" and logprobs:
            name = self._name
            choice["logprobs"] = {
                "tokens": [name(i) for i in ids],
                "top_logprobs": [{name(i): -1.0 for i in top} for top in tops],
            }
        return {"object": "text_completion", "choices": [choice]}

    def _name(self, token_id: int) -> str:
        if self.kind == "vllm":
            return f"token_id:{token_id}"
        data = vocabulary().tokens[token_id] or b"<|endoftext|>"
        text = data.decode("utf-8", "replace")
        escaped = "".join(f"\\x{byte:02x}" for byte in data)
        return f"bytes:{escaped}" if "\ufffd" in text else text


@contextmanager
def serving(behaviour: Behaviour) -> Iterator[str]:
    """The address of a server that behaves so."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply(behaviour.listed)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            behaviour.bodies.append(body)
            behaviour.headers.append(dict(self.headers))
            if len(body.get("logit_bias", ())) > behaviour.limit:
                return self._send(400, {"error": {"message": "too many logit_bias entries"}})
            return self._reply(lambda: behaviour.odd or behaviour.complete(body))

        def _reply(self, answer: Any) -> None:
            if behaviour.silent is not None:
                behaviour.silent.wait(20)
            if behaviour.statuses and (status := behaviour.statuses.pop(0)) != 200:
                self._send(status, {"error": {"message": behaviour.reason}})
            else:
                self._send(200, answer())

        def _send(self, status: int, content: Any) -> None:
            if status == HANG_UP:
                return
            data = json.dumps(content).encode() if behaviour.raw is None else behaviour.raw
            self.send_response(status)
            self.send_header("content-length", str(len(data)))
            self.send_header("retry-after", behaviour.pause)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def session(index: TokenIndex, prefix: str, crossing: str = "verify", **options: Any) -> Session:
    """A session behind ``prefix``."""
    guide = Guide(index, PYTHON, MONITOR, ANALYST)
    document = Document("python", "/p/a.py", prefix)
    made = Options(crossing=CrossingPolicy(crossing), **options)
    return Session(guide, document, options=made)


def ids_of(text: str) -> list[int]:
    """Prompt ids."""
    return list(tokenizer().encode(text, add_special_tokens=False))


def text_of(index: TokenIndex, ids: list[int]) -> str:
    """Text of generated ids."""
    return b"".join(index.bytes_of(i) or b"" for i in ids).decode("utf-8", "replace")


def invented(prefix: str, text: str) -> list[str]:
    """Members in a text that do not exist."""
    document = Document("python", "/p/a.py", prefix)
    verdicts = audit(MONITOR, PYTHON, ANALYST.look_up, document, text)
    return [verdict.name for verdict in verdicts if not verdict.valid]


GREEDY = Sampling(20)


@dataclass
class Run:
    """What was generated."""

    texts: list[str]
    ids: list[list[int]]
    stats: EndpointStatistics


def run(
    behaviour: Behaviour,
    prompt: str,
    sampling: Sampling = GREEDY,
    crossing: str = "verify",
    options: dict[str, Any] | None = None,
    **endpoint: Any,
) -> Run:
    """Guide the server behind ``prompt``."""
    with serving(behaviour) as url, opened(Endpoint(url, **endpoint)) as connection:
        return run_on(connection, prompt, sampling, crossing, options)


def run_on(
    connection: Connection,
    prompt: str,
    sampling: Sampling,
    crossing: str = "verify",
    options: dict[str, Any] | None = None,
) -> Run:
    """Guide a connection behind ``prompt``."""
    guided = session(connection.index, prompt, crossing)
    rows = connection.generate(ids_of(prompt), guided, lambda ids: False, sampling, options or {})
    assert isinstance(guided.statistics, EndpointStatistics)
    return Run([text_of(connection.index, ids) for ids in rows], rows, guided.statistics)


def in_engine(index: TokenIndex, prompt: str, crossing: str) -> list[int]:
    """What the same model writes, greedy, with its logits masked by the Transformers adapter."""
    options = {
        "max_new_tokens": 20,
        "do_sample": False,
        "eos_token_id": sorted(index.end_ids),
        "pad_token_id": 0,
        "logits_processor": [eager],
    }
    guided = session(index, prompt, crossing)
    [ids] = hf.generate(model(), ids_of(prompt), guided, lambda ids: False, options)
    return ids


WAYS = pytest.mark.parametrize(
    ("behaviour", "endpoint"),
    [
        (Behaviour(), {}),
        (Behaviour(limit=80), {"bias_limit": 80, "most_resamples": 200}),
        (Behaviour(), {"lookahead": 1}),
        (Behaviour(limit=300), {"top_logprobs": 0}),
        (Behaviour("tokens", limit=300), {}),
    ],
    ids=["allow-lists", "bans", "no lookahead", "no logprobs", "token texts"],
)


@pytest.mark.parametrize("crossing", ["verify", "split"])
@WAYS
def test_greedy_text_is_that_of_masked_logits(
    behaviour: Behaviour, endpoint: dict[str, Any], crossing: str
) -> None:
    """However the endpoint is asked, the outcome is that of guidance inside the engine."""
    with serving(behaviour) as url, opened(Endpoint(url, **endpoint)) as connection:
        constrained = 0
        for prompt in PROMPTS:
            guided = run_on(connection, prompt, Sampling(20), crossing)
            constrained += guided.stats.constrained

            assert guided.stats.fallbacks == 0
            assert guided.ids == [in_engine(connection.index, prompt, crossing)]

        assert constrained >= 5


@WAYS
def test_no_member_is_invented(behaviour: Behaviour, endpoint: dict[str, Any]) -> None:
    """Whatever is drawn at whatever temperature, and however many sequences."""
    with serving(behaviour) as url, opened(Endpoint(url, **endpoint)) as connection:
        for seed, prompt in enumerate(PROMPTS):
            sampling = Sampling(16, temperature=2.0, seed=seed)
            guided = run_on(connection, prompt, sampling, options={"num_return_sequences": 2})

            assert len(guided.texts) == 2
            assert [invented(prompt, text) for text in guided.texts] == [[], []]


def test_without_guidance_members_are_invented() -> None:
    """The test above can fail: the same model names what does not exist."""
    found: list[str] = []
    for seed in range(3):
        body = {"prompt": ids_of(PROMPTS[0]), "max_tokens": 16, "temperature": 2.0, "seed": seed}
        text = Behaviour().complete(body)["choices"][0]["text"]
        found += invented(PROMPTS[0], text)

    assert found


def test_text_alone_is_enough() -> None:
    """An endpoint that gives neither ids nor tokens: valid names, those with accents too."""
    names: Counter[str] = Counter()
    with (
        serving(Behaviour("text", limit=300)) as url,
        opened(Endpoint(url, lookahead=4)) as connection,
    ):
        for seed in range(12):
            sampling = Sampling(12, temperature=1.0, seed=seed)
            [text] = run_on(connection, PROMPTS[1], sampling).texts

            assert invented(PROMPTS[1], text) == []
            names.update([text.strip()[:2]])

    assert names["gr"]


def uneven(allowed: list[int]) -> "np.ndarray[Any, Any]":
    """Logits that like six of the allowed tokens, ten others more, and all a bit."""
    random = np.random.default_rng(3)
    logits = random.normal(size=len(tokenizer()))
    logits[allowed[:6]] += 8
    logits[random.choice(len(logits), 10)] += 9
    return logits


@pytest.mark.parametrize("limit", [30, 1024], ids=["bans", "allow-lists"])
def test_each_allowed_token_keeps_its_chance(limit: int) -> None:
    """Samples of one place follow the masked probabilities, within what 300 draws can tell."""
    prompt, draws = PROMPTS[1], 300
    behaviour = Behaviour()
    counts: Counter[int] = Counter()
    with (
        serving(behaviour) as url,
        opened(Endpoint(url, most_resamples=200, bias_limit=limit)) as connection,
    ):
        guided = session(connection.index, prompt)
        step = guided.step(guided.root)
        assert step.row is not None
        is_open = masks.unpack(step.row, connection.index.size)
        plain = sorted(set(np.flatnonzero(is_open).tolist()) - set(step.discouraged.tolist()))
        logits = uneven(plain)
        behaviour.logits = lambda ids: logits.copy()
        for seed in range(draws):
            counts.update(run_on(connection, prompt, Sampling(1, 1.0, 1000 * seed)).ids[0])
    logits[step.discouraged] -= Options().blank_penalty
    expected = np.where(is_open, np.exp(logits), 0)
    expected /= expected.sum()
    seen = np.bincount(list(counts.elements()), minlength=len(logits)) / draws
    biases = {value for body in behaviour.bodies for value in body.get("logit_bias", {}).values()}

    assert np.abs(seen - expected).sum() / 2 < 0.12
    assert (-100.0 in biases, 100.0 in biases) == (limit == 30, limit != 30)


def test_a_name_is_not_left_in_the_middle() -> None:
    """A model that wants to stop must finish the name first."""
    for kind in ("vllm", "tokens", "text"):
        guided = run(Behaviour(kind, ending=40.0), "print(order.it", Sampling(9), bias_limit=8)

        assert guided.texts == ["ems"]
        assert guided.ids[0][-1] == 0


def test_allowed_tokens_are_offered_in_turns_when_none_comes_by_itself() -> None:
    """Without a single resample: the outcome is the same, and no bias is too long."""
    behaviour = Behaviour(limit=20)
    with (
        serving(behaviour) as url,
        opened(Endpoint(url, bias_limit=20, most_resamples=0)) as connection,
    ):
        guided = run_on(connection, PROMPTS[1], Sampling(1))
        expected = in_engine(connection.index, PROMPTS[1], "verify")

    assert guided.stats.fallbacks == 1
    assert guided.ids == [expected[:1]]
    assert max(len(body.get("logit_bias", ())) for body in behaviour.bodies) == 20


def test_text_that_was_taken_off_the_prompt_comes_again() -> None:
    """A healed prompt, whose last text is required."""
    with serving(Behaviour()) as url, opened(Endpoint(url)) as connection:
        guide = Guide(connection.index, PYTHON, MONITOR, ANALYST)
        document = Document("python", "/p/a.py", "y = order.")
        healed = Session(guide, document, healed=b"tot")
        [ids] = connection.generate(
            ids_of("y = order."), healed, lambda ids: False, Sampling(4), {}
        )

    assert text_of(connection.index, ids).startswith("total")


def test_a_place_at_which_no_token_fits_is_released_and_counted() -> None:
    """Where judging leaves nothing, the monitor is set aside, and the text goes on."""
    index = TokenIndex(Vocabulary((b".zz", b".", b"q", None), frozenset([3])))
    guide = Guide(index, PYTHON, MONITOR, ANALYST)
    guided = Session(guide, Document("python", "/p/a.py", "order"), healed=b".zz")
    place = Place(guided, guided.root, 4, limit=8, tries=4)

    assert place.bias() == {0: 100.0, 1: 100.0}
    assert place.choose(Position((0,)), place.bias()) is None
    assert place.bias() == {1: 100.0}
    assert place.choose(Position((1,)), place.bias()) == 1
    assert guided.statistics.crossing_rejected == 1


def test_a_place_that_judging_has_emptied_is_released_and_counted() -> None:
    """Text that must come again is required still, whatever it names."""
    index = TokenIndex(Vocabulary((b".zz", b"q", None), frozenset([2])))
    guide = Guide(index, PYTHON, MONITOR, ANALYST)
    guided = Session(guide, Document("python", "/p/a.py", "order"), healed=b".zz")
    place = Place(guided, guided.root, 3, limit=8, tries=4)

    assert place.choose(Position((0,)), place.bias()) is None
    assert place.bias() == {0: 100.0}
    assert place.choose(Position((0,)), place.bias()) == 0
    assert guided.statistics.fail_open[Reason.EMPTY_MASK] == 1


def place_behind(prefix: str, limit: int) -> Place:
    """A place in the bundled vocabulary."""
    index = TokenIndex(vocabulary())
    guided = session(index, prefix)
    return Place(guided, guided.root, index.size, limit, tries=4)


def test_a_blank_behind_an_operator_is_penalised_before_it_is_taken() -> None:
    """It is legal and bad style: refused once, and taken if it is still the best."""
    [blank] = ids_of(" ")
    place = place_behind("y = order.", limit=10)

    assert place.bias() == {}
    assert place.choose(Position((blank,)), {}) is None
    assert place.bias() == {blank: -Options().blank_penalty}
    assert place.choose(Position((blank,)), place.bias()) == blank


def test_text_that_is_never_understood_is_an_error_in_the_end() -> None:
    """Tokens made of text alone prove nothing about the endpoint, and do not go on for ever."""
    place = place_behind("y = order.", limit=10)
    wrong = Position((ids_of("nonsense")[0],), is_sampled=False)

    with pytest.raises(EndpointError, match="cannot be told apart"):
        all(place.choose(wrong, place.bias()) is None for _ in range(100))


def test_statistics_count_what_was_asked() -> None:
    """Requests as the server saw them, those that were sent again included."""
    behaviour = Behaviour(statuses=[200, 503])
    guided = run(behaviour, PROMPTS[0])
    values = guided.stats.as_dict()

    assert values["requests"] == len(behaviour.bodies)
    assert values["tokens"] == 20
    assert guided.stats.resamples > 0
    assert guided.stats.dropped > 0
    assert list(values)[-4:] == ["requests", "resamples", "dropped", "fallbacks"]


def test_free_text_takes_few_requests() -> None:
    """Inside a string nothing is constrained: as many tokens at once as the lookahead says."""
    behaviour = Behaviour()
    guided = run(behaviour, 'x = """order ', Sampling(16), lookahead=8)

    assert [body["max_tokens"] for body in behaviour.bodies] == [8, 8]
    assert guided.stats.resamples == 0


def test_vllm_alone_is_sent_parameters_of_its_own() -> None:
    """Other endpoints may refuse what OpenAI does not know."""
    own = {"return_token_ids", "return_tokens_as_token_ids"}
    for kind, sent in (("vllm", own), ("tokens", set())):
        behaviour = Behaviour(kind)
        run(behaviour, PROMPTS[0], Sampling(2))

        assert own & behaviour.bodies[0].keys() == sent


def test_every_request_has_a_seed_of_its_own() -> None:
    """The same one would give all places the same random numbers; equal runs stay equal."""
    behaviour = Behaviour()
    sampling = Sampling(12, temperature=1.0, seed=7)
    first, second = (run(behaviour, PROMPTS[0], sampling) for _ in range(2))
    seeds = [body["seed"] for body in behaviour.bodies]

    assert first.texts == second.texts
    assert len(set(seeds)) == len(seeds) / 2


FAULTS = [
    ({"statuses": [200, 401]}, r"HTTP 401: said the server; pass the key .* MGD_API_KEY"),
    ({"statuses": [403]}, "HTTP 403"),
    ({"statuses": [200, 404]}, "expected a model 'tiny' and /v1/completions"),
    ({"statuses": [404]}, "/v1/models"),
    ({"statuses": [200, 400], "reason": "no logit_bias here"}, "lower the limit"),
    ({"statuses": [200, 400], "reason": "logprobs must be 0"}, "top_logprobs; 0: none"),
    ({"statuses": [200, 422], "reason": "ids out of the vocabulary"}, "tokenizer of the served"),
    ({"statuses": [200, 500]}, "HTTP 500: said the server; expected a completions endpoint"),
    ({"statuses": [429] * 3}, "HTTP 429: said the server; try again later"),
    ({"limit": 3}, "too many logit_bias entries; [0-9]+ entries were sent: lower the limit"),
    ({"heeds_bias": False}, "it ignores logit_bias"),
    ({"raw": b"<html>"}, "answered no JSON"),
    ({"raw": b"<html>", "statuses": [400]}, "HTTP 400: <html>; expected a completions"),
    ({"odd": {"choices": []}}, "completion cannot be read"),
    ({"statuses": [HANG_UP] * 3}, "the connection to .* broke"),
    ({"raw": b"[1]"}, "list of models cannot be read"),
    ({"models": ()}, "serves 0 models .none.; name one"),
    ({"models": ("a", "b")}, r"serves 2 models \(a, b\); name one of them \(--endpoint-model\)"),
]


@pytest.mark.parametrize(("fault", "message"), FAULTS, ids=lambda value: str(value)[:40])
def test_a_fault_of_the_endpoint_says_what_to_do(fault: dict[str, Any], message: str) -> None:
    """Each is an error of the caller's kind, in one line, without the key."""
    with pytest.raises(EndpointError, match=message) as raised:
        run(Behaviour(**fault), PROMPTS[1], api_key="s3cret", attempts=3)

    assert "s3cret" not in str(raised.value)


def test_an_endpoint_that_is_busy_is_asked_again() -> None:
    """The text is the same as if nothing had happened."""
    expected = run(Behaviour(), PROMPTS[0]).texts
    for pause in ("0", "Fri, 31 Dec 1999 23:59:59 GMT"):
        busy = Behaviour(statuses=[429, 200, 503, HANG_UP, 200, 504], pause=pause)

        assert run(busy, PROMPTS[0]).texts == expected
        assert busy.statuses == []


def test_an_endpoint_that_is_down() -> None:
    """At once, with the address."""
    with serving(Behaviour()) as url:
        pass
    with pytest.raises(EndpointError, match=f"cannot reach {url}/v1 .*start the server"):
        run_to(url)


def test_an_endpoint_that_hangs() -> None:
    """No longer than the caller allows."""
    silent = threading.Event()
    with serving(Behaviour(silent=silent)) as url:
        with pytest.raises(EndpointError, match=r"did not answer within 0\.2 s; .*timeout_s"):
            run_to(url, timeout_s=0.2)
        silent.set()


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://u:pw@h/x", "http://", "http://h:port", "x y"]
)
def test_an_address_that_is_none(url: str) -> None:
    """The message shows what is expected, and no password."""
    with pytest.raises(EndpointError, match="http://localhost:8000/v1") as raised:
        run_to(url)

    assert "pw" not in str(raised.value)


def run_to(url: str, **endpoint: Any) -> None:
    """Connect, and nothing else."""
    with opened(Endpoint(url, **endpoint)):
        pass


@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/", "/v1/completions"])
def test_an_address_with_or_without_its_path(path: str) -> None:
    """All mean the same."""
    with serving(Behaviour()) as url, opened(Endpoint(url + path)) as connection:
        assert connection.client.name == url + "/v1"
        assert connection.served.name == "tiny"


def test_a_password_in_the_address_is_not_shown() -> None:
    """It is sent, nothing more."""
    with serving(Behaviour()) as url:
        secret = url.replace("http://", "http://me:s3cret@")
        with opened(Endpoint(secret)) as connection:
            assert connection.client.name == f"{url}/v1"


def test_the_key_comes_from_the_caller_or_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a bearer token; no other variable is read, and no representation shows it."""
    monkeypatch.setenv("OPENAI_API_KEY", "another")
    sent = []
    for variable, passed in ((None, None), ("from-env", None), ("from-env", "passed")):
        if variable is not None:
            monkeypatch.setenv("MGD_API_KEY", variable)
        behaviour = Behaviour()
        run(behaviour, PROMPTS[0], Sampling(1), api_key=passed)
        sent.append(behaviour.headers[0].get("Authorization"))

    assert sent == [None, "Bearer from-env", "Bearer passed"]
    assert "passed" not in repr(Endpoint("http://h", api_key="passed"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 2}, "got n; generate"),
        ({"stop": "x", "echo": True}, "got echo, stop; generate"),
        ({"presence_penalty": 1}, "they count the tokens of one request"),
    ],
)
def test_options_that_would_change_what_is_asked_for(options: dict[str, Any], message: str) -> None:
    """Refused; other ones go to the endpoint."""
    with pytest.raises(UsageError, match=message):
        run(Behaviour(), PROMPTS[0], options=options)

    behaviour = Behaviour()
    run(behaviour, PROMPTS[0], Sampling(2), options={"top_p": 0.9})
    assert {body["top_p"] for body in behaviour.bodies} == {0.9}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"lookahead": 0}, "lookahead=0; expected 1 or more"),
        ({"bias_limit": -1}, "bias_limit=-1; expected 1 or more"),
        ({"top_logprobs": -1}, "top_logprobs=-1; expected 0 or more"),
        ({"timeout_s": 0}, "timeout_s=0; expected more than 0"),
    ],
)
def test_settings_that_make_no_sense(setting: dict[str, Any], message: str) -> None:
    """Found when the endpoint is described."""
    with pytest.raises(UsageError, match=message):
        Endpoint("http://h", **setting)


def test_a_model_that_is_not_listed_may_be_served() -> None:
    """Some endpoints list nothing, others serve aliases."""
    for behaviour in (Behaviour(statuses=[404]), Behaviour(models=("other",))):
        with serving(behaviour) as url:
            endpoint = Endpoint(url, model="alias", context=100)
            with opened(endpoint, BUNDLED_MODEL) as connection:
                assert connection.served.name == "alias"
                assert not connection.served.is_vllm
                assert connection.context == 100


def backend() -> Tokenizer:
    """The bundled tokenizer without Transformers."""
    return Tokenizer.from_file(str(Path(BUNDLED_MODEL) / "tokenizer.json"))


PREFIX = ("<|prefix|>", 1)
ODD: dict[str, Any] = {
    "mergeable_ranks": {bytes([i]): i for i in range(256)},
    "special_tokens": {},
}


def tekken(folder: Path) -> Path:
    """A small ``tekken.json``."""
    import base64

    vocab = [
        {"rank": i, "token_bytes": base64.b64encode(bytes([i])).decode(), "token_str": None}
        for i in range(256)
    ]
    config = {"pattern": ".", "default_num_special_tokens": 3, "default_vocab_size": 259}
    (folder / "tekken.json").write_text(json.dumps({"config": config, "vocab": vocab}))
    return folder


def test_tokenizers_in_every_form(tmp_path: Path) -> None:
    """A folder, a file, Transformers, ``tokenizers``, or by the name of the model."""
    with serving(Behaviour()) as url, opened(Endpoint(url)) as connection:
        served = connection.served
    file = Path(BUNDLED_MODEL) / "tokenizer.json"
    for given in (None, BUNDLED_MODEL, Path(BUNDLED_MODEL), file, tokenizer(), backend()):
        tokens = open_tokens(given, served)

        assert tokens.encode("x = order.") == ids_of("x = order.")
        assert tokens.index.end_ids >= {0}
        assert tokens.token_to_id("<|endoftext|>") == 0
    assert open_tokens(None, served).start_ids == [0]
    assert open_tokens(tokenizer(), served).start_ids == [0]
    assert open_tokens(backend(), served).start_ids == []
    assert open_tokens(tekken(tmp_path), served).start_ids == [1]
    beginning = backend()
    beginning.post_processor = TemplateProcessing("<|prefix|> $0", special_tokens=[PREFIX])
    beginning.save(str(tmp_path / "tokenizer.json"))
    assert open_tokens(tmp_path, served).start_ids == [PREFIX[1]]


def test_a_tokenizer_in_the_local_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by the name of the model, and nothing is downloaded."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    folder = tmp_path / "models--some--tiny"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs/main").write_text("abc")
    (folder / "snapshots/abc").mkdir(parents=True)
    text = (Path(BUNDLED_MODEL) / "tokenizer.json").read_text()
    (folder / "snapshots/abc/tokenizer.json").write_text(text)

    tokens = open_tokens(None, Served("some/tiny", "/a/folder/of/another/machine"))
    assert tokens.encode("order") == ids_of("order")
    assert tokens.start_ids == []


def test_a_tokenizer_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not downloaded; the message names the option."""
    monkeypatch.chdir("/")
    with serving(Behaviour(statuses=[404])) as url:
        endpoint = Endpoint(url, model="nobody/nothing")
        with pytest.raises(EndpointError, match=r"'nobody/nothing' is not .*--tokenizer"):
            run_to(url, model=endpoint.model)
        with (
            pytest.raises(ModelError, match="no tokenizer found"),
            opened(endpoint, "/no/such/folder"),
        ):
            pass
        for odd in (object(), tiktoken.Encoding("x", pat_str=".", **ODD)):
            with pytest.raises(ModelError, match=type(odd).__name__), opened(endpoint, odd):
                pass


class TestPositions:
    """Which ids an answer means."""

    @pytest.fixture
    def tokens(self) -> EndpointTokens:
        """A byte or a few each; ``é`` is two tokens, ``<end>`` ends."""
        texts = [b"a", b"b", b"ab", b"\xc3", b"\xa9", b"\xc3\xa9x", b" ", None, b"b"]
        texts += [b"<end>"]
        names = {b"<end>": 9}
        vocabulary = Vocabulary((*texts[:9], None), frozenset([9]))

        def encode(text: str) -> list[int]:
            return [
                6,
                *("ab".index(letter) for letter in text if letter in "ab"),
            ]  # puts a blank first

        return EndpointTokens(
            Encoder(vocabulary, encode, lambda name: names.get(name.encode())), []
        )

    @pytest.mark.parametrize(
        ("sample", "expected"),
        [
            (Sample("x", False, (2, 3)), [(2,), (3,)]),
            (Sample("ab", False, None, ("token_id:2", "token_id:0")), [(2,), (0,)]),
            (Sample("aab", False, None, ("a", "ab")), [(0,), (2,)]),
            (Sample("b", False, None, ("b",)), [(1, 8)]),
            (Sample("é", False, None, ("bytes:\\xc3", "bytes:\\xa9")), [(3,), (4,)]),
            (Sample("aab", False, None, ("a", "odd")), [(0,), (2,)]),
            (Sample("aab", False), [(0,), (2,)]),
            (Sample("azz", False, None, ("a", "zz")), [(0,)]),
            (Sample("", False, None, ("bytes:\\xzz",)), []),
            (Sample("ab\ufffd", False), [(2,)]),
            (Sample("\ufffd", False), []),
            (Sample("a?", False), [(0,)]),
            (Sample("", False), []),
            (Sample("", True), [(9,)]),
            (Sample("a", True, None, ("a", "<end>")), [(0,), (9,)]),
            (Sample("", True, (9,)), [(9,)]),
            (Sample("", True, None, ("bytes:\\xzz",)), [(9,)]),
        ],
    )
    def test_from_whatever_the_endpoint_gives(
        self, tokens: EndpointTokens, sample: Sample, expected: list[tuple[int, ...]]
    ) -> None:
        """Ids, else exact token texts, else the text."""
        assert [position.candidates for position in tokens.positions(sample, 4)] == expected

    def test_bytes_that_are_no_character_are_known_by_what_was_offered(
        self, tokens: EndpointTokens
    ) -> None:
        """If only one of the tokens that look alike could come."""
        odd = Sample("\ufffd", False)

        assert tokens.positions(odd, 1, {4, 0}) == [Position((4,))]

    def test_likely_tokens_are_known_by_id_or_text(self, tokens: EndpointTokens) -> None:
        """As far as they are known."""
        for likely in (("token_id:0", "token_id:2"), ("a", "odd", "ab")):
            sample = Sample("a", False, (0,), None, (likely,))

            assert tokens.positions(sample, 4) == [Position((0,), (0, 2))]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a cursor behind ``y.``, at line 2, column 7."""
    (tmp_path / "pyproject.toml").write_text("")
    path = tmp_path / "app.py"
    path.write_text("# alpha beta\nx = y.\nz = 1\n")
    return path


def test_generate_takes_an_endpoint_as_a_model(file: Path) -> None:
    """The same call, prompt and statistics as with a model of one's own."""
    with (
        ServerPool(file.parent, profiles={"fake": misbehaving("none")}) as pool,
        serving(Behaviour()) as url,
    ):
        settings: dict[str, Any] = {"max_new_tokens": 6, "deadline_s": 20.0, "pool": pool}
        remote = generate(Endpoint(url), None, file, (2, 7), **settings)
        local = generate(model(), tokenizer(), file, (2, 7), logits_processor=[eager], **settings)

    assert remote.text == local.text
    assert remote.stats.constrained >= 1
    assert isinstance(remote.stats, EndpointStatistics)
    assert remote.stats.fail_open[Reason.REJECTED] == 0
    assert remote.stats.wall_s > 0
