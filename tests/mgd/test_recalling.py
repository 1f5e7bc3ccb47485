"""What ``mgd recall`` measures, what it refuses, and how its figures are printed."""

import io
from collections import Counter
from pathlib import Path

import pytest
from rich.console import Console

from evaluation.recall import Miss, Recall
from mgd.recalling import Benchmark, print_recalls, recall_paths, share_to_fail_under, warnings
from monitors.errors import ServerError, UsageError


def write(root: Path, **texts: str) -> Path:
    """A folder of files: ``name__suffix`` to text."""
    root.mkdir(exist_ok=True)
    for name, text in texts.items():
        (root / name.replace("__", ".")).write_text(text)
    return root


def pairs(benchmark: Benchmark, *servers: str) -> list[tuple[str, str]]:
    """Servers and languages that are to be measured."""
    return [(profile.name, language) for profile, language in benchmark.plan(servers)]


def test_without_a_name_each_language_has_its_default_server(tmp_path: Path) -> None:
    """Languages that have none installed are left out, and it is said why."""
    write(tmp_path, a__py="x.y\n", a__kt="val x = a.b\n")
    benchmark = Benchmark([tmp_path])

    assert ("pyrefly", "python") in pairs(benchmark)


def test_every_named_server_is_measured_on_what_it_understands(tmp_path: Path) -> None:
    """In the order in which they were named."""
    write(tmp_path, a__py="x.y\n", a__rb="x.y\n")

    assert pairs(Benchmark([tmp_path]), "jedi", "pyrefly") == [
        ("jedi", "python"),
        ("pyrefly", "python"),
    ]


def test_servers_that_cannot_answer_are_refused(tmp_path: Path) -> None:
    """Unknown ones, and those for other languages."""
    write(tmp_path, a__rb="x.y\n")
    benchmark = Benchmark([tmp_path])

    with pytest.raises(ServerError, match="unknown language server 'nope'"):
        benchmark.plan(["nope"])
    with pytest.raises(ServerError, match="pyrefly answers for python; found only ruby"):
        benchmark.plan(["pyrefly"])


def test_paths_without_a_dereference_are_refused(tmp_path: Path) -> None:
    """There is nothing to ask."""
    write(tmp_path, a__py="x = 1\n")

    with pytest.raises(UsageError, match="found no dereference"):
        Benchmark([tmp_path])
    with pytest.raises(UsageError, match="does not exist"):
        Benchmark([tmp_path / "b"])


def test_files_that_cannot_be_read_are_named_where_nothing_else_is_found(tmp_path: Path) -> None:
    """It is not that they hold no dereference."""
    (tmp_path / "a.py").write_bytes("x = 'größe'.upper()\n".encode("latin-1"))

    with pytest.raises(UsageError, match=r"found no dereference.*a\.py is not UTF-8"):
        Benchmark([tmp_path])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0}, "limit of 0 sites; expected 1 or more"),
        ({"deadline_s": 0}, "deadline of 0 s; expected more than 0"),
        ({"suffix_from": "word"}, "--suffix-from 'word'; expected name or line"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(
    tmp_path: Path, options: dict[str, int | str], message: str
) -> None:
    """Before any file is read."""
    with pytest.raises(UsageError, match=message):
        recall_paths([tmp_path / "missing"], **options)  # type: ignore[arg-type]


def recall_of(sites: int, misses: int, **reasons: int) -> Recall:
    """Figures of a server on some sites."""
    recall = Recall("gopls", "0.5", "go", sites=sites, unanswered=Counter(reasons))
    recall.misses += [Miss("a.go", 1, 1, "nope", "not listed (1 name)")] * misses
    return recall


@pytest.mark.parametrize(
    ("recall", "share"),
    [
        (recall_of(10, 0), 1.0),
        (recall_of(10, 1), 0.9),
        (recall_of(10, 1, unknown_type=5), 0.8),
        (recall_of(10, 0, unknown_type=10), 1.0),
        (recall_of(10, 0, server_error=6), 0.0),
        (recall_of(10, 0, timeout=3, server_crashed=2), 1.0),
    ],
)
def test_what_a_recall_fails_under(recall: Recall, share: float) -> None:
    """Missed names count, and so does a server that failed at most sites; the worst one decides."""
    assert share_to_fail_under([recall]) == share
    assert share_to_fail_under([recall_of(9, 0), recall]) == share
    assert bool(warnings([recall])) is (share == 0)


def test_one_site_is_not_called_sites() -> None:
    """Nor is one name called names."""
    assert warnings([recall_of(1, 0, timeout=1)]) == ["gopls failed at 1 of 1 go site"]


@pytest.mark.e2e
def test_every_path_has_an_equal_share_of_a_sample(tmp_path: Path) -> None:
    """A small project beside a large one is measured too; a file of both counts once."""
    for name, count in (("large", 100), ("small", 4)):
        write(tmp_path / name, a__py="import os\n" + "os.nope\n" * count)
    paths = [tmp_path / "large", tmp_path / "small", tmp_path]
    recalls, _ = recall_paths(paths, ["jedi"], workspace=tmp_path, limit=8)

    assert recalls[0].sites == 8
    assert [Path(miss.path).parent.name for miss in recalls[0].misses] == [
        *["large"] * 4,
        *["small"] * 4,
    ]


def test_figures_are_printed_with_reasons_and_misses() -> None:
    """Each missed name as a place that editors and terminals can open."""
    recall = Recall("clangd", "22.1", "cpp", sites=8, unanswered=Counter(unknown_type=4))
    recall.misses.append(Miss("a[b].cc", 100, 5, "nope", "not listed (3 names)"))
    recall.latency_ms += [12.0, 13.0]
    recall.start_s, recall.rss_bytes = 0.5, 140_000_000
    out = io.StringIO()
    print_recalls([recall], ["b.cc is not UTF-8"], Console(file=out, width=200, emoji=False))
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]

    assert lines[1] == "clangd 22.1 cpp 8 50.00% 75.00% 12.5 12.9 13 0.5 140"
    assert lines[2] == "clangd, cpp: unanswered: unknown_type 4"
    assert lines[3] == "skipped: b.cc is not UTF-8"
    assert lines[4] == "missed: a[b].cc:100:5 nope: clangd, not listed (3 names)"


PYTHON = """\
class Order:
    def total(self) -> int:
        return 1

order = Order()
order.total()
order.no_such_name
"""


@pytest.mark.e2e
def test_a_real_server_recalls_what_exists_and_misses_what_does_not(tmp_path: Path) -> None:
    """Each path in the workspace that it lies in, the figures in one object."""
    for name in ("shop", "bank"):
        write(tmp_path / name, a__py=PYTHON, pyproject__toml="")
    recalls, skipped = recall_paths([tmp_path / "shop", tmp_path / "bank"], ["pyrefly"])
    values = recalls[0].as_dict()

    assert (len(recalls), skipped) == (1, [])
    assert (values["server"], values["language"], values["sites"]) == ("pyrefly", "python", 4)
    assert (values["answered_share"], values["recall"]) == (1.0, 0.5)
    assert [(miss["line"], miss["column"], miss["name"]) for miss in values["misses"]] == [
        (7, 7, "no_such_name"),
        (7, 7, "no_such_name"),
    ]
    assert values["version"][0].isdigit()
