"""Live servers with and without what a user's surroundings hold."""

from pathlib import Path

import psutil
import pytest

from lsp_bridge import ServerPool
from monitors.protocols import Facts
from tests.lsp_bridge.test_environment import SECRETS
from tests.servers import SAMPLES, require

pytestmark = pytest.mark.e2e
DEADLINE_S = 60.0


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
        variables = [process.environ() for process in family]

    assert isinstance(answer, Facts), answer
    assert {"alpha", "beta"} <= {name.text for name in answer.names}
    for each in variables:
        assert not any("secret" in value for value in each.values())
