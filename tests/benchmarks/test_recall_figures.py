"""The recall benchmark: which sites are asked about, and what is kept of the answers."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from benchmarks import corpora, packages, recall
from benchmarks.recall import Project
from evaluation.recall import Place, Recall, places
from lsp_bridge import PROFILES
from tests.fakes import misbehaving

TEXT = "# good fine\nx.good(1)\nx.bad\nx.fine\n"


def project(folder: Path, name: str, text: str = TEXT, language: str = "python") -> Project:
    """A project of one file."""
    (folder / name).mkdir()
    file = folder / name / "a.py"
    file.write_text(text)
    return Project(language, name, "1.0", folder / name, list(places([file])))


def _counts(chosen: Iterable[tuple[Project, list[Place]]]) -> dict[str, int]:
    return {project.name: len(sites) for project, sites in chosen}


def test_sites_are_spread_evenly_over_projects(tmp_path: Path) -> None:
    """What a small project lacks comes from the others."""
    sizes = {"big": 100, "small": 3, "middle": 20}
    every = [project(tmp_path, name, "x.n\n" * size) for name, size in sizes.items()]

    assert _counts(recall.shares(every, 30)) == {"small": 3, "middle": 14, "big": 13}
    assert _counts(recall.shares(every, 9)) == {"small": 3, "middle": 3, "big": 3}
    assert _counts(recall.shares(every, 1000)) == {"small": 3, "middle": 20, "big": 100}


def test_figures_of_a_server_on_two_projects(tmp_path: Path) -> None:
    """In all and for each one; misses name the project and hold the line."""
    profiles = {"fake": misbehaving("none")}
    every = [
        project(tmp_path, "one"),
        project(tmp_path, "two", "# none\nx.none\n"),
        project(tmp_path, "other", language="cobol"),
    ]
    said: list[str] = []
    outcome = recall.run(["fake"], said.append, 4, every, profiles)
    values = outcome.figures["fake, python"]

    assert list(outcome.figures) == ["fake, python"]
    assert (values["sites"], values["answered_share"], values["recall"]) == (4, 1.0, 0.75)
    assert values["misses"] == [
        {
            "project": "one",
            "path": "a.py",
            "line": 3,
            "column": 3,
            "name": "bad",
            "source": "x.bad",
            "cause": "not listed (3 names)",
        }
    ]
    assert values["projects"]["one"]["recall"] == 0.66667
    assert values["projects"]["two"] == {
        "sites": 1,
        "answered_share": 1.0,
        "recall": 1.0,
        "unanswered": {},
    }
    assert outcome.settings["projects"]["python: two"] == "1.0"
    assert said[0] == "recall: fake, two: 1 sites, 1 answered, 0 missed"


def test_counts_are_added_and_extremes_are_kept() -> None:
    """The slowest start and the most memory of all projects."""
    one = Recall("a", "1", "go", sites=3, latency_ms=[1.0], start_s=2.0, rss_bytes=10)
    two = Recall("a", "1", "go", sites=4, latency_ms=[5.0], start_s=None, rss_bytes=7)
    one.unanswered["timeout"] += 2
    two.unanswered["timeout"] += 1
    total = recall.merge([one, two])

    assert (total.sites, total.answered, total.start_s, total.rss_bytes) == (7, 4, 2.0, 10)
    assert total.latency_ms == [1.0, 5.0]


def test_bars_are_checked_for_servers_that_have_some() -> None:
    """Recall and answered share, each at least its target."""
    values = {"language": "python", "answered_share": 0.9, "recall": 0.994}
    figures = {name: values | {"server": name} for name in ("pyrefly", "ty")}
    found = {check.what: check.met for check in recall.checks(figures)}

    assert found == {"pyrefly, python: recall": False, "pyrefly, python: answered": True}


@pytest.mark.parametrize(("server", "language"), recall.BARS)
def test_every_bar_is_that_of_a_server_and_of_projects(server: str, language: str) -> None:
    """Python's projects are packages."""
    languages = {corpus.language for corpus in corpora.CORPORA} | {"python"}

    assert language in PROFILES[server].languages & languages
    assert set(recall.PYTHON) <= {package.name for package in packages.PACKAGES}
