"""The servers that multilspy downloads, without the servers: none of them can be had for the tests.

Install folders are made by hand, with `tests.misbehaving_server` in the place of each server; the
command line, variables and parameters that it is started with are multilspy's own.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import multilspy.language_servers as language_servers
import pytest
from multilspy.multilspy_exceptions import MultilspyException
from multilspy.multilspy_utils import FileUtils, PlatformUtils

from lsp_bridge import PROFILES
from lsp_bridge.profiles.profile import Unfinished
from lsp_bridge.servers import installed, launch, multilspy_servers
from lsp_bridge.servers.client import Client
from lsp_bridge.servers.project import Project
from lsp_bridge.servers.readiness import gate
from mgd import cli
from monitors.errors import ServerError
from monitors.protocols import Document, Members, Query, QueryKind

TESTS = Path(__file__).parents[2]
_FAKE = """\
#!{python} -I
import json, os, sys
sys.path.insert(0, {tests!r})
from misbehaving_server import Server, send

class Fake(Server):
    def initialize(self, message):
        seen = {{"command": sys.argv, "environment": dict(os.environ)}}
        seen |= {{"parameters": message["params"], "folder": os.getcwd()}}
        with open({record!r}, "w") as file:
            json.dump(seen, file)
        super().initialize(message)

    def initialized(self, message):
        for each in {announced!r}:
            send(each)

Fake("none", None).serve()
"""
_BEGIN = {"method": "$/progress", "params": {"token": 1, "value": {"kind": "begin", "title": "x"}}}
_END = {"method": "$/progress", "params": {"token": 1, "value": {"kind": "end"}}}
_PROGRESS = (_BEGIN, _END)


def dependencies(module: str) -> Any:
    """multilspy's own list of the files that it downloads."""
    folder = Path(language_servers.__path__[0], module)
    return json.loads((folder / "runtime_dependencies.json").read_text())


def java_files() -> list[str]:
    """What has to be there for JDT LS; the program that is run comes first, then folders."""
    listed = dependencies("eclipse_jdtls")
    server = listed["vscode-java"][PlatformUtils.get_platform_id().value]
    mind = listed["intellicode"]["platform-agnostic"]
    return [
        f"vscode-java/{server['jre_path']}",
        f"vscode-java/{server['jdtls_readonly_config_path']}/config.ini",
        f"gradle-{listed['gradle']['platform-agnostic']['version']}/bin/gradle",
        f"vscode-java/{server['lombok_jar_path']}",
        f"vscode-java/{server['jdtls_launcher_jar_path']}",
        f"intellicode/{mind['intellicode_jar_path']}",
        f"intellicode/{mind['intellisense_members_path']}",
    ]


def kotlin_files() -> list[str]:
    """The start script, and the Java that it runs on."""
    java = dependencies("kotlin_language_server")["java"][PlatformUtils.get_platform_id().value]
    return ["server/bin/kotlin-language-server", f"java/{java['java_path']}"]


def csharp_files() -> list[str]:
    """The program, and the plug-in for Razor."""
    platform = PlatformUtils.get_platform_id().value
    found = [
        each
        for each in dependencies("omnisharp")["runtimeDependencies"]
        if each["platformId"] == platform and each.get("dotnet_version", "6") == "6"
    ]
    program = next(each["binaryName"] for each in found if each["id"] == "OmniSharp")
    plug_in = next(each["dll_path"] for each in found if each["id"] == "RazorOmnisharp")
    return [f"OmniSharp/{program}", f"RazorOmnisharp/{plug_in}"]


@dataclass(frozen=True)
class Case:
    """One server: what its install folder holds, and what it says when it is ready."""

    name: str
    folder: str
    files: Callable[[], list[str]]
    announced: tuple[Mapping[str, Any], ...] = ()
    own: str = ""
    """A value that multilspy keeps among the initialise parameters, as ``path.to.it=JSON``."""

    @property
    def language(self) -> str:
        """multilspy's name of its language."""
        return PROFILES[self.name].multilspy


CASES = [
    Case(
        "eclipse-jdtls",
        "EclipseJDTLS",
        java_files,
        ({"method": "language/status", "params": {"type": "ServiceReady", "message": ""}},),
        "settings.java.import.gradle.wrapper.enabled=true",
    ),
    Case(
        "omnisharp",
        "OmniSharp",
        csharp_files,
        own="RoslynExtensionsOptions.DocumentAnalysisTimeoutMs=30000",
    ),
    Case(
        "kotlin-language-server",
        "KotlinLanguageServer",
        kotlin_files,
        own="scripts.buildScriptsEnabled=true",
    ),
    Case(
        "dart",
        "dart-language-server",
        lambda: ["dart-sdk/bin/dart"],
        _PROGRESS,
        "allowOpenUri=false",
    ),
]
RUBY = Case("solargraph", "", list, _PROGRESS)
IDS = [case.name for case in CASES]


