"""The command as it is installed, on the example project, in a process of its own."""

import json
import os
import pty
import re
import shlex
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from lsp_bridge import PROFILES
from tests.fakes import gone
from tests.servers import PYTHON, require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
ROOT = Path(__file__).parents[2]
HARBOR = ROOT / "examples" / "harbor"
MANIFEST = HARBOR / "src/harbor/manifest.py"
COMMAND = [sys.executable, "-m", "mgd"]
# A test run in the background of a shell ignores Ctrl-C, and so would what it starts.
LISTEN = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
INTERRUPTIBLE = [sys.executable, "-c", f"{LISTEN}; from mgd.__main__ import main; main()"]


def mgd(*arguments: object) -> "subprocess.CompletedProcess[str]":
    """A run of the command, from the repository's root."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False
    )


def spot(file: Path, text: str) -> str:
    """The place right behind the first ``text`` in a file, as the command takes it."""
    before = file.read_text()
    before = before[: before.index(text) + len(text)]
    return f"{file}:{before.count(chr(10)) + 1}:{len(before.rpartition(chr(10))[2]) + 1}"


@pytest.mark.parametrize("server", PYTHON)
def test_a_completion_names_a_member(server: str) -> None:
    """Behind ``vessel.`` comes a member of the class that another file defines."""
    require(server)
    place = spot(MANIFEST, "total += vessel.")
    ran = mgd("complete", place, "--server", server, "--json")
    value = json.loads(ran.stdout)
    names = {"call_sign", "length_m", "draught_m", "holds"}
    names |= {"cargo_total", "roomiest_hold", "is_laden"}
    name = re.match(r"\w*", value["text"])

    assert (ran.returncode, ran.stderr) == (0, "")
    assert name is not None
    assert name[0].startswith("__") or name[0] in names, value["text"]
    assert value["stats"]["constrained"] >= 1


def test_a_completion_is_printed_as_it_would_be_inserted() -> None:
    """Nothing but the text, and no file is changed."""
    before = MANIFEST.read_bytes()
    ran = mgd("complete", spot(MANIFEST, "total += vessel."), "--until", "3 tokens")

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.endswith("\n")
    assert MANIFEST.read_bytes() == before


def test_points_that_went_unguided_are_counted(tmp_path: Path) -> None:
    """In one line on standard error, with the reasons; the names there may be invented."""
    (tmp_path / "a.py").write_text("def f(x):\n    x.\n")
    ran = mgd("complete", f"{tmp_path}/a.py:2:7", "--until", "1", "--json")
    value = json.loads(ran.stdout)
    [(reason, count)] = value["stats"]["fail_open"].items()

    assert (ran.returncode, count) == (0, 1)
    assert value["workspace"] == str(tmp_path)
    unguided = f"mgd: unguided at 1 point ({reason} 1), guided at 0"
    assert ran.stderr == f"{unguided}; the workspace is {tmp_path}\n"


def test_a_terminal_shows_what_goes_on() -> None:
    """Loading a model and starting a server take a while; standard output is not touched."""
    theirs, ours = pty.openpty()
    place = spot(MANIFEST, "total += vessel.")
    with subprocess.Popen(
        [*COMMAND, "complete", place, "--until", "3 tokens"],
        cwd=ROOT,
        env=os.environ | {"TERM": "xterm"},
        stdout=subprocess.PIPE,
        stderr=ours,
        text=True,
    ) as process:
        os.close(ours)
        output, _ = process.communicate(timeout=150)
    shown = b""
    with suppress(OSError):  # the other end is closed
        while data := os.read(theirs, 65536):
            shown += data
    os.close(theirs)

    assert process.returncode == 0
    assert b"loading the bundled model" in shown
    assert b"completing" in shown
    assert "\x1b" not in output
    assert len(output.splitlines()) == 1


def test_a_replay_of_finished_code_forbids_nothing() -> None:
    """Every name in the example exists, so every mask lets it pass."""
    ran = mgd("replay", HARBOR / "src/harbor/vessel.py", "--json", "--deadline-ms", 30_000)
    report = json.loads(ran.stdout)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert report["server"] == "pyrefly"
    assert report["files"] == 1
    assert report["tokens"] > 100
    assert report["dereference_sites"] > 5
    assert report["constrained_sites"] > 5
    assert report["forbidden"] == []
    assert report["allowed_share"] == 1.0
    assert report["query_ms"]["p50"] > 0
    assert report["baseline_s"] == 0


def test_a_replay_finds_names_that_do_not_exist(tmp_path: Path) -> None:
    """Printed as places, under a table."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "a.py").write_text("import os\n" * 99 + "x = os.no_such_name\ny = os.sep\n")
    ran = mgd("replay", tmp_path, "--deadline-ms", 30_000)

    assert (ran.returncode, ran.stderr) == (0, "")
    assert f"forbidden: {tmp_path / 'a.py'}:100:8 no_such_name: not in the server's list" in (
        ran.stdout
    )


