"""What receivers of Python have besides what is listed, with a server that says where types are."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from lsp_bridge.answers.python.receivers import Receivers
from lsp_bridge.documents.overlay import Encoding
from lsp_bridge.documents.question import Question
from lsp_bridge.profiles.profile import Extra
from lsp_bridge.servers.project import discover
from monitors.protocols import Members, Name, QueryKind
from tests.workspaces import written

ORM = """
class Meta(type):
    def __new__(mcs, name, bases, attrs):
        attrs["_meta"] = 1
        return super().__new__(mcs, name, bases, attrs)
    def objects(cls): ...
class Model(metaclass=Meta):
    def save(self): ...
class Loose:
    def load(self, **values):
        self.__dict__.update(values)
"""
TYPESHED = "class OSError(Exception):\n    errno: int\nclass float:\n    def hex(self): ...\n"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace with a mapper, and stubs of the standard library."""
    files = {
        "orm.py": ORM,
        "lazy.py": "def f(n):\n    globals()[n] = 1\nif WINDOWS:\n    only = 1\n",
        "typeshed/stdlib/builtins.pyi": TYPESHED,
        "typeshed/stdlib/os/__init__.pyi": "def getcwd(): ...\n",
    }
    return written(tmp_path, files)


def line_of(text: str, start: str) -> int:
    """Number of the line that begins so."""
    return next(n for n, line in enumerate(text.splitlines()) if line.startswith(start))


def location(path: Path, line: int = 0, *, is_link: bool = False) -> dict[str, Any]:
    """A Location or a LocationLink."""
    span = {"start": {"line": line, "character": 6}, "end": {"line": line, "character": 9}}
    if is_link:
        return {"targetUri": path.as_uri(), "targetRange": span, "targetSelectionRange": span}
    return {"uri": path.as_uri(), "range": span}


def looked_up(
    root: Path, text: str, names: str, response: Any = None, *, shares: bool = False
) -> tuple[Extra, list[dict[str, Any]]]:
    """What is found out about the receiver at the mark, and what was asked for it."""
    before, _, behind = text.partition("‸")
    question = Question(
        QueryKind.MEMBERS, str(root / "app.py"), "python", before + behind, len(before)
    )
    asked: list[dict[str, Any]] = []

    async def ask(method: str, params: dict[str, Any]) -> Any:
        assert method == "textDocument/typeDefinition"
        asked.append(params["position"])
        return response

    facts = Members(tuple(map(Name, names.split())))
    receivers = Receivers(discover(root), shares)
    return asyncio.run(receivers.look_up(question, facts, Encoding.UTF16, ask)), asked


@pytest.mark.parametrize("is_link", [True, False])
def test_a_value_has_what_its_class_has(root: Path, is_link: bool) -> None:
    """Wherever that is defined; the server is asked about the end of the receiver."""
    response = location(root / "orm.py", line_of(ORM, "class Model"), is_link=is_link)
    extra, asked = looked_up(root, "x = it.model.‸\n", "save", [response])

    assert "_meta" in extra.names
    assert "objects" not in extra.names
    assert asked == [{"line": 0, "character": 11}]


def test_a_class_object_has_what_its_metaclass_has(root: Path) -> None:
    """Lists with ``mro`` are those of classes."""
    response = location(root / "orm.py", line_of(ORM, "class Model"))
    extra, _ = looked_up(root, "Model.‸\n", "save mro", response)

    assert {"_meta", "objects", "__name__"} <= extra.names


def test_a_class_that_is_not_the_one_listed_is_left_alone(root: Path) -> None:
    """Servers misjudge some expressions: the list shows what the class declares, or it does not."""
    response = location(root / "orm.py", line_of(ORM, "class Loose"))

    assert looked_up(root, "it.‸\n", "load", response)[0].why_open
    assert not looked_up(root, "it.‸\n", "upper lower", response)[0].why_open


def test_self_needs_no_question(root: Path) -> None:
    """Nor do ``cls``, ``type(self)``, ``self.__class__`` and ``super()``."""
    head = "from orm import Model\nclass User(Model):\n    def f(self):\n        "
    for receiver in ("self", "type(self)", "self.__class__", "super()"):
        extra, asked = looked_up(root, f"{head}{receiver}.‸\n", "save f")
        assert "_meta" in extra.names
        assert asked == []
    static = "class A:\n    @staticmethod\n    def f(it):\n        it.‸\n"
    assert looked_up(root, static, "x")[1]


