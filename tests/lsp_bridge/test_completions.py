"""Raw responses to facts: every rule of reading, without a server."""

from typing import Any

import pytest

from lsp_bridge import completions
from lsp_bridge.profiles.jedi import JEDI
from lsp_bridge.profiles.profile import Incomplete, Profile
from lsp_bridge.profiles.pyrefly import PYREFLY
from lsp_bridge.profiles.pyright import PYRIGHT
from monitors.protocols import Facts, Name, Reason, Unavailable
from tests.fakes import misbehaving

PLAIN = misbehaving("none")
TEXT = "opt."


def names(response: Any, profile: Profile = PLAIN, text: str = TEXT) -> list[str]:
    """The names that are read from a response, which must be facts."""
    answer = completions.read(response, profile, text, len(text))
    assert isinstance(answer, Facts), answer
    return [name.text for name in answer.names]


def reason(response: Any, profile: Profile = PLAIN, text: str = TEXT) -> Reason:
    """Why a response is worth nothing."""
    answer = completions.read(response, profile, text, len(text))
    assert isinstance(answer, Unavailable), answer
    return answer.reason


def edit(new_text: str, start: int, end: int = 4) -> dict[str, Any]:
    """A text edit within the first line."""
    span = {"start": {"line": 0, "character": start}, "end": {"line": 0, "character": end}}
    return {"newText": new_text, "range": span}


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"label": "get"}, ["get"]),
        ({"label": "foo(int a)", "insertText": "foo"}, ["foo"]),
        ({"label": "mm(…)", "kind": 2}, ["mm"]),
        ({"label": " pad", "filterText": "other"}, ["pad"]),
        ({"label": "opt?", "textEdit": edit("opt", 4)}, ["opt"]),
        ({"label": "a", "textEdit": edit(".a", 3)}, ["a"]),
        ({"label": "a", "textEdit": edit("opt.a", 0)}, ["a"]),
        (
            {
                "label": "a",
                "textEdit": edit("a", 0) | {"range": None, "insert": edit("", 4)["range"]},
            },
            ["a"],
        ),
        ({"label": "#priv"}, ["#priv"]),
        ({"label": "$el"}, ["$el"]),
        ({"label": "größe"}, ["größe"]),
        ({"label": "get$1", "insertText": "get"}, ["get"]),
    ],
)
def test_the_text_left_behind_the_cursor_counts(item: dict[str, Any], expected: list[str]) -> None:
    """Edits before insert texts before labels; what stands before the cursor is stripped."""
    assert names([item, {"label": "z"}]) == [*expected, "z"]


@pytest.mark.parametrize(
    "item",
    [
        {"label": "x", "textEdit": edit('["foo-bar"]', 3)},
        {"label": "x", "textEdit": edit("?.a", 3)},
        {"label": "iter().map"},
        {"label": "await.x"},
        {"label": "for", "kind": 14},
        {"label": "main", "kind": 15},
        {"label": "123"},
        {"label": ""},
        {"label": "x", "additionalTextEdits": [edit("->", 3)]},
    ],
)
def test_what_is_no_plain_member_is_dropped(item: dict[str, Any]) -> None:
    """Rewrites of the receiver, chains, keywords, snippets."""
    assert names([item, {"label": "z"}]) == ["z"]


def test_an_import_far_from_the_cursor_does_no_harm() -> None:
    """Only edits of the cursor's own line touch the receiver."""
    item = {"label": "x", "additionalTextEdits": [edit("import y\n", 0, 0)]}

    assert names([item], text="import z\nopt.") == ["x"]


def test_order_kept_duplicates_dropped() -> None:
    """The server's order, overloads once."""
    assert names([{"label": "b"}, {"label": "a"}, {"label": "b"}]) == ["b", "a"]


def test_kind_detail_and_deprecation_are_kept() -> None:
    """A name carries what editors show."""
    items = [
        {"label": "a", "kind": 2, "detail": "def a()"},
        {"label": "b", "tags": [1]},
        {"label": "c", "deprecated": True, "kind": 99},
    ]
    answer = completions.read(items, PLAIN, TEXT, 4)

    assert isinstance(answer, Facts)
    assert answer.names == (
        Name("a", "method", "def a()"),
        Name("b", "", "", deprecated=True),
        Name("c", "", "", deprecated=True),
    )


def test_default_edit_ranges_are_used() -> None:
    """``itemDefaults`` stands in for edits that items leave out."""
    defaults = {"editRange": edit("", 3)["range"]}
    items = [{"label": "x", "textEditText": ".x"}, {"label": "y", "insertText": ".y"}]

    assert names({"items": items, "itemDefaults": defaults}) == ["x", "y"]


@pytest.mark.parametrize("response", [None, [], {"items": []}, [{"label": "if", "kind": 14}]])
def test_nothing_listed(response: Any) -> None:
    """No names, no constraint."""
    assert reason(response) is Reason.EMPTY


