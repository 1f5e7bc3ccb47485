"""The arguments of one request: what is accepted, and what is refused with which message."""

import json
import os
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from decoding.engines.vllm import request as vllm_request
from decoding.engines.vllm.request import (
    WORKSPACES_VARIABLE,
    GuideRequest,
    admitted,
    argument_of,
    check,
    name_workspace,
    parse,
)
from decoding.session.options import CrossingPolicy, Options
from monitors.errors import UsageError, WorkspaceError

TEXT = "import os\nos.path\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with a file, and a secret beside it."""
    folder = tmp_path / "work"
    (folder / "src").mkdir(parents=True)
    (folder / "pyproject.toml").write_text("")
    (folder / "src/app.py").write_text(TEXT)
    (tmp_path / "secret.py").write_text("key = 1\n")
    return folder.resolve()


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """No workspace may be named unless the test says so."""
    monkeypatch.delenv(WORKSPACES_VARIABLE, raising=False)
    monkeypatch.setattr(vllm_request, "_named", set())


def text_of(**content: Any) -> str:
    """Arguments as a request carries them."""
    return json.dumps({"path": "src/app.py", "position": [2, 4], **content})


def test_every_field_is_checked_and_every_check_has_a_field() -> None:
    """A new field cannot be forgotten in either place."""
    assert set(vllm_request._CHECKS) == {each.name for each in fields(GuideRequest)}


def test_a_position_becomes_the_text_around_it(root: Path) -> None:
    """Paths are resolved, numbers become options."""
    text = text_of(crossing="split", deadline_ms=250, server="jedi", tag="a", language="python")
    request = parse(text, (root,))
    document = request.document()

    assert request.path == str(root / "src/app.py")
    assert request.workspace == str(root)
    assert (document.prefix, document.suffix) == ("import os\nos.", "path\n")
    assert request.options(1.5) == Options(CrossingPolicy.SPLIT, 0.25, 1.5)


def test_prefix_and_suffix_need_no_file(root: Path) -> None:
    """An editor's text is not on disk."""
    content = {"path": "src/new.py", "prefix": "é.", "suffix": "\n", "healed_bytes": 1}
    document = parse(json.dumps(content), (root,)).document()

    assert (document.language, document.prefix, document.suffix) == ("python", "é.", "\n")


def test_a_request_survives_the_way_to_the_worker(root: Path) -> None:
    """What a program builds is what the worker reads."""
    request = GuideRequest(str(root / "src/app.py"), str(root), position=(2, 4), tag="x")
    (text,) = request.as_argument().values()

    assert parse(text, (root,)) == request


def test_the_innermost_workspace_is_chosen(root: Path) -> None:
    """Where a request names none."""
    inner = root / "src"
    request = parse(json.dumps({"path": str(inner / "app.py"), "position": [1, 1]}), (root, inner))

    assert request.workspace == str(inner)


OUTSIDE = {
    "parent": "../secret.py",
    "parent within": "src/../../secret.py",
    "absolute": "/etc/passwd",
    "link": "src/link.py",
    "link to a folder": "src/out/secret.py",
    "uri": "file:///etc/passwd",
    "uri of what is inside": "file://src/app.py",
    "nul": "src/app.py\0",
    "the workspace itself": ".",
}


@pytest.mark.parametrize("case", OUTSIDE)
@pytest.mark.parametrize("kind", ["position", "prefix"])
def test_paths_outside_are_refused(root: Path, case: str, kind: str) -> None:
    """However they are written, and whether or not the file would be read."""
    (root / "src/link.py").symlink_to(root.parent / "secret.py")
    (root / "src/out").symlink_to(root.parent)
    cursor: dict[str, Any] = {"position": [1, 1]} if kind == "position" else {"prefix": "x."}
    with pytest.raises(WorkspaceError):
        parse(json.dumps({"path": OUTSIDE[case], **cursor}), (root,))


@pytest.mark.parametrize("named", ["/", "..", "work", "link"])
def test_workspaces_that_were_not_named_are_refused(root: Path, named: str) -> None:
    """A request cannot widen what the server allows."""
    (root / "link").symlink_to(root.parent)
    workspace = str(root / named) if named == "link" else named
    with pytest.raises(WorkspaceError):
        parse(text_of(workspace=workspace), (root,))


def test_a_workspace_below_a_named_one_is_refused(root: Path) -> None:
    """Each that is served is named by who serves: a client cannot choose what is opened."""
    with pytest.raises(WorkspaceError, match="not a folder below it"):
        parse(text_of(workspace=str(root / "src"), path="app.py"), (root,))


def test_admission_opens_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No thread, no watch and no pool, whatever clients name: that is the bridge's business."""
    folders = [root, *(root / f"part{number}" for number in range(6))]
    for each in folders[1:]:
        each.mkdir()
        (each / "app.py").write_text(TEXT)
    monkeypatch.setenv(WORKSPACES_VARIABLE, os.pathsep.join(map(str, folders)))
    before = set(threading.enumerate())
    for each in folders:
        path = str(each / "app.py") if each != root else "src/app.py"
        check({"mgd": text_of(workspace=str(each), path=path)})

    assert set(threading.enumerate()) == before


def test_the_choice_of_a_workspace_is_followed_on_admission(root: Path) -> None:
    """A server that its ``mgd.toml`` names, and that is none for the language, is refused."""
    name_workspace(root)
    (root / "mgd.toml").write_text('[servers]\npython = "gopls"\n')
    with pytest.raises(UsageError, match="gopls"):
        check({"mgd": text_of()})


