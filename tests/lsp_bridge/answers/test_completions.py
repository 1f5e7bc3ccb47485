"""Raw responses to facts: every rule of reading, without a server."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_bridge.answers import completions
from lsp_bridge.profiles.profile import Incomplete
from monitors.protocols import Members, Name, Reason
from tests.fakes import misbehaving
from tests.lsp_bridge.answers.responses import PLAIN, TEXT, names, reason


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
        ({"label": " pad(int a)"}, ["pad"]),
        ({"label": "•header"}, ["header"]),
        ({"label": "B()", "insertText": "B"}, ["B"]),
        ({"label": "foo(int a) : String"}, ["foo"]),
        ({"label": "C{}"}, ["C"]),
        ({"label": "mm!", "insertText": "mm!($0)", "insertTextFormat": 2}, ["mm"]),
        ({"label": "get", "insertText": "get(${1:key})$0", "insertTextFormat": 2}, ["get"]),
        ({"label": "x", "insertText": "\\$el$0", "insertTextFormat": 2}, ["$el"]),
        ({"label": "end", "insertText": "end$0", "insertTextFormat": 2}, ["end"]),
        ({"label": "x", "filterText": "y", "insertText": "z", "textEdit": edit("e", 4)}, ["e"]),
        ({"label": "x", "filterText": "y", "insertText": "i"}, ["i"]),
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
        {"label": "x", "textEdit": edit("->x", 3)},
        {"label": "if", "textEdit": edit("if opt {}", 0)},
        {"label": "dbg", "textEdit": edit("dbg!(opt)", 0)},
        {"label": "x", "insertText": "${1:x}", "insertTextFormat": 2},
        {"label": "In.Deep"},
        {"label": "x", "textEdit": edit("", 4)},
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

    assert isinstance(answer, Members)
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


def test_other_defaults_are_used() -> None:
    """Snippets for all, and new kinds of defaults that change nothing."""
    defaults = {"insertTextFormat": 2, "commitCharacters": ["."], "applyKind": {"data": 2}}
    items = [{"label": "x", "insertText": "x($1)"}, {"label": "y", "insertTextFormat": 1}]

    assert names({"items": items, "itemDefaults": defaults}) == ["x", "y"]


def test_default_edit_ranges_may_tell_inserting_from_replacing() -> None:
    """What is inserted counts."""
    defaults = {"editRange": {"insert": edit("", 3)["range"], "replace": edit("", 0)["range"]}}

    assert names({"items": [{"label": ".x"}], "itemDefaults": defaults}) == ["x"]


def test_columns_count_utf16_units() -> None:
    """Emoji before the cursor take two columns each."""
    item = {"label": "x", "textEdit": edit(".x", 6, 7)}

    assert names([item], text="'😀😀'.") == ["x"]


def test_a_range_on_the_next_line_replaces_nothing() -> None:
    """As gopls 0.5 has it at the end of a line."""
    span = {"start": {"line": 1, "character": 0}, "end": {"line": 1, "character": 0}}

    assert names([{"label": "x", "textEdit": {"newText": "x", "range": span}}]) == ["x"]


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        (r"\w+", "0", "0"),
        (r"(?:r#)?[^\W\d]\w*", "r#type", "r#type"),
        (r"operator \w+|~?[^\W\d]\w*", "operator bool", "operator bool"),
        (r"operator \w+|~?[^\W\d]\w*", "~Base()", "~Base"),
    ],
)
def test_a_profile_says_what_a_name_is(pattern: str, text: str, expected: str) -> None:
    """Tuple indices, raw identifiers, operators and destructors."""
    assert names([{"label": text}], replace(PLAIN, names=re.compile(pattern))) == [expected]


def test_a_profile_drops_items_by_label() -> None:
    """Such as those that would bring an import along."""
    profile = replace(PLAIN, dropped_labels=re.compile(r".*\(use "))
    items = [{"label": "a(use x::Y)", "insertText": "a"}, {"label": "b"}]

    assert names(items, profile) == ["b"]


NAMES = st.from_regex(r"[^\W\d]\w{0,8}", fullmatch=True)


def forms(name: str) -> list[dict[str, Any]]:
    """One member as different servers send it."""
    snippet = {"insertTextFormat": 2}
    return [
        {"label": name},
        {"label": f" {name}(int a) const", "insertText": name, "filterText": "x"},
        {"label": f"•{name}", "textEdit": edit(name, 4)},
        {"label": f"{name}?", "filterText": f".{name}", "textEdit": edit(f".{name}", 3)},
        {"label": f"{name}(…)", "textEdit": edit(f"{name}()", 4)},
        {"label": name, "textEdit": edit(f"opt.{name}", 0)},
        {"label": f"{name}(a) : int", "insertText": f"{name}(${{1:a}})$0", **snippet},
        {"label": f"{name}!", "textEdit": edit(f"{name}!($0)", 4), **snippet},
        {"label": f"{name}{{}}", "insertText": f"{name}{{$1\\}}", **snippet},
        {
            "label": name,
            "textEdit": {**edit(name, 4), "range": None, "insert": edit("", 4)["range"]},
        },
    ]


@given(NAMES)
def test_every_form_of_an_item_has_the_same_name(name: str) -> None:
    """However it is decorated, and whatever accepting it would insert behind the name."""
    assert [names([form]) for form in forms(name)] == [[name]] * len(forms(name))


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


def test_a_list_of_the_greatest_length_was_cut() -> None:
    """Whether or not the server says so."""
    profile = replace(PLAIN, longest_list=3)

    assert reason([{"label": each} for each in "abc"], profile) is Reason.INCOMPLETE
    assert names([{"label": each} for each in "ab"], profile) == ["a", "b"]
