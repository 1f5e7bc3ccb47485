"""Replays of real files: what is counted, what is reported, and that no token is lost."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.session.guide import Guide
from decoding.session.options import Options
from decoding.vocabulary.index import TokenIndex
from decoding.vocabulary.tokens import Vocabulary
from evaluation.replay import Replay, Report
from mgd.models import BUNDLED_MODEL
from monitors.constraints import Constraint, Names
from monitors.dereference import DereferenceMonitor, DereferenceState
from monitors.languages.python import PYTHON
from monitors.protocols import Answer, Document, Progress, Reason, Unavailable
from tests import tokenizers
from tests.analysts import ScriptedAnalyst, facts, members

MEMBERS = members(
    {"order": ["total", "items", "größe"], "items": ["append"], "x": ["real"]},
    Unavailable(Reason.UNKNOWN_TYPE),
)
TEXT = """\
def f(order):
    x = order.total
    self.kept = order.items.append(
        order.größe, "order.zzz")
    return x.real
"""


class ReadingMonitor(DereferenceMonitor):
    """A dereference monitor that keeps what it was given to read."""

    def __init__(self) -> None:
        super().__init__(PYTHON)
        self.read: list[tuple[str, str]] = []
        """The text before each session, and what was generated in it."""

    def start(self, document: Document) -> DereferenceState:
        """Remember where a session began."""
        self.read.append((document.prefix, ""))
        return super().start(document)

    def update(self, state: DereferenceState, text: str) -> Progress[DereferenceState]:
        """Remember what was read."""
        progress = super().update(state, text)
        prefix, known = self.read[-1]
        self.read[-1] = (prefix, known + text[: len(text) - len(progress.rest)])
        return progress


@cache
def encoder(name: str) -> tuple[TokenIndex, Callable[[str], list[int]]]:
    """Index and encoding of a tokenizer of `tests.tokenizers`, or the bundled one."""
    if name == "bundled":
        loaded = Vocabulary.load(BUNDLED_MODEL)
        return TokenIndex(loaded.vocabulary), loaded.encode
    backend = tokenizers.tokenizer(name)
    index = TokenIndex(Vocabulary.from_tokenizer(backend))
    return index, lambda text: list(backend.encode(text, add_special_tokens=False).ids)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where files are written."""
    return tmp_path


def replayed(
    *files: Path,
    answer: Callable[[str], Answer] | Answer = MEMBERS,
    tokenizer: str = "bundled",
    monitor: DereferenceMonitor | None = None,
    step_s: float = 0.0,
    limit: int | None = None,
    seed: int = 0,
) -> Report:
    """Report of a replay of ``files``."""
    index, encode = encoder(tokenizer)
    guide = Guide(index, PYTHON, monitor or ReadingMonitor(), ScriptedAnalyst(answer))
    report = Report(server="scripted", tokenizer=tokenizer)
    Replay(
        lambda language: guide,
        encode,
        report,
        options=Options(),
        step_s=step_s,
        limit=limit,
        seed=seed,
    ).run(files)
    return report


def written(folder: Path, text: str, name: str = "app.py") -> Path:
    """The path of a new file."""
    path = folder / name
    path.write_bytes(text.encode())
    return path


def missing(report: Report) -> list[tuple[int, int, str]]:
    """Line, column and name of what was forbidden."""
    return [(entry.line, entry.column, entry.name) for entry in report.forbidden]


def test_the_report_has_exactly_the_published_keys(folder: Path) -> None:
    """Scripts rely on them."""
    values = replayed(written(folder, TEXT)).as_dict()
    quantiles = {"p50", "p90", "p99"}

    assert list(values) == [
        *("server", "tokenizer", "workspace", "files", "tokens"),
        *("refused_tokens", "allowed_token_share"),
        *(
            "dereference_sites",
            "constrained_sites",
            "covered_share",
            "allowed_sites",
            "allowed_share",
            "forbidden",
            "fail_open",
        ),
        *("step_us", "mask_us", "query_ms", "waited_s", "wall_s", "baseline_s", "overhead"),
    ]
    assert set(values["step_us"]) == {"unconstrained", "constrained"}
    for spread in (*values["step_us"].values(), values["mask_us"], values["query_ms"]):
        assert set(spread) == quantiles


