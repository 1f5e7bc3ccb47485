"""Raw responses to facts: every rule of reading, without a server."""

import re
import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_bridge import completions
from lsp_bridge.profiles.intelephense import INTELEPHENSE
from lsp_bridge.profiles.jedi import JEDI
from lsp_bridge.profiles.profile import Incomplete, Profile
from lsp_bridge.profiles.pyrefly import PYREFLY
from lsp_bridge.profiles.pyright import PYRIGHT
from lsp_bridge.profiles.ty import TY
from lsp_bridge.profiles.typescript_language_server import TYPESCRIPT_LANGUAGE_SERVER as TYPESCRIPT
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


def test_long_lists_are_read_fast() -> None:
    """Five thousand items in less than 20 ms, since each query of a wide type waits for it."""
    item = {"kind": 2, "detail": "int", "textEdit": edit(".x", 3), "commitCharacters": ["."]}
    items = [item | {"label": f"x{n}", "textEdit": edit(f".x{n}", 3)} for n in range(5000)]
    seconds = []
    for _ in range(10):
        began_s = time.perf_counter()
        assert len(names(items)) == 5000
        seconds.append(time.perf_counter() - began_s)

    assert min(seconds) < 0.02


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


OBJECT = ["__class__", "__dir__", "__doc__", "__eq__", "__init__"]


@pytest.mark.parametrize("profile", [PYREFLY, JEDI, PYRIGHT, TY], ids=lambda each: each.name)
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


@pytest.mark.parametrize("kind", ["Unknown", "Any"])
def test_ty_shows_unknown_bases(kind: str) -> None:
    """In the types of what every object has."""
    mark = {"label": "__dict__", "detail": f"dict[str, Any] & {kind}"}

    assert reason([{"label": "x"}, mark], TY) is Reason.OPEN_TYPE
    assert "x" in names([{"label": "x"}, mark | {"detail": "dict[str, Any]"}], TY)


def test_ty_lists_getattr_for_every_module() -> None:
    """Which says nothing."""
    mark = {"label": "__getattr__", "detail": "bound method ModuleType.__getattr__(name) -> Any"}

    assert "x" in names([{"label": "x"}, mark], TY)


def typescript(*listed: str, commits: str = ".,;(", words: bool = False) -> list[dict[str, Any]]:
    """Items as ``tsserver`` sends them; in JavaScript with ``words`` of the file."""
    items = [{"label": each, "kind": 5, "commitCharacters": list(commits)} for each in listed]
    return [*items, {"label": "word", "kind": 1}] if words else items


class TestTypeScript:
    """Index signatures, and JavaScript's objects."""

    def test_every_value_has_the_members_of_object(self) -> None:
        """Which ``tsserver`` lists for few; behind them what the file sets on the receiver."""
        listed = names(typescript("a"), TYPESCRIPT, "f.b = 1; g(f.")

        assert listed[0] == "a"
        assert listed[-1] == "b"
        assert {"constructor", "hasOwnProperty", "toString"} <= set(listed)

    def test_a_dictionary(self) -> None:
        """A type that declares little and can be indexed is open."""
        assert reason(typescript("a", commits=""), TYPESCRIPT) is Reason.OPEN_TYPE

    def test_a_type_that_can_be_indexed_too(self) -> None:
        """One with several members is used by those, but for environment variables."""
        listed = typescript("a", "b", "c", commits="")

        assert "a" in names(listed, TYPESCRIPT, "issue.")
        assert reason(listed, TYPESCRIPT, "process.env.") is Reason.OPEN_TYPE

    def test_words_of_the_file_are_no_members(self) -> None:
        """Alone they mean that the type is unknown."""
        assert "word" not in names(typescript("a", words=True), TYPESCRIPT, "f(x.")
        assert reason(typescript(words=True), TYPESCRIPT, "f(x.") is Reason.EMPTY

    @pytest.mark.parametrize(
        "text",
        [
            "exports.",
            "module.exports.",
            "F.prototype.",
            "app.init = 1;\napp.",
            "class A {\n  f() {}\n  constructor(a) {\n    if (a) {\n      this.",
            "const o = {\n  f() {\n    return this.",
        ],
    )
    def test_objects_that_grow(self, text: str) -> None:
        """Where JavaScript that nobody checks may define a member, the list is open."""
        listed = typescript("a", words=True)

        assert reason(listed, TYPESCRIPT, text) is Reason.OPEN_TYPE
        assert "a" in names(typescript("a"), TYPESCRIPT, text)

    @pytest.mark.parametrize(
        "text",
        ["f(exports.", "app.", "class A {\n  constructor() { this.a = 1; }\n  f() {\n    this."],
    )
    def test_objects_that_are_used(self, text: str) -> None:
        """Elsewhere it is closed."""
        assert "a" in names(typescript("a", words=True), TYPESCRIPT, text)

    def test_a_function_at_the_beginning_of_a_statement(self) -> None:
        """What stands there is called or set; behind other text it is used."""
        listed = typescript("apply", "bind", "call")

        assert reason(listed, TYPESCRIPT, "creator.") is Reason.OPEN_TYPE
        again = "creator.type = 1;\ncreator."
        assert reason([*listed, *typescript("type")], TYPESCRIPT, again) is Reason.OPEN_TYPE
        assert "type" in names([*listed, *typescript("type")], TYPESCRIPT, "creator.")
        assert "call" in names(listed, TYPESCRIPT, "return creator.")


class TestPhp:
    """Magic, traits and what is not declared."""

    @pytest.mark.parametrize("name", ["__get", "__set", "__call", "__callStatic"])
    def test_magic_methods(self, name: str) -> None:
        """They make members up."""
        assert reason([{"label": "x"}, {"label": name}], INTELEPHENSE) is Reason.OPEN_TYPE

    def test_a_trait(self) -> None:
        """``$this`` is an object of a class that is not known."""
        text = "<?php\nclass A {}\ntrait T { function f() { $this->"

        assert reason([{"label": "x"}], INTELEPHENSE, text) is Reason.OPEN_TYPE
        closed = text.replace("trait T", "final class T")
        assert names([{"label": "x"}], INTELEPHENSE, closed) == ["x"]

    def test_members_that_the_file_sets(self) -> None:
        """They need not be declared."""
        text = "<?php class A { function f() { $this->y = 1; if ($this->z == 1) $this->"

        assert names([{"label": "x"}], INTELEPHENSE, text) == ["x", "y"]

    def test_an_unknown_class(self) -> None:
        """It has a name, and that is all."""
        assert reason([{"label": "class"}], INTELEPHENSE, "<?php A::") is Reason.UNKNOWN_TYPE

    def test_constructors_are_inherited(self) -> None:
        """They are called behind ``parent::``, where they are not listed."""
        listed = [{"label": "class"}, {"label": "x"}]

        assert names(listed, INTELEPHENSE, "<?php A::") == ["class", "x", "__construct"]