def test_a_replay_of_a_file_outside_the_workspace_is_refused(tmp_path: Path) -> None:
    """With one line that names the workspace."""
    ran = mgd("replay", MANIFEST, "--workspace", tmp_path)

    assert ran.returncode == 2
    assert ran.stderr.startswith("mgd: ")
    assert len(ran.stderr.splitlines()) == 1


def test_the_doctor_is_content_here() -> None:
    """Everything that completion needs is installed."""
    ran = mgd("doctor")

    assert (ran.returncode, ran.stderr) == (0, "")
    for name in (*PROFILES, "torch", "transformers", "bundled python model"):
        assert name in ran.stdout


def descendants(pid: int) -> dict[int, str]:
    """Command lines of all processes below ``pid``, by process id."""
    found = {}
    for child in psutil.Process(pid).children(recursive=True):
        try:
            found[child.pid] = " ".join(child.cmdline())
        except psutil.Error:
            continue
    return found


def when_a_server_runs(process: "subprocess.Popen[str]", name: str) -> dict[int, str]:
    """The processes below ``process``, as soon as the server ``name`` is one of them."""
    end_s = time.monotonic() + 60
    while time.monotonic() < end_s and process.poll() is None:
        running = descendants(process.pid)
        if any(name in command for command in running.values()):
            return running
        time.sleep(0.05)
    raise AssertionError(f"no {name} was started; exit code {process.poll()}")


@pytest.mark.parametrize(
    ("ending", "whole_group"),
    [(signal.SIGINT, True), (signal.SIGINT, False), (signal.SIGTERM, False)],
    ids=["ctrl-c", "interrupt", "terminate"],
)
@pytest.mark.parametrize("delay_s", [0.0, 1.0], ids=["starting", "working"])
def test_an_interrupted_command_leaves_nothing_behind(
    ending: signal.Signals, whole_group: bool, delay_s: float
) -> None:
    """No server, no child of one, no stack trace; 130 tells the shell that it was Ctrl-C."""
    if sys.platform != "linux" and ending is not signal.SIGINT:
        pytest.skip("the kernel is asked to end servers on Linux only")
    # A replay at a second a step is still at work when the signal comes, whatever the model does.
    arguments = ["replay", str(HARBOR / "src/harbor/berth.py"), "--step-ms", "1000"]
    if not delay_s:
        arguments = ["complete", spot(MANIFEST, "total += vessel."), "--temperature", "3"]
    with subprocess.Popen(
        [*INTERRUPTIBLE, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        running = when_a_server_runs(process, "pyrefly")
        time.sleep(delay_s)
        running |= descendants(process.pid)
        if whole_group:  # as a terminal does it
            os.killpg(process.pid, ending)
        else:
            process.send_signal(ending)
        _, errors = process.communicate(timeout=30)

    assert process.returncode == (130 if ending is signal.SIGINT else -ending)
    assert "Traceback" not in errors
    assert gone(set(running))


@pytest.mark.parametrize("module", ["typer", "mgd.models", "torch", "transformers"])
def test_an_interrupt_during_imports_is_quiet(module: str) -> None:
    """Before the command line is read, and before the engine is there."""
    program = f"{LISTEN}; from mgd.__main__ import main; main()"
    place = spot(MANIFEST, "total += vessel.")
    command = [sys.executable, "-X", "importtime", "-c", program, "complete", place]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.rpartition("|")[2].strip().startswith(module):
                break
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)

    said = [line for line in errors.splitlines() if not line.startswith("import time:")]
    assert (process.returncode, said) == (130, [])


@pytest.mark.parametrize(
    ("arguments", "ending", "code"),
    [
        (["doctor"], "| true", 0),
        (["doctor"], ">&-", 0),
        (["nope"], "<&- >&- 2>&-", 2),
        (["complete", "{place}", "--no-monitors", "--until", "2"], "| head -0", 0),
    ],
)
def test_nobody_need_read_what_is_printed(arguments: list[str], ending: str, code: int) -> None:
    """A pipe whose reader has gone, or a closed stream: no trace, and the usual exit code."""
    place = spot(MANIFEST, "total += vessel.")
    words = shlex.join(
        [sys.executable, "-m", "mgd", *(word.format(place=place) for word in arguments)]
    )
    ran = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {words} {ending}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )

    assert ran.returncode == code
    assert "Traceback" not in ran.stderr
    assert "Exception" not in ran.stderr


def test_output_that_cannot_be_written_is_an_error() -> None:
    """As on a disk that is full: one line, and an exit code that scripts notice."""
    with Path("/dev/full").open("w") as full:
        ran = subprocess.run(
            [sys.executable, "-m", "mgd", "doctor"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=150,
            check=False,
        )

    assert (ran.returncode, ran.stderr) == (1, "mgd: standard output: No space left on device\n")
