"""Figures of a server: what is asked, what is counted, and how it is put into numbers."""

from pathlib import Path

import pytest

from evaluation.recall import Miss, Place, Recall, SuffixFrom, measure, places
from evaluation.sites import sample
from lsp_bridge import Profile, ServerPool
from tests.fakes import misbehaving

TEXT = "# good fine\nx.good(1)\nx.bad\nx.fine\n"


def source(folder: Path, text: str = TEXT) -> list[Place]:
    """Sites of a file that is written first."""
    path = folder / "a.py"
    path.write_text(text)
    return list(places([path]))


def measured(folder: Path, profile: Profile, found: list[Place], deadline_s: float = 5.0) -> Recall:
    """Figures of a server that answers with the words of the first line."""
    recall = Recall(profile.name, "1.0", "python")
    with ServerPool(folder, profiles={profile.name: profile}) as pool:
        measure(pool, found, recall, deadline_s=deadline_s)
    return recall


def test_the_document_ends_behind_the_operator_and_goes_on_behind_the_name(tmp_path: Path) -> None:
    """As when a name is replaced in an editor."""
    first = source(tmp_path)[0]
    document = first.query(TEXT).document

    assert document.prefix == "# good fine\nx."
    assert document.suffix == "(1)\nx.bad\nx.fine\n"
    assert (document.language, document.path) == ("python", str(tmp_path / "a.py"))


def test_the_document_may_go_on_behind_the_line(tmp_path: Path) -> None:
    """As when the line is still being written; the last line has nothing behind it."""
    found = source(tmp_path, "x.a.b(1)\r\nx.c")
    suffixes = [each.query("x.a.b(1)\r\nx.c", SuffixFrom.LINE).document.suffix for each in found]

    assert suffixes == ["\r\nx.c", "\r\nx.c", ""]


def test_files_without_a_grammar_have_no_places(tmp_path: Path) -> None:
    """They may lie in the same folder."""
    (tmp_path / "a.dart").write_text("a.b;\n")
    found = [*places([tmp_path / "a.dart"]), *source(tmp_path)]

    assert [place.site.name for place in found] == ["good", "bad", "fine"]


def test_a_sample_is_spread_evenly_and_always_the_same(tmp_path: Path) -> None:
    """At equal distances, so that every part of a project has its share."""
    found = source(tmp_path, "".join(f"x.n{index}\n" for index in range(100)))
    names = [place.site.name for place in sample(found, 4)]

    assert names == ["n12", "n37", "n62", "n87"]
    assert sample(found, 100) == sample(found, 1000) == found
    assert sample([], 5) == []


def test_listed_names_are_recalled_and_others_are_missed(tmp_path: Path) -> None:
    """A miss says where, and how long the list was."""
    found = source(tmp_path)
    recall = measured(tmp_path, misbehaving("none"), found)
    values = recall.as_dict()

    assert recall.misses == [
        Miss(str(tmp_path / "a.py"), 3, 3, "bad", "not listed (3 names)"),
    ]
    assert values["answered_share"] == 1.0
    assert values["recall"] == pytest.approx(2 / 3, abs=1e-5)
    assert len(recall.latency_ms) == 2, "the first answer belongs to the start"
    assert 0 < values["start_s"] < 60
    assert 5 < values["rss_mb"] < 500


def test_refusals_are_counted_by_reason_and_cost_no_recall(tmp_path: Path) -> None:
    """The share of answered sites says how many there were."""
    profile = misbehaving("empty", tmp_path / "marker")
    values = measured(tmp_path, profile, source(tmp_path)).as_dict()

    assert values["unanswered"] == {"empty_list": 1}
    assert values["answered_share"] == pytest.approx(2 / 3, abs=1e-5)
    assert values["recall"] == 0.5


def test_a_server_that_cannot_be_started_costs_its_sites_and_no_time(tmp_path: Path) -> None:
    """The run goes on with the next server."""
    values = measured(tmp_path, misbehaving("crash_at_start"), source(tmp_path)).as_dict()

    assert sum(values["unanswered"].values()) == values["sites"] == 3
    assert values["start_s"] is values["recall"] is values["latency_ms"]["p50"] is None


def missed_in_rust(folder: Path, body: str) -> list[str]:
    """Names that a server is said to miss that lists ``good`` alone."""
    (folder / "a.rs").write_text(f"// good\nfn f() {{ {body} }}\n")
    profile = misbehaving("none", languages=frozenset({"rust"}))
    return [miss.name for miss in measured(folder, profile, list(places([folder / "a.rs"]))).misses]


def test_raw_identifiers_are_compared_without_their_mark(tmp_path: Path) -> None:
    """Servers list the bare name."""
    assert missed_in_rust(tmp_path, "x.r#good(); x.r#bad;") == ["r#bad"]


def test_keywords_that_may_stand_for_a_member_are_never_missed(tmp_path: Path) -> None:
    """No mask forbids them, whether they are listed or not."""
    assert missed_in_rust(tmp_path, "x.good.await; x.bad") == ["bad"]


def test_shares_of_nothing_are_unknown() -> None:
    """Not zero, and not one."""
    values = Recall("pyrefly", "1", "python").as_dict()

    assert values["answered_share"] is values["recall"] is values["start_s"] is None
    assert values["latency_ms"] == {"p50": None, "p90": None, "p99": None}


def test_latencies_are_given_as_percentiles() -> None:
    """In milliseconds, to a tenth."""
    recall = Recall("pyrefly", "1", "python", latency_ms=[float(ms) for ms in range(101)])

    assert recall.as_dict()["latency_ms"] == {"p50": 50.0, "p90": 90.0, "p99": 99.0}