@dataclass(frozen=True)
class Machine:
    """A home folder, a PATH with nothing on it, and a workspace."""

    home: Path
    programs: Path
    root: Path

    def project(self, trusted: bool = True) -> Project:
        """The workspace."""
        return Project(self.root, sys.executable, trusted=trusted)

    def program(self, name: str, *announced: Mapping[str, Any]) -> Path:
        """Put a server on PATH."""
        return self._script(self.programs / name, announced)

    def shell(self, name: str, text: str) -> None:
        """Put a shell script on PATH."""
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def install(self, case: Case) -> Path:
        """Make the install folder that multilspy would leave behind; returns the program."""
        if case.language == "csharp":
            self.shell("dotnet", _DOTNET)
            (self.root / "app.sln").touch()
        if case.language == "ruby":
            program = self._script(self.home / "gem/bin/solargraph", case.announced)
            self.shell("ruby", "echo ruby 3.1.2")
            self.shell("gem", f'[ "$1" = list ] && echo true || echo {self.home}/gem/lib/x.rb')
            return program
        folder = self.home / ".multilspy/lsp" / case.folder
        files = [folder / file for file in case.files()]
        for path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return self._script(files[0], case.announced)

    def seen(self) -> Any:
        """What the server was started with."""
        return json.loads((self.home / "seen.json").read_text())

    def _script(self, path: Path, announced: tuple[Mapping[str, Any], ...]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            _FAKE.format(
                python=sys.executable,
                tests=str(TESTS),
                record=str(self.home / "seen.json"),
                announced=announced,
            )
        )
        path.chmod(0o755)
        return path


_DOTNET = """case "$1" in
--list-runtimes) echo 'Microsoft.NETCore.App 6.0.36 [/usr/share/dotnet]';;
--list-sdks) echo '6.0.428 [/usr/share/dotnet/sdk]';;
*) echo 6.0.428;;
esac"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without servers, and without a way to the network."""
    made = Machine(*(tmp_path / name for name in ("home", "programs", "work")))
    for folder in (made.home, made.programs, made.root):
        folder.mkdir()
    monkeypatch.setenv("HOME", str(made.home))
    monkeypatch.setenv("PATH", str(made.programs))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    return made


