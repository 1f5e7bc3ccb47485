"""What the sources of Python classes say of members that their bodies do not show."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lsp_bridge.answers.python.classes import Classes, Members, module_writes
from lsp_bridge.answers.python.modules import Drafts, Found, Sources, read
from lsp_bridge.servers.project import discover
from tests.workspaces import written

LIBRARY = """
class Meta(type):
    def __new__(mcs, name, bases, attrs):
        attrs["_meta"] = object()
        attrs.setdefault("_fields", ())
        new_class = super().__new__(mcs, name, bases, attrs)
        new_class._made = True
        setattr(new_class, "_late", None)
        return new_class

    def objects(cls): ...


class Model(metaclass=Meta):
    def save(self): ...


class Computing(type):
    def __init__(cls, name, bases, attrs):
        for key in attrs["fields"]:
            setattr(cls, key + "_id", None)


class Registering(type):
    known = {}

    def __init__(cls, name, bases, attrs):
        Registering.known[name] = cls
        super().__init__(name, bases, attrs)


class Handing(type):
    def __init__(cls, name, bases, attrs):
        prepare(cls)


def prepare(owner):
    owner.prepared = True


def marks(cls):
    cls.marked = 1
    return cls


def factory(option):
    def wrap(cls):
        cls.wrapped = option
        return cls
    return wrap


def replaces(cls):
    class Other(cls):
        more = 1
    return Other


class Registry:
    def __init__(self): self.all = []
    def add(self, cls):
        self.all.append(cls)
        return cls
    def spread(self, cls):
        for name in self.all:
            setattr(cls, name, 1)
        return cls