def test_without_a_named_workspace_everything_is_refused(root: Path) -> None:
    """The message says how to name one."""
    with pytest.raises(WorkspaceError, match="mgd serve --workspace"):
        check({"mgd": text_of(workspace=str(root))})


def test_the_environment_and_the_program_name_workspaces(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server has the one, a program the other."""
    name_workspace(root)
    check({"mgd": text_of()})
    monkeypatch.setattr(vllm_request, "_named", set())
    monkeypatch.setenv(WORKSPACES_VARIABLE, f"/nowhere:{root}")
    check({"mgd": text_of()})


def test_a_worker_trusts_admission_but_not_beyond_its_environment(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server's worker looks at the workspaces again."""
    text = text_of(workspace=str(root))
    assert admitted(text).workspace == str(root)
    monkeypatch.setenv(WORKSPACES_VARIABLE, str(root / "src"))
    with pytest.raises(WorkspaceError):
        admitted(text)


def test_monitors_go_by_their_names(root: Path) -> None:
    """Or all the usual ones, or none; one that does not know the language is refused at once."""
    name_workspace(root)
    names = ["argument_count", "dereference"]

    assert parse(text_of(monitors=names), (root,)).monitors == tuple(names)
    assert parse(text_of(monitors=True), (root,)).monitors == ("dereference",)
    assert parse(text_of(monitors=False), (root,)).monitors == ()
    with pytest.raises(UsageError, match="ruby"):
        check({"mgd": text_of(monitors=names, language="ruby")})


WRONG: dict[str, tuple[Any, str]] = {
    "not json": ("{'path': 1}", "no JSON"),
    "deep": ("[" * 100_000, "no JSON"),
    "list": ("[1]", "expected one object"),
    "require": (text_of(require="luck"), "'guided', or nothing"),
    "prompt check": (text_of(prompt_check=1), "true or false"),
    "number": ("5", "expected an object"),
    "unknown key": (text_of(paht=1), "unknown key 'paht'"),
    "no path": ('{"position": [1, 1]}', "no path"),
    "empty path": (text_of(path=""), "not empty"),
    "path number": (text_of(path=3), "path=3"),
    "surrogate": ('{"path": "a.py", "prefix": "\\ud800"}', "lone surrogates"),
    "both": (text_of(prefix=""), "either position"),
    "neither": ('{"path": "src/app.py"}', "either position"),
    "column": (text_of(position=[2]), r"\[line, column\]"),
    "zero": (text_of(position=[0, 1]), "from 1"),
    "floats": (text_of(position=[1.5, 1]), r"\[line, column\]"),
    "booleans": (text_of(position=[True, True]), r"\[line, column\]"),
    "crossing": (text_of(crossing="no"), "verify, split"),
    "crossing list": (text_of(crossing=[]), "verify, split"),
    "deadline": (text_of(deadline_ms=0), "milliseconds"),
    "long deadline": (text_of(deadline_ms=1e9), "at most"),
    "no number": ('{"path": "src/app.py", "position": [1, 1], "deadline_ms": NaN}', "deadline"),
    "deadline text": (text_of(deadline_ms="1"), "milliseconds"),
    "monitors": (text_of(monitors="yes"), "true, false or a list of names"),
    "monitor": (text_of(monitors=["derefrence"]), "dereference, argument_count"),
    "monitor and policy": (
        text_of(monitors=["argument_count"], crossing="split"),
        "one by one",
    ),
    "language": (text_of(language="cobol"), "cobol"),
    "healed": (text_of(healed_bytes=-1), "number of bytes"),
    "relative workspace": (text_of(workspace="work"), "absolute"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_refused_with_what_was_expected(root: Path, case: str) -> None:
    """What was got, what was expected."""
    text, message = WRONG[case]
    with pytest.raises(UsageError, match=message):
        parse(text, (root,))


FOUND_LATER: dict[str, tuple[dict[str, Any], str]] = {
    "missing file": ({"path": "src/none.py"}, "No such file"),
    "no language": ({"path": "pyproject.toml", "position": [1, 1]}, "no language"),
    "line": ({"position": [9, 1]}, "line 9"),
    "healed": ({"healed_bytes": 999}, "healed_bytes=999"),
    "required and not wanted": (
        {"require": "guided", "key": "a", "monitors": False},
        "contradict",
    ),
    "long key": ({"key": "a" * 65}, "64 characters"),
    "nobody sees to it": ({"require": "guided"}, "mgd serve"),
    "unknown server": ({"server": "nobody"}, "nobody"),
    "server of another language": ({"server": "gopls"}, "gopls"),
}


@pytest.mark.parametrize("case", FOUND_LATER)
def test_files_and_servers_are_looked_at_on_admission(root: Path, case: str) -> None:
    """Before anything is generated."""
    name_workspace(root)
    content, message = FOUND_LATER[case]
    with pytest.raises(UsageError, match=message):
        check({"mgd": text_of(**content)})


def test_requests_without_the_argument_are_none_of_ours() -> None:
    """Whatever else they carry."""
    check(None)
    check({"other": 1})
    assert argument_of({"other": 1}) is None


@pytest.mark.parametrize("value", [5, {}, ["x"], 1.0, True])
def test_an_argument_that_is_no_text_is_refused(value: object) -> None:
    """With the remedy."""
    with pytest.raises(UsageError, match=r"json\.dumps"):
        check({"mgd": value})


def test_a_long_text_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before it is read."""
    monkeypatch.setattr(vllm_request, "_MOST_BYTES", 100)
    with pytest.raises(UsageError, match="100 at most"):
        parse(text_of(tag="x" * 100), (root,))