def test_a_file_whose_names_are_all_listed_is_allowed(folder: Path) -> None:
    """Definitions and strings are no sites; every site is covered and none is forbidden."""
    values = replayed(written(folder, TEXT)).as_dict()

    assert values["files"] == 1
    assert values["dereference_sites"] == values["constrained_sites"] == 5
    assert values["covered_share"] == values["allowed_share"] == 1.0
    assert values["allowed_sites"] == 5
    assert values["forbidden"] == []
    assert values["fail_open"] == {}


def test_a_name_that_is_not_listed_is_forbidden_where_it_stands(folder: Path) -> None:
    """With path, 1-based line and column in characters, and the reason."""
    path = written(folder, 'def f(order):\n    s = "größe😀"; order.nope()\n    order.total\n')
    values = replayed(path).as_dict()

    assert values["forbidden"] == [
        {
            "path": str(path),
            "line": 2,
            "column": 25,
            "name": "nope",
            "reason": "not in the server's list (3 names)",
        }
    ]
    assert (values["allowed_sites"], values["constrained_sites"]) == (1, 2)
    assert values["allowed_share"] == 0.5


@pytest.mark.parametrize(
    ("code", "forbidden"),
    [
        ("order.items.nope", [(1, 13, "nope")]),
        ("order.nope.append", [(1, 7, "nope")]),
        ("order.totals", [(1, 7, "totals")]),
        ("order.tot", [(1, 7, "tot")]),
        ("order.\\\n  nope", [(2, 3, "nope")]),
        ("order.total.nope", []),
        ("f(order.nope, order.total, order.nix)", [(1, 9, "nope"), (1, 34, "nix")]),
        ("order.groesse; order.größe", [(1, 7, "groesse")]),
    ],
    ids=[
        "second of a chain",
        "first of a chain",
        "longer than a member",
        "shorter than a member",
        "on the next line",
        "behind an unknown type",
        "several",
        "beyond ASCII",
    ],
)
@pytest.mark.parametrize("tokenizer", ["bundled", "gpt2", "llama"])
def test_only_the_missing_name_is_blamed(
    folder: Path, code: str, forbidden: list[tuple[int, int, str]], tokenizer: str
) -> None:
    """Not its neighbours, whatever tokens the names share with the operators."""
    report = replayed(written(folder, code + "\n"), tokenizer=tokenizer)

    assert missing(report) == forbidden


def test_sites_without_an_answer_are_counted_by_reason(folder: Path) -> None:
    """They are neither covered nor forbidden."""
    values = replayed(written(folder, "a.b\nc.d\norder.total\n")).as_dict()

    assert values["fail_open"] == {"unknown_type": 2}
    assert values["covered_share"] == pytest.approx(1 / 3, abs=1e-4)
    assert values["allowed_share"] == 1.0


def test_shares_of_nothing_are_none(folder: Path) -> None:
    """A file without a dereference, and an empty one, have no shares and no overhead."""
    values = replayed(written(folder, "x = 1\n"), written(folder, "", "empty.py")).as_dict()

    assert values["files"] == 2
    assert values["covered_share"] is values["allowed_share"] is values["overhead"] is None
    assert values["mask_us"] == {"p50": None, "p90": None, "p99": None}


def test_every_token_is_a_step_and_is_counted_once(folder: Path) -> None:
    """Constrained and unconstrained steps together are the tokens of all files."""
    paths = [written(folder, text, f"m{i}.py") for i, text in enumerate(tokenizers.TEXTS)]
    report = replayed(*paths)
    _, encode = encoder("bundled")

    assert report.tokens == sum(len(encode(text)) for text in tokenizers.TEXTS)
    assert report.tokens == len(report.constrained_us) + len(report.unconstrained_us)
    assert len(report.mask_us) == len(report.constrained_us) > 0


