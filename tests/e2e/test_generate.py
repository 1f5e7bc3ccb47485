"""`mgd.generate` with the bundled model and real servers: no name is invented.

The weights change whenever the model is trained again, so no text is compared.
"""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import mgd
from decoding.engines.transformers import model as hf
from evaluation.invented import invented_names
from lsp_bridge import ServerPool
from monitors.protocols import Reason
from tests.servers import PYTHON, require

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
DEADLINE_S = 20.0

FILES = {
    "pyproject.toml": "[project]\nname = 'shop'\n",
    "src/shop/__init__.py": "",
    "src/shop/order.py": '''\
"""Orders."""

from dataclasses import dataclass, field

from shop.article import Article


@dataclass
class Order:
    """What a customer wants."""

    articles: list[Article] = field(default_factory=list)

    def total_cents(self) -> int:
        """Price of everything."""
        return sum(article.price_cents for article in self.articles)

    def heaviest_article(self) -> Article:
        """The one that needs two hands."""
        return max(self.articles, key=Article.weight_in_grams)

    @property
    def größe(self) -> int:
        """How many articles."""
        return len(self.articles)
''',
    "src/shop/article.py": '''\
"""Articles."""


class Article:
    """One thing to buy."""

    def __init__(self, label: str, price_cents: int) -> None:
        self.label = label
        self.price_cents = price_cents

    def weight_in_grams(self) -> int:
        """As on the scales."""
        return 10
''',
}
APP = '''\
"""Say what an order costs. 😀😀"""

from shop.order import Order


def describe(order: Order) -> str:
    """One line."""
    größe = "😀"; heaviest = order.heaviest_article()
    text = f"{größe}: {heaviest.|
    return text


def cheapest(order: Order) -> int:
    return min(article.price_cents for article in order.articles)
'''
"""The bar marks the cursor."""

CURSORS = {
    "f-string": APP,
    "operator": APP.replace('f"{größe}: {heaviest.|', "heaviest.|"),
    "before the operator": APP.replace('f"{größe}: {heaviest.|', "order|"),
    "middle of a name": APP.replace('f"{größe}: {heaviest.|', "order.hea|"),
    "new line": APP.replace(
        'text = f"{größe}: {heaviest.|', "x = [\n        article for article in|"
    ),
    "line ends of Windows": APP.replace('f"{größe}: {heaviest.|', "order.|").replace("\n", "\r\n"),
}


class Project:
    """A folder with the files, and a pool of one server for it."""

    def __init__(self, root: Path, pool: ServerPool) -> None:
        self.root = root
        self.pool = pool
        self.file = root / "src/shop/app.py"

    def write(self, text: str = APP) -> tuple[int, int]:
        """Write the file without the mark; returns the mark's line and column."""
        before, _, behind = text.partition("|")
        self.file.write_bytes((before + behind).encode())
        lines = before.replace("\r\n", "\n").split("\n")
        return len(lines), len(lines[-1]) + 1

    def complete(self, text: str = APP, **options: Any) -> mgd.Completion:
        """A completion at the mark."""
        position = self.write(text)
        settings: dict[str, Any] = {
            "max_new_tokens": 16,
            "deadline_s": DEADLINE_S,
            "pool": self.pool,
        }
        return mgd.generate(*model(), self.file, position, self.root, **(settings | options))

    def invented(self, result: mgd.Completion, text: str = APP) -> list[str]:
        """Names in the result that a fresh server does not list."""
        position = self.write(text)
        found: list[str] = []
        with ServerPool(self.root, servers=self.pool._servers) as fresh:
            for each in result.texts:
                found += invented_names(
                    self.file, position, each, self.root, deadline_s=DEADLINE_S, pool=fresh
                )
        return found


@cache
def model() -> tuple[Any, Any]:
    """The bundled model and its tokenizer."""
    return mgd.load_model(mgd.BUNDLED_MODEL)


def opened(root: Path, server: str) -> Iterator[Project]:
    """The project with a pool of ``server``."""
    require(server)
    with ServerPool(root, servers={"python": server}) as pool:
        yield Project(root, pool)


@pytest.fixture(scope="module")
def project(root: Path) -> Iterator[Project]:
    """With the default server."""
    yield from opened(root, "pyrefly")


@pytest.fixture(scope="module", params=PYTHON)
def every(request: pytest.FixtureRequest, root: Path) -> Iterator[Project]:
    """With each server in turn."""
    yield from opened(root, request.param)


def test_the_bundled_model_decodes_with_a_cache() -> None:
    """Without one each token costs as much as the whole prompt, and assisted decoding fails."""
    assert model()[0].generation_config.use_cache


@pytest.mark.parametrize("cursor", CURSORS)
def test_no_member_is_invented(every: Project, cursor: str) -> None:
    """Wherever the cursor stands; what a fresh server says is what counts."""
    result = every.complete(CURSORS[cursor])

    assert every.invented(result, CURSORS[cursor]) == []
    assert not set(result.stats.fail_open) & {
        Reason.TIMEOUT,
        Reason.CRASHED,
        Reason.BAD_ANSWER,
        Reason.SERVER_ERROR,
        Reason.NOT_STARTED,
    }


