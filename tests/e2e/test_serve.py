"""``mgd serve`` for real: vLLM with the bundled model, on the example project, over HTTP."""

import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from transformers import AutoTokenizer

from mgd.models import BUNDLED_MODEL
from mgd.serving.server import is_healthy
from tests.fakes import gone

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
HARBOR = ROOT / "examples" / "harbor"
MANIFEST = HARBOR / "src/harbor/manifest.py"
COMMAND = [sys.executable, "-c", "from mgd.cli import main; main()", "serve"]
START_S = 240.0
MEMBERS = {"call_sign", "length_m", "draught_m", "holds", "cargo_total", "roomiest_hold"}
MEMBERS |= {"is_laden"}


class Served:
    """A running ``mgd serve``."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        options = ["--port", str(self.port), "--served-model-name", "small"]
        options += ["--gpu-memory-utilization", "0.3"]  # of the memory, whatever kind it is of
        self.errors = folder / "stderr"
        with self.errors.open("w") as errors:
            self.process = subprocess.Popen(
                [*COMMAND, "--workspace", str(HARBOR), *options],
                cwd=ROOT,
                env=os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_LOGGING_LEVEL": "ERROR"},
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    @property
    def said(self) -> list[str]:
        """What ``mgd`` itself wrote on standard error."""
        lines = self.errors.read_text().splitlines()
        return [line.removeprefix("mgd: ") for line in lines if line.startswith("mgd: ")]

    def wait(self) -> None:
        """Wait until it is healthy and says so."""
        end_s = time.monotonic() + START_S
        while not any("serving" in line for line in self.said):
            assert self.process.poll() is None, self.errors.read_text()[-4000:]
            assert time.monotonic() < end_s, self.errors.read_text()[-4000:]
            time.sleep(0.2)

    def family(self) -> set[int]:
        """Process ids of everything it has started, and its own."""
        mine = psutil.Process(self.process.pid)
        return {each.pid for each in (mine, *mine.children(recursive=True))}

    @contextmanager
    def without_answers(self) -> Iterator[None]:
        """Meanwhile no language server answers: they are held, as if the machine had stalled."""
        family = [psutil.Process(pid) for pid in self.family()]
        servers = [each for each in family if each.name() == "pyrefly"]
        assert servers
        for each in servers:
            each.suspend()
        try:
            yield
        finally:
            for each in servers:
                each.resume()

    def call(
        self, path: str, body: dict[str, Any] | None = None, **headers: str
    ) -> tuple[int, str]:
        """Status and text of a response; with ``body`` it is posted."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", data, headers)
        if body is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def complete(self, prompt: str, **arguments: Any) -> tuple[int, Any]:
        """A greedy completion; ``arguments`` become those of the logits processor."""
        return self.ask(prompt, arguments)

    def ask(self, prompt: Any, arguments: Any, **options: Any) -> tuple[int, Any]:
        """The same with any prompt, and with options of vLLM."""
        body = {"model": "small", "prompt": prompt, "max_tokens": 8, "temperature": 0, **options}
        if arguments:
            body["vllm_xargs"] = {"mgd": json.dumps(arguments)}
        status, text = self.call("/v1/completions", body)
        return status, json.loads(text)

    def stream(self, prompt: Any, arguments: Any, **options: Any) -> list[Any]:
        """The contents of the events of a greedy completion."""
        body = {"model": "small", "prompt": prompt, "max_tokens": 8, "temperature": 0, **options}
        body |= {"stream": True, "vllm_xargs": {"mgd": json.dumps(arguments)}}
        status, text = self.call("/v1/completions", body)
        assert status == 200, text
        *events, end = text.strip().split("\n\n")
        assert end == "data: [DONE]"
        return [json.loads(each.removeprefix("data: ")) for each in events]

    def metrics(self) -> dict[str, float]:
        """Every sample of the metrics page."""
        status, page = self.call("/metrics")
        assert status == 200
        lines = [line.rpartition(" ") for line in page.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, _, value in lines}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests."""
    if importlib.util.find_spec("vllm") is None:
        message = "vLLM is not installed: make .venv/.vllm-installed (see docs/serving.md)"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    server = Served(tmp_path_factory.mktemp("serve"))
    try:
        server.wait()
        yield server
    finally:
        if server.process.poll() is None:
            server.process.terminate()
        server.process.wait(60)


def place(text: str) -> tuple[str, list[int]]:
    """The manifest up to the first ``text``, and line and column behind it."""
    before = MANIFEST.read_text()
    before = before[: before.index(text) + len(text)]
    return before, [before.count("\n") + 1, len(before.rpartition("\n")[2]) + 1]


def test_it_becomes_healthy_and_says_where(served: Served) -> None:
    """The bridge first, then the address."""
    assert is_healthy("127.0.0.1", served.port)
    assert served.said[0].startswith("the bridge listens at ")
    assert served.said[1].endswith(f"at http://127.0.0.1:{served.port}")


def test_a_guided_completion_names_a_member(served: Served) -> None:
    """Behind ``vessel.``, where the model alone invents one."""
    prompt, position = place("total += vessel.")
    before = served.metrics()
    status, value = served.complete(
        prompt, workspace=str(HARBOR), path=str(MANIFEST), position=position, deadline_ms=30_000
    )
    name = re.match(r"\w*", value["choices"][0]["text"]) if status == 200 else None
    after = served.metrics()

    assert name is not None, value
    assert name[0] in MEMBERS or name[0].startswith("__"), value
    assert after["mgd_bridge_queries_total"] > before["mgd_bridge_queries_total"]
    assert after["mgd_bridge_wait_seconds_count"] >= before["mgd_bridge_wait_seconds_count"]
    assert after["mgd_servers"] == 1
    end_s = time.monotonic() + 30
    while "mgd_processor_mask_seconds_total" not in after:
        assert time.monotonic() < end_s
        time.sleep(0.5)
        after = served.metrics()
    assert after["mgd_processor_requests_total"] == 1
    assert after["mgd_processor_constrained_total"] >= 1
    assert 0 < after["mgd_processor_mask_seconds_total"] < 60


def test_an_unguided_completion_asks_nothing(served: Served) -> None:
    """Requests without the argument pass as on any server."""
    before = served.metrics()["mgd_bridge_queries_total"]
    status, value = served.complete(place("total += vessel.")[0])
    name = re.match(r"\w*", value["choices"][0]["text"])

    assert status == 200
    assert name is not None
    assert name[0] not in MEMBERS
    assert served.metrics()["mgd_bridge_queries_total"] == before


OUTSIDE = ("/etc/passwd", f"{HARBOR}/../../pyproject.toml", "file:///etc/passwd", "../demo.py")


@pytest.mark.parametrize("path", OUTSIDE)
def test_paths_outside_are_refused(served: Served, path: str) -> None:
    """HTTP 400, and nothing of the file in the answer."""
    status, value = served.complete("x.", workspace=str(HARBOR), path=path, position=[1, 1])

    assert status == 400
    assert "root:" not in json.dumps(value)


def test_a_link_that_leads_outside_is_refused(served: Served, tmp_path: Path) -> None:
    """The folder that is asked about is a link into the workspace's parent."""
    link = tmp_path / "harbor"
    link.symlink_to(ROOT / "benchmarks")
    status, _ = served.complete("x.", workspace=str(link), path="report.py", position=[1, 1])

    assert status == 400


