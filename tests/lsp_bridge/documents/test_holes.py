"""Hole repair: what servers are given parses, and the text before the cursor stays."""

import ast
import sysconfig
from pathlib import Path

import pytest
from hypothesis import given, settings

from lsp_bridge.documents.holes import repair
from monitors.languages.python import PYTHON, PythonState
from tests.strategies import python_like

STDLIB = Path(sysconfig.get_paths()["stdlib"])
FILES = [
    "argparse.py",
    "ast.py",
    "asyncio/base_events.py",
    "configparser.py",
    "contextlib.py",
    "dataclasses.py",
    "difflib.py",
    "enum.py",
    "functools.py",
    "http/client.py",
    "inspect.py",
    "pathlib.py",
    "statistics.py",
    "tarfile.py",
]

# (document with ‸ for the cursor, repaired text with ‸ there)
CASES = [
    ("x = foo.‸bar(1) + 2\ny = 3\n", "x = foo.‸\ny = 3\n"),
    ("x = foo.‸\ny = 3\n", "x = foo.‸\ny = 3\n"),
    ("x = foo.‸", "x = foo.‸\n"),
    ("f(a, [b.‸", "f(a, [b.‸])\n"),
    ("f(a, [b.‸\ny = 3\n", "f(a, [b.‸])\ny = 3\n"),
    ("f(a, [b.‸])\ny = 3\n", "f(a, [b.‸])\ny = 3\n"),
    ("f(a.‸b,\n  c)\ny\n", "f(a.‸)\ny\n"),
    ("f(a.‸b,\n  c\ndef g(): pass\n", "f(a.‸)\n  c\ndef g(): pass\n"),
    ("f(a.‸b,\n  c\nasync def g(x): (pass)\n", "f(a.‸)\n  c\nasync def g(x): (pass)\n"),
    ("f(a.‸b]\n)\n", "f(a.‸)\n)\n"),
    ("f(a.‸b, '''\n)''')\ny\n", "f(a.‸)\ny\n"),
    ("f(a.‸b, # (\n c)\ny\n", "f(a.‸)\ny\n"),
    ("x = a.‸b + \\\r\n  c\r\ny\r\n", "x = a.‸\r\ny\r\n"),
    ("x = a.‸b + '''\n'''\ny\n", "x = a.‸\ny\n"),
    ("x = f'{a.‸b}c' + d\ny\n", "x = f'{a.‸}'\ny\n"),
    ("f(f'{a.‸\ny = '}')\n", "f(f'{a.‸}')\ny = '}')\n"),
    ("f(f'{a:{b.‸c}}', d)\n", "f(f'{a:{b.‸}}')\n"),
    ("x = f'''{a.‸b}\n c''' + d\ny\n", "x = f'''{a.‸}'''\ny\n"),
    ("if foo.‸bar:\n    y\n", "if foo.‸:\n    y\n"),
    ("if foo.‸\n    y\n", "if foo.‸:\n    y\n"),
    ("if foo.‸bar: y\n", "if foo.‸: pass\n"),
    ("if foo.‸", "if foo.‸: pass\n"),
    ("if a: x = foo.‸bar; z\ny\n", "if a: x = foo.‸\ny\n"),
    ("  while f(a.‸b):\n\n    # c\n    d\n", "  while f(a.‸):\n\n    # c\n    d\n"),
    ("  while f(a.‸b):\n\n  d\n", "  while f(a.‸): pass\n\n  d\n"),
    ("for x in foo.‸bar:\n    y\n", "for x in foo.‸:\n    y\n"),
    ("for x, y.‸z in foo:\n    y\n", "for x, y.‸ in ():\n    y\n"),
    ("with a.‸b() as c:\n    y\n", "with a.‸:\n    y\n"),
    ("try: a\nexcept (b, c.‸d):\n    y\n", "try: a\nexcept (b, c.‸):\n    y\n"),
    ("def f(x: a.‸b = 1,\n  y=2):\n    z\n", "def f(x: a.‸):\n    z\n"),
    ("def f(x=lambda: a.‸b):\n    z\n", "def f(x=lambda: a.‸):\n    z\n"),
    ("class X(a.‸B):\n    y = 1\n", "class X(a.‸):\n    y = 1\n"),
    ("class X(a.‸B): pass\n", "class X(a.‸): pass\n"),
    ("match a.‸b:\n    case 1: pass\n", "match a.‸:\n    case 1: pass\n"),
    ("match = a.‸b\n", "match = a.‸\n"),
    ("@a.‸b(1)\ndef f(): pass\n", "@a.‸\ndef f(): pass\n"),
    ("x = a if b.‸c else d\n", "x = a if b.‸ else None\n"),
    ("x = a if f(b.‸c) else d\n", "x = a if f(b.‸) else None\n"),
    ("f(a if b.‸c else d)\n", "f(a if b.‸ else None)\n"),
    ("if a: x = b if c.‸d else e\n", "if a: x = b if c.‸ else None\n"),
    ("if a if b.‸c else d:\n    e\n", "if a if b.‸ else None:\n    e\n"),
    ("[a for b in c if d.‸e]\n", "[a for b in c if d.‸]\n"),
    ("[a for b, c.‸d in e]\n", "[a for b, c.‸ in ()]\n"),
    ("f(lambda a=b.‸c: d)\n", "f(lambda a=b.‸: None)\n"),
    ("{a: b, c.‸d: e}\n", "{a: b, c.‸: None}\n"),
    ("{**a, b.‸c: d}\n", "{**a, b.‸: None}\n"),
    ("{a: b.‸c, d: e}\n", "{a: b.‸}\n"),
    ("{a: b for c in d.‸e}\n", "{a: b for c in d.‸}\n"),
    ("x = [\n  a,\n  b.‸c,\n]\ny\n", "x = [\n  a,\n  b.‸]\ny\n"),
    (
        "if f(a,\n     b):\n  pass\nelif f(\n  c\n).‸d:\n  e\n",
        "if f(a,\n     b):\n  pass\nelif f(\n  c\n).‸:\n  e\n",
    ),
    ("f(a\ndef g():\n    if (b.‸c):\n        d\n", "f(a\ndef g():\n    if (b.‸):\n        d\n"),
    ("f(a # b‸\ny\n", "f(a # b‸\n)\ny\n"),
    ("f('''a‸\nb''')\ny\n", "f('''a‸''')\ny\n"),
]