@pytest.fixture
def no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails the test if multilspy begins to download."""

    def fail(*arguments: Any) -> None:
        pytest.fail(f"download of {arguments}")

    monkeypatch.setattr(FileUtils, "download_file", staticmethod(fail))


async def started(case: Case, machine: Machine) -> Any:
    """Start the server, ask it one thing, and return what it was started with."""
    profile = replace(
        PROFILES[case.name], unfinished=Unfinished.KEEP, start_timeout_s=20, ready_timeout_s=20
    )
    client = Client(profile, machine.project())
    try:
        assert await client.start() is None
        path = str(machine.root / "app.x")
        document = Document(next(iter(profile.languages)), path, "alpha\nbox.", "\n")
        answer = await client.ask(Query(QueryKind.MEMBERS, document), 10)
        assert isinstance(answer, Members), answer
        assert "alpha" in [name.text for name in answer.names]
    finally:
        await client.close()
    return machine.seen()


@pytest.mark.asyncio
@pytest.mark.usefixtures("no_download")
@pytest.mark.parametrize("case", CASES, ids=IDS)
async def test_multilspys_command_and_parameters_are_used(case: Case, machine: Machine) -> None:
    """With ours on top: no snippets, no trace, our settings."""
    program = machine.install(case)
    seen = await started(case, machine)

    command, variables = multilspy_servers.command(case.language, machine.root)
    assert command[0] == str(program)
    assert [word for word in command[1:] if not _passing(word)] == [
        word for word in seen["command"][1:] if not _passing(word)
    ]
    assert seen["environment"].items() >= variables.items()
    assert seen["folder"] == str(machine.root)
    sent = seen["parameters"]
    assert sent["trace"] == "off"
    assert sent["rootUri"] == machine.root.as_uri()
    assert not sent["capabilities"]["textDocument"]["completion"]["completionItem"][
        "snippetSupport"
    ]
    place, value = case.own.split("=")
    assert _at(sent["initializationOptions"], place) == json.loads(value)
    for place, ours in _leaves(PROFILES[case.name].initialization_options(machine.project())):
        assert _at(sent["initializationOptions"], place) == ours


def _passing(word: str) -> bool:
    """Whether a word of a command line is another for each start."""
    return "workspaces" in word or word == str(os.getpid())


def _leaves(tree: Mapping[str, Any], above: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in tree.items():
        place = f"{above}{key}"
        found += _leaves(value, f"{place}.") if isinstance(value, dict) else [(place, value)]
    return found


def _at(tree: Any, place: str) -> Any:
    for key in place.split("."):
        tree = tree[key]
    return tree


@pytest.mark.asyncio
async def test_jdt_ls_keeps_its_data_out_of_the_workspace(machine: Machine) -> None:
    """Each process has folders of its own; its Java is the one that was downloaded with it."""
    machine.install(CASES[0])
    words = (await started(CASES[0], machine))["command"]
    data, settings = (Path(words[words.index(flag) + 1]) for flag in ("-data", "-configuration"))

    assert data.parent == settings.parent
    assert data.is_relative_to(machine.home / ".multilspy")
    assert (settings / "config.ini").is_file()
    assert machine.seen()["environment"]["syntaxserver"] == "false"
    assert list(machine.root.iterdir()) == []


@pytest.mark.asyncio
async def test_solargraph_is_found_as_a_gem(machine: Machine) -> None:
    """It has no install folder: RubyGems knows where it is."""
    assert not multilspy_servers.is_installed("ruby")
    program = machine.install(RUBY)
    assert multilspy_servers.is_installed("ruby")

    assert (await started(RUBY, machine))["command"] == [str(program), "stdio"]


@pytest.mark.asyncio
@pytest.mark.parametrize("case", [*CASES, RUBY], ids=[*IDS, "solargraph"])
async def test_a_program_on_the_path_goes_first(case: Case, machine: Machine) -> None:
    """It is started with the profile's own arguments."""
    machine.install(case)
    profile = PROFILES[case.name]
    program = machine.program(profile.command[0], *case.announced)

    assert (await started(case, machine))["command"] == [str(program), *profile.command[1:]]


@pytest.mark.usefixtures("no_download")
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_a_server_is_installed_when_all_its_files_are_there(case: Case, machine: Machine) -> None:
    """One that is missing is not fetched, and looking leaves nothing behind."""
    profile = PROFILES[case.name]
    assert installed.version(profile) is None
    multilspy_servers.parameters(case.language, machine.root)
    assert list(machine.home.iterdir()) == []
    machine.install(case)
    assert installed.version(profile) == "?"
    folder = machine.home / ".multilspy/lsp" / case.folder
    program, *_ = files = case.files()
    for part in {program, *(file.split("/")[0] for file in files)}:
        hidden = (folder / part).rename(machine.home / "hidden")
        assert installed.version(profile) is None, part
        hidden.rename(folder / part)
    assert installed.version(profile) == "?"


@pytest.mark.parametrize("case", [*CASES, RUBY], ids=[*IDS, "solargraph"])
def test_what_is_missing_can_be_installed(case: Case, machine: Machine) -> None:
    """The message for a missing server names the command, and it knows the server."""
    profile = PROFILES[case.name]
    with pytest.raises(ServerError, match=f"install it with: mgd install {case.name}"):
        launch.check(profile, machine.project())
    assert multilspy_servers.brings(profile.multilspy)


def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> tuple[Any, str, str]:
    """Exit code, output and complaints of ``mgd install``."""
    monkeypatch.setattr(sys, "argv", ["mgd", "install", name])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, *capsys.readouterr()


