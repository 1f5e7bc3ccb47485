"""The Python lexer: where a dereference is live, against tables, `ast`, and other splits."""

import ast
import re
import sysconfig
import tokenize
from collections.abc import Hashable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from monitors.languages.python import PYTHON, PythonState
from tests.strategies import python_like, splits

STDLIB = Path(sysconfig.get_paths()["stdlib"])
# Large files, old style and new, with f-strings, match statements and odd continuations.
FILES = [
    "abc.py",
    "argparse.py",
    "ast.py",
    "asyncio/base_events.py",
    "asyncio/tasks.py",
    "bisect.py",
    "calendar.py",
    "codecs.py",
    "collections/__init__.py",
    "concurrent/futures/thread.py",
    "configparser.py",
    "contextlib.py",
    "copy.py",
    "csv.py",
    "dataclasses.py",
    "datetime.py",
    "decimal.py",
    "difflib.py",
    "dis.py",
    "doctest.py",
    "email/message.py",
    "enum.py",
    "fractions.py",
    "ftplib.py",
    "functools.py",
    "gzip.py",
    "heapq.py",
    "http/client.py",
    "inspect.py",
    "ipaddress.py",
    "json/decoder.py",
    "logging/__init__.py",
    "mailbox.py",
    "operator.py",
    "pathlib.py",
    "pdb.py",
    "pickle.py",
    "pprint.py",
    "statistics.py",
    "tarfile.py",
    "tempfile.py",
    "textwrap.py",
    "turtle.py",
    "typing.py",
    "uuid.py",
    "weakref.py",
    "zipfile.py",
]


def read(text: str, state: PythonState | None = None) -> tuple[list[int], list[int], PythonState]:
    """Live dots, exempt dots and final state of ``text``, read one character at a time."""
    live, exempt = [], []
    state = PYTHON.start() if state is None else state
    for at, char in enumerate(text):
        state, end = state.scan(char)
        assert end == 1
        if state.at_trigger:
            live.append(at)
        if state.at_definition:
            exempt.append(at)
    return live, exempt, state


def scan(pieces: list[str]) -> tuple[list[int], PythonState]:
    """Live dots and final state of a text that comes in pieces."""
    live: list[int] = []
    state, offset = PYTHON.start(), 0
    for piece in pieces:
        at = 0
        while at < len(piece):
            state, at = state.scan(piece, at)
            if state.at_trigger:
                live.append(offset + at - 1)
        offset += len(piece)
    return live, state


def unmark(marked: str) -> tuple[str, list[int], list[int]]:
    """Text of a case; ``•`` stands for a live dot, ``°`` for the dot of a definition."""
    live = [at for at, char in enumerate(marked) if char == "•"]
    exempt = [at for at, char in enumerate(marked) if char == "°"]
    return marked.replace("•", ".").replace("°", "."), live, exempt


EXPRESSIONS = """
a•b•c
f()•x
f(a)[0]•y{}•z
None•x or True•y
match•x; case•y; type•z; _•w
a •b
"abc"•join(x)
'abc'•join(x); b"x"•y; rb'x'•y; \"\"\"a.b\"\"\"•c; ""•x; ''•y
1 •real
1.5.imag + 1.x + 1e3.y + 0x1f.z + 1_000.w + 1j.v + 1..u
1.e5.x + .5.x + .5 + a•b
0x1e-x•y
... .x
x = ...
a•.b
a•..b
x[1:b•c]
x = [1., c•d, 2.]
# a.b
x # a.b
'a.b' + c•d
'a\\\\'•x
'a\\'.b'
r'a\\'.b'
@a•b•c
return self•x
yield from x•y
raise E from x•y
x if y•z else w•v
lambda self: self•x
(y := x•z)
not self•x
await self•x
print(self•x)
foo(a, self•x)
x = self•y
a = self•b = 3
if self•x: pass
""".strip().split("\n")


