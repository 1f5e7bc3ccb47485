"""A plain ``vllm serve`` that knows nothing of monitors, guided from outside over HTTP."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import mgd
from decoding.engines.endpoint.connection import EndpointStatistics
from evaluation.invented import invented_names
from lsp_bridge import ServerPool
from monitors.errors import EndpointError
from monitors.protocols import Reason
from tests.e2e.test_generate import APP, CURSORS, DEADLINE_S, FILES, Project
from tests.servers import require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]
if importlib.util.find_spec("vllm") is None:
    pytest.skip(
        "vLLM is not installed: pip install 'monitor-guided-decoding[vllm]' (docs/serving.md)",
        allow_module_level=True,
    )
ROOT = Path(__file__).parents[2]
START_S = 200.0
KEY = "a-key-of-the-test"
OPTIONS = (
    *("--served-model-name", "small", "--api-key", KEY, "--dtype", "float32"),
    *("--max-model-len", "1024", "--enforce-eager"),
    *("--gpu-memory-utilization", "0.3"),  # of the memory, whatever kind it is of
)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the unguided server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "mgd.serving.command", "serve", str(mgd.BUNDLED_MODEL)]
    log = tmp_path_factory.mktemp("vllm") / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port), *OPTIONS],
            cwd=ROOT,
            env=os.environ | {"VLLM_CPU_KVCACHE_SPACE": "1", "OMP_NUM_THREADS": "1"},
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/health", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def wait_for(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Until it answers."""
    end_s = time.monotonic() + START_S
    while True:
        assert process.poll() is None, log.read_text()[-4000:]
        assert time.monotonic() < end_s, log.read_text()[-4000:]
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            time.sleep(0.3)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project on disk, with a live pyrefly."""
    require("pyrefly")
    root = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    with ServerPool(root, servers={"python": "pyrefly"}) as pool:
        yield Project(root, pool)


@pytest.fixture(scope="module")
def judge(project: Project) -> Iterator[Project]:
    """The same project with a server of its own, which has guided nothing."""
    with ServerPool(project.root, servers={"python": "pyrefly"}) as pool:
        yield Project(project.root, pool)


def invented(judge: Project, result: mgd.Completion, text: str) -> list[str]:
    """Names in the result that the other server does not list."""
    position = judge.write(text)
    settings: dict[str, Any] = {"deadline_s": DEADLINE_S, "pool": judge.pool}
    names = (invented_names(judge.file, position, each, **settings) for each in result.texts)
    return [name for found in names for name in found]


@cache
def model() -> tuple[Any, Any]:
    """The served model in this process, as exact as it is served."""
    loaded, tokenizer = mgd.load_model(mgd.BUNDLED_MODEL)
    return loaded.float(), tokenizer


def complete(
    project: Project, loaded: tuple[Any, Any], text: str, **options: Any
) -> mgd.Completion:
    """A completion at the mark in ``text``."""
    settings: dict[str, Any] = {
        "max_new_tokens": 24,
        "deadline_s": DEADLINE_S,
        "pool": project.pool,
    }
    position = project.write(text)
    return mgd.generate(*loaded, project.file, position, project.root, **(settings | options))


@pytest.mark.parametrize(
    ("limit", "crossing"), [(None, "verify"), (100, "verify"), (100, "split")], ids=str
)
def test_greedy_text_is_that_of_guidance_in_the_engine(
    project: Project, url: str, limit: int | None, crossing: str
) -> None:
    """Token for token what the same model writes with its logits masked, wherever it starts."""
    endpoint = mgd.Endpoint(url, "small", KEY, bias_limit=limit)
    constrained = 0
    for text in CURSORS.values():
        inside = complete(project, model(), text, crossing=crossing)
        outside = complete(project, (endpoint, None), text, crossing=crossing)
        constrained += outside.stats.constrained

        assert outside.text == inside.text
        assert isinstance(outside.stats, EndpointStatistics)

    assert constrained >= len(CURSORS)


@pytest.mark.parametrize("limit", [None, 60], ids=["allow-lists", "bans"])
def test_no_member_is_invented(
    project: Project, judge: Project, url: str, limit: int | None
) -> None:
    """Many seeds, many places: what another server process says is what counts."""
    endpoint = mgd.Endpoint(url, "small", KEY, bias_limit=limit)
    for seed, text in enumerate(CURSORS.values()):
        options = {"temperature": 0.5 + seed / 4, "seed": seed, "num_return_sequences": 3}
        result = complete(project, (endpoint, None), text, **options)

        assert len(result.texts) == 3
        assert invented(judge, result, text) == []
        assert result.stats.fail_open[Reason.REJECTED] == 0


def test_without_monitors_members_are_invented(project: Project, judge: Project, url: str) -> None:
    """The test above can fail: the same endpoint, unguided, names what does not exist."""
    endpoint = mgd.Endpoint(url, "small", KEY)
    found: list[str] = []
    for seed in range(4):
        options = {"temperature": 1.0, "seed": seed, "num_return_sequences": 3}
        result = complete(project, (endpoint, None), CURSORS["operator"], monitors=False, **options)
        found += invented(judge, result, CURSORS["operator"])

    assert found


def test_free_text_is_that_of_the_unguided_endpoint(project: Project, url: str) -> None:
    """In a comment nothing is constrained, and one request is enough."""
    text = APP.replace('text = f"{größe}: {heaviest.|', "# The heaviest |")
    endpoint = mgd.Endpoint(url, "small", KEY, lookahead=24)
    results = [
        complete(project, (endpoint, None), text, monitors=monitors, until="line")
        for monitors in (True, False)
    ]

    assert results[0].text == results[1].text
    assert results[0].stats.as_dict()["requests"] == results[1].stats.as_dict()["requests"]


def test_a_seed_repeats_a_text(project: Project, url: str) -> None:
    """Though a guided text takes many requests."""
    endpoint = mgd.Endpoint(url, "small", KEY)
    first, second, other = (
        complete(project, (endpoint, None), CURSORS["operator"], temperature=1.0, seed=seed)
        for seed in (4, 4, 5)
    )

    assert first.text == second.text != other.text


def test_the_command_guides_an_endpoint(project: Project, url: str) -> None:
    """The key from the environment; without it the message says how to pass one.

    The server is a fresh one, whose first answer takes longer than the deadline.
    """
    line, column = project.write(CURSORS["operator"])
    place = f"{project.file}:{line}:{column}"
    command = [sys.executable, "-c", "from mgd.cli import main; main()", "complete", place]
    command += ["--endpoint", url, "--server", "basedpyright", "--json"]
    environment = {name: value for name, value in os.environ.items() if name != "MGD_API_KEY"}
    ran, refused = (
        subprocess.run(
            command, cwd=ROOT, env=environment | key, capture_output=True, text=True, check=False
        )
        for key in ({"MGD_API_KEY": KEY}, {})
    )
    value = json.loads(ran.stdout)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert value["stats"]["constrained"] >= 1
    assert value["stats"]["requests"] >= 1
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "HTTP 401" in refused.stderr
    assert "MGD_API_KEY" in refused.stderr


def test_what_vllm_refuses_is_explained(project: Project, url: str) -> None:
    """Its own words, and what to do."""
    cases: list[tuple[dict[str, Any], str]] = [
        ({"model": "nobody"}, "expected a model 'nobody'"),
        ({"top_logprobs": 50}, "top_logprobs"),
        ({"api_key": "wrong"}, "HTTP 401"),
    ]
    for settings, message in cases:
        endpoint = mgd.Endpoint(url, **({"model": "small", "api_key": KEY} | settings))
        with pytest.raises(EndpointError, match=message):
            complete(project, (endpoint, mgd.BUNDLED_MODEL), CURSORS["operator"])
