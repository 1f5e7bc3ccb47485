"""Which variables language servers get."""

import os
import sys
from pathlib import Path

import pytest

from lsp_bridge.servers.environment import server_environment

KEY = "xyzzy"
"""A word that stands in no path: programs have variables that name their folders."""
SECRETS = {
    "MGD_API_KEY": KEY,
    "HF_TOKEN": KEY,
    "AWS_SECRET_ACCESS_KEY": KEY,
    "GITHUB_TOKEN": KEY,
    "OPENAI_API_KEY": KEY,
    "HTTPS_PROXY": "http://user:xyzzy@proxy",
    "GOPROXY": "https://user:xyzzy@modules",
    "NODE_OPTIONS": "--require /xyzzy.js",
    "LD_PRELOAD": "/xyzzy.so",
    "SSH_AUTH_SOCK": "/xyzzy.sock",
}


def test_nothing_secret_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what is known to be needed: keys have any name."""
    for name, value in {**SECRETS, "ANY_OTHER": KEY}.items():
        monkeypatch.setenv(name, value)

    assert not any(KEY in value for value in server_environment().values())


def test_what_programs_need_is_passed_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Home, languages, caches, tool chains; and PATH without relative folders."""
    wanted = {"HOME": str(tmp_path), "LC_ALL": "C.UTF-8", "XDG_CACHE_HOME": "/c", "GOPATH": "/go"}
    for name, value in {**wanted, "PATH": f"bin{os.pathsep}/usr/bin"}.items():
        monkeypatch.setenv(name, value)
    found = server_environment()

    assert wanted.items() <= found.items()
    assert found["PATH"] == os.pathsep.join((str(Path(sys.executable).parent), "/usr/bin"))


@pytest.mark.parametrize("home", [None, "/nowhere/at/all"])
def test_who_has_no_home_gets_one(monkeypatch: pytest.MonkeyPatch, home: str | None) -> None:
    """Go keeps its build cache there, and knows no other place."""
    monkeypatch.delenv("HOME", raising=False)
    if home is not None:
        monkeypatch.setenv("HOME", home)

    assert os.access(server_environment()["HOME"], os.W_OK)
