"""Names of the standard library on other platforms and in other versions."""

from pathlib import Path

import basedpyright
import pytest

from lsp_bridge.answers.python import conditional, guards
from lsp_bridge.answers.python.guards import Guard
from lsp_bridge.answers.python.modules import Drafts
from tests.workspaces import written

STUBS = Path(basedpyright.__file__).parent / "dist/typeshed-fallback/stdlib"


def test_the_table_holds_what_the_installed_stubs_declare() -> None:
    """Stubs grow: what a newer one has may be missing, nearly all of it must not be."""
    declared = conditional.declared_in(STUBS)
    known = conditional.table()
    missing = sum(
        len(set(names) - known.get(scope, frozenset())) for scope, names in declared.items()
    )

    assert missing < 0.05 * sum(map(len, declared.values()))


def test_conditions_and_what_they_hide(tmp_path: Path) -> None:
    """Both branches count, for modules and classes; what is there anyway is left out."""
    written(
        tmp_path,
        {
            "a.pyi": (
                "import sys\n"
                "always: int\n"
                "if sys.platform == 'win32':\n    always: str\n    windows: int\n"
                "else:\n    from b import posix as posix\n    from .c import *\n"
                "if DEBUG:\n    debug: int\n"
                "class C:\n    x: int\n"
                "    if sys.version_info >= (3, 12):\n        def new(self): ...\n"
            ),
            "c.pyi": "starred: int\n_private: int\n",
            "d.pyi": "from e import *\n",
            "e.pyi": "import sys\nx: int\nif sys.version_info >= (3, 12):\n    new: int\n",
        },
    )
    (tmp_path / "a").mkdir()
    (tmp_path / "c.pyi").rename(tmp_path / "a/c.pyi")
    (tmp_path / "a.pyi").rename(tmp_path / "a/__init__.pyi")

    assert conditional.declared_in(tmp_path) == {
        "a": ["posix", "starred", "windows"],
        "a.C": ["new"],
        "d": ["new"],
        "e": ["new"],
    }


def test_classes_have_the_names_of_their_bases() -> None:
    """Which are known of classes that are loaded here."""
    assert "winerror" in conditional.of_class("builtins", "FileNotFoundError")
    assert "winerror" not in conditional.of_class("builtins", "ValueError")
    assert conditional.of_class("nowhere", "Nothing") == frozenset()


@pytest.mark.parametrize(
    ("text", "guard"),
    [
        ("os.‸", Guard.NONE),
        ("if sys.platform == 'win32':\n    os.‸", Guard.PLATFORM),
        ("if sys.version_info < (3, 8):\n    os.‸", Guard.VERSION),
        ("if sys.version_info < (3, 8):\n    pass\nelse:\n    os.‸", Guard.NONE),
        ("if sys.version_info >= (3, 8):\n    os.‸", Guard.NONE),
        ("if sys.version_info >= (3, 8):\n    pass\nelse:\n    os.‸", Guard.VERSION),
        ("x = os.‸ if sys.version_info < (3,) else 1", Guard.VERSION),
        ("try:\n    os.‸\nexcept ImportError:\n    pass", Guard.NONE),
        ("def _windows():\n    if PY2:\n        os.‸", Guard.VERSION),
        ("if PYPY:\n    sys.‸", Guard.VERSION),
        ("if PY3:\n    os.‸", Guard.NONE),
        ("if six.PY3:\n    pass\nelse:\n    os.‸", Guard.VERSION),
        ("if not PY3:\n    os.‸", Guard.VERSION),
        ("if sys.version_info[0] == 3:\n    pass\nelse:\n    os.‸", Guard.VERSION),
        ("if sys.version_info[0] == 2:\n    os.‸", Guard.VERSION),
        ("x = 1 if sys.version_info >= (3,) else os.‸", Guard.VERSION),
        ("x = os.‸ if PY3 else 1", Guard.NONE),
        ("x = 1 if PY3 else os.‸", Guard.VERSION),
        ("if WINDOWS:\n    def f():\n        os.‸", Guard.PLATFORM),
        ("x = os.‸ if os.name == 'nt' else 1", Guard.PLATFORM),
        ("x = os.name == 'nt' and os.‸", Guard.PLATFORM),
        ("def _open_windows():\n    os.‸", Guard.PLATFORM),
        ("class LinuxPort:\n    def f(self):\n        os.‸", Guard.NONE),
        ("if sys.‸ == 'win32':\n    pass", Guard.NONE),
        ("def twin():\n    os.‸", Guard.NONE),
        ("def rewind():\n    window = os.‸", Guard.NONE),
        ("if window:\n    os.‸", Guard.NONE),
        ("try:\n    os.‸\nexcept AttributeError:\n    pass", Guard.PROBED),
        ("try:\n    os.‸\nexcept (KeyError, AttributeError) as e:\n    pass", Guard.PROBED),
        ("try:\n    import x\nexcept ImportError:\n    os.‸", Guard.NONE),
        ("try:\n    os.‸\nexcept OSError:\n    pass", Guard.NONE),
        ("try:\n    def f():\n        os.‸\nexcept AttributeError:\n    pass", Guard.NONE),
    ],
)
def test_guards(text: str, guard: Guard) -> None:
    """What the author expects of the code around the cursor."""
    before, after = text.split("‸")
    root = Drafts().read(Path("a.py"), f"{before}_{after}\n".encode()).root
    place = len(before.encode())

    assert guards.around(root.descendant_for_byte_range(place, place)) is guard
