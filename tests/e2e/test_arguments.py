"""Arguments under every live server that says how things are called."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lsp_bridge import PROFILES
from monitors.arguments import RULES
from monitors.protocols import Document, Query, QueryKind, Reason, Unavailable
from tests.e2e.served import LANGUAGES, MARK, Served, serving
from tests.servers import require
from tests.workspaces import written

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@dataclass(frozen=True)
class Code:
    """A file that calls things, with a place for a call."""

    file: str
    text: str
    right: tuple[str, ...]
    wrong: tuple[str, ...]
    project: dict[str, str] = field(default_factory=dict)


PYTHON = Code(
    "app.py",
    f"""from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, overload


def plain(a, b=1, *, key): ...
def variadic(a, *rest, last=1, **more): ...
@overload
def over(a: int) -> int: ...
@overload
def over(a: str, b: int, c: int) -> str: ...
def over(a, b=0, c=0): ...
@dataclass
class Point:
    x: int
    y: int = 3
class Pair(NamedTuple):
    first: int
    second: str = "a, b"
class Kettle:
    def __init__(self, volume, marks=(1, 2)): ...
    def pour(self, amount: int, into: dict[str, int] = {{}}): ...
    @classmethod
    def made(cls, volume): ...
    @staticmethod
    def usual(a, b=","): ...
bound = partial(plain, 1)

def run(kettle: Kettle, anything: Any, unknown):
    {MARK}{MARK}
""",
    (
        "plain(1, 2, key=3)",
        "plain(a=1, key=(1, 2, 3))",
        "variadic(1, 2, 3, 4, other=5)",
        "over(1)",
        "over('a', 1, 2)",
        "Point(1, y=2)",
        "Pair(1, second='b')",
        "Kettle(1, (1, 2, 3))",
        "Kettle.pour(kettle, 1, {})",
        "kettle.pour(1, into={'a': 1, 'b': 2})",
        "Kettle.made(1)",
        "Kettle.usual(1)",
        "bound(key=1)",
        "anything(1, 2, 3, x=4)",
        "unknown.call(1, 2, 3, x=4)",
        "print(plain(1, key=2), sep='', end='')",
        "max(1, 2, 3, key=abs)",
        "range(1, 2, 3)",
        "dict(a=1, b=2)",
        "isinstance(1, (int, str))",
        "'a, b'.split(',', 1)",
        "open('f', 'w', encoding='utf-8')",
        "super().__init__()",
        "str.join(', ', ['a'])",
        "object.__new__(Kettle)",
    ),
    (
        "plain()",
        "plain(1, 2, ke=3)",
        "plain(1, 2, key=3, b=4)",
        "over()",
        "over(1, 2)",
        "Point()",
        "Point(1, 2, 3",
        "Point(1, z=2)",
        "Pair(1, 'b', 'c'",
        "Kettle()",
        "kettle.pour()",
        "kettle.pour(1, in_to={})",
        "Kettle.usual(1, 2, 3, 4",
        "range()",
        "isinstance(1)",
        "open()",
        "open('f', encodings='utf-8')",
    ),
)
TYPESCRIPT = Code(
    "app.ts",
    f"""class Kettle {{
  constructor(volume: number, marks = [1, 2]) {{}}
  pour(amount: number, into?: string, ...more: string[]): void {{}}
  map<T>(value: T, change: (value: T, index: number) => T): T {{ return value; }}
}}
function over(a: number): void;
function over(a: string, b: number, c: number): void;
function over(a: any, b?: any, c?: any): void {{}}
function parts(a: number, {{ b, c }}: {{ b: number; c: string }}, d = "x, y"): void {{}}
declare const kettle: Kettle;
declare const anything: any;
function run(back: (x: number, y?: string) => void) {{
  {MARK}{MARK}
}}
""",
    (
        "new Kettle(1, [2, 3])",
        "kettle.pour(1)",
        "kettle.pour(1, 'a', 'b', 'c')",
        "kettle.map(1, (value, index) => value)",
        "over(1)",
        "over('a', 1, 2)",
        "parts(1, { b: 2, c: '3' }, 'd')",
        "back(1)",
        "anything(1, 2, 3)",
        "Math.max(1, 2, 3)",
        "[1].map((a, b, c) => a)",
        "console.log()",
    ),
    (
        "new Kettle()",
        "kettle.pour()",
        "kettle.map(1)",
        "kettle.map(1, v => v, 3",
        "over()",
        "over(1, 2)",
        "parts(1)",
        "back()",
        "back(1, 'a', 2",
        "parseInt()",
    ),
    {"tsconfig.json": "{}"},
)
CPP = Code(
    "app.cpp",
    f"""#include <string>
struct Kettle {{
  Kettle(int volume, int marks = 2);
  void pour(int amount, const std::string& into = "a, b");
  template <class T> void mix(T with, int times);
}};
void over(int a);
void over(int a, double b, int c);
void variadic(const char* format, ...);
#define TWICE(a, b, c) (a)
void run(Kettle kettle, void (*back)(int, int)) {{
  {MARK}{MARK}
}}
""",
    (
        "kettle.pour(1)",
        'kettle.pour(1, "a, b")',
        "kettle.mix(1, 2)",
        "over(1)",
        "over(1, 2.0, 3)",
        'variadic("%d %d", 1, 2, 3)',
        "back(1, 2)",
        "TWICE(1, 2, 3)",
        "Kettle(1, 2)",
        "std::string(3, 'a')",
    ),
    (
        "kettle.pour()",
        'kettle.pour(1, "a", 2',
        "kettle.mix(1)",
        "over()",
        "over(1, 2.0)",
        "variadic()",
        "back(1)",
    ),
    {"compile_flags.txt": "-std=c++17\n"},
)
RUST = Code(
    "src/main.rs",
    f"""struct Kettle;
