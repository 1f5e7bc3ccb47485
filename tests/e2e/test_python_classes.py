"""Members that metaclasses, decorators and computed names bring, with the live servers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitors.protocols import Members
from tests.e2e.served import Served, serving
from tests.servers import PYTHON

pytestmark = pytest.mark.e2e

FILES = {
    "orm.py": """
class Options:
    table: str = ""


class ModelBase(type):
    def __new__(mcs, name, bases, attrs):
        fields = {key: value for key, value in attrs.items() if isinstance(value, Field)}
        attrs["_fields"] = fields
        new_class = super().__new__(mcs, name, bases, attrs)
        new_class._meta = Options()
        setattr(new_class, "objects", None)
        return new_class

    def register(cls) -> None: ...


class Field: ...


class Model(metaclass=ModelBase):
    def save(self) -> None: ...


class Loose:
    known: int = 0

    def __init__(self, **values: object) -> None:
        for name, value in values.items():
            setattr(self, name, value)


class Updated:
    known: int = 0

    def __init__(self, **values: object) -> None:
        self.__dict__.update(values)


class Plain:
    known: int = 0


def stamped(cls: type) -> type:
    cls.stamp = 1
    return cls
""",
    "lazy.py": "import sys\n\nknown = 1\n\n\ndef load(name):\n    globals()[name] = 1\n",
    "system.py": (
        "import sys\n\n"
        "if sys.platform == 'win32':\n    def on_windows() -> int: ...\n\n\n"
        "class Port:\n    number = 1\n"
        "    if sys.version_info < (3, 8):\n        old = 1\n\n"
        "    def __init__(self) -> None:\n"
        "        if sys.platform == 'win32':\n            self.handle = 1\n"
    ),
    "iface.py": (
        "class InterfaceClass(type):\n"
        "    def __init__(cls, name, bases, attrs):\n"
        "        for key in list(attrs): setattr(cls, 'check_' + key, None)\n\n"
        "    def providedBy(cls, thing) -> bool: ...\n\n\n"
        "class Interface(metaclass=InterfaceClass): ...\n"
    ),
}
USER = "from orm import Model\n\n\nclass User(Model):\n    name: str = ''\n\n"


@pytest.fixture(scope="module", params=PYTHON)
def server(request: pytest.FixtureRequest, root: Path) -> Iterator[Served]:
    """One server on a workspace with a small object-relational mapper."""
    with serving(root, request.param, "main.py", lambda name: False) as served:
        yield served


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (USER + "    def f(self):\n        return self.‸\n", "_meta"),
        (USER + "    def f(self):\n        return self.‸\n", "_fields"),
        (USER + "    @classmethod\n    def f(cls):\n        return cls.‸\n", "objects"),
        (USER + "    def f(self):\n        return type(self).‸\n", "_meta"),
        (USER + "    def f(self):\n        return super().‸\n", "_meta"),
        (USER + "\ndef f(user: User):\n    return user.‸\n", "_meta"),
        (USER + "\nUser.‸\n", "objects"),
        (USER + "\nUser.‸\n", "register"),
        ("import orm\n\norm.Model.‸\n", "_meta"),
        ("from orm import Loose\n\nit = Loose(extra=1)\nit.‸\n", "extra"),
        ("from orm import Updated\n\nit = Updated(extra=1)\nit.‸\n", "extra"),
        (
            "from orm import Updated\n\nclass Sub(Updated): ...\n\nit = Sub(extra=1)\nit.‸\n",
            "extra",
        ),
        ("from orm import stamped\n\n@stamped\nclass A:\n    x = 1\n\nA.‸\n", "stamp"),
        ("import lazy\n\nlazy.‸\n", "loaded"),
        ("from iface import Interface\n\nclass IShip(Interface): ...\n\nIShip.‸\n", "providedBy"),
        ("from iface import Interface\n\nclass IShip(Interface): x = 1\n\nIShip.‸\n", "check_x"),
        ("import abc\n\nclass A(abc.ABC):\n    x = 1\n\nA.‸\n", "register"),
        ("class A:\n    def f(self):\n        self.a() + self.b()\n        self.‸\n", "b"),
        (
            (
                "class Base:\n    def run(self):\n        return self.‸\n\n"
                "class Deep(Base):\n    depth = 1\n"
            ),
            "depth",
        ),
    ],
)
def test_true_names_are_not_refused(server: Served, text: str, name: str) -> None:
    """They are listed, or the list is no constraint."""
    answer = server.answer(text)

    assert not isinstance(answer, Members) or name in {each.text for each in answer.names}


@pytest.mark.parametrize(
    "text",
    [
        "from orm import Plain\n\nit = Plain()\nit.‸\n",
        "from orm import Plain\n\nclass Sub(Plain):\n    def f(self):\n        return self.‸\n",
        "from orm import Plain\n\nPlain.‸\n",
        "import orm\n\norm.‸\n",
        "import enum\n\nclass A(enum.Enum):\n    X = 1\n\nA.‸\n",
        "from dataclasses import dataclass\n\n@dataclass\nclass A:\n    x: int\n\nA(1).‸\n",
    ],
)
def test_other_lists_stay_closed(server: Served, text: str) -> None:
    """A name that nobody wrote is not in them."""
    answer = server.answer(text)

    assert isinstance(answer, Members)
    assert "invented" not in {each.text for each in answer.names}


def test_names_of_a_metaclass_leave_the_list_closed(server: Served) -> None:
    """They are read off its source and added."""
    answer = server.answer(USER + "\ndef f(user: User):\n    return user.‸\n")

    assert isinstance(answer, Members)
    assert {"_meta", "_fields", "objects", "save"} <= {each.text for each in answer.names}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("import ctypes\n\nctypes.‸\n", "windll"),
        ("import builtins\n\nbuiltins.‸\n", "WindowsError"),
        ("try:\n    pass\nexcept OSError as e:\n    e.‸\n", "winerror"),
        ("try:\n    pass\nexcept FileNotFoundError as e:\n    e.‸\n", "winerror"),
        ("class E(OSError): ...\n\nE().‸\n", "winerror"),
        ("import select\n\nselect.‸\n", "kqueue"),
        ("import os\n\nos.‸\n", "startfile"),
        ("import os as system\n\nsystem.‸\n", "startfile"),
        ("import signal\n\nsignal.‸\n", "CTRL_C_EVENT"),
        ("import sys\n\nsys.‸\n", "getwindowsversion"),
        ("import sys\n\nsys.‸\n", "pypy_version_info"),
        ("import asyncio\n\nasyncio.‸\n", "WindowsSelectorEventLoopPolicy"),
        ("import asyncio\n\nasyncio.‸\n", "TaskGroup"),
        ("import collections.abc\n\ncollections.abc.‸\n", "Buffer"),
        ("import os\n\nif PY3:\n    pass\nelse:\n    os.‸\n", "getcwdu"),
        ("import subprocess\n\nsubprocess.‸\n", "STARTUPINFO"),
        ("import socket\n\nsocket.‸\n", "SO_EXCLUSIVEADDRUSE"),
        ("import winreg\n\nwinreg.‸\n", "OpenKey"),
        ("import msvcrt\n\nmsvcrt.‸\n", "getch"),
        ("import datetime\n\ndatetime.‸\n", "UTC"),
        ("import ast\n\nast.‸\n", "Str"),
        ("import sys, os\n\nif sys.platform == 'win32':\n    os.‸\n", "startfile"),
        ("import sys, os\n\nif sys.version_info < (3,):\n    os.‸\n", "getcwdu"),
        ("import time\n\ntry:\n    now = time.‸\nexcept AttributeError:\n    pass\n", "clock"),
        ("import system\n\nsystem.‸\n", "on_windows"),
        ("import system\n\nsystem.Port().‸\n", "handle"),
        ("import system\n\nsystem.Port().‸\n", "old"),
    ],
)
def test_names_of_other_platforms_and_versions_are_not_refused(
    server: Served, text: str, name: str
) -> None:
    """Whatever this machine has."""
    answer = server.answer(text)

    assert not isinstance(answer, Members) or name in {each.text for each in answer.names}