@pytest.mark.parametrize(("marked", "repaired"), CASES)
def test_repair(marked: str, repaired: str) -> None:
    """The statement at the cursor is closed, and the rest of the file is kept."""
    prefix, _, suffix = marked.partition("‸")
    result = repair(PYTHON, None, prefix, suffix)
    assert result.text == repaired.replace("‸", "")
    assert result.cursor == repaired.index("‸")


def test_original_offset() -> None:
    """Offsets map to the same characters of the original; what was put in has none."""
    prefix, suffix = "f(a.", "b, c)\ny = 1\n"
    result = repair(PYTHON, None, prefix, suffix)
    assert result.text == "f(a.)\ny = 1\n"
    offsets = [result.original_offset(at) for at in range(len(result.text) + 1)]
    assert offsets == [0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14, 15, 16]
    assert repair(PYTHON, None, "f(f(a.", "").original_offset(7) is None


def cursors(text: str, step: int) -> list[tuple[int, PythonState]]:
    """Every ``step``-th live dereference of ``text``, with the state behind it."""
    state, at, found = PYTHON.start(), 0, []
    while at < len(text):
        state, at = state.scan(text, at)
        if state.at_trigger:
            found.append((at, state))
    return found[::step]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", [name for name in FILES if (STDLIB / name).exists()])
def test_real_files_parse(name: str) -> None:
    """With a name at the cursor, repaired real files parse, wherever the cursor stands.

    What was dropped makes no difference: a file whose statement is cut off is repaired to the same.
    """
    text = (STDLIB / name).read_text(encoding="utf-8")
    sites = cursors(text, step=1 + len(text) // 2500)
    failed = []
    for at, state in sites:
        result = repair(PYTHON, state, text[:at], text[at:])
        assert repair(PYTHON, state, text[:at], text[at + result.dropped :]).text == result.text
        try:
            ast.parse(result.text[:at] + "name" + result.text[at:])
        except SyntaxError as error:
            failed.append((text[at - 60 : at], result.patch, str(error)))
    assert len(failed) <= 0.01 * len(sites), failed[:3]


@settings(max_examples=200, deadline=None)
@given(python_like(), python_like())
def test_any_text(prefix: str, suffix: str) -> None:
    """Garbage is repaired too: the text before the cursor stays, and offsets map to equal text."""
    result = repair(PYTHON, None, prefix, suffix)
    document = prefix + suffix
    assert result.text.startswith(prefix)
    assert result.text == prefix + result.patch + suffix[result.dropped :]
    for at, char in enumerate(result.text):
        origin = result.original_offset(at)
        if origin is not None and at != result.cursor:
            assert document[origin] == char
