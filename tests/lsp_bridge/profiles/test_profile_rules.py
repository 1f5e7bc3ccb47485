"""What each server's lists are worth: the profiles' rules, without a server."""

from typing import Any

import pytest

from lsp_bridge.profiles.intelephense import INTELEPHENSE
from lsp_bridge.profiles.jedi import JEDI
from lsp_bridge.profiles.profile import Profile
from lsp_bridge.profiles.pyrefly import PYREFLY
from lsp_bridge.profiles.pyright import PYRIGHT
from lsp_bridge.profiles.ty import TY
from lsp_bridge.profiles.typescript_language_server import TYPESCRIPT_LANGUAGE_SERVER as TYPESCRIPT
from monitors.protocols import Reason
from tests.lsp_bridge.answers.responses import names, reason

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


def test_pyrefly_shows_unknown_bases() -> None:
    """Their members are not in the list."""
    mark = {"label": "__new__", "kind": 5, "detail": "Unknown"}

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
            "app.all = function () {\n  return { ...this.",
            "const o = { a: 1 };\nif (b) {\n  o.",
            "const o = { a: 1 };\no[keys[0]] = 2;\nf(o.",
            "let o = { a: 1 };\no = { b: 1 };\nf(o.",
            "if (b) {\n  o.p[0].",
            "/**\n * @param {Node} [o] what it is\n */\nfunction f(o) {\n  return o.b.",
            "const o = 1;\n/** @type {Node} */\nconst o = g();\nf(o.",
        ],
    )
    def test_objects_that_grow(self, text: str) -> None:
        """Where JavaScript that nobody checks may define a member, the list is open."""
        listed = typescript("a", words=True)

        assert reason(listed, TYPESCRIPT, text) is Reason.OPEN_TYPE
        assert "a" in names(typescript("a"), TYPESCRIPT, text)

    @pytest.mark.parametrize(
        "text",
        [
            "f(exports.",
            "app.",
            "class A {\n  constructor() { this.a = 1; }\n  f() {\n    this.",
            "const o = { a: 1 };\nf(o.",
            "const o = { a: 1 };\nn.o = { b: 1 };\nf(o.",
            "f(o[0].",
            "const o = { a: 1 };\np.o[1] = 2;\nf(o[1] == 2, o.",
            "/** @param {Node} o */\nfunction f(o) {}\nconst o = g();\nf(o.",
            "/** @param {Node} other.o */\nfunction f(o) {\n  return o.",
        ],
    )
    def test_objects_that_are_used(self, text: str) -> None:
        """Elsewhere it is closed."""
        assert "a" in names(typescript("a", words=True), TYPESCRIPT, text)

    @pytest.mark.parametrize(
        "listed", [("message", "name", "stack"), ("childNodes", "ownerDocument", "parentNode")]
    )
    def test_types_that_are_seldom_what_they_are_called(self, listed: tuple[str, ...]) -> None:
        """Errors get further members; a `Node` of a comment may be one of a syntax tree."""
        words = typescript(*listed, words=True)

        assert reason(words, TYPESCRIPT, "throw of(x.") is Reason.OPEN_TYPE
        assert listed[0] in names(typescript(*listed), TYPESCRIPT, "throw of(x.")
        assert "id" in names([*words, *typescript("id", "innerHTML")], TYPESCRIPT, "throw of(x.")

    def test_members_that_are_defined(self) -> None:
        """``Object.defineProperty`` names them."""
        text = "Object.defineProperty(this, 'inner', {});\nreturn this."

        assert "inner" in names(typescript("a"), TYPESCRIPT, text)

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
