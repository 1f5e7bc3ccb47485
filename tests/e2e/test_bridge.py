"""``mgd bridge`` as a process, with pyrefly behind it and many who ask."""

import os
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest

from lsp_bridge.bridge import BridgeClient
from monitors.protocols import Answer, Members, Query, Reason, Unavailable
from tests.fakes import gone
from tests.lsp_bridge.bridge.bridges import COMMAND, ROOT, Running
from tests.servers import SAMPLES

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
DEADLINE_S = 60.0
SAMPLE = SAMPLES["pyrefly"]


@pytest.fixture
def roots(tmp_path: Path) -> list[Path]:
    """Two workspaces, whose boxes have other members."""
    for name in ("first", "second"):
        SAMPLE.write(tmp_path / name, name)
    return [tmp_path / "first", tmp_path / "second"]


@pytest.fixture
def running(roots: list[Path]) -> Iterator[Running]:
    """A bridge that is ended when the test is over."""
    bridge = Running(roots)
    yield bridge
    if bridge.process.poll() is None:
        bridge.end(signal.SIGKILL)


def queries(roots: list[Path]) -> list[Query]:
    """The members of the box in each workspace."""
    return [SAMPLE.query(root / SAMPLE.file, root.name) for root in roots]


def ask_all(path: Path, asked: list[Query]) -> list[Answer]:
    """What one client hears, all asked at once."""
    with BridgeClient(path) as client:
        tickets = [client.ask(query) for query in asked]
        return [ticket.result(DEADLINE_S) for ticket in tickets]


def names(answer: Answer) -> set[str]:
    """Names of an answer that must be facts, without those of every object."""
    assert isinstance(answer, Members), answer
    return {name.text for name in answer.names if not name.text.startswith("__")}


def test_processes_share_servers_and_answers(running: Running, roots: list[Path]) -> None:
    """Four ask both workspaces at once: the same facts, one server for each workspace."""
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as processes:
        answers = list(processes.map(ask_all, [running.path] * 4, [queries(roots)] * 4))

    assert [names(each) for each in answers[0]] == [
        {"alphafirst", "betafirst"},
        {"alphasecond", "betasecond"},
    ]
    assert all(each == answers[0] for each in answers)
    servers = psutil.Process(running.process.pid).children()
    assert len(servers) == 2


def test_the_socket_is_in_a_private_folder(running: Running) -> None:
    """Both are gone when the bridge has ended, and so are its servers; its exit code is 0."""
    assert stat.S_IMODE(running.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(running.path.parent.stat().st_mode) == 0o700
    family = running.family()

    assert running.end(signal.SIGTERM) == 0
    assert gone(family)
    assert not running.path.parent.exists()


def test_clients_outlive_a_bridge(roots: list[Path], tmp_path: Path) -> None:
    """Killed, it is missed and not waited for; its successor at the same socket is found."""
    path = tmp_path / "bridge.sock"
    first = Running(roots, "--socket", path)
    [query, other] = queries(roots)
    with BridgeClient(path) as client:
        assert names(client.ask(query).result(DEADLINE_S)) == {"alphafirst", "betafirst"}
        family = first.family()
        first.end(signal.SIGKILL)
        began_s = time.monotonic()
        answers = [client.ask(query).result(5.0) for _ in range(20)]
        took_s = time.monotonic() - began_s
        second = Running(roots, "--socket", path)
        while not client.connected:
            time.sleep(0.05)
        late = client.ask(other).result(DEADLINE_S)
        code = second.end(signal.SIGINT)

    assert all(isinstance(each, Unavailable) for each in answers)
    assert {getattr(each, "reason", None) for each in answers} == {Reason.CRASHED}
    assert took_s < 60  # 100 s, if each were waited for
    assert gone(family)
    assert names(late) == {"alphasecond", "betasecond"}
    assert code == 0
    assert not path.exists()


def test_a_second_bridge_at_a_socket_is_a_mistake(running: Running, roots: list[Path]) -> None:
    """One line, exit code 2, and the first one goes on."""
    command = [*COMMAND, "--workspace", str(roots[0]), "--socket", str(running.path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)

    assert ran.returncode == 2
    assert "listens at" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert names(ask_all(running.path, queries(roots))[0]) == {"alphafirst", "betafirst"}


def test_paths_outside_reach_no_server(running: Running, tmp_path: Path) -> None:
    """Nothing is started for them."""
    (tmp_path / "out").mkdir()
    (tmp_path / "first/link").symlink_to(tmp_path / "out")
    places = [tmp_path / "out/a.py", tmp_path / "first/link/a.py", tmp_path / "first/../out/a.py"]
    answers = ask_all(running.path, [SAMPLE.query(place) for place in places])

    assert all("refused" in getattr(each, "detail", "") for each in answers)
    assert psutil.Process(running.process.pid).children() == []


def test_a_relative_workspace_and_a_missing_one(tmp_path: Path) -> None:
    """The first is served by its real path, the second is a mistake."""
    ran = subprocess.run(
        [*COMMAND, "--workspace", "none"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 2
    assert "is not a directory" in ran.stderr
    bridge = Running([Path(os.path.relpath(tmp_path, ROOT))])
    with BridgeClient(bridge.path) as client:
        assert client.workspaces == (str(tmp_path.resolve()),)
    assert bridge.end(signal.SIGTERM) == 0
