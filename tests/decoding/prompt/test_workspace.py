"""Files and positions as a caller names them: what a line, a column and a workspace are."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decoding.prompt.workspace import (
    find_workspace,
    holds_everything,
    language_of,
    offset_at,
    open_document,
    read_text,
)
from monitors.errors import PositionError, UsageError, WorkspaceError


def before(text: str, line: int, column: int) -> str:
    """Text in front of a position."""
    return text[: offset_at(text, line, column)]


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        ("abc", (1, 1), ""),
        ("abc", (1, 2), "a"),
        ("abc", (1, 4), "abc"),
        ("", (1, 1), ""),
        ("a\nbc\n", (2, 1), "a\n"),
        ("a\nbc\n", (2, 3), "a\nbc"),
        ("a\nbc\n", (3, 1), "a\nbc\n"),
        ("a\n\nb", (2, 1), "a\n"),
        ("a\r\nbc\r\n", (1, 2), "a"),
        ("a\r\nbc\r\n", (2, 3), "a\r\nbc"),
        ("a\r\nbc\r\n", (3, 1), "a\r\nbc\r\n"),
        ("a\rbc\r", (2, 2), "a\rb"),
        ("a\n\rb", (3, 2), "a\n\rb"),
        ("a\fb.c\nd", (1, 5), "a\fb."),
        ("a\fb.c\nd", (2, 1), "a\fb.c\n"),
        ("x\u2028y\x0bz\x85\nd", (1, 7), "x\u2028y\x0bz\x85"),
        ("\tx.y", (1, 4), "\tx."),
        ("s = '😀😀'; x.y", (1, 12), "s = '😀😀'; x"),
        ("größe.y", (1, 7), "größe."),
    ],
    ids=[
        "first column",
        "one-based",
        "end of the last line",
        "empty file",
        "first column of a line",
        "end of a line",
        "empty line behind the last line end",
        "empty line",
        "in front of CR LF",
        "in front of a second CR LF",
        "behind the last CR LF",
        "lone CR ends a line",
        "LF CR are two line ends",
        "form feed is a character",
        "form feed ends no line",
        "unicode line separators are characters",
        "a tab is one column",
        "an emoji is one column",
        "an umlaut is one column",
    ],
)
def test_positions_are_one_based_lines_and_characters(
    text: str, position: tuple[int, int], expected: str
) -> None:
    """Lines end at LF, CR LF or CR, nowhere else; every character is one column."""
    assert before(text, *position) == expected


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("abc\n", (0, 1), "line 0 is outside the file, which has 2 lines"),
        ("abc\n", (3, 1), "line 3 is outside the file, which has 2 lines"),
        ("abc", (2, 1), "line 2 is outside the file, which has 1 line$"),
        ("abc\n", (-1, 1), "line -1 is outside"),
        ("abc\n", (1, 0), "column 0 is outside line 1, which has columns 1 to 4"),
        ("abc\n", (1, 5), "column 5 is outside line 1, which has columns 1 to 4"),
        ("abc\r\n", (1, 5), "column 5 is outside line 1"),
        ("", (1, 2), "which has columns 1 to 1"),
        ("😀\n", (1, 3), "which has columns 1 to 2"),
    ],
)
def test_positions_outside_the_file_are_refused(
    text: str, position: tuple[int, int], message: str
) -> None:
    """The message says what was got and what there is."""
    with pytest.raises(PositionError, match=message):
        offset_at(text, *position)


@given(st.text(alphabet="ab.\n\r\f\t 😀ö", max_size=30), st.data())
def test_every_offset_has_a_position(text: str, data: st.DataObject) -> None:
    """Counting lines and columns by hand, then asking for the offset, is the identity."""
    offset = data.draw(st.integers(0, len(text)))
    head = text[:offset]
    if head.endswith("\r") and text[offset : offset + 1] == "\n":
        return  # inside CR LF there is no position
    lines = head.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    assert offset_at(text, len(lines), len(lines[-1]) + 1) == offset


def test_a_document_is_cut_at_the_cursor_and_keeps_its_line_ends(tmp_path: Path) -> None:
    """Prefix and suffix together are the file, byte for byte; the path is absolute and real."""
    file = tmp_path / "app.py"
    file.write_bytes("größe = 1\r\nx = größe.real\r\n".encode())
    document = open_document(file, (2, 11), tmp_path)

    assert document.prefix == "größe = 1\r\nx = größe."
    assert document.suffix == "real\r\n"
    assert document.language == "python"
    assert document.path == str(file.resolve())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"x = '\xe4'\n", r"is not UTF-8 text .* at byte 5.*convert it"),
        (b"\xff", r"is not UTF-8 text .* at byte 0"),
        (b"x = 1\n\n# coding: latin-1\ny = '\xe4'\n", "is not UTF-8 text"),
        (b"x = 1\n# coding: latin-1\ny = '\xe4'\n", "is not UTF-8 text"),
        (b"# coding: ascii\nx = '\xe4'\n", r"is not ascii, as it declares .* at byte 21"),
        (b"# coding: klingon\nx = 1\n", "declares the encoding 'klingon', which is unknown"),
        (b"# coding: rot13\nx = 1\n", "declares the encoding 'rot13', which is unknown"),
        (b"# coding: undefined\nx = 1\n", "is not undefined, as it declares"),
        (b"\xff\xfex", "is not utf-16, as it declares"),
    ],
)
def test_files_in_another_encoding_than_they_say_are_refused(
    tmp_path: Path, data: bytes, message: str
) -> None:
    """The message names the file, the offending byte, and the remedy."""
    file = tmp_path / "latin.py"
    file.write_bytes(data)

    with pytest.raises(WorkspaceError, match=rf"latin\.py {message}"):
        read_text(file)


@pytest.mark.parametrize(
    ("head", "encoding"),
    [
        ("", "utf-8"),
        ("", "utf-8-sig"),
        ("", "utf-16"),
        ("", "utf-32"),
        ("# -*- coding: latin-1 -*-\n", "latin-1"),
        ("#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\n", "cp1252"),
        ("\f # encoding: iso-8859-15\r\n", "iso-8859-15"),
        ("# coding: euc_jp\n", "euc_jp"),
        ("# coding: utf8\n", "utf-8-sig"),
        ("// -*- coding: latin-1; mode: c++ -*-\n", "latin-1"),
        ("x = 'coding: latin-1'\n", "utf-8"),
    ],
)
def test_a_file_is_read_as_its_mark_or_its_first_lines_say(
    tmp_path: Path, head: str, encoding: str
) -> None:
    """As Python does it (PEP 263); columns count characters, whatever they take on the disk."""
    letter = "漢" if encoding == "euc_jp" else "é"
    text = f"{head}x = '{letter}'; x.y\n"
    file = tmp_path / "app.py"
    file.write_bytes(text.encode(encoding))
    line = text.count("\n")

    assert read_text(file) == text
    assert open_document(file, (line, 12), tmp_path).prefix == text[: -len("y\n")]


@pytest.mark.parametrize("head", [b"\xfe\xff", b"\xff\xfe"])
def test_utf16_is_read_in_either_byte_order(tmp_path: Path, head: bytes) -> None:
    """An emoji is one column there too."""
    file = tmp_path / "app.py"
    order = "utf-16-be" if head == b"\xfe\xff" else "utf-16-le"
    file.write_bytes(head + "'😀'.x\r\n".encode(order))

    assert open_document(file, (1, 5), tmp_path).prefix == "'😀'."


def test_what_is_not_a_regular_file_is_not_opened(tmp_path: Path) -> None:
    """Reading a pipe that nobody writes to would never end."""
    os.mkfifo(tmp_path / "pipe.py")
    (tmp_path / "zero.py").symlink_to("/dev/zero")

    for name in ("pipe.py", "zero.py"):
        with pytest.raises(WorkspaceError, match=rf"{name} is not a regular file"):
            read_text(tmp_path / name)


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """A missing file and a folder are the caller's mistake."""
    with pytest.raises(WorkspaceError, match=r"missing\.py: No such file"):
        read_text(tmp_path / "missing.py")
    with pytest.raises(WorkspaceError, match="Is a directory"):
        read_text(tmp_path)


