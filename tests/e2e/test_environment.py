"""Live servers with and without what a user's surroundings hold."""

import json
import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lsp_bridge import ServerPool
from monitors.protocols import Members
from tests.lsp_bridge.servers.test_environment import KEY, SECRETS
from tests.servers import PYTHON, SAMPLES, require
from tests.workspaces import written

pytestmark = pytest.mark.e2e
DEADLINE_S = 60.0


def environment_of(process: psutil.Process) -> dict[str, str]:
    """Variables of a process; none of one that has ended meanwhile, as Go's tools do."""
    try:
        return process.environ()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return {}


@pytest.mark.parametrize("server", SAMPLES)
def test_servers_get_no_secrets_and_need_no_home(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They answer without HOME, and no process of theirs has a variable that holds a key."""
    require(server)
    for name, value in SECRETS.items():
        if name != "LD_PRELOAD":  # which our own children would load
            monkeypatch.setenv(name, value)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    sample = SAMPLES[server]
    path = sample.write(tmp_path)
    with ServerPool(tmp_path) as pool:
        pool.start(sample.language, server=server).result(DEADLINE_S)
        answer = pool.wait(pool.ask(sample.query(path), server=server), DEADLINE_S)
        (pid,) = pool.process_ids
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        variables = [found for process in family if (found := environment_of(process))]

    assert isinstance(answer, Members), answer
    assert variables
    assert {"alpha", "beta"} <= {name.text for name in answer.names}
    for each in variables:
        assert not any(KEY in value for value in each.values())


@pytest.mark.parametrize("server", PYTHON)
def test_paths_that_the_encoding_of_file_names_cannot_read(server: str, tmp_path: Path) -> None:
    """Where it is ASCII, such paths are bytes; servers get them as UTF-8."""
    require(server)
    folder = written(tmp_path / "größe", {"order.py": "class Order:\n    amount: int = 1\n"})
    (folder / "app.py").write_text("from order import Order\n\nx = Order().\n")
    bare = {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [sys.executable, "-X", "utf8=0", "-m", "mgd", "complete", "app.py:3:13"]
    done = subprocess.run(
        [*command, "--server", server, "--json", "--max-new-tokens", "4"],
        cwd=folder,
        env={**os.environ, **bare},
        capture_output=True,
        timeout=100,
        check=False,
    )
    result = json.loads(done.stdout)

    assert done.returncode == 0, done.stderr
    assert result["stats"]["constrained"] == 1