DEFINITIONS = r"""
self°x
cls°x = 1
self°x: int = a•b
self°x += 1
self . x
a, self°x = 1
(self°a, self°b) = 1
(self°a, (b, [self°b])) = 1
*self°rest, = 1
self°a•b = 1
self°a, self°b•c = 1
x•self•y = 1
x = self•y
d[self•k], self°v = 1
d["k"], self°v = 1
f(self•a)•b, self°v = 1
a = b, self•x
a + self•x
for self°x in self•y: self°z = self•w
for i, self°x in y: pass
[0 for self°x in self•y]
(self°a for b in self•c)
async for self°x in y•z: pass
with f() as self°x: self°y = 1
with f(self•a) as self°x, self•b() as self°c: pass
with (f() as self°x, self•b as (self°c, d)): pass
if self•a: self°b = 1
if lambda: 0: self°b = lambda: self•x
while (x := self•y): self°b = 1
else: self°x = 1
x = 1; self°y = 2
case self•x: self°y = 1
match self•x:
{self•x: 1}
-self•x
self
""".strip().split("\n")

IMPORTS = [
    "import a.b.c",
    "import a.b as c, d.e",
    "from a.b import c",
    "from .x import d",
    "from . import (d, e); x•y",
    "from .. import d",
    "from ...x.y import d",
    "x•y; import a.b; c•d",
    "if x•y: import a.b",
    "from a.b import (c,\n d.e, # f.g\n h)\nx•y",
    "import a.b, \\\n  c.d\nx•y",
    "from a import (b\ndef f(): x•y",
    "def f():\n    import a.b\n    self°x = self•y\n",
    "\ufeffimport a.b\n",
]

STRINGS = [
    "( a\n•b # c.d\n  •c )",
    "a\\\n  •b\\\r\n•c\\\r•d \\ .e",
    "f'{a•b}.c'•d",
    'f"a.b{c•d!r}.e{f•g:.2f}"',
    'f"{a•b:{c•d}.{e•f}x.y}.z"',
    'f"{{a.b}} {{{c•d}}} }} {x•y}"',
    'f"{a["b.c"]•d}.e"•f',
    "f'{x!r:^{w•x}} {y=} {y•z = }.w'",
    "f'{a!r}.b' f'{a != b•c}'",
    "rf'\\{a•b}.c' + fr'\\'.d{e•f}'",
    "f'\\{a•b}.c'",
    "f'\\N{FULL STOP}.x{a•b}' + c•d",
    "f'\\N.x{a•b}'",
    "Rb'a.b{c.d}'•e",
    "t'{a•b}.c'",
    "f'''{a•b}.c\n.d{\n e•f # g.h}\n }.i'''•j",
    'f"""{a•b}.c"d.e""f.g""h"""•i',
    "f'{ {1: a•b}[1]•c }.d'",
    "f'{(lambda x: x•y)(1)}.z'",
    "f'{f\"{a•b}.c\"•d}.e'",
    "f'a.b\nc•d",
    "f'{a:b.c\nd•e",
    "f'{a:.c'•d",
    "'a.b\nc•d",
    "'a.b\\\nc.d'•e",
    "'a.b\\\r\nc.d'•e",
    "'a\r\nb•c",
    "'''a.b\nc.d''e.f'''•g",
    "'''a.b\n\ndef f():\n   c.d",
    "buf'a.b'•c",
    "'{a.b}'•c",
    "f'{x:%H:%M}.a' + b•c",
    "f'{x:{{y•z}}}.a'",
]

RECOVERY = [
    "f(a, (b\nimport a.b\nx•y",
    "f(a, [b\n    for x in y•z\n    if y•z else w]\nself•y",
    "x = f(a\ndef g(self):\n    self°x = 1",
    "x = f(a\n    def = 1\nself°x",
    "def f():\n    x = g(\n        [1,\n    @a•b\n    def h(): self°x = 1",
    "x = (a\n     @ b•c\n     @d•e)\nself°x",
    "    x = (a\nfrom b.c import d",
    "x = (a\n@d•e\nimport f.g",
    "  x = (a\n@d•e\nself°x = 1",
    "x = (a\n@ d•e\nself•x)",
    "x = (a\n    from b•c",
    "    x = (a\nif b•c: self°d = 1",
    "x = (a\nif b•c else self•d)",
    "x = (a\nasync def f(): self°x",
    "x = (a\nasync for self°x in b)",
    "x = a)\nself°x = b)•c",
    "x = (a]\n)\nself°x",
    "x = (a[b)\nself°x",
    "f'''{a(\nreturn b.c\n'''•d",
    "x = f'{a(\nreturn self•d\nself°e",
    "with_ = (a\nclassy•x, defs•y)\n",
]


