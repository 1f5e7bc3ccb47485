"""The projects to measure on: pinned, and prepared without running anything of theirs."""

import json
from pathlib import Path

import pytest

from benchmarks.corpora import CORPORA, Corpus, prepare, without_tests
from evaluation.sites import SITE_LANGUAGES
from monitors.errors import UsageError


@pytest.mark.parametrize("corpus", CORPORA, ids=lambda corpus: corpus.name)
def test_every_project_is_pinned_and_can_be_measured(corpus: Corpus) -> None:
    """By one source and its version; what it needs may float, as its release allows."""
    sources = [each for each in (corpus.npm, corpus.source, *corpus.debian[:1]) if each]

    assert len(sources) == 1
    assert any(sign in sources[0][1:] for sign in "@=")
    assert corpus.language in SITE_LANGUAGES


def test_no_two_projects_share_a_folder() -> None:
    """Each one is a workspace of its own."""
    places = [(corpus.language, corpus.name) for corpus in CORPORA]

    assert len(set(places)) == len(places)


def test_a_project_gets_its_files_and_its_compile_commands_once(
    tmp_path: Path,
) -> None:
    """A project without a source shows what is done to every one; it is done once."""
    corpus = Corpus(
        language="c",
        name="shop",
        files={"src/a.c": "int a;\n", "go.mod": "module shop\n"},
        compiler=("cc", "-Iinclude"),
        measured=("src",),
    )
    root = prepare(corpus, tmp_path)
    command = json.loads((root / "compile_commands.json").read_text())[0]
    (root / "src" / "a.c").unlink()

    assert prepare(corpus, tmp_path) == root == tmp_path / "c" / "shop"
    assert not (root / "src" / "a.c").exists()
    assert corpus.paths(root) == [root / "src"]
    assert command["arguments"] == ["cc", "-Iinclude", "-c", str(root / "src/a.c")]
    assert command["directory"] == str(root)


def test_a_project_that_is_described_anew_is_fetched_anew(tmp_path: Path) -> None:
    """What an older description left behind is gone."""
    old = Corpus(language="c", name="shop", files={"src/a.c": "int a;\n"})
    new = Corpus(language="c", name="shop", files={"src/b.c": "int b;\n"})
    root = prepare(old, tmp_path)

    assert prepare(new, tmp_path) == root
    assert [path.name for path in (root / "src").iterdir()] == ["b.c"]


def test_tests_inside_of_files_are_left_out() -> None:
    """What stands around them stays."""
    text = (
        "#[cfg(test)]\nstruct Helper {\n}\n\npub fn f() {\n}\n\n"
        '#[cfg(all(test, feature = "std"))]\n#[rustfmt::skip]\nmod tests {\n'
        "    fn g() {\n    }\n\n}\n\nfn h() {\n}\n"
    )
    assert without_tests(text) == (
        "#[cfg(test)]\nstruct Helper {\n}\n\npub fn f() {\n}\n\n\nfn h() {\n}\n"
    )


def test_a_missing_tool_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a project is not taken for a whole one later."""
    monkeypatch.setenv("PATH", str(tmp_path))
    corpus = Corpus(language="javascript", name="shop", npm="shop@1.0.0")
    for _ in range(2):
        with pytest.raises(UsageError, match="npm is missing"):
            prepare(corpus, tmp_path / "cache")
