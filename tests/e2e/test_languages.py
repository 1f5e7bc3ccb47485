"""Completing and replaying code in every language, through its own live server."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import mgd
from evaluation.replay import Report
from lsp_bridge import ServerPool
from mgd.replaying import replay_paths
from monitors.languages.registry import LANGUAGES
from tests.servers import SAMPLES, Sample, require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
DEADLINE_S = 60.0


@cache
def model() -> tuple[Any, Any]:
    """The bundled model and its tokenizer."""
    return mgd.load_model(mgd.BUNDLED_MODEL)


class Project:
    """A sample on disk, and the server that is asked about it."""

    def __init__(self, server: str, sample: Sample, root: Path, pool: ServerPool) -> None:
        self.server = server
        self.sample = sample
        self.root = root
        self.pool = pool
        self.file = sample.write(root, "")

    def position(self) -> tuple[int, int]:
        """Behind the box's operator."""
        before = self.sample.text.replace("{n}", "").split("‸")[0]
        return before.count("\n") + 1, len(before) - before.rfind("\n")

    def ways_out(self) -> str:
        """What may legally stand there instead of a name: PHP's ``$box->{$name}``."""
        return "".join(each.exits for each in LANGUAGES[self.sample.language].operators)

    def complete(self, **options: Any) -> mgd.Completion:
        """A line behind the operator, unless ``options`` say otherwise."""
        return mgd.generate(
            *model(),
            self.file,
            self.position(),
            self.root,
            server=self.server,
            deadline_s=DEADLINE_S,
            pool=self.pool,
            **({"until": "line"} | options),
        )


@pytest.fixture(scope="module", params=SAMPLES)
def project(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Project]:
    """A small project in the language of a server."""
    require(request.param)
    root = tmp_path_factory.mktemp(request.param)
    with ServerPool(root) as pool:
        yield Project(request.param, SAMPLES[request.param], root, pool)


def test_a_model_completes_with_names_that_exist(project: Project) -> None:
    """Greedy and sampled, with a model that has never seen the language."""
    for options in ({}, {"temperature": 1.0, "seed": 1}, {"temperature": 1.0, "seed": 2}):
        result = project.complete(**options)
        name = re.match(r"\s*(\w+|\W)", result.text)

        assert result.stats.constrained >= 1
        assert name is not None
        assert name[1] in ("alpha", "beta", *project.ways_out()) or name[1].startswith("__")


def test_without_monitors_the_model_invents_names(project: Project) -> None:
    """So the constraint above is not the model's own merit."""
    results = [
        project.complete(monitors=False, temperature=1.0, seed=seed).text for seed in range(4)
    ]

    assert any(re.match(r"\s*(alpha|beta)\b", text) is None for text in results)


@pytest.mark.parametrize("crossing", ["verify", "split"])
def test_whatever_is_sampled_names_nothing_that_does_not_exist(
    project: Project, crossing: str
) -> None:
    """Wild text, several lines of it, judged by a server that is asked afresh."""
    texts = [
        project.complete(
            temperature=1.5, seed=seed, max_new_tokens=24, until=None, crossing=crossing
        ).text
        for seed in range(4)
    ]

    with ServerPool(project.root) as pool:
        for text in texts:
            invented = mgd.invented_names(
                project.file,
                project.position(),
                text,
                project.root,
                server=project.server,
                deadline_s=DEADLINE_S,
                pool=pool,
            )
            assert invented == [], text


def test_a_replay_allows_what_is_written(project: Project) -> None:
    """Token by token, and the report counts the site."""
    report: Report = replay_paths(
        [project.file],
        Path(mgd.BUNDLED_MODEL),
        server=project.server,
        workspace=project.root,
        deadline_s=DEADLINE_S,
    )

    assert report.constrained_sites >= 1
    assert report.forbidden == []
    assert report.allowed_sites == report.constrained_sites
