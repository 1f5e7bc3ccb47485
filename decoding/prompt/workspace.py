"""Files and positions as a caller names them, turned into documents."""

import re
import stat
import tempfile
from pathlib import Path

from decoding.prompt import notebook
from decoding.prompt.encodings import encoding_of
from monitors.errors import PositionError, UsageError, WorkspaceError
from monitors.protocols import Document

Position = tuple[int, int] | tuple[int, int, int]
"""Line and column, or, in a notebook, cell, line and column; all count from 1."""
LANGUAGES = {
    **dict.fromkeys((".py", ".pyi"), "python"),
    **dict.fromkeys((".ts", ".mts", ".cts"), "typescript"),
    ".tsx": "typescriptreact",
    **dict.fromkeys((".js", ".mjs", ".cjs"), "javascript"),
    ".jsx": "javascriptreact",
    **dict.fromkeys((".c", ".h"), "c"),
    **dict.fromkeys((".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx", ".ipp"), "cpp"),
    ".rs": "rust",
    ".go": "go",
    ".java": "java",
    ".cs": "csharp",
    **dict.fromkeys((".kt", ".kts"), "kotlin"),
    ".rb": "ruby",
    ".php": "php",
    ".dart": "dart",
}
"""File name suffix to language identifier; `language_of` looks closer at headers."""
_LINE_END = re.compile(r"\r\n|\r|\n")
_CPP_LINE = re.compile(
    r"^[ \t]*(?:"
    r"class\s+\w[\w\s]*[:{;]|namespace(?:\s+[\w:]+)?\s*\{|template\s*<"
    r"|using\s+(?:namespace\b|[\w:]+\s*[=;])|(?:public|protected|private)\s*:)"
    r"|\bstd::",
    re.M,
)
"""Strict about what follows a keyword, since comments in prose begin with these words too."""
_ROOT_MARKS = (
    *(".git", "pyproject.toml", "setup.py", "setup.cfg"),
    *("tsconfig.json", "jsconfig.json", "package.json"),
    *("compile_commands.json", "compile_flags.txt", ".clangd"),
    *("Cargo.toml", "go.mod", "Gemfile", "composer.json", "pubspec.yaml"),
    *("pom.xml", "build.gradle", "build.gradle.kts"),
    "*.sln",
)
"""Patterns of what lies at the root of a project."""


def language_of(path: Path, text: str | None = None) -> str:
    """Language identifier of a file, by its suffix; raises `UsageError` for an unknown one.

    A header ``.h`` is C++ if a line of it begins with a class, namespace, template or ``using``,
    or names ``std::``. Its ``text`` is read from the disk where it is not given.
    """
    language = LANGUAGES.get(path.suffix)
    if language is None:
        known = ", ".join(sorted(LANGUAGES))
        raise UsageError(
            f"{path}: no language for {path.suffix or 'a name without a suffix'!r}; "
            f"expected one of {known}"
        )
    if path.suffix == ".h":
        text = read_text(path) if text is None else text
        return "cpp" if _CPP_LINE.search(text) else "c"
    return language


def find_workspace(path: Path) -> Path:
    """The nearest folder above ``path`` that looks like a project.

    Without one, the folder that holds the outermost package of the file, or the file itself. A
    folder that `holds_everything` is no project, whatever lies in it.
    """
    folders = path.resolve().parents
    for folder in folders:
        if holds_everything(folder):
            break
        if any(True for mark in _ROOT_MARKS for _ in folder.glob(mark)):
            return folder
    return next(folder for folder in folders if not (folder / "__init__.py").exists())


def holds_everything(folder: Path) -> bool:
    """Whether a folder is a home, that of temporary files, or one around them.

    Projects lie in it, and much else: too much to be watched for changes.
    """
    shared = (Path.home(), Path(tempfile.gettempdir()))
    real = folder.resolve()
    return any(each.resolve().is_relative_to(real) for each in shared)


def read_text(path: Path, workspace: Path | None = None) -> str:
    """Text of a file with its line ends as they are, without a byte order mark.

    It is UTF-8 unless a mark or a declaration in the first lines says otherwise. Raises
    `WorkspaceError` if the file cannot be read, is none or in another encoding, or lies outside
    ``workspace`` once symbolic links are followed.
    """
    real = path.resolve()
    if workspace is not None and not real.is_relative_to(workspace.resolve()):
        raise WorkspaceError(
            f"{path} lies outside the workspace {workspace}; "
            "name a workspace that holds it (--workspace)"
        )
    data = _read_bytes(path, real)
    encoding = encoding_of(data)
    try:
        return data.decode(encoding.name)
    except LookupError as error:
        raise WorkspaceError(
            f"{path} declares the encoding {encoding.name!r}, which is unknown; convert it to UTF-8"
        ) from error
    except UnicodeError as error:
        reason = getattr(error, "reason", str(error))
        place = f" at byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
        what = f"{encoding.name}, as it declares" if encoding.is_declared else "UTF-8 text"
        raise WorkspaceError(
            f"{path} is not {what} ({reason}{place}); convert it, or declare its encoding"
        ) from error


def _read_bytes(path: Path, real: Path) -> bytes:
    """What the file holds; pipes and devices, which may never end, are not opened."""
    try:
        mode = real.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise WorkspaceError(f"{path} is not a regular file; expected a source file")
        return real.read_bytes()
    except OSError as error:
        raise WorkspaceError(f"{path}: {error.strerror or error}") from error


def offset_at(text: str, line: int, column: int) -> int:
    """Index into ``text`` of a 1-based line and a 1-based column counted in characters.

    A column one behind the last character is the end of the line. Raises `PositionError`.
    """
    lines = _LINE_END.split(text)
    if not 1 <= line <= len(lines):
        count = "1 line" if len(lines) == 1 else f"{len(lines)} lines"
        raise PositionError(f"line {line} is outside the file, which has {count}")
    width = len(lines[line - 1])
    if not 1 <= column <= width + 1:
        raise PositionError(
            f"column {column} is outside line {line}, which has columns 1 to {width + 1}"
        )
    ends = [end.end() for end in _LINE_END.finditer(text)]
    return ([0, *ends])[line - 1] + column - 1


def open_document(path: Path, position: Position, workspace: Path) -> Document:
    """The file with a cursor at ``position`` (1-based line and column).

    In a notebook a position is cell, line and column, all 1-based. The document holds its code
    cells as a Python file, which is in memory alone, beside the notebook.
    """
    is_notebook = path.suffix == notebook.SUFFIX
    if len(position) != (3 if is_notebook else 2):
        expected = "a cell, a line and a column" if is_notebook else "a line and a column"
        raise PositionError(f"got {position} in {path}; expected {expected}")
    text = read_text(path, workspace)
    if len(position) == 3:
        cells = notebook.read_cells(str(path), text)
        before, text, behind = notebook.around(cells, position[0])
        offset = offset_at(text, *position[1:])
        prefix, suffix = before + text[:offset], text[offset:] + behind
        return Document("python", f"{path.resolve()}.py", prefix, suffix)
    offset = offset_at(text, *position)
    return Document(language_of(path, text), str(path.resolve()), text[:offset], text[offset:])


def without_end(document: Document, end: bytes) -> Document:
    """The document without the ``end`` of its prefix, which is generated again."""
    prefix = document.prefix.encode().removesuffix(end).decode("utf-8", "ignore")
    return Document(document.language, document.path, prefix, document.suffix)