@pytest.mark.parametrize("marked", [*EXPRESSIONS, *DEFINITIONS, *IMPORTS, *STRINGS, *RECOVERY])
def test_live_dots(marked: str) -> None:
    """Each marked dot is live, or exempt as a definition, and no other."""
    text, live, exempt = unmark(marked)
    if "self . x" in text:
        exempt = [text.index(".")]
    assert read(text)[:2] == (live, exempt)
    assert scan([text])[0] == live


@settings(max_examples=400, deadline=None)
@given(splits(python_like()))
@example(["f'", "{", "{", "}", "}", "\\", "N", "{", "D", "}.x'"])
def test_split_invariance(pieces: list[str]) -> None:
    """The state and the live dots do not depend on how the text was split; nothing raises."""
    text = "".join(pieces)
    live, _, state = read(text)
    assert scan(pieces) == (live, state)
    assert scan([text]) == (live, state)


@settings(max_examples=300, deadline=None)
@given(python_like())
@example('"""f"')
def test_properties_tell_what_comes(text: str) -> None:
    """A dot is live where there is a receiver, and closers close everything."""
    state = read(text)[2]
    assert state.scan(".")[0].at_trigger == (state.receiver != "")
    assert read(PYTHON.closers(state), state)[2].open == ()
    assert state.in_code or not state.receiver


@settings(max_examples=200, deadline=None)
@given(st.lists(python_like(8), min_size=20, max_size=20), python_like(8))
def test_equal_keys_find_the_same(texts: list[str], tail: str) -> None:
    """States with equal keys find the same triggers in text without a line begun in brackets."""
    assume(not re.search(r"[(\[{].*[\r\n]", tail, re.DOTALL))
    found: dict[Hashable, tuple[list[int], list[int]]] = {}
    for text in texts:
        state = read(text)[2]
        triggers = read(tail, state)[:2]
        assert found.setdefault(state.key, triggers) == triggers


PROPERTIES = [
    ("", "", (), True),
    ("foo", "foo", (), True),
    ("foo.", "", (), True),
    ("foo.ba", "ba", (), True),
    ("foo ", "foo", (), True),
    ("foo\n", "", (), True),
    ("(foo\n", "foo", ("(",), True),
    ("f(a[", "", ("(", "["), True),
    ("f(a[b]", "]", ("(",), True),
    ("retur", "retur", (), True),
    ("return", "", (), True),
    ("None", "None", (), True),
    ("self", "", (), True),
    ("x = self", "self", (), True),
    ("1", "", (), True),
    ("1 ", "0", (), True),
    ("import a", "", (), True),
    ("# a", "", (), False),
    ("x = 'a", "", ("'",), False),
    ("x = 'a'", "'", (), True),
    ('x = ""', '"', (), True),
    ('x = """', "", ('"""',), False),
    ("rB'", "", ("rB'",), False),
    ("f'{", "", ("f'", "{"), True),
    ("f'{a", "a", ("f'", "{"), True),
    ("f'{a:", "", ("f'", "{"), False),
    ("f'{a:{b", "b", ("f'", "{", "{"), True),
    ("f'{{", "", ("f'",), False),
]


@pytest.mark.parametrize(("text", "receiver", "opened", "in_code"), PROPERTIES)
def test_state(text: str, receiver: str, opened: tuple[str, ...], in_code: bool) -> None:
    """A state tells what a dot would apply to, what is open, and whether this is code."""
    state = scan([text])[1]
    assert (state.receiver, state.open, state.in_code) == (receiver, opened, in_code)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("(\n", True), ("(", True), ("a", False), ("a \\", True), ("f'{", True), ("('", False)],
)
def test_in_brackets(text: str, expected: bool) -> None:
    """A line end is white space in brackets and fields and behind a backslash."""
    assert scan([text])[1].in_brackets is expected


