"""What guiding an endpoint from outside costs: requests, tokens in vain, time.

A plain ``vllm serve`` of the bundled model knows nothing of monitors. Every place is completed
unguided, and guided with several settings of the endpoint.
"""

import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.packages import PACKAGES, Workspace, prepare
from benchmarks.processes import running, wait_for
from benchmarks.results import Outcome, share
from benchmarks.vllm import PACKAGE, require, settle_down
from decoding.engines.endpoint.connection import Endpoint, EndpointStatistics
from decoding.generate import generate
from decoding.prompt.workspace import read_text
from evaluation.sites import dereference_sites
from lsp_bridge import ServerPool
from mgd.models import BUNDLED_MODEL
from monitors.errors import UsageError

PLACES = 40
TOKENS = 32
DEADLINE_S = 5.0
CONTEXT = 1024
ALONE = "unguided"
SETTINGS: dict[str, dict[str, Any]] = {
    ALONE: {},
    "guided": {},
    "lookahead=1": {"lookahead": 1},
    "bias_limit=40": {"bias_limit": 40},
    "bias_limit=60, top_logprobs=0": {"bias_limit": 60, "top_logprobs": 0},
}
_SEED = 4
_START_S = 200.0
_SERVE = (sys.executable, "-m", "mgd.serving.command", "serve", BUNDLED_MODEL)
_OPTIONS = ("--max-model-len", str(CONTEXT), "--dtype", "float32", "--enforce-eager")


class Place(NamedTuple):
    """Behind an operator, the rest of whose line is yet to be written."""

    file: Path
    text: str
    """The file without that rest."""
    position: tuple[int, int]


def run(server: str, say: Callable[[str], None], limit: int | None = None) -> Outcome:
    """Complete the same places in every way; ``limit``: places."""
    require()
    settle_down()
    count = PLACES if limit is None else limit
    package = prepare(next(each for each in PACKAGES if each.name == PACKAGE))
    with TemporaryDirectory() as folder, serving(Path(folder) / "log") as url:
        root = Path(folder) / "project"
        shutil.copytree(package.root, root, symlinks=True)
        found = measure(url, places(Workspace(package.package, root), count), root, server)
    for name, values in found.items():
        say(f"endpoint, {name}: {values}")
    settings = {
        "server": server,
        "package": PACKAGE,
        "places": count,
        "tokens": TOKENS,
        "temperature": 0.0,
        "options": " ".join(_OPTIONS),
    }
    return Outcome(settings, found, [])


def measure(url: str, chosen: Sequence[Place], root: Path, server: str) -> dict[str, Any]:
    """What every setting took for all places; each has language servers of its own."""
    endpoints = {name: Endpoint(url, **values) for name, values in SETTINGS.items()}
    first = endpoints[ALONE]
    with ServerPool(root) as pool:
        for place in chosen:  # the server's cache then holds the prompts and the texts
            for guided in (False, True):
                complete(first, place, root, pool, server, guided=guided)
    found: dict[str, list[EndpointStatistics]] = {}
    for name, endpoint in endpoints.items():
        with ServerPool(root) as pool:
            pool.start("python", server=server).result(_START_S)
            found[name] = [
                complete(endpoint, place, root, pool, server, guided=name != ALONE)
                for place in chosen
            ]
    alone_s = sum(each.wall_s for each in found[ALONE])
    return {name: figures(statistics, alone_s) for name, statistics in found.items()}


def complete(
    endpoint: Endpoint, place: Place, root: Path, pool: ServerPool, server: str, *, guided: bool
) -> EndpointStatistics:
    """Complete the rest of a line."""
    before = place.file.read_bytes()
    place.file.write_text(place.text, "utf-8")
    try:
        found = generate(
            endpoint,
            BUNDLED_MODEL,
            place.file,
            place.position,
            root,
            server=server,
            max_new_tokens=TOKENS,
            monitors=guided,
            until="line",
            deadline_s=DEADLINE_S,
            pool=pool,
        )
    finally:
        place.file.write_bytes(before)
    assert isinstance(found.stats, EndpointStatistics)
    return found.stats


def figures(statistics: Sequence[EndpointStatistics], alone_s: float) -> dict[str, Any]:
    """What all completions took together; ``alone_s``: the time of the unguided ones."""
    counted = ("tokens", "requests", "resamples", "dropped", "fallbacks", "triggers", "constrained")
    counts = {name: sum(getattr(each, name) for each in statistics) for name in counted}
    wall_s = sum(each.wall_s for each in statistics)
    speed = counts["tokens"] / wall_s if wall_s else None
    return {
        **counts,
        "wall_s": round(wall_s, 2),
        "waited_s": round(sum(each.waited_s for each in statistics), 2),
        "wall_ratio": share(wall_s, alone_s),
        "tokens_per_s": None if speed is None else round(speed, 1),
    }


def places(workspace: Workspace, count: int) -> list[Place]:
    """Behind operators, in an order that is always the same."""
    sites = [
        (file, site) for file in workspace.files() for site in dereference_sites(read_text(file))
    ]
    Random(_SEED).shuffle(sites)
    return [place_at(file, read_text(file), site.operator_end) for file, site in sites[:count]]


def place_at(file: Path, text: str, offset: int) -> Place:
    """The cursor at ``offset``; what follows in its line is taken out."""
    prefix, suffix = text[:offset], text[offset:]
    _, newline, following = suffix.partition("\n")
    line, column = prefix.count("\n") + 1, offset - (prefix.rfind("\n") + 1) + 1
    return Place(file, prefix + newline + following, (line, column))


@contextmanager
def serving(log: Path) -> Iterator[str]:
    """A plain server of the bundled model; its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with running([*_SERVE, "--port", str(port), *_OPTIONS], log, {}) as process:
        wait_for(lambda: _is_healthy(url, process, log), "vLLM", log, _START_S)
        yield url


def _is_healthy(url: str, process: "subprocess.Popen[bytes]", log: Path) -> bool:
    if process.poll() is not None:
        raise UsageError(f"vllm serve ended: {log.read_text()[-2000:]}")
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5):
            return True
    except OSError:
        return False