CODE = st.lists(
    st.sampled_from(
        [
            *("order", ".", ".total", "items", "(", ")", "[", "]", " ", "    ", "\t", "\f"),
            *("\n", "\n\n", "\r\n", "\r", "\\\n", "#", '"', '"""', "f'", "'", "{", "}"),
            *("größe", "😀", "\u2028", "x", "=", "1", ":"),
        ]
    ),
    max_size=40,
).map("".join)


@pytest.mark.parametrize("tokenizer", ["bundled", *tokenizers.BY_NAME])
@given(text=CODE)
def test_no_tokenizer_makes_a_token_come_twice_or_never(
    tmp_path_factory: pytest.TempPathFactory, tokenizer: str, text: str
) -> None:
    """The lines' tokens put together are the file, and each line begins where it should."""
    index, encode = encoder(tokenizer)
    ids = encode(text)
    whole = b"".join(index.bytes_of(i) or b"" for i in ids).decode("utf-8", "replace")
    monitor = ReadingMonitor()
    report = replayed(
        written(tmp_path_factory.getbasetemp(), text),
        answer=facts("total"),
        tokenizer=tokenizer,
        monitor=monitor,
    )

    assert report.tokens == len(ids)
    assert "".join(generated for _, generated in monitor.read) == whole
    if whole == text:
        done = ""
        for prefix, generated in monitor.read:
            assert prefix == done
            done += generated


def test_each_logical_line_is_completed_on_its_own(folder: Path) -> None:
    """Brackets, strings and escaped line ends hold a line together; the rest is the suffix."""
    lines = ["x = (1,\n  2)\n", 's = """\na\n"""\n', "y = 1 + \\\n  2\n", "\n", "z = 3\n"]
    monitor = ReadingMonitor()
    replayed(written(folder, "".join(lines)), monitor=monitor)
    begins = {prefix for prefix, _ in monitor.read}

    assert {"".join(lines[:n]) for n in (0, 1, 2)} <= begins
    assert not any(prefix.endswith(("(1,\n", '"""\na\n', "\\\n")) for prefix in begins)


def test_the_rest_of_the_file_stands_behind_the_line(folder: Path) -> None:
    """An analysis sees what an editor would show it: all but the line that is being written."""
    seen: list[Document] = []

    class Watching(ScriptedAnalyst):
        def look_up(self, query):  # type: ignore[no-untyped-def]
            seen.append(query.document)
            return super().look_up(query)

    index, encode = encoder("bundled")
    guide = Guide(index, PYTHON, DereferenceMonitor(PYTHON), Watching(MEMBERS))
    path = written(folder, "a = 1\nb = order.total\nc = 3\n")
    Replay(lambda language: guide, encode, Report("s", "t"), options=Options()).run([path])
    [document] = {document for document in seen if document.prefix.endswith("order.")}

    assert document.prefix == "a = 1\nb = order."
    assert document.suffix == "\nc = 3\n"
    assert document.path == str(path.resolve())


@pytest.mark.parametrize("limit", [0, 1, 3, 5, 6, 100])
def test_no_more_sites_are_replayed_than_allowed(folder: Path, limit: int) -> None:
    """The limit holds over all files; what lies behind it is not read."""
    paths = [written(folder, TEXT, "one.py"), written(folder, TEXT, "two.py")]
    report = replayed(*paths, limit=limit)
    judged = report.constrained_sites + sum(report.fail_open.values())

    assert report.dereference_sites == judged == min(limit, 10)
    assert report.files == (0 if limit == 0 else 1 if limit <= 5 else 2)