@pytest.mark.parametrize(
    "arguments",
    [
        {"path": str(MANIFEST), "position": [100_000, 1]},
        {"path": str(MANIFEST), "position": "here"},
        {"path": str(MANIFEST), "position": [1, 1], "crossing": "maybe"},
        {"path": str(MANIFEST), "position": [1, 1], "nonsense": True},
    ],
)
def test_bad_arguments_are_refused(served: Served, arguments: dict[str, Any]) -> None:
    """HTTP 400 with a message, at admission."""
    status, value = served.complete("x.", workspace=str(HARBOR), **arguments)

    assert status == 400
    assert "expected" in json.dumps(value) or "line 100000" in json.dumps(value)


def at_vessel(**content: Any) -> tuple[str, dict[str, Any]]:
    """A prompt that ends in ``vessel.``, and its arguments."""
    prompt, _ = place("total += vessel.")
    place_of_it = {"workspace": str(HARBOR), "path": str(MANIFEST), "prefix": prompt}
    return prompt, {**place_of_it, "deadline_ms": 30_000, **content}


def ids_of(text: str) -> list[int]:
    """Token ids of the model that is served."""
    tokenizer = AutoTokenizer.from_pretrained(BUNDLED_MODEL)
    return list(tokenizer.encode(text, add_special_tokens=False))


def test_a_response_says_what_became_of_the_request(served: Served) -> None:
    """As text, as token ids, and with the suffix first; nothing where nothing is guided."""
    prompt, arguments = at_vessel()
    for asked in (prompt, ids_of(prompt), f"<|suffix|>\n<|prefix|>{prompt}"):
        status, value = served.ask(asked, arguments)

        assert status == 200
        assert value["mgd"]["points"] == value["mgd"]["constrained"] == 1
        assert value["mgd"]["unconstrained"] == {}
    assert "mgd" not in served.complete(prompt)[1]