def test_names_that_the_class_uses_are_added_and_many_open_it(root: Path) -> None:
    """Somebody brings them."""
    uses = "".join(f"        self.a{n}\n" for n in range(30))
    head = f"class A:\n    def f(self):\n{uses}        self.other\n        self.‸\n"
    known = " ".join(f"a{n}" for n in range(30))

    assert "other" in looked_up(root, head, f"f {known}")[0].names
    assert not looked_up(root, head, f"f {known}")[0].why_open
    assert "which is not listed" in looked_up(root, head, "f a0 a1")[0].why_open


def test_a_module_has_what_it_writes(root: Path) -> None:
    """Names of all its branches, and those that it computes."""
    extra, _ = looked_up(root, "import lazy\nlazy.‸\n", "f __file__", location(root / "lazy.py"))

    assert "only" in extra.names
    assert "globals()[n]" in extra.why_open


def test_standard_classes_and_modules_have_names_of_other_platforms(root: Path) -> None:
    """By the table."""
    builtins = root / "typeshed/stdlib/builtins.pyi"
    error = location(builtins, line_of(TYPESHED, "class OSError"))
    module = location(root / "typeshed/stdlib/os/__init__.pyi")

    assert "winerror" in looked_up(root, "e.‸\n", "errno", [error])[0].names
    assert "startfile" in looked_up(root, "os.‸\n", "getcwd __file__", [module])[0].names
    older = "if PY2:\n    os.‸\n"
    assert "version" in looked_up(root, older, "getcwd __file__", [module])[0].why_open


def test_unions_of_which_only_a_part_is_listed(root: Path) -> None:
    """Standard classes are known; others leave it open."""
    number = location(root / "typeshed/stdlib/builtins.pyi", line_of(TYPESHED, "class float"))
    model = location(root / "orm.py", line_of(ORM, "class Model"))

    assert "hex" in looked_up(root, "x.‸\n", "real", [number, number], shares=True)[0].names
    assert "union" in looked_up(root, "x.‸\n", "real", [number, model], shares=True)[0].why_open
    assert not looked_up(root, "x.‸\n", "real", [number, number])[0].why_open


def test_a_call_of_which_nothing_is_known_is_asked_about_by_its_name(root: Path) -> None:
    """What a class makes is of that class."""
    _, asked = looked_up(root, "x = make(a[1], (2))(3).‸\n", "save", None)
    _, called = looked_up(root, "x = make(a[1], (2)).‸\n", "save", None)

    assert asked == [{"line": 0, "character": 21}]
    assert called == [{"line": 0, "character": 18}, {"line": 0, "character": 7}]


@pytest.mark.parametrize(
    "response",
    [None, [], {}, [{}], [{"uri": "https://x/a.py", "range": None}], [{"uri": 3, "range": {}}]],
)
def test_answers_that_lead_nowhere_say_nothing(root: Path, response: Any) -> None:
    """The list stays what it is."""
    assert looked_up(root, "x.‸\n", "save", response)[0] == Extra()


def test_a_hidden_metaclass_opens_a_class_that_is_not_found(root: Path) -> None:
    """As pyrefly shows one."""
    question = "x.‸\n"
    facts = Members((Name("save"), Name("__class__", detail="type[type[Model]]")))

    async def ask(method: str, params: dict[str, Any]) -> Any:
        return None

    before = question.index("‸")
    asked = Question(QueryKind.MEMBERS, str(root / "a.py"), "python", "x.\n", before)
    extra = asyncio.run(Receivers(discover(root)).look_up(asked, facts, Encoding.UTF16, ask))

    assert extra.why_open == "a class with a metaclass"


def test_code_that_expects_a_missing_name_is_open(root: Path) -> None:
    """Whatever the receiver is."""
    text = "try:\n    x.‸\nexcept AttributeError:\n    pass\n"

    assert "may be missing" in looked_up(root, text, "save")[0].why_open


def test_names_are_added_to_the_list_and_reasons_take_it_away() -> None:
    """In an order that is always the same."""
    facts = Members((Name("b"), Name("a")))

    assert Extra().added_to(facts) is facts
    added = Extra(frozenset({"a", "d", "c"})).added_to(facts)
    assert isinstance(added, Members)
    assert [name.text for name in added.names] == ["b", "a", "c", "d"]
    assert not isinstance(Extra(why_open="why").added_to(facts), Members)
