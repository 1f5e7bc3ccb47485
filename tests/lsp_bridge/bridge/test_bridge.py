"""The bridge: one answer for everybody, whenever they ask, and no harm from anybody."""

import logging
import os
import signal
import socket
import stat
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from lsp_bridge import ServerPool
from lsp_bridge.bridge import BridgeClient, serve, sockets
from lsp_bridge.bridge.protocol import MOST_BYTES, VERSION, Hello, ShowMetrics, Wait, Welcome, frame
from lsp_bridge.bridge.server import Bridge
from monitors.errors import UsageError, WorkspaceError
from monitors.protocols import Answer, Document, Members, Query, QueryKind, Reason, Unavailable
from tests.fakes import members, misbehaving
from tests.lsp_bridge.bridge.bridges import bridge
from tests.misbehaving_server import LATE_S

DEADLINE_S = 20.0
TEXT = "# alpha beta\nx."
NAMES = ["alpha", "beta", "open_1"]
pytestmark = pytest.mark.timeout(60)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace."""
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the bridge listens."""
    return tmp_path / "bridge.sock"


class Setup:
    """A bridge whose one server has a fault, and clients of it."""

    def __init__(self, root: Path, path: Path, fault: str, **changes: Any) -> None:
        self.root = root
        self.path = path
        self.pool = ServerPool(root, profiles={"fake": misbehaving(fault, **changes)})
        self.bridge: Bridge | None = None

    def query(self, text: str = TEXT) -> Query:
        """What is asked at the end of ``text``."""
        return members(self.root / "a.py", text)


@pytest.fixture
def late(root: Path, path: Path) -> Iterator[Setup]:
    """A bridge whose server answers 0.6 seconds late, every time, and runs."""
    setup = Setup(root, path, "late")
    with setup.pool, bridge(path, {root: setup.pool}) as setup.bridge:
        setup.pool.start("python").result(DEADLINE_S)
        yield setup


@pytest.fixture
def good(root: Path, path: Path) -> Iterator[Setup]:
    """A bridge whose server behaves and runs."""
    setup = Setup(root, path, "none")
    with setup.pool, bridge(path, {root: setup.pool}) as setup.bridge:
        setup.pool.start("python").result(DEADLINE_S)
        yield setup


def texts(answer: Answer) -> list[str]:
    """Names of an answer that must be facts."""
    assert isinstance(answer, Members), answer
    return [name.text for name in answer.names]


def reason(answer: Answer) -> Reason:
    """Why there are no facts."""
    assert isinstance(answer, Unavailable), answer
    return answer.reason


def test_an_answer_is_what_the_pool_says(good: Setup) -> None:
    """Names, kinds and all."""
    query = good.query()
    with BridgeClient(good.path) as client:
        answer = client.ask(query).result(DEADLINE_S)

    assert texts(answer) == NAMES
    assert answer == good.pool.wait(good.pool.ask(query), DEADLINE_S)
    assert client.workspaces == (str(good.root),)


def test_many_clients_get_the_same_answers(good: Setup) -> None:
    """Eight ask the same thirty things at once; the server is asked once for each."""
    queries = [good.query(f"# name_{number}\nx.") for number in range(30)]
    clients = [BridgeClient(good.path) for _ in range(8)]

    def ask_all(client: BridgeClient) -> list[Answer]:
        tickets = [client.ask(query) for query in queries]
        return [ticket.result(DEADLINE_S) for ticket in tickets]

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask_all, clients))
    for client in clients:
        client.close()

    assert [texts(each)[0] for each in answers[0]] == [f"name_{number}" for number in range(30)]
    assert all(each == answers[0] for each in answers)
    assert good.pool.statistics.queries == 30


def test_who_asks_after_the_deadline_hears_of_the_time_out(late: Setup) -> None:
    """The server has answered meanwhile, but the first rank went on without it."""
    query = late.query()
    with BridgeClient(late.path) as first, BridgeClient(late.path) as second:
        one = first.ask(query, scope="request").result(LATE_S / 3)
        time.sleep(LATE_S)
        two = second.ask(query, scope="request").result(DEADLINE_S)

    assert reason(one) is Reason.TIMEOUT
    assert two == one