def test_paths_outside_the_workspace_are_refused(tmp_path: Path) -> None:
    """Neither a sibling with the same beginning, nor a way around with ``..``."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop2").mkdir()
    (tmp_path / "shop2" / "a.py").write_text("x = 1\n")
    outside = [tmp_path / "shop2/a.py", tmp_path / "shop/../shop2/a.py"]

    for path in outside:
        with pytest.raises(WorkspaceError, match=r"outside the workspace .*--workspace"):
            read_text(path, tmp_path / "shop")


def test_symbolic_links_are_followed_before_a_path_is_judged(tmp_path: Path) -> None:
    """A link that leads out is outside; a link to the workspace itself changes nothing."""
    (tmp_path / "shop").mkdir()
    (tmp_path / "other.py").write_text("x = 1\n")
    (tmp_path / "shop/inside.py").write_text("y = 1\n")
    (tmp_path / "shop/leads_out.py").symlink_to(tmp_path / "other.py")
    (tmp_path / "alias").symlink_to(tmp_path / "shop")

    with pytest.raises(WorkspaceError, match="outside the workspace"):
        read_text(tmp_path / "shop/leads_out.py", tmp_path / "shop")
    assert read_text(tmp_path / "alias/inside.py", tmp_path / "shop") == "y = 1\n"
    assert read_text(tmp_path / "shop/inside.py", tmp_path / "alias") == "y = 1\n"


@pytest.mark.parametrize("mark", [".git", "pyproject.toml", "setup.py", "setup.cfg"])
def test_a_workspace_is_the_nearest_folder_that_looks_like_a_project(
    tmp_path: Path, mark: str
) -> None:
    """Marks further up do not count."""
    inner = tmp_path / "outer" / "project"
    (inner / "src" / "shop").mkdir(parents=True)
    (inner / mark).mkdir() if mark == ".git" else (inner / mark).write_text("")
    (tmp_path / "outer" / "pyproject.toml").write_text("")

    assert find_workspace(inner / "src" / "shop" / "a.py") == inner


def test_a_git_work_tree_is_marked_by_a_file(tmp_path: Path) -> None:
    """In work trees and submodules ``.git`` is no folder."""
    (tmp_path / "tree" / "shop").mkdir(parents=True)
    (tmp_path / "tree" / ".git").write_text("gitdir: elsewhere\n")

    assert find_workspace(tmp_path / "tree" / "shop" / "a.py") == tmp_path / "tree"


def test_without_a_mark_the_workspace_holds_the_outermost_package(tmp_path: Path) -> None:
    """So that absolute imports of the package work; a lone file has its own folder."""
    package = tmp_path / "lib" / "shop" / "orders"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package.parent / "__init__.py").write_text("")

    assert find_workspace(package / "a.py") == tmp_path / "lib"
    assert find_workspace(tmp_path / "lib" / "script.py") == tmp_path / "lib"


def test_a_home_and_the_temporary_folder_are_no_projects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever lies in them, and around them: they hold everybody's files."""
    home, temporary = tmp_path / "users/ada", tmp_path / "tmp"
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    for folder in (tmp_path, tmp_path / "users", home, temporary):
        (folder / ".git").mkdir(parents=True)
    inside = home / "notes/deep"
    inside.mkdir(parents=True)
    (home / "project/.git").mkdir(parents=True)

    assert find_workspace(inside / "a.py") == inside
    assert find_workspace(temporary / "a.py") == temporary
    assert find_workspace(home / "project/src/a.py") == home / "project"
    for folder in (tmp_path, home, temporary, Path("/")):
        assert holds_everything(folder)
    assert not holds_everything(home / "project")


