"""Notebooks: what a server and a model are shown of them, and where positions are."""

import json
from pathlib import Path
from typing import Any

import pytest

from decoding.prompt.notebook import as_python
from decoding.prompt.workspace import open_document
from monitors.errors import PositionError, WorkspaceError


def saved(folder: Path, *cells: str | tuple[str, str], **metadata: Any) -> Path:
    """A notebook on disk; a cell is code, or a pair of kind and text."""
    pairs = [("code", cell) if isinstance(cell, str) else cell for cell in cells]
    content = {
        "nbformat": 4,
        "metadata": metadata,
        "cells": [
            {"cell_type": kind, "source": text.splitlines(keepends=True)} for kind, text in pairs
        ],
    }
    path = folder / "a.ipynb"
    path.write_text(json.dumps(content))
    return path


def test_the_cells_before_are_the_text_before(tmp_path: Path) -> None:
    """And those behind, the text behind; cells that are no code are left out, but counted."""
    path = saved(tmp_path, "import os\n", ("markdown", "# os.x"), "a = 1\nb = os.c", "d = 4")
    document = open_document(path, (3, 2, 8), tmp_path)

    assert document.prefix == "import os\n\n\na = 1\nb = os."
    assert document.suffix == "c\n\nd = 4"
    assert document.language == "python"
    assert document.path == f"{path.resolve()}.py"
    assert not Path(document.path).exists()


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("%matplotlib inline\nx.y", "#matplotlib inline\nx.y"),
        ("!pip install x\nx.y", "#pip install x\nx.y"),
        ("%%time\nx.y", "#%time\nx.y"),
        ("?x.y\nz", "#x.y\nz"),
        ("x.y?\nz", "#.y?\nz"),
        ("x.y??\r\nz", "#.y??\r\nz"),
        ("if a:\n    !ls -l\nz", "if a:\n    __# -l\nz"),
        ("if a:\n    !x\nz", "if a:\n    __\nz"),
        ("files = !ls *.py\nfiles.", "files = __# *.py\nfiles."),
        ("a, b[0] = %run x\nz", "a, b[0] = __#n x\nz"),
        ("!ls \\\n  -l\nz", "#ls \\\n# -l\nz"),
        ("x = (a\n% b)\nz", "x = (a\n% b)\nz"),
        ("x = \\\n  a\nz", "x = \\\n  a\nz"),
        ('x = """\n!important\nwhy?\n"""\n!ls', 'x = """\n!important\nwhy?\n"""\n#ls'),
        ("x %= 3\nx = y % 3\nx != !y", "x %= 3\nx = y % 3\nx != !y"),
        ("# why?\nx", "# why?\nx"),
        ("", ""),
    ],
)
def test_lines_of_ipython_say_nothing_and_keep_their_length(written: str, shown: str) -> None:
    """Only where a statement begins; in brackets and strings the same characters are Python."""
    assert as_python(written) == shown
    assert len(shown) == len(written)


def test_a_cell_in_another_language_is_a_comment(tmp_path: Path) -> None:
    """Nothing in it is completed."""
    path = saved(tmp_path, "%%bash\nfor x in 1; do\n\n  ls\ndone", "a.", "%%capture out\nb.")

    assert open_document(path, (2, 1, 3), tmp_path).prefix == (
        "#%bash\n#or x in 1; do\n\n# ls\n#one\n\na."
    )
    assert open_document(path, (3, 2, 3), tmp_path).prefix.endswith("\n\na.\n\n#%capture out\nb.")
    with pytest.raises(PositionError, match=r"cell 1 is in another language \(%%bash\).*: 2, 3"):
        open_document(path, (1, 1, 1), tmp_path)


def test_what_a_cell_leaves_open_ends_with_it(tmp_path: Path) -> None:
    """Cells that never ran must not swallow those behind."""
    path = saved(tmp_path, "print((1,", "x = '''a", "y.")

    assert open_document(path, (3, 1, 3), tmp_path).prefix == "print((1,))\n\nx = '''a'''\n\ny."


@pytest.mark.parametrize(
    ("position", "message"),
    [
        ((0, 1, 1), "cell 0 is outside the notebook, which has 2 cells"),
        ((3, 1, 1), "cell 3 is outside the notebook, which has 2 cells"),
        ((1, 1, 1), "cell 1 is markdown; expected one with Python code: 2"),
        ((2, 2, 1), "line 2 is outside the file, which has 1 line"),
        ((2, 1), r"got \(2, 1\) in .*a.ipynb; expected a cell, a line and a column"),
    ],
)
def test_positions_that_are_none(tmp_path: Path, position: Any, message: str) -> None:
    """What was got, and what there is."""
    path = saved(tmp_path, ("markdown", "# Title"), "x.")

    with pytest.raises(PositionError, match=message):
        open_document(path, position, tmp_path)


def test_a_cell_in_a_file_that_is_no_notebook(tmp_path: Path) -> None:
    """There are none."""
    (tmp_path / "a.py").write_text("x.")

    with pytest.raises(PositionError, match="expected a line and a column"):
        open_document(tmp_path / "a.py", (1, 1, 1), tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"worksheets": []}', '{"cells": [{}]}', "{" * 9])
def test_what_is_no_notebook(tmp_path: Path, text: str) -> None:
    """Old formats too."""
    (tmp_path / "a.ipynb").write_text(text)

    with pytest.raises(WorkspaceError, match=r"a\.ipynb is no notebook of format 4"):
        open_document(tmp_path / "a.ipynb", (1, 1, 1), tmp_path)


def test_a_notebook_in_another_language_is_refused(tmp_path: Path) -> None:
    """By what its kernel speaks."""
    for metadata in ({"language_info": {"name": "R"}}, {"kernelspec": {"language": "R"}}):
        path = saved(tmp_path, "x$y", **metadata)

        with pytest.raises(WorkspaceError, match="is a notebook in R; expected one in Python"):
            open_document(path, (1, 1, 1), tmp_path)
