"""How servers are found and started."""

import os
import sys
from pathlib import Path

import pytest

from lsp_bridge.servers import launch
from lsp_bridge.servers.project import discover
from tests.fakes import misbehaving


def test_programs_and_modules_are_never_looked_for_in_the_workspace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers run there, and relative folders of the user's variables would mean it."""
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", "bin", str(tmp_path / "bin")]))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "src", str(tmp_path / "lib")]))
    connection = launch.connection(misbehaving("none"), discover(tmp_path))
    environment = connection.process_launch_info.env

    beside = str(Path(sys.executable).parent)
    assert environment["PATH"].split(os.pathsep) == [beside, str(tmp_path / "bin")]
    assert environment["PYTHONPATH"] == str(tmp_path / "lib")
    assert environment["PYTHONSAFEPATH"] == "1"