@pytest.mark.parametrize(
    "options",
    [
        {"temperature": 1.2, "seed": 1, "num_return_sequences": 3},
        {"num_beams": 3, "num_return_sequences": 2},
        {"prompt_lookup_num_tokens": 3},
        {"temperature": 2.0, "seed": 2, "top_k": 0},
        {"crossing": "split"},
        {"temperature": 1.5, "seed": 3, "crossing": "split", "num_return_sequences": 2},
    ],
    ids=["samples", "beams", "assisted", "hot", "split", "split samples"],
)
def test_every_way_of_decoding_keeps_to_the_members(
    project: Project, options: dict[str, Any]
) -> None:
    """Options of the engine change what is written, not what exists."""
    result = project.complete(CURSORS["operator"], **options)

    assert len(result.texts) == options.get("num_return_sequences", 1)
    assert project.invented(result, CURSORS["operator"]) == []
    assert result.stats.constrained >= 1


def test_the_first_name_is_one_of_the_class_in_another_file(project: Project) -> None:
    """Behind ``heaviest.`` a member of ``Article`` begins, none of ``Order``."""
    names = {"label", "price_cents", "weight_in_grams"}
    for seed in range(4):
        result = project.complete(
            CURSORS["operator"], temperature=3.0, seed=seed, top_k=0, max_new_tokens=3
        )
        start = result.text.lstrip(" \t\f\\\r\n")[:3]

        assert start.startswith("__") or any(name.startswith(start) for name in names)


def test_the_statistics_are_plausible(project: Project) -> None:
    """Counts fit together, and times too."""
    stats = project.complete(CURSORS["operator"]).stats

    assert 0 < stats.tokens <= 16
    assert stats.triggers == stats.constrained + sum(
        count for reason, count in stats.fail_open.items() if reason in ANSWERS
    )
    assert stats.constrained >= 1
    assert stats.masks >= 1
    assert 0 <= stats.waited_s <= stats.wall_s
    assert stats.crossing_rejected <= stats.crossing_judged
    assert stats.tokens_per_second == pytest.approx(stats.tokens / stats.wall_s)


ANSWERS = frozenset(Reason) - {Reason.EMPTY_MASK, Reason.REJECTED, Reason.INVALID_TEXT}
"""Reasons that are an answer to a trigger."""


@pytest.mark.parametrize("until", ["line", "statement", "function"])
def test_generation_ends_where_it_was_asked_to(project: Project, until: str) -> None:
    """A line ends in front of its line end; no rule reaches the next function."""
    result = project.complete(CURSORS["operator"], until=until, max_new_tokens=40)

    assert "def " not in result.text
    if until == "line" and "(" not in result.text and "[" not in result.text:
        assert "\n" not in result.text


def test_the_text_behind_the_cursor_is_given_to_the_model(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the bundled model fills in best: the suffix first, then what the middle follows."""
    prompts: list[list[int]] = []
    generate = hf.generate

    def watched(*arguments: Any) -> Any:
        prompts.append(list(arguments[1]))
        return generate(*arguments)

    monkeypatch.setattr(hf, "generate", watched)
    project.complete()
    tokenizer = model()[1]
    [text] = tokenizer.batch_decode(prompts)
    behind, _, before = text.partition("<|prefix|>")

    assert behind.startswith("<|suffix|>")
    assert "from shop.order import Order" in before
    assert "def cheapest(order: Order)" in behind


def test_no_file_is_changed(project: Project) -> None:
    """Neither the file that is completed, nor any other; none appears."""

    def state() -> dict[Path, tuple[bytes, int]]:
        files = [path for path in project.root.rglob("*") if path.is_file()]
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}

    position = project.write()
    before = state()
    mgd.generate(
        *model(), project.file, position, project.root, max_new_tokens=12, pool=project.pool
    )

    assert state() == before


def test_without_monitors_no_server_is_started(root: Path) -> None:
    """And nothing is asked."""
    with ServerPool(root) as pool:
        result = Project(root, pool).complete(monitors=False)

        assert pool.process_ids == ()
        assert result.stats.triggers == 0
        assert result.stats.tokens > 0


def test_the_workspace_is_found_and_its_pool_is_shared(root: Path) -> None:
    """Neither workspace nor pool need be named; a second call starts no second server."""
    bare = ServerPool(root)
    bare.close()
    place = Project(root, bare)
    position = place.write(CURSORS["operator"])
    pids = []
    for _ in range(2):
        result = mgd.generate(
            *model(), place.file, position, max_new_tokens=8, deadline_s=DEADLINE_S
        )
        assert result.stats.constrained >= 1
        _, shared = mgd.check_request(place.file, position)
        pids.append(shared.process_ids)

    assert len(pids[0]) == 1
    assert pids[0] == pids[1]


def test_the_constrained_text_is_reproducible(project: Project) -> None:
    """Greedy decoding gives the same text from a warm cache."""
    first, again = (project.complete(CURSORS["operator"]).text for _ in range(2))

    assert first == again


def test_nothing_is_asked_inside_a_comment(project: Project) -> None:
    """The text of a comment is the model's own."""
    result = project.complete("# A list of things to do. First:\n# os.|\n", until="line")

    assert result.stats.triggers == 0
    assert not result.stats.fail_open