def test_the_last_event_of_a_stream_says_it(served: Served) -> None:
    """With vLLM's own count of tokens, where that is asked for."""
    events = served.stream(*at_vessel())
    counted = served.stream(*at_vessel(), stream_options={"include_usage": True})

    assert events[-1]["mgd"]["constrained"] == counted[-1]["mgd"]["constrained"] == 1
    assert counted[-1]["usage"]["completion_tokens"] == 8
    assert not any("mgd" in each for each in events[:-1] + counted[:-1])


@pytest.mark.parametrize("prompt", ["hello world", [5, 6, 7]])
def test_a_prompt_that_is_not_what_the_arguments_say_is_refused(
    served: Served, prompt: Any
) -> None:
    """With 400; and believed to be right where the client says so."""
    _, arguments = at_vessel()
    status, value = served.ask(prompt, arguments)

    assert status == 400
    assert "got a prompt that ends in" in value["error"]["message"]
    assert "total += vessel." in value["error"]["message"]
    assert served.ask(prompt, arguments | {"prompt_check": False})[0] == 200


def test_each_of_several_prompts_has_its_own_arguments(served: Served) -> None:
    """Two texts for each; arguments for one alone are refused."""
    first, of_first = at_vessel()
    second = "import json\n\n\ndef save(value):\n    return json.dump"
    of_second = of_first | {"path": "src/harbor/new.py", "prefix": second + "s("}
    of_second |= {"healed_bytes": 2}
    options = {"n": 2, "temperature": 0.5, "seed": 1}
    status, value = served.ask([first, second], [of_first, of_second], **options)
    events = served.stream([first, second], [of_first, of_second], **options)
    streamed = dict.fromkeys(range(4), "")
    for each in events:
        for choice in each["choices"]:
            streamed[choice["index"]] += choice["text"]

    assert status == 200
    texts = [each["text"] for each in value["choices"]]
    assert [each["index"] for each in value["choices"]] == [0, 1, 2, 3]
    assert all(text.startswith(tuple(MEMBERS)) for text in texts[:2])
    assert all(text.startswith("s(") for text in texts[2:])
    assert value["mgd"]["prompts"][0]["points"] >= 1
    assert value["usage"]["completion_tokens"] == 32
    assert all(text.startswith("s(") for text in (streamed[2], streamed[3]))
    assert len(events[-1]["mgd"]["prompts"]) == 2
    assert served.ask([first, second], of_first)[0] == 400


def test_what_goes_unguided_is_said_or_fails(served: Served) -> None:
    """A deadline that nobody can keep, in texts that nobody has asked about."""
    asked = [at_vessel(deadline_ms=0.01) for _ in range(3)]
    for number, (_, arguments) in enumerate(asked):
        arguments["prefix"] = f"# {number}\n" + arguments["prefix"]
    required = {"require": "guided"}
    (prompt, told), (_, failed), (_, streamed) = asked
    body = {"model": "small", "prompt": prompt, "max_tokens": 64, "stream": True}
    body["vllm_xargs"] = {"mgd": json.dumps(streamed | required)}
    served.ask(*at_vessel())
    with served.without_answers():
        status, value = served.ask(prompt, told)
        refused, error = served.ask(prompt, failed | required)
        _, text = served.call("/v1/completions", body)

    assert status == 200
    assert value["mgd"]["unconstrained"] == {"timeout": 1}
    assert refused == 503
    assert "timeout (1)" in error["error"]["message"]
    assert "timeout (1)" in text
    assert served.ask(*at_vessel(**required))[0] == 200


def test_chats_are_refused(served: Served) -> None:
    """What a model says to a message does not continue a file."""
    _, arguments = at_vessel()
    body = {"model": "small", "messages": [{"role": "user", "content": "x"}]}
    status, text = served.call(
        "/v1/chat/completions", body | {"vllm_xargs": {"mgd": json.dumps(arguments)}}
    )

    assert status == 400
    assert "/v1/completions" in text


def test_metrics_stand_beside_those_of_vllm(served: Served) -> None:
    """On one page, also for a scraper that would like another format, compressed."""
    samples = served.metrics()
    accept = "application/openmetrics-text; version=1.0.0"
    status, page = served.call("/metrics", None, Accept=accept, **{"Accept-Encoding": "gzip"})

    assert any(name.startswith("vllm:") for name in samples)
    assert samples["mgd_bridge_up"] == 1
    assert samples["mgd_bridge_clients"] >= 2  # the processor, and the page itself
    assert status == 200
    assert "mgd_bridge_up 1" in page.splitlines()


def test_sigterm_leaves_no_process(served: Served) -> None:
    """The last test: vLLM's exit code, no process, no socket."""
    family = served.family()
    path = Path(served.said[0].removeprefix("the bridge listens at "))
    assert path.is_socket()
    assert len(family) >= 5  # itself, vLLM's two, the bridge, a language server
    served.process.send_signal(signal.SIGTERM)

    assert served.process.wait(60) == 0
    assert gone(family)
    assert not path.parent.exists()
