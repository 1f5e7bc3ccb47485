"""``mgd.toml``: where it is found, what it may say, and who may say it."""

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from lsp_bridge import PROFILES, ServerPool
from lsp_bridge.pool import configuration
from lsp_bridge.pool.configuration import Configuration, load, open_pool
from lsp_bridge.profiles.declared import FORMS, is_harmless
from lsp_bridge.profiles.profile import Incomplete
from lsp_bridge.servers.project import Project, discover
from monitors.errors import ConfigError, WorkspaceError
from monitors.protocols import Members
from tests.fakes import SCRIPT, members, misbehaving

NEW = '[profiles.zls]\nlanguages = ["zig"]\ncommand = ["zls"]\ninstall = "apt install zls"\n'


class Place:
    """A workspace and a user's folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "workspace"
        self.root.mkdir()
        self.own = folder / "user" / "mgd.toml"
        self.own.parent.mkdir()
        self.file = self.root / "mgd.toml"

    def load(self, text: str = "", *, trusted: bool = False) -> Configuration:
        """The configuration with this text in the workspace's file."""
        self.file.write_text(text)
        return load(self.root, trusted)

    def complaint(self, text: str) -> str:
        """What is wrong with this text in the workspace's file."""
        with pytest.raises(ConfigError) as caught:
            self.load(text)
        message = str(caught.value)
        assert message.startswith(f"{self.file}: ")
        return message.removeprefix(f"{self.file}: ")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Both without a file."""
    place = Place(tmp_path)
    monkeypatch.setattr(configuration, "user_file", lambda: place.own)
    return place


def test_without_files_everything_is_as_it_comes(place: Place) -> None:
    """No choice, no change."""
    assert load(place.root) == Configuration(PROFILES, {})


def test_a_user_chooses_adds_and_changes_servers(place: Place) -> None:
    """Without touching code; the other profiles stay."""
    place.own.write_text(
        '[servers]\npython = "pyright"\nzig = "zls"\n'
        '[profiles.clangd]\ncommand = ["clangd-19"]\nstart_timeout_s = 60\n'
        '[profiles.mine]\nbased_on = "pyrefly"\nincomplete = "complete"\n' + NEW
    )
    read = load(place.root)

    assert read.servers == {"python": "pyright", "zig": "zls"}
    assert set(read.profiles) == {*PROFILES, "mine", "zls"}
    assert read.profiles["clangd"].command == ("clangd-19",)
    assert read.profiles["clangd"].open_type is PROFILES["clangd"].open_type
    assert read.profiles["mine"].command == PROFILES["pyrefly"].command
    assert read.profiles["mine"].incomplete is Incomplete.COMPLETE
    assert read.profiles["pyright"] is PROFILES["pyright"]


def test_the_workspace_outranks_the_user(place: Place) -> None:
    """Key by key."""
    place.own.write_text(
        '[servers]\npython = "pyright"\nc = "clangd"\n'
        "[profiles.pyright]\npatience_s = 3\nopen_documents = 2\n" + NEW
    )
    read = place.load('[servers]\npython = "ty"\n[profiles.pyright]\npatience_s = 4\n')

    assert read.servers == {"python": "ty", "c": "clangd"}
    assert read.profiles["pyright"].patience_s == 4.0
    assert read.profiles["pyright"].open_documents == 2
    assert "zls" in read.profiles


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("[servers", "is no TOML: Expected .*; correct it"),
        ("[server]\n", "got the unknown key 'server'; expected servers or profiles"),
        ("servers = 1\n", "servers: got 1; expected a table"),
        ("profiles = []\n", r"profiles: got \[\]; expected a table"),
        ("[profiles]\nclangd = 1\n", "profiles.clangd: got 1; expected a table"),
        ('[servers]\nklingon = "clangd"\n', "servers.klingon: got an unknown language; .*python"),
        ('[servers]\npython = "x"\n', "servers.python: got 'x'; expected one of .*pyrefly"),
        ("[servers]\npython = 1\n", "servers.python: got 1; expected one of .*pyrefly"),
        ('[servers]\npython = "clangd"\n', "servers.python: 'clangd' does not know python; .*jedi"),
        ('[profiles.a]\nbased_on = "b"\n', "profiles.a.based_on: got 'b'; expected one of"),
        ("[profiles.a]\nbased_on = 1\n", "profiles.a.based_on: got 1; expected one of"),
        ('[profiles.ty]\nbased_on = "jedi"\n', "profiles.ty.based_on: 'ty' is a profile already"),
        ("[profiles.a]\n", "profiles.a: no languages and no command and no install"),
        ("[profiles.ty]\npatience_s = 'a'\n", "profiles.ty.patience_s: got 'a'; expected a number"),
    ],
)
def test_a_mistake_is_explained(place: Place, text: str, hint: str) -> None:
    """File, key, what was got, what was expected."""
    complaint = place.complaint(text)

    assert re.match(hint, complaint), complaint


def test_a_file_that_cannot_be_read_is_a_mistake(place: Place) -> None:
    """Other encodings, folders, dangling links and pipes, none of which may hang."""
    place.file.write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is no TOML"):
        load(place.root)
    place.file.unlink()
    for make in (place.file.mkdir, lambda: os.mkfifo(place.file)):
        make()
        with pytest.raises(ConfigError, match="is no file"):
            load(place.root)
        place.file.rmdir() if place.file.is_dir() else place.file.unlink()
    place.file.symlink_to("nowhere")
    with pytest.raises(ConfigError, match="is no file"):
        load(place.root)


FORBIDDEN = {
    "command": 'command = ["./evil"]',
    "install": 'install = "curl | sh"',
    "version_command": 'version_command = ["./evil"]',
    "runs_code": 'runs_code = "nothing at all"',
    "multilspy": 'multilspy = "python"',
    "environment": 'environment = { LD_PRELOAD = "evil.so" }',
    "initialization_options": 'initialization_options = { x = "/etc" }',
    "settings": 'settings = { python = { pythonPath = "/tmp/python" } }',
    "experimental": "experimental = { x = true }",
    "names": 'names = "(a*)*b"',
    "dropped_labels": 'dropped_labels = "(a*)*b"',
}


def test_everything_forbidden_is_tested() -> None:
    """A field that is added to `Profile` is forbidden unless it is plainly harmless."""
    assert set(FORBIDDEN) == {key for key in FORMS if not is_harmless(key)}


@pytest.mark.parametrize("key", FORBIDDEN)
@pytest.mark.parametrize("profile", ["clangd", "mine"])
def test_a_workspace_names_nothing_to_run(place: Place, key: str, profile: str) -> None:
    """Neither for a known profile nor for a new one, unless it is trusted or the user says it."""
    based = 'based_on = "clangd"\n' if profile == "mine" else ""
    text = f"[profiles.{profile}]\n{based}{FORBIDDEN[key]}\n"
    complaint = place.complaint(text)

    assert complaint.startswith(f"profiles.{profile}.{key}: not allowed")
    assert "--trust-workspace" in complaint
    assert str(place.own) in complaint
    assert profile in place.load(text, trusted=True).profiles
    place.file.unlink()
    place.own.write_text(text)
    assert profile in load(place.root).profiles


def test_what_a_workspace_may_say_untrusted(place: Place) -> None:
    """It chooses among known servers, and says how their answers are read."""
    read = place.load(
        '[servers]\npython = "mine"\nc = "clangd"\n'
        '[profiles.mine]\nbased_on = "ty"\nincomplete = "complete"\ndropped_kinds = ["text"]\n'
        'unknown_lists = [["a"]]\nstart_timeout_s = 5\nopen_documents = 2\nincremental = false\n'
        'languages = ["python"]\nencodings = ["utf-8"]\n'
    )

    assert read.servers == {"python": "mine", "c": "clangd"}
    assert read.profiles["mine"].command == PROFILES["ty"].command
    assert read.profiles["mine"].dropped_kinds == {1}


def test_a_link_out_of_the_workspace_is_not_followed(place: Place) -> None:
    """Unless the workspace is trusted; links within it are."""
    outside = place.root.parent / "other.toml"
    outside.write_text('[servers]\npython = "ty"\n')
    place.file.symlink_to(outside)
    with pytest.raises(ConfigError, match=r"link to a file outside .*--trust-workspace"):
        load(place.root)
    assert load(place.root, trusted=True).servers == {"python": "ty"}

    place.file.unlink()
    outside.rename(place.root / "other.toml")
    place.file.symlink_to("other.toml")
    assert load(place.root).servers == {"python": "ty"}


def test_a_pool_is_opened_as_configured(place: Place) -> None:
    """A server that is chosen there need not be installed before it is asked."""
    place.own.write_text('[servers]\nzig = "zls"\npython = "ty"\n' + NEW)
    with open_pool(place.root) as pool:
        assert pool.profile("zig").name == "zls"
        assert pool.profile("python").name == "ty"
        assert pool.profile("python", "jedi").name == "jedi"
        assert pool.profile("c").name == "clangd"
    with pytest.raises(WorkspaceError):
        open_pool(place.root / "missing")


def test_a_server_that_only_a_file_describes_answers(place: Place) -> None:
    """From its command to the names it lists."""
    command = [sys.executable, "-I", str(SCRIPT), "none"]
    place.load(
        f'[profiles.fake]\nlanguages = ["python"]\ncommand = {command}\ninstall = "pip"\n'
        'unfinished = "keep"\n[servers]\npython = "fake"\n',
        trusted=True,
    )
    with open_pool(place.root, trust_workspace=True) as pool:
        answer = pool.wait(pool.ask(members(place.root / "a.py", "x.")), 20)

    assert isinstance(answer, Members)


@pytest.mark.parametrize("trusted", [False, True])
def test_profiles_are_told_whether_the_workspace_is_trusted(place: Place, trusted: bool) -> None:
    """By the project that they are asked about; nobody trusts by default."""
    assert discover(place.root, trusted).trusted is trusted
    assert not discover(place.root).trusted
    seen = []

    def environment(project: Project) -> Mapping[str, str]:
        seen.append(project.trusted)
        return {}

    profiles = {"fake": misbehaving("none", environment=environment)}
    with ServerPool(place.root, profiles=profiles, trust_workspace=trusted) as pool:
        pool.wait(pool.ask(members(place.root / "a.py", "x.")), 20)
    assert seen == [trusted]
