"""Hostile workspaces: nothing of theirs runs, unless they are trusted."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from lsp_bridge import PROFILES, ServerPool
from lsp_bridge.profiles.profile import Profile, no_environment, no_options
from monitors.errors import ServerError
from monitors.protocols import Answer, Document, Members, Query, QueryKind
from tests.e2e.hostile import BITING, REFUSED, TRAPS, TRUSTED, Lair, Trap
from tests.fakes import descendants, gone
from tests.servers import require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]
DEADLINE_S = 60.0


def servers_of(trap: Trap) -> list[str]:
    """Servers that understand the workspace's language."""
    return [name for name, profile in PROFILES.items() if trap.language in profile.languages]


def pairs(traps: list[Trap]) -> list[object]:
    """Every server with every workspace that it would look at."""
    return [
        pytest.param(server, trap, id=f"{server}-{trap.name}")
        for trap in traps
        for server in servers_of(trap)
    ]


@pytest.fixture
def lair(tmp_path: Path) -> Lair:
    """An empty workspace."""
    lair = Lair(tmp_path / "workspace", tmp_path / "marks")
    lair.root.mkdir()
    lair.marks.mkdir()
    return lair


def named(name: str) -> Trap:
    """The workspace with a name."""
    [trap] = [trap for trap in TRAPS if trap.name == name]
    return trap


def look(lair: Lair, trap: Trap, profile: Profile, *, trusted: bool) -> Answer:
    """Have a server look at the workspace for as long as it takes to answer."""
    trap.build(lair)
    lair.repository()
    path = lair.file(trap.file, trap.text.replace("|", ""))
    prefix, _, suffix = trap.text.partition("|")
    query = Query(QueryKind.MEMBERS, Document(trap.language, str(path), prefix, suffix))
    before = descendants()
    profiles = {profile.name: profile}
    with ServerPool(lair.root, profiles=profiles, trust_workspace=trusted) as pool:
        answer = pool.wait(pool.ask(query), DEADLINE_S)
    assert gone(descendants() - before)
    return answer


@pytest.mark.parametrize(("server", "trap"), pairs(TRAPS))
def test_a_hostile_workspace_runs_no_code(
    lair: Lair, server: str, trap: Trap, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answers, and nothing that the workspace holds or names has run.

    Also if the user looks for programs and modules in the current folder.
    """
    require(server)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", ".")
    answer = look(lair, trap, PROFILES[server], trusted=False)

    assert lair.ran() == []
    assert isinstance(answer, Members) or not trap.answered, answer


@pytest.mark.parametrize(("server", "trap"), pairs(REFUSED))
def test_a_server_that_nothing_holds_back_is_not_started(
    lair: Lair, server: str, trap: Trap
) -> None:
    """It is a caller's mistake, with the file that is in the way and the remedy."""
    require(server)
    with pytest.raises(ServerError, match=r"would run code of .*--trust-workspace"):
        look(lair, trap, PROFILES[server], trusted=False)

    assert lair.ran() == []


@pytest.mark.parametrize("server", TRUSTED)
def test_a_trusted_workspace_runs_its_code(lair: Lair, server: str) -> None:
    """What a server runs for an editor's user, it runs here too."""
    require(server)
    trap, marks = TRUSTED[server]
    look(lair, named(trap), PROFILES[server], trusted=True)

    assert set(lair.ran()) >= marks


@pytest.mark.parametrize("trap", REFUSED, ids=lambda trap: trap.name)
def test_what_is_refused_would_have_run(lair: Lair, trap: Trap) -> None:
    """The server is not refused for nothing."""
    require("rust-analyzer")
    look(lair, trap, PROFILES["rust-analyzer"], trusted=True)

    assert lair.ran()


@pytest.mark.parametrize(("server", "trap"), BITING)
def test_a_server_that_is_told_nothing_runs_code(lair: Lair, server: str, trap: str) -> None:
    """The workspaces above are hostile indeed: it is the profile that makes the difference."""
    require(server)
    untold = replace(
        PROFILES[server],
        initialization_options=no_options,
        settings=no_options,
        environment=no_environment,
    )
    look(lair, named(trap), untold, trusted=False)

    assert lair.ran()
