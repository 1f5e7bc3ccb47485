"""The command as a process: output that nobody reads or that is lost, streams that are closed."""

import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from mgd import __main__ as entry


def test_a_reader_that_has_gone_is_no_loss(capsys: pytest.CaptureFixture[str]) -> None:
    """Everything counts as written, and the exit code stays what it is."""
    reading, writing = os.pipe()
    with entry._Outlet(writing, "wb") as outlet:
        assert outlet.write(b"read") == 4
        os.close(reading)
        assert outlet.write(b"unread") == 6

    assert isinstance(outlet.failure, BrokenPipeError)
    assert entry._judge(outlet.failure) == 0
    assert capsys.readouterr().err == ""


def test_output_that_is_lost_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing raises where it was written; the end says why."""
    with entry._Outlet("/dev/full", "wb") as outlet:
        assert outlet.write(b"lost") == 4

    assert outlet.failure is not None
    assert entry._judge(outlet.failure) == 1
    assert capsys.readouterr().err == "mgd: standard output: No space left on device\n"


def test_a_stream_is_open_or_not(tmp_path: Path) -> None:
    """By its number alone."""
    number = os.open(tmp_path, os.O_RDONLY)

    assert entry._is_open(number)
    os.close(number)
    assert not entry._is_open(number)


@pytest.mark.parametrize("arguments", [["--help"], ["nope"]])
def test_the_command_as_a_module(arguments: list[str]) -> None:
    """``python -m mgd`` is ``mgd``; the exit code is the command's."""
    ran = subprocess.run(
        [sys.executable, "-m", "mgd", *arguments],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ran.returncode == (0 if arguments == ["--help"] else 2)
    assert "complete" in ran.stdout or "nope" in ran.stderr


def test_an_interrupt_in_a_finalizer_ends_the_command() -> None:
    """Python drops an exception there; the command would go on as if nobody had pressed Ctrl-C."""
    program = """
        import os, signal
        from mgd import __main__, cli

        class Interrupted:
            def __del__(self):
                os.kill(os.getpid(), signal.SIGINT)

        def run():
            del [Interrupted()][0]
            print("went on")
            return 0

    """
    ran = _ran(program)

    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


def test_an_interrupt_shows_the_cursor_again() -> None:
    """The line that tells how far a command is hides it."""
    program = """
        import os, signal, time
        from rich.console import Console
        from mgd import __main__, cli, progress

        def run():
            with progress.shown(Console(stderr=True, force_terminal=True)) as show:
                show("working")
                os.kill(os.getpid(), signal.SIGINT)

    """
    ran = _ran(program)

    assert ran.returncode == 130
    assert ran.stderr.rfind("\x1b[?25h") > ran.stderr.rfind("\x1b[?25l") > -1


def _ran(program: str) -> "subprocess.CompletedProcess[str]":
    """The command as a process of its own, in which Ctrl-C counts, with the program's ``run``."""
    start = """
        signal.signal(signal.SIGINT, signal.default_int_handler)
        cli.run = run
        __main__.main()
    """
    return subprocess.run(
        [sys.executable, "-c", dedent(program) + dedent(start)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "TERM": "xterm"},
    )
