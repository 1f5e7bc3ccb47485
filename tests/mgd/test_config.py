"""``mgd.toml`` and ``--trust-workspace`` at the front door."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import mgd
from decoding.wiring import shared_pool
from lsp_bridge.pool import configuration
from mgd.cli import main
from mgd.doctor import examine
from mgd.models import BUNDLED_MODEL
from mgd.replaying import replay_paths
from monitors.errors import ConfigError, UsageError
from tests.fakes import SCRIPT

COMMAND = [sys.executable, "-I", str(SCRIPT), "none"]
HOSTILE = '[profiles.pyrefly]\ncommand = ["./evil"]\n'
OWN = (
    '[servers]\npython = "fake"\n[profiles.fake]\nlanguages = ["python"]\n'
    f"command = {COMMAND}\ninstall = 'pip install fake'\nunfinished = 'keep'\n"
    f"version_command = {[sys.executable, '-c', 'print(1.5)']}\n"
)


@pytest.fixture
def user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own file, which is not there yet."""
    path = tmp_path / "user.toml"
    monkeypatch.setattr(configuration, "user_file", lambda: path)
    return path


@pytest.fixture
def file(tmp_path: Path, user: Path) -> Path:
    """A file in a workspace of its own."""
    root = tmp_path / "shop"
    root.mkdir()
    (root / "pyproject.toml").write_text("")
    path = root / "app.py"
    path.write_text("import os\nx = os.\n")
    return path


def examined(file: Path, trusted: bool) -> object:
    """What doctor says of the workspace."""
    return examine(file.parent, trusted)


def checked(file: Path, trusted: bool) -> object:
    """What `generate` does first."""
    return mgd.check_request(file, (2, 8), trust_workspace=trusted)


def audited(file: Path, trusted: bool) -> object:
    """An audit of a short text."""
    return mgd.invented_names(file, (2, 8), "path", trust_workspace=trusted)


def replayed(file: Path, trusted: bool) -> object:
    """A replay of the file."""
    return replay_paths([file], Path(BUNDLED_MODEL), trust_workspace=trusted)


@pytest.mark.parametrize("entrance", [examined, checked, audited, replayed])
def test_every_entrance_reads_the_workspaces_file(
    file: Path, entrance: Callable[[Path, bool], object]
) -> None:
    """A program that it names is refused, and run when the workspace is trusted."""
    (file.parent / "mgd.toml").write_text(OWN)

    with pytest.raises(ConfigError, match=r"shop/mgd.toml: profiles.fake.*--trust-workspace"):
        entrance(file, False)
    entrance(file, True)


def test_a_user_chooses_a_server(file: Path, user: Path) -> None:
    """For every workspace, without trusting it."""
    user.write_text(OWN)
    _, pool = mgd.check_request(file, (2, 8))

    assert pool.profile("python").name == "fake"
    assert pool.profile("python", "jedi").name == "jedi"


def test_doctor_lists_servers_of_the_configuration(file: Path, user: Path) -> None:
    """With their versions, behind those that come with the project."""
    user.write_text(OWN)
    last = examine(file.parent)[-1]

    assert (last.name, last.version, last.required) == ("fake", "1.5", False)


def test_pools_of_trusted_and_untrusted_workspaces_are_two(file: Path) -> None:
    """What was started with trust never answers without it."""
    root = file.parent

    assert shared_pool(root) is shared_pool(root)
    assert shared_pool(root) is not shared_pool(root, trust_workspace=True)


def test_a_pool_has_its_own_say_on_trust(file: Path) -> None:
    """It cannot be trusted afterwards."""
    with (
        mgd.ServerPool(file.parent) as pool,
        pytest.raises(UsageError, match="trust_workspace to the ServerPool"),
    ):
        mgd.check_request(file, (2, 8), pool=pool, trust_workspace=True)


@pytest.mark.parametrize(
    "arguments", [["complete", "app.py:2:8"], ["replay", "app.py"], ["doctor"]], ids=lambda a: a[0]
)
def test_a_mistake_in_the_file_is_one_line(
    file: Path,
    arguments: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """With exit code 2; the option gets past it."""
    (file.parent / "mgd.toml").write_text(HOSTILE)
    monkeypatch.chdir(file.parent)

    assert run(monkeypatch, arguments) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert "profiles.pyrefly.command: not allowed" in line
    run(monkeypatch, [*arguments, "--trust-workspace"])
    assert "not allowed" not in capsys.readouterr().err


def run(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> object:
    """The exit code of the command."""
    monkeypatch.setattr(sys, "argv", ["mgd", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code
