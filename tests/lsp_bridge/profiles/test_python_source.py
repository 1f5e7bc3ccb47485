"""What a file says about a receiver whose members a server only guesses."""

import pytest

from lsp_bridge.profiles.rules.python_source import (
    assigned_members,
    imported_as,
    is_in_mixin,
    is_narrowed,
    is_unannotated_parameter,
    is_under_construction,
    probed_members,
    receiver,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("x = a.b.", "a.b"), ("f().", ""), ("größe.", "größe"), ("a", ""), ("1.", "")],
)
def test_the_receiver_is_a_dotted_name_or_nothing(text: str, expected: str) -> None:
    """Calls, subscripts and numbers have no name."""
    assert receiver(text, len(text)) == expected


def test_members_that_the_file_sets_from_outside_are_found() -> None:
    """Assignments on other objects than ``self``; comparisons and uses are none."""
    text = (
        "f.cache = {}\n  Wrapped._tl: int = 3\nself.own = 1\nif a.b == 2: pass\nprint(x.y)\n"
        "a.b.c = d.e\n"
    )
    assert list(assigned_members(text)) == ["cache", "_tl", "c"]


def test_an_object_made_by_new_is_under_construction_until_it_is_bound_again() -> None:
    """The last binding counts."""
    made = "obj = int.__new__(cls, value)\nobj."
    bound_again = "obj = int.__new__(cls, value)\nobj = other()\nobj."

    assert is_under_construction("obj", made, len(made))
    assert not is_under_construction("obj", bound_again, len(bound_again))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("def f(x):", True),
        ("def f(x=3):", True),
        ("def f(x: int):", False),
        ("async def f(a, *, x=(1, 2)):", True),
        ("def f(self, y: int):", False),
        ("def f(\n    x,\n    y: int,\n):", True),
        ("def f(x", False),
    ],
)
def test_parameters_without_annotation_are_known_by_the_functions_around(
    header: str, expected: bool
) -> None:
    """Also over several lines; an unfinished header says nothing."""
    text = f"def before(x): pass\n{header}\n    if 1:\n        x."

    assert is_unannotated_parameter("x", text, len(text)) is expected


def test_functions_that_ended_before_do_not_count() -> None:
    """Only smaller indentation is around the cursor."""
    text = "def f(x):\n    pass\n\nx."

    assert not is_unannotated_parameter("x", text, len(text))


@pytest.mark.parametrize(("name", "expected"), [("OpenIdMixin", True), ("Order", False)])
def test_a_class_that_calls_itself_a_mixin_has_members_from_elsewhere(
    name: str, expected: bool
) -> None:
    """Judged by the name of the last class before the cursor."""
    text = f"class Before: pass\nclass {name}:\n    def f(self):\n        self."

    assert is_in_mixin(text, len(text)) is expected


def test_members_that_the_file_asks_about_are_found() -> None:
    """``hasattr`` and ``getattr`` on the same receiver, with a literal name."""
    text = 'if hasattr(sys, "real_prefix"): getattr(a.b, \'own\', None); hasattr(other, "x")\n'

    assert probed_members("sys", text) == ["real_prefix"]
    assert probed_members("a.b", text) == ["own"]
    assert probed_members("", text) == []


@pytest.mark.parametrize(("name", "module"), [("t", "typing"), ("os", "os"), ("a.b", "a.b")])
def test_a_module_may_go_by_another_name(name: str, module: str) -> None:
    """``import typing as t`` at the beginning of a line."""
    assert imported_as(name, "import os\nimport typing as t\n") == module


def test_a_receiver_that_was_tested_has_a_narrower_type() -> None:
    """``isinstance`` on the same receiver, or a ``match`` on it, before the cursor."""
    text = "if isinstance(node, A):\n    node.x\nmatch other:\n    case A():\n        other."

    assert is_narrowed("node", text, len(text))
    assert is_narrowed("other", text, len(text))
    assert not is_narrowed("x", text, len(text))