def test_who_asks_in_another_scope_gets_the_late_answer(late: Setup) -> None:
    """A replica's later request does not inherit the time-out."""
    query = late.query()
    with BridgeClient(late.path) as client:
        one = client.ask(query, scope="first").result(LATE_S / 3)
        two = client.ask(query, scope="second").result(DEADLINE_S)

    assert reason(one) is Reason.TIMEOUT
    assert texts(two) == NAMES


def test_the_first_to_wait_starts_the_clock_for_all(late: Setup) -> None:
    """The second asks just before the deadline and hears of it with the first."""
    query = late.query()
    with BridgeClient(late.path) as first, BridgeClient(late.path) as second:
        ticket = first.ask(query)
        with ThreadPoolExecutor(1) as thread:
            waiting = thread.submit(ticket.result, LATE_S / 2)
            time.sleep(LATE_S / 3)
            answer = second.ask(query).result(DEADLINE_S)

        assert reason(waiting.result()) is reason(answer) is Reason.TIMEOUT


def test_a_prefetch_starts_no_clock(late: Setup) -> None:
    """An answer that came before anybody waited is the answer."""
    with BridgeClient(late.path) as client:
        ticket = client.ask(late.query())
        time.sleep(LATE_S * 1.5)

        assert texts(ticket.result(0.001)) == NAMES


@pytest.mark.parametrize("fault", ["crash", "error", "late", "deaf", "modified", "wrong_type"])
def test_two_ranks_always_agree(root: Path, path: Path, tmp_path: Path, fault: str) -> None:
    """Whatever the server does, and however far apart they ask: 40 questions, many moments."""
    setup = Setup(root, path, fault, marker=tmp_path / "struck", restart_delay_s=0.05)
    with setup.pool, bridge(path, {root: setup.pool}):
        setup.pool.start("python").result(DEADLINE_S)
        with BridgeClient(path) as first, BridgeClient(path) as second:
            queries = [setup.query(f"# name_{number}\nx.") for number in range(40)]

            def ask_all(client: BridgeClient, pauses_ms: int) -> list[Answer]:
                answers = []
                for number, query in enumerate(queries):
                    time.sleep((number * pauses_ms % 23) / 1000)
                    answers.append(client.ask(query, scope="r").result(0.2))
                return answers

            with ThreadPoolExecutor(2) as threads:
                one, two = threads.map(ask_all, (first, second), (7, 13))

    assert one == two
    assert any(isinstance(answer, Members) for answer in one)


def test_the_deadline_holds_whatever_the_bridge_does(root: Path, path: Path) -> None:
    """One that accepts and says nothing more costs the deadline."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        with BridgeClient(path, connect_s=0.2) as client:
            began_s = time.monotonic()
            answer = client.ask(members(root / "a.py", TEXT)).result(60.0)

            assert reason(answer) is Reason.NOT_STARTED
            assert time.monotonic() - began_s < 30


def test_a_bridge_that_stops_answering(
    root: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It welcomed the client and then fell silent: TIMEOUT, and nobody waits for it again."""
    monkeypatch.setattr("lsp_bridge.bridge.client._SILENCE_S", 0.2)
    with socket.socket(socket.AF_UNIX) as listener, ThreadPoolExecutor(1) as threads:
        listener.bind(str(path))
        listener.listen()
        connecting = threads.submit(welcome_once, listener)
        with BridgeClient(path) as client, connecting.result():
            assert client.connected
            began_s = time.monotonic()
            answer = client.ask(members(root / "a.py", TEXT)).result(0.1)
            assert time.monotonic() - began_s > 0.25
            until_connected(client, False)
            again = client.ask(members(root / "a.py", TEXT)).result(600.0)

    assert reason(answer) is Reason.TIMEOUT
    assert reason(again) is Reason.CRASHED


