"""Places where a statement of a function was taken out."""

import ast
from pathlib import Path
from random import Random

import pytest

from benchmarks.places import in_file, places

SOURCE = '''\
import os
import json as j
import a.b

def outer(first, *, second):
    """Text."""
    value = first.read()
    if value: pass
    return (
        value
    )

nothing = lambda: 1
'''


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A module with one function."""
    (tmp_path / "module.py").write_text(SOURCE)
    return tmp_path / "module.py"


def test_a_place_is_the_text_without_one_statement(file: Path) -> None:
    """The cursor stands behind the indentation; what is left still parses."""
    found = list(in_file(file, Random(0)))

    assert sorted(place.line for place in found) == [6, 7, 8, 9]
    for place in found:
        document = place.document
        assert document.prefix.endswith("\n" + place.indent)
        ast.parse(document.prefix + "pass" + document.suffix)
    last = next(place for place in found if place.line == 9)
    assert last.document.suffix == "\n\nnothing = lambda: 1\n"


def test_receivers_are_parameters_modules_and_what_was_dereferenced_above(file: Path) -> None:
    """Names that the function uses further down are not in scope yet."""
    by_line = {place.line: place.receivers for place in in_file(file, Random(0))}

    assert by_line[7] == ("first", "second", "os", "j")
    assert by_line[9] == ("first", "second", "os", "j")


def test_places_take_turns_among_files_and_are_the_same_every_time(tmp_path: Path) -> None:
    """One of each file before a second of any."""
    files = [tmp_path / name for name in ("x.py", "y.py", "z.py")]
    for each in files:
        each.write_text(SOURCE)
    found = places(files, 5, "seed")

    assert [Path(place.document.path).name for place in found] == [
        "x.py",
        "y.py",
        "z.py",
        "x.py",
        "y.py",
    ]
    assert found == places(files, 5, "seed")
    assert len(places(files, 100, "seed")) == 12
