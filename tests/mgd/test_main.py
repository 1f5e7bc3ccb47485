"""The command as a process: output that nobody reads or that is lost, streams that are closed."""

import os
import subprocess
import sys
from pathlib import Path

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
