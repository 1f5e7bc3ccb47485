"""The profiles of clangd, rust-analyzer and gopls, as far as they are code."""

from pathlib import Path
from typing import Any

import pytest

from lsp_bridge.answers.completions import read
from lsp_bridge.profiles.clangd import CLANGD
from lsp_bridge.profiles.gopls import GOPLS
from lsp_bridge.profiles.profile import Profile
from lsp_bridge.profiles.rust_analyzer import RUST_ANALYZER
from lsp_bridge.servers.project import Project
from monitors.protocols import Answer, Members, Reason

FIELD, KEYWORD, METHOD, MODULE, SNIPPET, TEXT = 5, 14, 2, 9, 15, 1


def answer(profile: Profile, text: str, **kinds: int) -> Answer:
    """What is read from a list of names with their kinds, at the end of ``text``."""
    items = [{"label": name, "insertText": name, "kind": kind} for name, kind in kinds.items()]
    return read(items, profile, text, len(text))


def names(answer: Answer) -> set[str]:
    """Names of an answer that must be facts."""
    assert isinstance(answer, Members), answer
    return {name.text for name in answer.names}


@pytest.mark.parametrize(
    ("profile", "text", "kinds", "reason"),
    [
        (CLANGD, "a.", {"x": FIELD, "template": KEYWORD}, Reason.OPEN_TYPE),
        (CLANGD, "a.", {"x": TEXT, "y": TEXT}, Reason.OPEN_TYPE),
        (CLANGD, "T::", {"T": 7}, Reason.OPEN_TYPE),
        (CLANGD, "std::is_T<A<T>>::", {"is_T": 7}, Reason.OPEN_TYPE),
        (CLANGD, "a.", {"x": FIELD, "if": SNIPPET}, Reason.NOT_MEMBERS),
        (CLANGD, "f(std::", {"errno": TEXT, "main": 3}, Reason.OPEN_TYPE),
        (CLANGD, "void A::", {"f": METHOD}, Reason.OPEN_TYPE),
        (CLANGD, "class A::B : public A::", {"f": METHOD}, Reason.OPEN_TYPE),
        (CLANGD, 'namespace n { extern "C" { A B<x>:: ', {"n": FIELD}, Reason.OPEN_TYPE),
        (CLANGD, "int f() { } A::", {"A": 7, "operator": 3}, Reason.OPEN_TYPE),
        (GOPLS, "a.", {"x": FIELD, "fmt": MODULE}, Reason.NOT_MEMBERS),
        (GOPLS, "a.", {"x": FIELD, "func": KEYWORD}, Reason.NOT_MEMBERS),
        (RUST_ANALYZER, "a.", {"await": KEYWORD}, Reason.UNKNOWN_TYPE),
    ],
)
def test_lists_that_are_no_constraint(
    profile: Profile, text: str, kinds: dict[str, int], reason: Reason
) -> None:
    """Dependent types, names in scope, and receivers that nothing is known of."""
    read_as = answer(profile, text, **kinds)

    assert not isinstance(read_as, Members)
    assert read_as.reason is reason