def welcome_once(listener: socket.socket) -> socket.socket:
    """The first connection, welcomed."""
    connection, _ = listener.accept()
    connection.sendall(frame(Welcome(VERSION, ())))
    return connection


def test_without_a_bridge_nothing_waits(root: Path, path: Path) -> None:
    """NOT_STARTED at once, time after time."""
    with BridgeClient(path, connect_s=0.05) as client:
        began_s = time.monotonic()
        answers = [client.ask(members(root / "a.py", TEXT)).result(5.0) for _ in range(100)]

    assert {reason(answer) for answer in answers} == {Reason.NOT_STARTED}
    assert time.monotonic() - began_s < 60


def test_a_bridge_that_comes_back_is_found(root: Path, path: Path) -> None:
    """CRASHED while it is away, what was under way included; then answers again."""
    setup = Setup(root, path, "late")
    with setup.pool, BridgeClient(path, connect_s=0.0) as client:
        setup.pool.start("python").result(DEADLINE_S)
        with bridge(path, {root: setup.pool}):
            until_connected(client)
            ticket = client.ask(setup.query())
            while not setup.pool.statistics.queries:
                time.sleep(0.01)
        assert reason(ticket.result(DEADLINE_S)) is Reason.CRASHED
        assert reason(client.ask(setup.query()).result(DEADLINE_S)) is Reason.CRASHED
        with bridge(path, {root: setup.pool}):
            until_connected(client)
            assert texts(client.ask(setup.query()).result(DEADLINE_S)) == NAMES


def until_connected(client: BridgeClient, connected: bool = True) -> None:
    """Wait until the client has found the bridge, or left it."""
    end_s = time.monotonic() + 10
    while client.connected is not connected:
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_a_closed_client_answers_at_once(good: Setup) -> None:
    """NOT_STARTED, before and after; closing twice is harmless."""
    client = BridgeClient(good.path)
    client.close()
    client.close()

    assert reason(client.ask(good.query()).result(DEADLINE_S)) is Reason.NOT_STARTED


def test_a_cancelled_query_leaves_no_verdict(late: Setup) -> None:
    """Who gives up has heard nothing that others must hear."""
    query = late.query()
    with BridgeClient(late.path) as client:
        ticket = client.ask(query)
        ticket.cancel()

        assert reason(ticket.result(1.0)) is Reason.TIMEOUT
        assert texts(client.ask(query).result(DEADLINE_S)) == NAMES


def test_a_client_that_vanishes_takes_its_queries_along(late: Setup) -> None:
    """Those that nobody else wants; the others are answered."""
    assert late.bridge is not None
    with BridgeClient(late.path) as stays:
        goes = BridgeClient(late.path)
        shared = late.query()
        wanted = stays.ask(shared)
        for number in range(5):
            goes.ask(late.query(f"# name_{number}\nx."))
        goes.ask(shared)
        while late.pool.statistics.queries < 6:
            time.sleep(0.01)
        goes.close()

        assert texts(wanted.result(DEADLINE_S)) == NAMES
        while "mgd_bridge_clients 1" not in (stays.metrics(5.0) or ""):
            time.sleep(0.01)
        assert "mgd_bridge_verdicts 1" in (stays.metrics(5.0) or "")


@pytest.mark.parametrize(
    "spelling",
    [
        "{out}/a.py",
        "{root}/../out/a.py",
        "{root}/link/a.py",
        "file://{root}/a.py",
        "a.py",
        "",
        "\0",
    ],
)
def test_paths_outside_are_refused(good: Setup, tmp_path: Path, spelling: str) -> None:
    """Elsewhere, through ``..`` or a link, as a URI, relative: no server hears of them."""
    (tmp_path / "out").mkdir()
    (good.root / "link").symlink_to(tmp_path / "out")
    place = spelling.format(out=tmp_path / "out", root=good.root)
    document = Document("python", place, TEXT)
    with BridgeClient(good.path) as client:
        answer = client.ask(Query(QueryKind.MEMBERS, document)).result(DEADLINE_S)

        assert reason(answer) is Reason.SERVER_ERROR
        assert isinstance(answer, Unavailable)
        assert "refused: " in answer.detail
        assert good.pool.statistics.queries == 0
        assert texts(client.ask(good.query()).result(DEADLINE_S)) == NAMES
        assert "mgd_bridge_refused_total 1" in (client.metrics(5.0) or "")