@pytest.mark.parametrize("case", [CASES[0], CASES[2], CASES[3], RUBY], ids=lambda case: case.name)
def test_a_download_that_fails(
    case: Case,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One line, exit code 1, and nothing is left that would count as installed."""
    code, out, err = run(monkeypatch, capsys, case.name)

    assert (code, out) == (1, "")
    [line] = err.splitlines()
    assert line.startswith(f"mgd: {case.name} was not installed: ")
    assert "Unable to connect" in line or "Ruby is not installed" in line
    assert installed.version(PROFILES[case.name]) is None
    assert [path for path in machine.home.rglob("*") if path.is_file()] == []


def _unpack(files: list[str], fail_at: int) -> Callable[..., None]:
    """A stand-in for multilspy's download: each call brings one file, up to one that fails."""
    pending = iter(enumerate(files))

    def bring(log: Any, url: str, target: str, kind: str) -> None:
        number, file = next(pending)
        if number == fail_at:
            raise MultilspyException("connection lost")
        folder = Path(target)
        path = (folder.parent if folder.name == file.split("/")[0] else folder) / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    return bring


@pytest.mark.parametrize("fail_at", [1, 2])
def test_half_a_download(
    fail_at: int,
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A server is moved to its place when it is whole, and not before."""
    files = list(reversed(kotlin_files()))
    download = staticmethod(_unpack(files, fail_at))
    monkeypatch.setattr(FileUtils, "download_and_extract_archive", download)
    code, out, _ = run(monkeypatch, capsys, "kotlin-language-server")
    whole = fail_at == len(files)

    assert code == (0 if whole else 1)
    assert bool(out) is whole
    assert multilspy_servers.is_installed("kotlin") is whole
    left = [path for path in machine.home.rglob("*") if path.is_file()]
    assert len(left) == (len(files) if whole else 0)


def test_other_servers_are_not_installed_by_mgd(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their own command is told, not run: a caller's mistake, exit code 2."""
    code, out, err = run(monkeypatch, capsys, "pyright")

    assert (code, out) == (2, "")
    assert err == "mgd: mgd does not install pyright: run 'npm install --global pyright' yourself\n"


@pytest.mark.parametrize("name", ["omnisharp", "kotlin-language-server", "solargraph"])
def test_servers_that_run_code_need_trust(name: str, machine: Machine) -> None:
    """They are refused at once, with the reason and the remedy."""
    machine.program(PROFILES[name].command[0])
    launch.check(PROFILES[name], machine.project(trusted=True))

    with pytest.raises(ServerError, match=r"would run code of .*--trust-workspace"):
        launch.connection(PROFILES[name], machine.project(trusted=False))


@pytest.mark.parametrize(
    ("file", "text", "refused"),
    [
        ("analysis_options.yaml", "linter:\n  rules: []\n", False),
        ("analysis_options.yaml", "include: package:lints/core.yaml\n", False),
        ("analysis_options.yaml", "include: ../shared.yaml\n", True),
        ("deep/down/analysis_options.yaml", "analyzer:\n  plugins: [x]\n", True),
        (".hidden/analysis_options.yaml", "plugins: [x]\n", False),
    ],
)
def test_dart_plug_ins_need_trust(file: str, text: str, refused: bool, machine: Machine) -> None:
    """The analysis server runs those that a workspace's options name."""
    (machine.root / file).parent.mkdir(parents=True, exist_ok=True)
    (machine.root / file).write_text(text)

    assert bool(PROFILES["dart"].runs_code(machine.project(trusted=False))) is refused


def test_jdt_ls_imports_no_build_without_trust(machine: Machine) -> None:
    """What Gradle, Maven and annotation processors would run is switched off in both places."""
    profile = PROFILES["eclipse-jdtls"]
    for trusted in (False, True):
        project = machine.project(trusted)
        options = launch.parameters(profile, project)["initializationOptions"]
        for java in (profile.settings(project)["java"], options["settings"]["java"]):
            assert java["import"]["maven"]["enabled"] is trusted
            assert java["import"]["gradle"]["enabled"] is trusted
            assert java["import"]["gradle"]["annotationProcessing"]["enabled"] is trusted
            assert java["autobuild"]["enabled"] is trusted
            assert (java["configuration"]["updateBuildConfiguration"] == "disabled") is not trusted


@pytest.mark.parametrize(
    ("name", "messages", "opens"),
    [
        ("eclipse-jdtls", [("language/status", {"type": "Starting"})], False),
        ("eclipse-jdtls", [("language/status", {"type": "ServiceReady"})], True),
        ("omnisharp", [], True),
        ("kotlin-language-server", [], True),
        ("solargraph", [("$/progress", _BEGIN["params"])], False),
        ("solargraph", [("$/progress", each["params"]) for each in _PROGRESS], True),
        ("solargraph", [("$/progress", each["params"]) for each in (*_PROGRESS, _BEGIN)], False),
        ("dart", [("$/progress", _BEGIN["params"])], False),
        ("dart", [("$/progress", each["params"]) for each in (*_PROGRESS, _BEGIN)], True),
    ],
)
def test_when_a_server_is_ready(
    name: str, messages: list[tuple[str, dict[str, Any]]], opens: bool
) -> None:
    """Dart analyses every change, and yet is not held up by that."""
    watched = gate(PROFILES[name])
    for method, params in messages:
        watched.notice(method, params)

    assert watched.is_open is opens