@pytest.mark.parametrize(
    ("profile", "text", "kinds", "expected"),
    [
        (CLANGD, "a.", {"template": FIELD}, {"template"}),
        (CLANGD, "::", {"errno": TEXT, "main": 3}, {"errno", "main"}),
        (CLANGD, "n::", {"T": 7}, {"T"}),
        (CLANGD, "not_T<A>::", {"T": 7}, {"T"}),
        (CLANGD, "void f() { A::", {"f": METHOD}, {"f"}),
        (CLANGD, "class B { A::", {"f": METHOD}, {"f"}),
        (CLANGD, "void a::", {"f": 3}, {"f"}),
        (CLANGD, "void a::", {"f": METHOD, "b": MODULE}, {"f", "b"}),
        (CLANGD, "static A::", {"T": 7, "f": METHOD}, {"T", "f"}),
        (CLANGD, "class B final : public A::", {"T": 7, "f": METHOD}, {"T", "f"}),
        (CLANGD, "int f(const A &a, B *b) { return a.", {"x": FIELD}, {"x", "A:", "B:"}),
        (CLANGD, "class A : public B { a.", {"x": FIELD}, {"x", "A:", "B:"}),
        (
            CLANGD,
            "struct A final : n::B, C<D> {} a->",
            {"x": FIELD},
            {*"x", "A:", "B:", "C:", "D:", "n:"},
        ),
        (CLANGD, "using T = int; typedef U V; T a.", {"x": FIELD}, {"x", "T:", "V:"}),
        (CLANGD, "s.", {"sa_mask": FIELD}, {"sa_mask", "sa_handler", "sa_sigaction"}),
        (RUST_ANALYZER, "a.", {"await": KEYWORD, "into": 2}, {"await", "into"}),
        (RUST_ANALYZER, "a.", {"0": FIELD, "r#type": FIELD}, {"0", "r#type"}),
        (GOPLS, "a.", {"X": FIELD}, {"X"}),
    ],
)
def test_lists_that_are(
    profile: Profile, text: str, kinds: dict[str, int], expected: set[str]
) -> None:
    """What looks alike and is a closed list of members."""
    assert names(answer(profile, text, **kinds)) == expected


def test_a_field_that_is_called() -> None:
    """rust-analyzer puts parentheses around its receiver, which does not make it another name."""
    at = {"line": 0, "character": 2}
    item = {
        "label": "call",
        "kind": FIELD,
        "textEdit": {"range": {"start": at, "end": at}, "newText": "call)()"},
        "additionalTextEdits": [
            {"range": {"start": {"line": 0, "character": 0}, "end": at}, "newText": "("}
        ],
    }

    assert names(read([item], RUST_ANALYZER, "a.", 2)) == {"call"}


def project(root: Path, trusted: bool) -> Project:
    """A workspace with a Cargo package."""
    (root / "Cargo.toml").write_text('[package]\nname = "a"\n')
    return Project(root=root, interpreter="python3", trusted=trusted)


@pytest.mark.parametrize("trusted", [False, True])
def test_what_runs_code_needs_trust(tmp_path: Path, trusted: bool) -> None:
    """Build scripts and procedural macros are switched on for trusted workspaces only."""
    settings: Any = RUST_ANALYZER.settings(project(tmp_path, trusted))

    assert settings["rust-analyzer"]["cargo"]["buildScripts"]["enable"] is trusted
    assert settings["rust-analyzer"]["procMacro"]["enable"] is trusted
    assert settings["rust-analyzer"]["checkOnSave"] is False


def test_the_network_is_left_alone(tmp_path: Path) -> None:
    """Cargo and Go fetch nothing for a workspace that is not trusted."""
    workspace = project(tmp_path, trusted=False)

    assert RUST_ANALYZER.environment(workspace)["CARGO_NET_OFFLINE"] == "true"
    assert GOPLS.environment(workspace) == {"GOTOOLCHAIN": "local", "GOPROXY": "off"}


def rust_library(home: Path, toolchain: str) -> Path:
    """The standard library's source in a tool chain below ``home``."""
    source = home / "toolchains" / toolchain / "lib/rustlib/src/rust/library"
    (source / "core").mkdir(parents=True)
    (source / "Cargo.toml").touch()
    return source


def test_the_standard_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default tool chain's source is linked to without its manifest."""
    monkeypatch.delenv("RUST_SRC_PATH", raising=False)
    monkeypatch.setenv("RUSTUP_HOME", str(tmp_path))
    rust_library(tmp_path, "another")
    source = rust_library(tmp_path, "mine")
    (tmp_path / "settings.toml").write_text('version = "12"\ndefault_toolchain = "mine"\n')
    folder = Path(RUST_ANALYZER.environment(project(tmp_path, trusted=True))["RUST_SRC_PATH"])

    assert [each.name for each in folder.iterdir()] == ["core"]
    assert (folder / "core").resolve() == source / "core"


def test_a_source_that_the_user_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is left to rust-analyzer."""
    monkeypatch.setenv("RUST_SRC_PATH", str(tmp_path))

    assert "RUST_SRC_PATH" not in RUST_ANALYZER.environment(project(tmp_path, trusted=True))
