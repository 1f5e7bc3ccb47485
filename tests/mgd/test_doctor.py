"""What ``mgd doctor`` looks for, and when it is content."""

import io
import sys
from pathlib import Path

import pytest
from rich.console import Console

from lsp_bridge import PROFILES
from lsp_bridge.servers import installed
from mgd import doctor
from mgd.doctor import Finding, can_complete, examine, print_findings
from tests.fakes import misbehaving

PRESENT = Finding("server", "pyrefly", "1.0", "", True)
ABSENT = Finding("server", "jedi", None, "pip install multilspy", False)
MISSING = Finding("engine", "torch", None, "pip install torch", True)
EXTRA = Finding("engine", "llama.cpp", None, "pip install 'a[b]'", False)


def test_only_what_is_required_counts() -> None:
    """A second server may be absent; the engine may not."""
    assert can_complete([PRESENT, ABSENT])
    assert not can_complete([PRESENT, ABSENT, MISSING])


def test_the_table_has_a_line_for_each_finding() -> None:
    """Missing is what is needed, absent what is not; both say how to get it."""
    out = io.StringIO()
    print_findings([PRESENT, ABSENT, MISSING, EXTRA], Console(file=out, width=120))
    lines = [line.split() for line in out.getvalue().splitlines()]

    assert ["ok", "server", "pyrefly", "1.0"] in lines
    assert ["absent", "server", "jedi", "pip", "install", "multilspy"] in lines
    assert ["missing", "engine", "torch", "pip", "install", "torch"] in lines
    assert ["absent", "engine", "llama.cpp", "pip", "install", "'a[b]'"] in lines


def test_every_profile_is_looked_for() -> None:
    """The first one is what completion needs."""
    servers = [finding for finding in examine() if finding.kind == "server"]

    assert [finding.name for finding in servers] == list(PROFILES)
    assert [finding.name for finding in servers if finding.required] == ["pyrefly"]


def test_an_incomplete_model_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that were not installed are found out before they are needed."""
    monkeypatch.setattr(doctor, "BUNDLED_MODEL", str(tmp_path))
    [model] = [finding for finding in examine() if finding.kind == "model"]

    assert model.version is None
    assert model.fix
    assert not can_complete([model])


@pytest.mark.parametrize(
    ("code", "version"),
    [
        ("print('server 1.2.3-rc1')", "1.2.3-rc1"),
        ("import sys; print('v0.9', file=sys.stderr)", "0.9"),
        ("print('hello')", "?"),
        ("raise SystemExit(3)", None),
    ],
    ids=["on stdout", "on stderr", "no number", "fails"],
)
def test_a_server_is_asked_for_its_version(code: str, version: str | None) -> None:
    """One that does not run is as good as missing."""
    profile = misbehaving("none", version_command=(sys.executable, "-c", code))

    assert installed.version(profile) == version


def test_a_server_that_is_not_found_has_no_version() -> None:
    """One that is found and has no version command has some version."""
    assert installed.version(misbehaving("none", command=("no-such-server",))) is None
    assert installed.version(misbehaving("none")) == "?"
