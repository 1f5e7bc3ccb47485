"""Many sessions share one server and one file, each at a state of its own."""

import itertools
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from lsp_bridge import ServerPool
from monitors.protocols import Answer, Members
from tests.fakes import gone, members, misbehaving
from tests.servers import SAMPLES, Sample, require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
SESSIONS = 32
ROUNDS = 3
DEADLINE_S = 120.0


class Served:
    """One live server on its sample."""

    def __init__(self, name: str, pool: ServerPool, sample: Sample, path: Path) -> None:
        self.name = name
        self.pool = pool
        self.sample = sample
        self.path = path

    def answer(self, number: int | str = "") -> Answer:
        """The members of the box with that number."""
        handle = self.pool.ask(self.sample.query(self.path, number), server=self.name)
        return self.pool.wait(handle, DEADLINE_S)

    def pids(self) -> set[int]:
        """Every process of the server."""
        tree = [psutil.Process(pid) for pid in self.pool.process_ids]
        return {each.pid for root in tree for each in (root, *root.children(recursive=True))}


@pytest.fixture(scope="module", params=SAMPLES)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server on a small project; when its pool is closed, no process is left."""
    require(request.param)
    sample = SAMPLES[request.param]
    root = tmp_path_factory.mktemp(request.param)
    path = sample.write(root)
    with ServerPool(root) as pool:
        served = Served(request.param, pool, sample, path)
        yield served
        pids = served.pids()
    assert gone(pids)


def own(answer: Answer) -> set[str]:
    """The box's own members in an answer."""
    assert isinstance(answer, Members), answer
    names = {name.text for name in answer.names}
    return {name for name in names if name.startswith(("alpha", "beta"))}


def test_interleaved_sessions_never_mix(served: Served) -> None:
    """Sessions at 32 different states of one file ask at once, again and again.

    Each gets the members that its own text defines, and those of nobody else.
    """
    random.seed(served.name)

    def session(number: int) -> list[set[str]]:
        found = []
        for step in range(ROUNDS):
            found.append(own(served.answer(f"{number}_{step}")))
        return found

    numbers = random.sample(range(SESSIONS), SESSIONS)
    with ThreadPoolExecutor(SESSIONS) as threads:
        results = dict(zip(numbers, threads.map(session, numbers), strict=True))

    for number, found in results.items():
        expected = [{f"alpha{number}_{step}", f"beta{number}_{step}"} for step in range(ROUNDS)]
        assert found == expected


def test_a_killed_server_comes_back(served: Served) -> None:
    """It is started anew, is given the document again, and answers from that text."""
    assert own(served.answer("_before")) == {"alpha_before", "beta_before"}
    before = served.pids()
    for pid in before:
        if psutil.pid_exists(pid):
            psutil.Process(pid).kill()
    assert gone(before)

    end_s = time.monotonic() + DEADLINE_S
    for attempt in itertools.count():
        answer = served.answer(f"_after{attempt}")
        if isinstance(answer, Members):
            break
        assert time.monotonic() < end_s, answer
        time.sleep(0.1)

    assert own(answer) == {f"alpha_after{attempt}", f"beta_after{attempt}"}
    assert not served.pids() & before


@pytest.mark.parametrize(
    "server",
    [
        name if name == "typescript-language-server" else pytest.param(name, marks=pytest.mark.slow)
        for name in SAMPLES
    ],
)
@pytest.mark.timeout(900)
def test_a_live_server_answers_10000_different_texts(server: str, tmp_path: Path) -> None:
    """Each correctly, from one process that neither tires nor grows without end."""
    require(server)
    sample = SAMPLES[server]
    path = sample.write(tmp_path)
    with ServerPool(tmp_path) as pool:
        served = Served(server, pool, sample, path)
        assert isinstance(served.answer("_first"), Members)
        started = served.pids()
        memory = []
        for number in range(10_000):
            assert own(served.answer(number)) == {f"alpha{number}", f"beta{number}"}
            if number in (6_000, 9_999):
                memory.append(sum(psutil.Process(pid).memory_info().rss for pid in served.pids()))

        assert served.pids() == started
    assert memory[1] < 1.5 * memory[0]


def test_memory_stays_bounded_over_10000_queries(tmp_path: Path) -> None:
    """Neither this process nor the server's documents grow with the number of different texts."""
    path = tmp_path / "app.py"
    text = "# word_{}\n" + "x = 1  # filler\n" * 500 + "a."
    memory: list[int] = []
    with ServerPool(tmp_path, profiles={"fake": misbehaving("none")}) as pool:
        for number in range(10_000):
            answer = pool.wait(pool.ask(members(path, text.format(number))), DEADLINE_S)
            assert isinstance(answer, Members)
            assert {name.text for name in answer.names} == {f"word_{number}", "open_1"}
            if number in (6_000, 9_999):
                tree = [psutil.Process(), *map(psutil.Process, pool.process_ids)]
                memory.append(sum(each.memory_info().rss for each in tree))

    assert memory[1] - memory[0] < 20 << 20