@pytest.mark.parametrize(
    "response",
    [
        42,
        "x",
        {},
        {"items": None},
        [1],
        [{"label": 7}],
        [{}],
        [{"label": "x", "kind": "method"}],
        [{"label": "x", "textEdit": 5}],
        [{"label": "x", "textEdit": {"newText": "x"}}],
        [{"label": "x", "textEdit": {"newText": 5, "range": edit("", 4)["range"]}}],
        [{"label": "x", "insertText": 5}],
        [{"label": "x", "additionalTextEdits": [{}]}],
        {"items": [{"label": "x"}], "itemDefaults": 5},
        [{"label": "x", "tags": 5}],
        [{"label": "x", "textEdit": {"newText": "x", "range": {"start": {"line": "0"}}}}],
    ],
)
def test_malformed_responses(response: Any) -> None:
    """Whatever a server sends, reading it does not raise."""
    assert reason(response) is Reason.BAD_ANSWER


def test_an_incomplete_list_is_trusted_only_if_the_profile_says_so() -> None:
    """pyright flags every list."""
    response = {"isIncomplete": True, "items": [{"label": "x"}]}

    assert reason(response) is Reason.INCOMPLETE
    assert names(response, misbehaving("none", incomplete=Incomplete.COMPLETE)) == ["x"]


OBJECT = ["__class__", "__dir__", "__doc__", "__eq__", "__init__"]


@pytest.mark.parametrize("profile", [PYREFLY, JEDI, PYRIGHT], ids=lambda each: each.name)
class TestPythonServers:
    """Rules that hold for all of them."""

    def test_only_special_names(self, profile: Profile) -> None:
        """The members of `object` or of None stand for an unknown type."""
        assert reason([{"label": each} for each in OBJECT], profile) is Reason.UNKNOWN_TYPE

    def test_a_bare_class(self, profile: Profile) -> None:
        """The members of `type` say nothing about which class it is."""
        listed = [{"label": each} for each in (*OBJECT, "__mro__", "mro")]

        assert reason(listed, profile) is Reason.UNKNOWN_TYPE

    def test_made_up_members(self, profile: Profile) -> None:
        """``__getattr__`` opens the list, whether or not there are plain names."""
        listed = [{"label": each} for each in (*OBJECT, "__getattr__")]

        assert reason(listed, profile) is Reason.OPEN_TYPE
        assert reason([*listed, {"label": "x"}], profile) is Reason.OPEN_TYPE

    def test_names_in_scope(self, profile: Profile) -> None:
        """Keywords are no members: the server answered something else."""
        assert reason([{"label": "x"}, {"label": "if", "kind": 14}], profile) is Reason.NOT_MEMBERS

    def test_every_value_has_the_members_of_object(self, profile: Profile) -> None:
        """Names that a server leaves out come last."""
        listed = names([{"label": "x"}, {"label": "__class__"}], profile)

        assert listed[:2] == ["x", "__class__"]
        assert {"__init__", "__dict__", "__eq__"} <= set(listed)
        assert len(listed) == len(set(listed))


def test_pyrefly_lists_a_class_without_its_metaclass() -> None:
    """The members of `type` are added, and an enumeration's own."""
    listed = [{"label": "x"}, {"label": "__dir__", "kind": 3}]

    assert {"mro", "__name__"} <= set(names(listed, PYREFLY))
    assert "__members__" not in names(listed, PYREFLY)
    assert "__members__" in names([*listed, {"label": "_generate_next_value_"}], PYREFLY)


@pytest.mark.parametrize(
    "mark",
    [
        {"label": "__new__", "kind": 5, "detail": "Unknown"},
        {"label": "__class__", "kind": 5, "detail": "type[type[A]]"},
    ],
)
def test_pyrefly_shows_unknown_bases_and_metaclasses(mark: dict[str, Any]) -> None:
    """Their members are not in the list."""
    assert reason([{"label": "x"}, mark], PYREFLY) is Reason.OPEN_TYPE


def test_pyrefly_leaves_out_imported_submodules() -> None:
    """What the file imports by a dotted name is a member of the package."""
    text = "import os, importlib.metadata as m\nimport xml.dom.minidom  # x\nxml."
    module = [{"label": "sys"}, {"label": "__file__"}]

    assert "dom" in names(module, PYREFLY, text)
    assert "metadata" in names(module, PYREFLY, text.replace("\nxml.", "\nimportlib."))
    assert "dom" not in names(module, PYREFLY, text.replace("\nxml.", "\nf()."))


def test_jedi_leaves_out_object_where_a_base_is_unknown() -> None:
    """Modules have no such members either, but are known by their file."""
    assert reason([{"label": "x"}], JEDI) is Reason.OPEN_TYPE
    assert "x" in names([{"label": "x"}, {"label": "__file__"}], JEDI)


def test_jedi_takes_simple_namespaces_for_one_instance() -> None:
    """Its four names are not those of the receiver."""
    listed = [*OBJECT, "cache_tag", "hexversion", "name", "version"]

    assert reason([{"label": each} for each in listed], JEDI) is Reason.UNKNOWN_TYPE


@pytest.mark.parametrize(
    ("bases", "closed"),
    [("A", True), ("A, metaclass=M", True), ("A,", True), ("A, B", False), ("\n A,\n B\n", False)],
)
def test_pyright_shows_the_first_base_only(bases: str, closed: bool) -> None:
    """Behind ``super()``, several bases leave the list open."""
    text = f"class C({bases}):\n    def f(self):\n        super()."
    listed = [{"label": "x"}]

    if closed:
        assert "x" in names(listed, PYRIGHT, text)
    else:
        assert reason(listed, PYRIGHT, text) is Reason.OPEN_TYPE
    assert "x" in names(listed, PYRIGHT, text.replace("super()", "self"))