registry = Registry()
"""


def members(root: Path, source: str, name: str = "C") -> Members:
    """What is read of the class ``name`` in ``source``, beside a small library."""
    written(root, {"library.py": LIBRARY, "app.py": source})
    sources = Sources(discover(root))
    module = read(root / "app.py")
    assert module is not None
    found = [each for each in sources.resolve(name, module) if isinstance(each, Found)]
    return Classes(sources).members(found[-1])


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from library import Model\nclass C(Model): ...", "_meta _fields _made _late"),
        ("import library\nclass C(library.Model): ...", "_meta _fields _made _late"),
        ("import library as lib\nBase = lib.Model\nclass C(Base): ...", "_meta _fields"),
        ("from library import Meta\nclass C(metaclass=Meta): ...", "_meta"),
        ("import six\nfrom library import Meta\nclass C(six.with_metaclass(Meta)): ...", "_meta"),
        ("import six\nfrom library import Meta\n@six.add_metaclass(Meta)\nclass C: ...", "_meta"),
        ("from library import Handing\nclass C(metaclass=Handing): ...", "prepared"),
        ("from library import marks\n@marks\nclass C: ...", "marked"),
        ("from library import factory\n@factory(1)\nclass C: ...", "wrapped"),
        ("class B:\n  def __init_subclass__(cls):\n    cls.sub = 1\nclass C(B): ...", "sub"),
        ("class C:\n  def f(self):\n    for n in ('a', 'b'):\n      setattr(self, n, 1)", "a b"),
        ("class C:\n  N = ('a',)\n  def f(self):\n    for n in self.N: setattr(self, n, 1)", "a"),
        ("N = ['a']\nclass C:\n  def f(self):\n    for n in N: setattr(self, n, 1)", "a"),
        (
            "class C:\n  def f(self, *v):\n    for x, n in zip(v, ['a', 'b']): setattr(self, n, x)",
            "a b",
        ),
        ("class C:\n  def f(self): self.__dict__.update(a=1, b=2)", "a b"),
        ("class C:\n  def f(self): self.__dict__.update({'a': 1})", "a"),
        ("class C:\n  def f(self): self.__dict__['a'] = 1", "a"),
        ("class C:\n  def f(self): vars(self)['a'] = 1", "a"),
        ("class C:\n  def f(self): object.__setattr__(self, 'a', 1)", "a"),
        ("class C:\n  def f(self): super().__setattr__('a', 1)", "a"),
        (
            "class C:\n  def __new__(cls):\n    x = object.__new__(cls)\n    x.a = 1\n    return x",
            "a",
        ),
        ("class C:\n  locals()['a'] = 1", "a"),
        (
            (
                "class C:\n  def f(self, a, b):\n    v = dict(locals())\n"
                "    for n in v.items(): setattr(self, n, 1)"
            ),
            "a b",
        ),
    ],
)
def test_names_that_are_in_the_source_are_known(tmp_path: Path, source: str, names: str) -> None:
    """The list may stay closed: these are added to it."""
    found = members(tmp_path, source).of_instances

    assert set(names.split()) <= found.names
    assert not found.computed


@pytest.mark.parametrize(
    "source",
    [
        "from library import Computing\nclass C(metaclass=Computing): ...",
        "from elsewhere import Meta\nclass C(metaclass=Meta): ...",
        "from elsewhere import deco\n@deco\nclass C: ...",
        "from elsewhere import deco\n@deco(1)\nclass C: ...",
        "from library import replaces\n@replaces\nclass C: ...",
        "from library import registry\n@registry.spread\nclass C: ...",
        (
            "class B:\n  def __init_subclass__(cls, **k):\n    for n in k: setattr(cls, n, 1)\n"
            "class C(B): ..."
        ),
        "from orm import declarative_base\nBase = declarative_base()\nclass C(Base): ...",
        "class C:\n  def __init__(self, **k):\n    for n in k: setattr(self, n, k[n])",
        "class C:\n  def __init__(self, **k): self.__dict__.update(k)",
        "class C:\n  def __init__(self, **k): self.__dict__.update(**k)",
        "class C:\n  def __init__(self, k): self.__dict__ = k",
        "class C:\n  def __init__(self, k): self.__dict__ |= k",
        "class C:\n  def f(self, k, v): vars(self)[k] = v",
        "class C:\n  def f(self, k, v): object.__setattr__(self, k, v)",
        "class C:\n  def f(self, k, v): self.__setattr__(k, v)",
        "class C:\n  def f(self, k, v):\n    d = self.__dict__\n    d[k] = v",
        "class C:\n  def f(this, k, v): setattr(this, f'_{k}', v)",
        "class C:\n  @classmethod\n  def f(cls, k, v): setattr(cls, k, v)",
        "class C:\n  for n in 'ab': locals()[n] = 1",
        "class C:\n  exec('a = 1')",
        "class C:\n  def __getattribute__(self, name): ...",
        "class B:\n  def __init__(self, **k): self.__dict__.update(k)\nclass C(B): ...",
    ],
)
def test_names_that_are_computed_open_the_class(tmp_path: Path, source: str) -> None:
    """Nobody can say which they are."""
    assert members(tmp_path, source).of_instances.computed


@pytest.mark.parametrize(
    "source",
    [
        "class C: ...",
        "import abc\nclass C(abc.ABC): ...",
        "from abc import ABCMeta\nclass C(metaclass=ABCMeta): ...",
        "import enum\nclass C(enum.Enum): A = 1",
        "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass C: a: int",
        "import functools\n@functools.total_ordering\nclass C: ...",
        "import attr\n@attr.s\nclass C: ...",
        "from typing import Generic, TypeVar\nT = TypeVar('T')\nclass C(Generic[T]): ...",
        "from collections import namedtuple\nclass C(namedtuple('P', 'x y')): ...",
        "from elsewhere import Base\nclass C(Base): ...",
        "from library import Registering\nclass C(metaclass=Registering): ...",
        "from library import registry\n@registry.add\nclass C: ...",
        "class C:\n  def __setattr__(self, k, v): super().__setattr__(k, v)",
        "class C:\n  def __setattr__(self, k, v): object.__setattr__(self, k, v)",
        "class C:\n  def __setstate__(self, s): self.__dict__.update(s)",
        (
            "class C:\n  def copy(self):\n    n = type(self).__new__(type(self))\n"
            "    n.__dict__.update(self.__dict__)\n    return n"
        ),
        "class C:\n  def f(self, k):\n    if hasattr(self, k): setattr(self, k, 1)",
        "class C:\n  def f(self, other): setattr(other, self.n, 1)",
        "class C:\n  def f(self):\n    for n in self.__slots__: setattr(self, n, 1)",
        "class C:\n  @staticmethod\n  def f(o, k): setattr(o, k, 1)",
        "class C:\n  def f(self):\n    class D:\n      def g(self, k): setattr(self, k, 1)",
        (
            "import typing\n@typing.dataclass_transform()\nclass M(type):\n"
            "  def __new__(m, n, b, ns):\n    c = super().__new__(m, n, b, ns)\n"
            "    complete(c)\n    return c\nclass C(metaclass=M): a: int"
        ),
    ],
)
def test_other_classes_stay_closed(tmp_path: Path, source: str) -> None:
    """What is known, copied, declared or about other objects says nothing new."""
    assert not members(tmp_path, source).of_instances.computed


def test_what_is_written_on_instances_does_not_open_the_class_itself(tmp_path: Path) -> None:
    """``C.`` is followed by what the class object has."""
    source = "class C:\n  def __init__(self, **k): self.__dict__.update(k)\n"

    assert not members(tmp_path, source).of_class.computed


def test_class_objects_have_what_their_metaclass_declares(tmp_path: Path) -> None:
    """Instances do not."""
    found = members(tmp_path, "from library import Model\nclass C(Model): ...")

    assert "objects" in found.metaclass
    assert "objects" not in found.of_instances.names
    abstract = members(tmp_path, "from abc import ABCMeta\nclass C(metaclass=ABCMeta): ...")
    assert "register" in abstract.metaclass


def test_bases_are_found_through_packages(tmp_path: Path) -> None:
    """Relative imports, re-exports, stars and conditional imports lead to the same class."""
    written(
        tmp_path,
        {
            "pkg/__init__.py": "from .orm import *\n",
            "pkg/orm/__init__.py": "from .base import Model as Model\n",
            "pkg/orm/base.py": LIBRARY,
            "pkg/user.py": "try:\n    from .orm.base import Model\nexcept ImportError:\n"
            "    Model = object\n\nclass User(Model): ...\n",
        },
    )

    assert "_meta" in members(tmp_path, "from pkg import Model\nclass C(Model): ...").of_class.names
    assert "_meta" in members(tmp_path, "from pkg import user", "user.User").of_class.names
    source = "import pkg.orm.base\nclass C(pkg.orm.base.Model): ..."
    assert "_meta" in members(tmp_path, source).of_class.names


def test_circles_of_imports_and_bases_end(tmp_path: Path) -> None:
    """Code that is being written holds them."""
    written(tmp_path, {"a.py": "from b import X\n", "b.py": "from a import X\n"})

    assert not members(tmp_path, "from a import X\nclass C(X, C): ...").of_class.computed


def test_a_changed_library_is_read_again(tmp_path: Path) -> None:
    """What it says now counts."""
    source = "from extra import B\nclass C(B): ..."
    written(tmp_path, {"extra.py": "class B: ...\n"})
    before = members(tmp_path, source)
    written(tmp_path, {"extra.py": "class B:\n  def __init__(self, **k): vars(self).update(k)\n"})

    assert not before.of_instances.computed
    assert members(tmp_path, source).of_instances.computed


@given(
    st.lists(st.sampled_from(["class A:\n", "    x = 1\n", "é", "(", '"""', "\n", "  "])), st.data()
)
def test_a_draft_is_the_module_that_a_whole_reading_gives(pieces: list[str], data: Any) -> None:
    """However its text has changed since the last time."""
    drafts = Drafts()
    path = Path("draft.py")
    for _ in range(4):
        start, end = sorted(data.draw(st.integers(0, len(pieces))) for _ in range(2))
        pieces = (
            pieces[:start]
            + data.draw(st.lists(st.sampled_from(["def f(): ...\n", "x."]), max_size=3))
            + pieces[end:]
        )
        text = "".join(pieces).encode()

        assert str(drafts.read(path, text).root) == str(Drafts().read(path, text).root)


