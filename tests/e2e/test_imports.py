"""Imports under every live server that lists modules and what they hold."""

from collections.abc import Iterator

import pytest

from monitors.imports import NAME
from monitors.protocols import Document, Query, QueryKind, Reason, Unavailable
from tests.e2e.served import MARK, Served, serving
from tests.servers import require
from tests.workspaces import written

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

PROJECT = {
    "fleet/__init__.py": "from fleet.vessel import Vessel\nTONNE = 1000\n",
    "fleet/vessel.py": "class Vessel: ...\ndef _launch(): ...\ntry:\n    import json\n"
    "except ImportError:\n    json = None\n",
    "fleet/_own.py": "_Hidden = 1\n",
    "fleet/ports/__init__.py": "",
    "fleet/ports/berth.py": "class Berth: ...\n__all__ = ['Berth']\nother = 1\n",
    "fleet/lazy.py": "known = 1\ndef __getattr__(name): return 1\n",
    "fleet/types.py": "Name = str\n",
    "app.py": "",
    "pyproject.toml": "[project]\nname = 'fleet'\ndependencies = ['httpx']\n",
}
RIGHT = (
    "import os",
    "import os.path as p, sys, json",
    "import collections.abc",
    "import fleet.ports.berth",
    "from os import path, environ as env",
    "from __future__ import annotations",
    "from typing import Any, TYPE_CHECKING",
    "from types import MappingProxyType",
    "from fleet import Vessel, TONNE",
    "from fleet import vessel, ports",
    "from fleet import (\n    ports,  # of call\n    Vessel as V,\n)",
    "from fleet.ports import berth",
    "from fleet.ports.berth import Berth, other",
    "from fleet.vessel import _launch, json",
    "from fleet._own import _Hidden",
    "from fleet.ports.berth import *",
    "from fleet.lazy import known, knot",
    "from _string import formatter_field_name_split",
    "import httpx._client, pytest",
    "from xml.etree import ElementTree",
)
WRONG = (
    "import oss",
    "import os.pathology",
    "import collections.abcd",
    "import fleet.port",
    "from os import pathy",
    "from fleet import Vessels",
    "from fleet import TONNE, vess",
    "from fleet.ports import berths",
    "from fleet.ports.berth import Birth",
    "from fleet.prts import x",
    "from fleet.vessel import _lunch",
    "from typing import Anything",
    "import fleett",
    "import nobody_has_installed_this",
    "from httpxx import Client",
)
RELATIVE_RIGHT = (
    "from . import vessel",
    "from . import ports, types",
    "from .vessel import Vessel",
    "from ._own import _Hidden",
    "from .ports.berth import Berth",
    "from .ports import berth",
    "from types import MappingProxyType",
)
RELATIVE_WRONG = (
    "from . import vesel",
    "from .vesel import Vessel",
    "from .vessel import Vesel",
    "from ._owm import _Hidden",
    "from .ports import bert",
)


@pytest.fixture(scope="module", params=["pyrefly", "pyright", "ty", "jedi"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server on the project."""
    root = written(tmp_path_factory.mktemp(request.param), PROJECT)
    with serving(root, request.param, "app.py") as server:
        server.pool.start("python", server=request.param).result(120)
        yield server


def marked(statement: str) -> str:
    """A file that has the statement behind another one, and code that needs it."""
    return f'"""Imports."""\nimport re\n{MARK}{statement}\n{MARK}\n\nprint(re)\n'


def accepted(server: Served, statements: tuple[str, ...], file: str = "app.py") -> list[str]:
    """Those that no mask would refuse."""
    there = Served(server.pool, server.root, server.name, file, server.is_everywhere)
    return [each for each in statements if there.accepts(marked(each), (NAME,))]


def test_what_there_is_may_be_imported(served: Served) -> None:
    """Modules, packages, what they hold and what they import; also what nobody knows."""
    assert accepted(served, RIGHT) == list(RIGHT)
    assert accepted(served, RELATIVE_RIGHT, "fleet/__init__.py") == list(RELATIVE_RIGHT)


def test_what_there_is_not_may_not_be_imported(served: Served) -> None:
    """Wherever some name begins as the wrong one does."""
    assert accepted(served, WRONG) == []
    assert accepted(served, RELATIVE_WRONG, "fleet/__init__.py") == []


@pytest.mark.parametrize("name", ["pyrefly", "pyright", "ty", "jedi"])
def test_a_workspace_that_is_a_package_hides_no_module(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Its own ``types`` is no ``types`` of the standard library."""
    root = written(tmp_path_factory.mktemp(name), PROJECT) / "fleet"
    with serving(root, name, "vessel.py") as server:
        assert server.accepts(marked("from types import MappingProxyType"), (NAME,))
        assert server.accepts(marked("from .ports.berth import Berth"), (NAME,))
        assert not server.accepts(marked("from types import MappingProxies"), (NAME,))


@pytest.mark.parametrize("name", ["pyrefly", "pyright", "ty", "jedi"])
@pytest.mark.parametrize("declared", ["", "[project]\ndependencies = ['nobody-has-this']\n"])
def test_modules_that_may_be_installed_elsewhere(
    name: str, declared: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where the project's environment is not known, every outermost module may be there."""
    root = written(tmp_path_factory.mktemp(name), PROJECT | {"pyproject.toml": declared})
    with serving(root, name, "app.py") as server:
        assert server.accepts(marked("import nobody_has_this"), (NAME,))
        assert server.accepts(marked("from nobody_has_this.part import anything"), (NAME,))
        assert not server.accepts(marked("import fleet.vesel"), (NAME,))
        assert not server.accepts(marked("from fleet import Vesels"), (NAME,))


def test_servers_that_hide_modules_are_not_asked(tmp_path_factory: pytest.TempPathFactory) -> None:
    """basedpyright lists no module ``_x`` behind ``from ._``."""
    require("basedpyright")
    root = written(tmp_path_factory.mktemp("basedpyright"), PROJECT)
    with serving(root, "basedpyright", "app.py") as server:
        document = Document("python", str(root / "app.py"), "import o", "\n")
        handle = server.pool.ask(Query(QueryKind.IMPORTS, document), server="basedpyright")
        answer = server.pool.wait(handle, 60)

    assert isinstance(answer, Unavailable)
    assert answer.reason is Reason.NOT_OFFERED