def heads(node: ast.expr) -> Iterator[ast.Attribute]:
    """Every ``self.x`` in ``node`` that could be a target, as far as the text before it tells."""
    if isinstance(node, ast.Tuple | ast.List):
        for item in node.elts:
            yield from heads(item)
            if not is_target(item):
                return
    elif isinstance(node, ast.Attribute):
        if isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"):
            yield node
        yield from heads(node.value)
    elif isinstance(node, ast.IfExp):  # its condition is its first child, but not its first text
        yield from heads(node.body)
    else:
        first = next((child for child in ast.iter_child_nodes(node)), None)
        if isinstance(first, ast.expr) and not isinstance(node, NO_HEAD):
            yield from heads(first)
        elif isinstance(node, ast.BoolOp):
            yield from heads(node.values[0])


WITH_TARGET = (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor, ast.comprehension)
NO_HEAD = (ast.UnaryOp, ast.Await, ast.Yield, ast.YieldFrom, ast.Lambda, ast.Dict, ast.Set)


def is_target(node: ast.expr) -> bool:
    """Whether ``node`` could stand in a list of targets."""
    if isinstance(node, ast.Tuple | ast.List):
        return all(is_target(item) for item in node.elts)
    if isinstance(node, ast.Starred):
        return is_target(node.value)
    return isinstance(node, ast.Name | ast.Attribute | ast.Subscript | ast.Call)


def targets(tree: ast.AST) -> Iterator[ast.expr]:
    """Expressions that begin where a target list may begin."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr):
            yield node.value
        elif isinstance(node, ast.Assign):
            yield node.targets[0]
        elif isinstance(node, WITH_TARGET):
            yield node.target
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            yield node.optional_vars


def dots(path: Path) -> tuple[str, set[int], set[int]]:
    """Source, live dots and exempt dots of a file, according to `ast` and `tokenize`."""
    text = path.read_text(encoding="utf-8")
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    tokens = list(tokenize.generate_tokens(StringIO(text).readline))
    code = [token for token in tokens if token.type not in SPACE]
    ends = {token.end: index for index, token in enumerate(code)}
    raw = text.splitlines()

    def dot(node: ast.Attribute) -> int | None:
        line, byte = node.value.end_lineno or 0, node.value.end_col_offset or 0
        end = (line, len(raw[line - 1].encode()[:byte].decode()))
        index = ends[end]
        while code[index + 1].string == ")":
            index += 1
        before, token = code[index], code[index + 1]
        assert token.string == "."
        number = before.type == tokenize.NUMBER and before.end == token.start
        return None if number else lines[token.start[0] - 1] + token.start[1]

    tree = ast.parse(text)
    hidden = {
        id(leaf)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for leaf in ast.walk(node)
    }
    found = {
        dot(node)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and id(node) not in hidden
    } - {None}
    exempt = {dot(node) for head in targets(tree) for node in heads(head)}
    return text, {at for at in found if at is not None}, {at for at in exempt if at is not None}


SPACE = (tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT)


def f_strings(text: str) -> list[tuple[int, int]]:
    """Where f-strings stand in ``text``, or at least each one's beginning and end."""
    lines = [0]
    for line in text.splitlines(keepends=True):
        lines.append(lines[-1] + len(line))
    spans, opened = [], []
    for token in tokenize.generate_tokens(StringIO(text).readline):
        begin = lines[token.start[0] - 1] + token.start[1]
        end = lines[token.end[0] - 1] + token.end[1]
        name = tokenize.tok_name[token.type]  # tokens of their own from Python 3.12 on
        if name == "FSTRING_START":
            opened.append(begin)
        elif name == "FSTRING_END":
            spans.append((opened.pop(), end))
        elif name == "STRING" and "f" in token.string.partition(token.string[-1])[0].lower():
            spans.append((begin, end))
    return spans


@pytest.mark.parametrize("name", [name for name in FILES if (STDLIB / name).exists()])
def test_against_ast(name: str) -> None:
    """In real files the live dots are those of attributes, less those of definitions."""
    text, attributes, exempt = dots(STDLIB / name)
    spans = f_strings(text)
    live = {at for at in scan([text])[0] if not any(a <= at < b for a, b in spans)}
    assert live == attributes - exempt, [
        text[max(at - 40, 0) : at + 20] for at in sorted(live ^ (attributes - exempt))[:5]
    ]
