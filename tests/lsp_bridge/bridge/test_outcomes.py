"""What became of requests: told by one client of a bridge, heard by another."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lsp_bridge import ServerPool
from lsp_bridge.bridge import BridgeClient, Outcome, server
from lsp_bridge.bridge import outcomes as outcomes_module
from lsp_bridge.bridge.outcomes import Outcomes
from lsp_bridge.bridge.protocol import VERSION, Hello, frame
from lsp_bridge.bridge.server import Bridge
from tests.lsp_bridge.bridge.bridges import bridge

pytestmark = pytest.mark.timeout(60)
LAST_S = 10.0
ONE, TWO = Outcome(1, 1), Outcome(2, 1, {"timeout": 1}, 0.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the bridge listens."""
    return tmp_path / "bridge.sock"


@pytest.fixture
def live(tmp_path: Path, path: Path) -> Iterator[Bridge]:
    """A bridge whose servers nobody needs."""
    pool = ServerPool(tmp_path)
    with pool, bridge(path, {tmp_path: pool}) as made:
        yield made


@pytest.fixture
def clients(live: Bridge, path: Path) -> Iterator[tuple[BridgeClient, BridgeClient]]:
    """Who tells, and who follows."""
    with BridgeClient(path) as teller, BridgeClient(path) as follower:
        yield teller, follower


def test_the_last_word_comes_after_everything_that_was_told(
    clients: tuple[BridgeClient, BridgeClient], live: Bridge
) -> None:
    """However much is told right before the end; then nothing is kept."""
    teller, follower = clients
    for number in range(20):
        heard: list[Outcome] = []
        following = follower.follow(f"request {number}", heard.append)
        for points in range(200):
            teller.tell(f"request {number}", Outcome(points))
        following.end()

        assert following.last.result(LAST_S) == Outcome(199)
        assert heard == [Outcome(points) for points in range(200)]
    assert len(live.outcomes) == 0


def test_what_was_told_before_is_heard(clients: tuple[BridgeClient, BridgeClient]) -> None:
    """A bridge may hear of a request before it hears who follows it."""
    teller, follower = clients
    teller.tell("a", ONE)
    teller.tell("a", TWO)
    teller.metrics(LAST_S)
    following = follower.follow("a", lambda outcome: None)
    following.end()

    assert following.last.result(LAST_S) == TWO


def test_nothing_may_have_been_told(clients: tuple[BridgeClient, BridgeClient]) -> None:
    """Of this request: others are nobody else's business."""
    teller, follower = clients
    teller.tell("b", ONE)
    following = follower.follow("a", lambda outcome: None)
    following.end()

    assert following.last.result(LAST_S) is None


def test_without_a_bridge_there_is_no_last_word(path: Path) -> None:
    """At once, whether it never came or has gone."""
    with BridgeClient(path, connect_s=0) as client:
        following = client.follow("a", lambda outcome: None)
        following.end()

        assert following.last.result(0) is None


def test_a_bridge_that_goes_has_the_last_word_said(tmp_path: Path, path: Path) -> None:
    """Nobody waits for what cannot come."""
    pool = ServerPool(tmp_path)
    with pool, bridge(path, {tmp_path: pool}):
        client = BridgeClient(path)
        following = client.follow("a", lambda outcome: None)
    with client:
        assert following.last.result(LAST_S) is None


def test_who_goes_follows_nothing_any_more(path: Path, live: Bridge) -> None:
    """The bridge forgets what only they wanted."""
    with BridgeClient(path) as client:
        client.follow("a", lambda outcome: None)
        client.metrics(LAST_S)
        assert len(live.outcomes) == 1
    end_s = time.monotonic() + LAST_S
    while len(live.outcomes):
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_what_nobody_follows_is_kept_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first, so memory is bounded whatever is told."""
    monkeypatch.setattr(outcomes_module, "_MOST_UNFOLLOWED", 3)
    kept = Outcomes()
    for number in range(5):
        kept.tell(str(number), Outcome(number))
    heard: list[Outcome] = []
    for number in range(5):
        kept.follow(str(number), heard.append)

    assert heard == [Outcome(2), Outcome(3), Outcome(4)]
    assert kept.unfollow("4") == Outcome(4)
    assert kept.unfollow("4") is None


def test_who_is_silent_does_not_hold_the_last_word(live: Bridge, path: Path) -> None:
    """Nor who has not been greeted, or goes meanwhile."""
    with (
        socket.socket(socket.AF_UNIX) as stranger,
        socket.socket(socket.AF_UNIX) as silent,
        BridgeClient(path) as follower,
    ):
        stranger.connect(str(path))
        silent.connect(str(path))
        silent.sendall(frame(Hello(VERSION)))
        silent.recv(1000)
        following = follower.follow("a", lambda outcome: None)
        following.end()
        assert following.last.result(LAST_S) is None
        following = follower.follow("b", lambda outcome: None)
        started_s = time.monotonic()
        following.end()
        follower.metrics(LAST_S)
        silent.close()

        assert following.last.result(LAST_S) is None
        assert time.monotonic() - started_s < server._FENCE_S
        stranger.settimeout(0.1)
        with pytest.raises(TimeoutError):
            stranger.recv(1)


def test_a_bridge_follows_no_more_than_it_can_remember(
    live: Bridge, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the others nothing is known, and they are told so."""
    monkeypatch.setattr(server, "_MOST_FOLLOWED", 1)
    with BridgeClient(path) as teller, BridgeClient(path) as follower:
        both = [follower.follow(key, lambda outcome: None) for key in "ab"]
        for key in "ab":
            teller.tell(key, ONE)
        for each in both:
            each.end()

        assert [each.last.result(LAST_S) for each in both] == [ONE, None]