def test_relative_paths_are_relative_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in every command."""
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "shop").mkdir()
    monkeypatch.chdir(tmp_path / "shop")

    assert find_workspace(Path("a.py")) == tmp_path


@pytest.mark.parametrize(
    "mark",
    ["package.json", "Cargo.toml", "go.mod", "compile_commands.json", "build.gradle.kts", "a.sln"],
)
def test_every_language_marks_its_projects(tmp_path: Path, mark: str) -> None:
    """The nearest folder with a mark wins over an outer repository."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "shop" / "src").mkdir(parents=True)
    (tmp_path / "shop" / mark).write_text("")

    assert find_workspace(tmp_path / "shop" / "src" / "a.x") == tmp_path / "shop"


def test_the_language_is_told_by_the_suffix() -> None:
    """Stubs are Python too; unknown suffixes are refused with the known ones."""
    assert language_of(Path("a.py")) == language_of(Path("b.tar.pyi")) == "python"
    assert language_of(Path("a.mts")) == "typescript"
    assert language_of(Path("a.tsx")) == "typescriptreact"
    assert language_of(Path("a.ipp")) == "cpp"
    for name in ("a.xyz", "Makefile", ".py", "a.PY"):
        with pytest.raises(UsageError, match=r"expected one of .*\.py, \.pyi"):
            language_of(Path(name))


@pytest.mark.parametrize(
    "text",
    [
        "class A;\n",
        "  class Order final : public Base {\n",
        "namespace shop {\n",
        "namespace {\n",
        "template <class T>\nT f();\n",
        "using std::swap;\n",
        "using Id = int;\n",
        " private:\n",
        "void f(std::string s);\n",
    ],
)
def test_headers_with_lines_of_cpp_are_cpp(text: str) -> None:
    """Whatever else they hold."""
    assert language_of(Path("a.h"), f"#pragma once\nint x;\n{text}") == "cpp"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "struct order { int namespace_id; };\n",
        "/*\n   using the default template.\n   class of errors\n   private data\n*/\n",
        '#ifdef __cplusplus\nextern "C" {\n#endif\nint f(void);\n',
    ],
)
def test_other_headers_are_c(text: str) -> None:
    """Prose in comments and guards for C++ compilers do not mislead."""
    assert language_of(Path("a.h"), text) == "c"


def test_a_header_is_read_where_its_text_is_not_given(tmp_path: Path) -> None:
    """As it lies on the disk."""
    (tmp_path / "a.h").write_text("namespace shop {}\n")

    assert language_of(tmp_path / "a.h") == "cpp"