@pytest.mark.parametrize(
    ("source", "names", "is_open"),
    [
        ("x = 1\n", "", False),
        ("globals()['x'] = 1\n", "x", False),
        ("def f(n):\n    globals()[n] = 1\n", "", True),
        ("for n in 'ab':\n    locals()[n] = 1\n", "", True),
        ("globals().update(load())\n", "", True),
        ("class E(Enum):\n    A = 1\n    B = 2\nglobals().update(E.__members__)\n", "A B", False),
        ("globals().update(E.__members__)\n", "", True),
        ("import sys\nsetattr(sys.modules[__name__], 'x', 1)\n", "x", False),
        ("import sys\nfor n in f(): setattr(sys.modules[__name__], n, 1)\n", "", True),
        ("import sys\nsys.modules[__name__] = Lazy()\n", "", True),
        ("def f(n):\n    locals()[n] = 1\n", "", False),
        ("class C:\n    locals()['x'] = 1\n", "", False),
    ],
)
def test_modules(tmp_path: Path, source: str, names: str, is_open: bool) -> None:
    """Names that a module writes into its own namespace."""
    module = read(written(tmp_path, {"m.py": source}) / "m.py")
    assert module is not None
    writes = module_writes(module)

    assert set(names.split()) == writes.names
    assert bool(writes.computed) is is_open