impl Kettle {{
    fn new(volume: i32, marks: (i32, i32)) -> Kettle {{ Kettle }}
    fn pour(&self, amount: i32, change: impl Fn(i32, i32) -> i32) {{}}
    fn empty(self) {{}}
}}
struct Pair(i32, String);
enum Drink {{ Tea(i32, i32), Water }}
fn free(a: &str, b: Vec<(i32, i32)>) {{}}
fn run(kettle: Kettle, back: fn(i32, i32)) {{
    let closure = |a: i32, b: i32| a + b;
    {MARK}{MARK}
}}
fn main() {{}}
""",
    (
        "Kettle::new(1, (2, 3));",
        "kettle.pour(1, |a, b| a + b);",
        "Kettle::pour(&kettle, 1, |a, b| a);",
        "kettle.empty();",
        "Pair(1, String::new());",
        "Drink::Tea(1, 2);",
        'free("a", vec![(1, 2), (3, 4)]);',
        "back(1, 2);",
        "closure(1, 2);",
        "Some(1);",
        'println!("{} {}", 1, 2);',
    ),
    (
        "Kettle::new();",
        "Kettle::new(1);",
        "kettle.empty(1",
        "Pair(1);",
        "Drink::Tea(1);",
        'free("a");',
        "back(1, 2, 3",
        "Some();",
    ),
    {"Cargo.toml": '[package]\nname = "app"\nversion = "0.1.0"\nedition = "2021"\n'},
)
GO = Code(
    "main.go",
    f"""package main

import "fmt"

type Kettle struct{{}}

func (k Kettle) Pour(a, b int, into string) {{}}
func Variadic(format string, xs ...int)     {{}}
func Pair() (int, int)                      {{ return 1, 2 }}
func Two(a, b int) int                      {{ return a }}
func run(k Kettle, back func(int, string) error) {{
	{MARK}{MARK}
}}
func main() {{ fmt.Println() }}
""",
    (
        'k.Pour(1, 2, "a, b")',
        'Variadic("a")',
        'Variadic("a", 1, 2, 3)',
        "Two(Pair())",
        "Two(1, Two(2, 3))",
        'back(1, "a")',
        "fmt.Println(1, 2, 3)",
        "len([]int{1, 2})",
        "append([]int{1}, 2, 3)",
        "Kettle.Pour(k, 1, 2, string(rune(65)))",
    ),
    ("k.Pour()", "k.Pour(1, 2)", 'k.Pour(1, 2, "a", 3', "Variadic()", "Two(1)", "back(1)"),
    {"go.mod": "module app\n\ngo 1.18\n"},
)
PHP = Code(
    "app.php",
    f"""<?php
class Kettle {{
    public function __construct(int $volume, $marks = [1, 2]) {{}}
    function pour(string $into, ?int $amount = null, ...$more) {{}}
    static function usual(array $marks) {{}}
}}
function plain($a, &$b, $c = "x, y") {{}}
function run(Kettle $kettle, callable $back) {{
    {MARK}{MARK}
}}
""",
    (
        "new Kettle(1, [2, 3]);",
        '$kettle->pour("a", 1, 2, 3);',
        "Kettle::usual([1, 2, 3]);",
        "plain(1, $b, c: 3);",
        "$back(1, 2, 3);",
        'implode(", ", [1, 2]);',
        "array_map(fn($a, $b) => $a, [1], [2]);",
    ),
    ("new Kettle();", "$kettle->pour();", "plain(1);", "plain(1, $b, d: 3", "strlen();"),
)
SERVERS = {
    "pyrefly": PYTHON,
    "pyright": PYTHON,
    "basedpyright": PYTHON,
    "ty": PYTHON,
    "typescript-language-server": TYPESCRIPT,
    "vtsls": TYPESCRIPT,
    "clangd": CPP,
    "rust-analyzer": RUST,
    "gopls": GO,
    "intelephense": PHP,
}


@pytest.fixture(scope="module", params=SERVERS)
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Served, Code]]:
    """A server on the code of its language."""
    name, code = request.param, SERVERS[request.param]
    text = code.text.replace(MARK, "")
    root = written(tmp_path_factory.mktemp(name), {code.file: text, **code.project})
    with serving(root, name, code.file) as server:
        server.pool.start(LANGUAGES[Path(code.file).suffix], server=name).result(120)
        yield server, code


def place(code: Code, call: str) -> str:
    """The file's text with ``call`` between the marks."""
    return code.text.replace(MARK + MARK, MARK + call + MARK)


def test_right_calls_are_allowed(served: tuple[Served, Code]) -> None:
    """Also where nothing is known."""
    server, code = served

    assert [call for call in code.right if not server.accepts(place(code, call), RULES)] == []


def test_wrong_calls_are_refused(served: tuple[Served, Code]) -> None:
    """Too few, too many, or under names that there are not."""
    server, code = served

    assert [call for call in code.wrong if server.accepts(place(code, call), RULES)] == []


def test_servers_that_are_not_asked_say_so(tmp_path: Path) -> None:
    """jedi looks through no decorator: its signatures are not used."""
    require("jedi")
    root = written(tmp_path, {"app.py": "print(\n"})
    with serving(root, "jedi", "app.py") as server:
        document = Document("python", str(root / "app.py"), "print(", "\n")
        handle = server.pool.ask(Query(QueryKind.SIGNATURES, document), server="jedi")
        answer = server.pool.wait(handle, 60)

    assert isinstance(answer, Unavailable)
    assert answer.reason is Reason.NOT_OFFERED
    assert not PROFILES["jedi"].reads_signatures