def test_an_unknown_server_is_refused(good: Setup) -> None:
    """With what the pool says about it."""
    with BridgeClient(good.path) as client:
        answer = client.ask(good.query(), server="nonesuch").result(DEADLINE_S)

    assert isinstance(answer, Unavailable)
    assert "nonesuch" in answer.detail


def test_a_query_that_fails_costs_no_connection(
    good: Setup, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever it raises, the next one of the same client is answered."""

    def fail(*_: object, **__: object) -> None:
        raise PermissionError("unreadable")

    caplog.set_level(logging.CRITICAL)
    with BridgeClient(good.path) as client:
        with monkeypatch.context() as patched:
            patched.setattr(ServerPool, "ask", fail)
            answer = client.ask(good.query("# alpha\nx.")).result(DEADLINE_S)
        assert isinstance(answer, Unavailable)
        assert answer.reason is Reason.SERVER_ERROR
        assert "unreadable" in answer.detail
        assert texts(client.ask(good.query("# beta\nx.")).result(DEADLINE_S))[0] == "beta"


def test_text_that_is_no_unicode_fails_open(good: Setup) -> None:
    """A lone surrogate cannot be sent, to nobody's harm."""
    with BridgeClient(good.path) as client:
        assert reason(client.ask(good.query("\ud800x.")).result(1.0)) is Reason.INVALID_TEXT
        assert texts(client.ask(good.query()).result(DEADLINE_S)) == NAMES


def test_a_document_beyond_the_limit_fails_open(good: Setup) -> None:
    """It is not sent."""
    with BridgeClient(good.path) as client:
        answer = client.ask(good.query("x" * MOST_BYTES + ".")).result(1.0)
        assert reason(answer) is Reason.SERVER_ERROR
        assert client.connected


GARBAGE = {
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "zeros": bytes(64),
    "huge": struct.pack(">I", 0xFFFFFFFF),
    "no msgpack": struct.pack(">I", 3) + b"\xc1\xc1\xc1",
    "wrong type": struct.pack(">I", 1) + b"\x01",
    "no hello": frame(Wait(1, 1.0)),
    "other version": frame(Hello(VERSION + 1)),
    "twice": frame(Hello(VERSION)) * 2,
    "deep": struct.pack(">I", 100_000) + b"\x91" * 100_000,
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_garbage_ends_one_connection(good: Setup, kind: str) -> None:
    """The others are served on."""
    with BridgeClient(good.path) as client, socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(good.path))
        stranger.sendall(GARBAGE[kind])
        stranger.settimeout(10)
        while stranger.recv(4096):
            pass

        assert texts(client.ask(good.query()).result(DEADLINE_S)) == NAMES


def test_a_client_of_another_version_says_so(good: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its queries carry what the bridge objects to."""
    monkeypatch.setattr("lsp_bridge.bridge.client.VERSION", VERSION + 1)
    with BridgeClient(good.path, connect_s=0.3) as client:
        answer = client.ask(good.query()).result(1.0)

    assert isinstance(answer, Unavailable)
    assert answer.reason is Reason.NOT_STARTED
    assert "use one release" in answer.detail


def test_a_client_that_does_not_read_is_cut_off(
    good: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Answers do not pile up for it."""
    monkeypatch.setattr("lsp_bridge.bridge.server._MOST_UNREAD_BYTES", 1 << 16)
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.connect(str(good.path))
        stranger.sendall(frame(Hello(VERSION)))
        stranger.settimeout(10)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            stranger.sendall(frame(ShowMetrics(1)) * 100_000)


def test_the_socket_is_private_and_goes_with_the_bridge(root: Path, path: Path) -> None:
    """Mode 0600; a dead one is replaced, one in use is not."""
    with ServerPool(root) as pool:
        with bridge(path, {root: pool}):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            with pytest.raises(UsageError, match=r"listens at .* already"):
                sockets.bound(path)
        assert not path.exists()
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
        with bridge(path, {root: pool}), BridgeClient(path) as client:
            assert client.connected


def test_places_where_no_socket_can_be(tmp_path: Path) -> None:
    """A file, a long path, a missing folder: each with its remedy."""
    (tmp_path / "file").write_text("")
    for place, complaint in [
        (tmp_path / "file", "is no socket"),
        (tmp_path / ("x" * 200), "longer than"),
        (tmp_path / "none" / "s", "No such file"),
    ]:
        with pytest.raises(UsageError, match=complaint):
            sockets.bound(place)


def test_the_default_folder_is_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below the runtime folder if there is one that can be used."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    folder = sockets.private_folder()

    assert folder.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    monkeypatch.setenv("XDG_RUNTIME_DIR", "relative")
    other = sockets.private_folder()
    assert os.path.isabs(other)
    other.rmdir()


def test_serving_ends_with_a_signal(root: Path, path: Path) -> None:
    """It says when it can be asked; afterwards the socket is gone."""
    ready: list[Path] = []

    def interrupt(socket_path: Path) -> None:
        ready.append(socket_path)
        os.kill(os.getpid(), signal.SIGTERM)

    serve([root, root], path, on_ready=interrupt)

    assert ready == [path]
    assert not path.exists()
    with pytest.raises(WorkspaceError, match="at least one"):
        serve([], path)
    with pytest.raises(WorkspaceError, match="not a directory"):
        serve([root / "none"], path)


def test_crowds_and_floods_are_refused(good: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """One client too many, and one query too many of one client; the rest is served."""
    monkeypatch.setattr("lsp_bridge.bridge.server._MOST_CLIENTS", 1)
    with BridgeClient(good.path) as first:
        with BridgeClient(good.path, connect_s=0.2) as second:
            answer = second.ask(good.query()).result(1.0)
            assert isinstance(answer, Unavailable)
            assert "clients are connected" in answer.detail
        monkeypatch.setattr("lsp_bridge.bridge.server._MOST_ASKED", 0)
        assert reason(first.ask(good.query()).result(1.0)) is Reason.SERVER_ERROR


def test_a_start_for_an_unknown_language_is_logged(
    good: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody waits for it, so nobody is told; queries are answered on."""
    with BridgeClient(good.path) as client:
        client.start("klingon")
        assert texts(client.ask(good.query()).result(DEADLINE_S)) == NAMES

    assert "klingon" in caplog.text


def test_metrics_count_what_happened(late: Setup) -> None:
    """Queries, joins, memories, time-outs, waits, and what processors report."""
    query = late.query()
    with BridgeClient(late.path) as first, BridgeClient(late.path) as second:
        first.start("python")
        one, two = first.ask(query), second.ask(query)
        assert reason(one.result(0.2)) is reason(two.result(0.2)) is Reason.TIMEOUT
        first.ask(query).result(1.0)
        first.report({"mask_seconds": 0.25, "fail_opens:timeout": 2, "Bad name": 1})
        first.report({"mask_seconds": 0.5, "fail_opens:nonsense": 1, "steps": -1})
        page = first.metrics(5.0)

    assert page is not None
    for line in (
        "mgd_bridge_queries_total 3",
        "mgd_bridge_joined_total 1",
        "mgd_bridge_remembered_total 1",
        'mgd_bridge_fail_opens_total{reason="timeout"} 1',
        "mgd_bridge_wait_seconds_count 1",
        "mgd_processor_mask_seconds_total 0.75",
        'mgd_processor_fail_opens_total{reason="timeout"} 2',
        "mgd_server_queries_total 1",
        "mgd_servers 1",
    ):
        assert line in page.splitlines()
    assert "nonsense" not in page
    assert "Bad" not in page
    assert "steps" not in page
