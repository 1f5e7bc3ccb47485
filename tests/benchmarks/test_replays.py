"""Replays of real projects: what counts for which target."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks import languages, replay
from benchmarks.corpora import Corpus, prepare
from benchmarks.packages import DYNAMIC, PACKAGES
from benchmarks.vocabularies import Loaded
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from evaluation.replay import Report
from lsp_bridge import PROFILES
from lsp_bridge.servers import installed
from mgd import BUNDLED_MODEL


def figures(refused: int, refused_dynamic: int) -> dict[str, Any]:
    """Those of a server on packages, and on ones that make attributes at run time."""
    rest = {"allowed_share": 1.0, "covered_share": 0.9, "covered_share_annotated": 0.9}
    dynamic = {"tokens": 1000, "refused_tokens": refused_dynamic, "allowed_share": 0.9}
    counts = {"tokens": 9000, "refused_tokens": refused, "constrained_sites": 1000}
    return {"pyrefly": rest | counts | {"dynamic": dynamic}}


def met(found: dict[str, Any]) -> dict[str, bool]:
    """Targets of a server by name, and whether they are met."""
    return {check.what: check.met for check in replay.checks("pyrefly", found)}


@pytest.mark.parametrize(("refused", "dynamic", "allowed"), [(10, 0, True), (5, 6, False)])
def test_all_packages_count_among_all_tokens(refused: int, dynamic: int, allowed: bool) -> None:
    """One in a thousand may be refused, wherever it stands."""
    found = met(figures(refused, dynamic))

    assert found["pyrefly: true token allowed, of all tokens"] is allowed


def test_mappers_and_platform_code_have_a_target_of_their_own() -> None:
    """They do not hide behind the others, nor lower their shares."""
    found = met(figures(0, 0))

    what = "pyrefly: true token allowed in mappers and platform code, at constrained sites"
    assert found[what] is False
    assert found["pyrefly: true token allowed at constrained sites"] is True


def test_no_package_is_of_both_kinds() -> None:
    """At least two mappers are measured, and code for several platforms."""
    names = {package.name for package in DYNAMIC}

    assert {"Django", "SQLAlchemy", "peewee", "psutil"} <= names
    assert not names & {package.name for package in PACKAGES}


def test_every_language_has_a_bar_of_all_its_tokens() -> None:
    """Whatever its sites say."""
    shares = {"clangd, cpp": {"allowed_token_share": 0.9989}, "gopls, go": {}}
    shares["gopls, go"] = {"allowed_token_share": 0.999}

    assert [check.met for check in languages.checks(shares)] == [False, True]


@pytest.mark.e2e
@pytest.mark.skipif(installed.version(PROFILES["clangd"]) is None, reason="needs clangd")
def test_a_project_is_replayed_with_the_server_of_its_language(tmp_path: Path) -> None:
    """Refused names are there with their lines, and a file without a dereference is left out."""
    text = "struct A { int b; };\nint f(A a) { return a.b + a.nope; }\n"
    corpus = Corpus(
        language="cpp",
        name="shop",
        files={"src/a.cpp": text, "src/b.cpp": "int x;\n", "src/c.py": "import os\nos.path\n"},
        compiler=("c++", "-std=c++17"),
        measured=("src",),
    )
    loaded = Vocabulary.load(BUNDLED_MODEL)
    vocabulary = Loaded("bundled", loaded, TokenIndex(loaded.vocabulary))
    root = prepare(corpus, tmp_path)
    report: Report = languages.replay_corpus(corpus, root, vocabulary, 10)

    assert (report.server, report.files, report.dereference_sites) == ("clangd", 1, 2)
    assert [entry.name for entry in report.forbidden] == ["nope"]
    assert report.refused_tokens >= 1
