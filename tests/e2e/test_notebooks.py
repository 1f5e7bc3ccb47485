"""Notebooks and files in other encodings, completed with every live server for Python."""

import json
from pathlib import Path

import pytest

from decoding.prompt.workspace import open_document
from decoding.warming import first_query
from decoding.wiring import ServerAnalyst
from lsp_bridge import ServerPool
from monitors.protocols import Members, Reason, Unavailable
from tests.servers import PYTHON, require

pytestmark = pytest.mark.e2e
FILES = {"pyproject.toml": "", "shop.py": "class Order:\n    def total(self) -> int: ...\n"}
CELLS = [
    ("markdown", "# A shop"),
    ("code", "%matplotlib inline\nimport shop\nfiles = !ls\n"),
    ("code", "%%bash\nls; for x in 1; do echo; done"),
    ("code", "class Box:\n    def größe(self) -> int: ...\n\nbox = Box()"),
    ("code", "%time box\nbox."),
    ("code", "shop.Order()."),
    ("code", "files."),
    ("code", "later = 1"),
]


@pytest.mark.parametrize("server", PYTHON)
def test_names_of_earlier_cells_and_of_modules_beside(root: Path, server: str) -> None:
    """What IPython alone knows is unknown, and nothing is written."""
    require(server)
    path = root / "a.ipynb"
    cells = [{"cell_type": kind, "source": text} for kind, text in CELLS]
    path.write_text(json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}))
    before = {each: each.read_bytes() for each in root.rglob("*") if each.is_file()}
    with ServerPool(root) as pool:

        def ask(*position: int) -> object:
            document = open_document(path, position, root)  # type: ignore[arg-type]
            return ServerAnalyst(pool, server).ask(first_query(document)).result(60.0)

        box, order, files = ask(5, 2, 5), ask(6, 1, 14), ask(7, 1, 7)

    assert isinstance(box, Members), box
    assert "größe" in {name.text for name in box.names}
    assert isinstance(order, Members), order
    assert "total" in {name.text for name in order.names}
    assert isinstance(files, Unavailable), files
    assert files.reason in {Reason.UNKNOWN_TYPE, Reason.OPEN_TYPE, Reason.EMPTY}
    assert {each: each.read_bytes() for each in root.rglob("*") if each.is_file()} == before


@pytest.mark.parametrize("server", PYTHON)
@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_files_in_other_encodings(root: Path, server: str, encoding: str) -> None:
    """The server is told the text, however it lies on the disk."""
    require(server)
    path = root / f"{encoding.replace('-', '')}.py"
    text = f"# coding: {encoding}\nimport shop\nx = 'é'; shop.Order()."
    path.write_bytes(text.encode(encoding))
    with ServerPool(root) as pool:
        query = first_query(open_document(path, (3, 23), root))
        answer = ServerAnalyst(pool, server).ask(query).result(60.0)

    assert query.document.prefix == text
    assert isinstance(answer, Members), answer
    assert "total" in {name.text for name in answer.names}