def test_tokens_that_are_refused_where_nothing_is_dereferenced_count(folder: Path) -> None:
    """What a mask forbids in an import is no site, and is refused all the same."""

    class Everywhere(ReadingMonitor):
        """Takes every dot for an operator that lists nothing but ``total``."""

        def maskgen(self, state: DereferenceState) -> Constraint:
            """Only one name may follow ``import``."""
            is_import = (state.document.prefix + state.generated).endswith("import")
            return Names(frozenset([b" total"])) if is_import else super().maskgen(state)

    text = "import order\nx = order.total\n"
    report = replayed(written(folder, text), monitor=Everywhere())

    assert (report.refused_tokens, report.allowed_share) == (1, 1.0)
    assert report.allowed_token_share == pytest.approx(1 - 1 / report.tokens, abs=1e-5)
    assert [entry.reason for entry in report.forbidden] == ["no dereference site here"]


def test_a_sample_is_taken_from_everywhere(folder: Path) -> None:
    """Not from the first files alone, and another one for another seed."""
    code = "".join(f"x{n} = order.total\n" for n in range(100))
    paths = [written(folder, code, f"{n}.py") for n in range(8)]

    def lines(seed: int) -> list[tuple[str, int]]:
        wrong = replayed(*paths, limit=40, seed=seed, answer=facts("other"))
        assert wrong.dereference_sites == 40
        return [(Path(entry.path).name, entry.line) for entry in wrong.forbidden]

    assert [name for name, _ in lines(0)[::10]] == ["1.py", "3.py", "5.py", "7.py"]
    assert lines(0) == lines(0)
    assert lines(0) != lines(1)


@given(st.lists(st.integers(0, 25), min_size=1, max_size=4), st.integers(1, 60))
def test_a_sample_holds_as_many_sites_as_asked_for(counts: list[int], limit: int) -> None:
    """Or all that there are; with a limit that all files keep, every token is replayed once."""
    with TemporaryDirectory() as name:
        texts = ["".join(f"x{n} = order.total  # {n}\n" for n in range(count)) for count in counts]
        paths = [written(Path(name), text, f"{n}.py") for n, text in enumerate(texts)]
        report = replayed(*paths, limit=limit)
        every = replayed(*paths)

    assert report.dereference_sites == report.constrained_sites == min(limit, sum(counts))
    assert report.tokens <= every.tokens
    if limit >= sum(counts):
        assert report.tokens == every.tokens


def test_a_sample_has_equal_shares_of_every_group(folder: Path) -> None:
    """A large folder does not crowd out a small one; without a limit there is nothing to share."""
    large = written(folder, "order.total\n" * 200, "large.py")
    small = written(folder, "order.total\n" * 20, "small.py")

    def counts(limit: int | None) -> tuple[int, int]:
        index, encode = encoder("bundled")
        guide = Guide(index, PYTHON, DereferenceMonitor(PYTHON), ScriptedAnalyst(facts("other")))
        report = Report("scripted", "bundled")
        Replay(lambda _: guide, encode, report, options=Options(), limit=limit).run(
            [large], [small]
        )
        files = [Path(entry.path).name for entry in report.forbidden]
        return files.count("large.py"), files.count("small.py")

    assert counts(30) == (15, 15)
    assert counts(100) == (80, 20)
    assert counts(None) == (200, 20)


def test_a_list_of_one_name_is_said_to_be_one(folder: Path) -> None:
    """Not of ``1 names``."""
    [entry] = replayed(written(folder, "order.nope\n"), answer=facts("total")).forbidden

    assert entry.reason == "not in the server's list (1 name)"


def test_a_limit_cuts_the_time_too(folder: Path) -> None:
    """Lines behind the last counted site are left out."""
    path = written(folder, TEXT + "y = 1\n" * 200)

    assert replayed(path, limit=1).tokens < replayed(path).tokens / 2


def test_simulated_forward_passes_are_the_baseline(folder: Path) -> None:
    """One sleep for each token; the overhead is what comes on top."""
    path = written(folder, "x = order.total\n")
    report = replayed(path, step_s=0.002)
    values = report.as_dict()

    assert report.baseline_s >= 0.002 * report.tokens
    assert report.wall_s > report.baseline_s
    assert values["overhead"] == pytest.approx(report.wall_s / report.baseline_s - 1, abs=1e-3)
    assert replayed(path).baseline_s == 0
