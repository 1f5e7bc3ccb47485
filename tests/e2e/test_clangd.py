"""clangd: C and C++ as it really answers."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from monitors.protocols import Reason
from tests.e2e.served import Served, serving

pytestmark = pytest.mark.e2e

FILES = {
    "one.h": "struct Order { int in_one; };\n",
    "two.h": "struct Order { int in_two; };\n",
    "shop.h": (
        "namespace shop {\n"
        "struct Crate; int open(); enum Colour { RED }; template <class T> T made();\n}\n"
    ),
    "main.cpp": "",
    "main.c": "",
}
CLASSES = (
    "struct Base { int low; virtual ~Base(); };\n"
    "struct Derived : Base { int high; operator bool() const; void change(); static int count;\n"
    "private: int hidden; };\n"
)


@pytest.fixture(scope="module")
def clangd(root: Path) -> Iterator[Served]:
    """clangd, asked about C++ unless told otherwise."""
    with serving(root, "clangd", "main.cpp") as served:
        yield served


def members(names: set[str]) -> set[str]:
    """Without the classes that may qualify a member."""
    return {name for name in names if name[-1] != ":"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{CLASSES}void f(Derived d) {{ d.‸\n}}", {"low", "high", "change", "count"}),
        (f"{CLASSES}void f(const Derived &d) {{ d.‸\n}}", {"low", "high", "count"}),
        (f"{CLASSES}void f(Derived *d) {{ d->‸\n}}", {"low", "high", "change", "count"}),
        (
            "#include <memory>\nstruct A { int x; };\nvoid f(std::unique_ptr<A> a) { a->‸\n}",
            {"x"},
        ),
        (
            "#include <memory>\nstruct A { int x; };\nvoid f(std::unique_ptr<A> a) { a.‸\n}",
            {"get", "get_deleter", "release", "reset", "swap"},
        ),
        ('#include "shop.h"\nvoid f() { shop::‸\n}', {"Crate", "open", "Colour", "RED", "made"}),
        ("struct A { int f() { return this->‸; } int later(); };", {"f", "later"}),
    ],
    ids=["value", "constant", "pointer", "smart pointer", "its own", "namespace", "this"],
)
def test_members(clangd: Served, text: str, expected: set[str]) -> None:
    """Exactly what the compiler lets stand there, but for classes that may qualify a member."""
    assert members(clangd.names(text)) == expected


DEFINED = """
namespace works {
struct Base { int depth; virtual void power(); protected: void spin(); };
class Pump : public Base {
public:
  Pump(); ~Pump(); Pump(const Pump &); void start(); static int made; operator bool() const;
  bool operator()(int);
private:
  struct Impl; enum State { Idle }; enum class Flow : int; using Map = Pump *;
  void prime(); static int total_; State state(); Map map(); static Impl *impl(Impl *);
};
class Closed { Closed(); void run(); };
void run();
namespace deep { void dig(); }
}
"""


@pytest.mark.parametrize(
    "text",
    [
        "void works::‸Pump::prime‸() {}",
        "void works::‸Closed::run‸() {}",
        "namespace works {\nvoid Pump::‸prime‸() {}\n}",
        "namespace works {\nint x; namespace {\n}\nPump::‸State Pump::state‸() { return Idle; }\n}",
        'extern "C" {\n}\nworks::‸Pump::Map works::Pump::map‸() { return nullptr; }',
        "int works::‸Pump::total_‸ = 0;",
        "works::‸Pump::Impl *works::Pump::impl(Pump::Impl *‸p) { return p; }",
        "namespace works::‸deep {‸ }",
        "namespace works::‸fresh::fresher {‸ }",
        "namespace works::‸inner { inline namespace v1 {‸ } }",
        "class works::‸Pump::Impl {‸ };",
        "struct works::‸Pump::Impl {‸ };",
        "enum class works::‸Pump::Flow : int {‸ };",
        "class Other { friend class works::‸Pump::Impl;‸ };",
        "template <class T> struct works::‸hash‸;",
        "works::‸Pump::~Pump‸() {}",
        "works::‸Pump::Pump‸() {}",
        "works::‸Pump::Pump(const works::Pump &)‸ {}",
        "works::‸Closed::Closed‸() {}",
        "works::‸Pump::operator bool‸() const { return true; }",
        "bool works::‸Pump::operator()‸(int) { return true; }",
        "void works::‸deep::dig‸() {}",
        "#if A\nvoid f(int) {\n#else\nvoid f(long) {\n#endif\n}\nvoid works::‸Pump::prime‸() {}",
        "works::Pump::Pump() : works::‸Base(), x(works::Pump::total_)‸ {}",
        "int works::Pump::total_ = int(works::Pump::‸total_‸);",
        "struct A : works::Base { using Base::‸spin‸; };",
        "struct A : works::Base { using works::‸Base::Base‸; };",
        "bool f(works::Pump d) { return d.‸operator bool‸(); }",
        "struct T : works::Base { void f() { this->‸Base::power‸(); } };",
        "void f(works::Pump t) { t.‸Base::power‸(); }",
        "void f(works::Pump t) { t.‸works::Base::power‸(); }",
        "int f(works::Pump *p) { return p->‸Base::depth‸; }",
        "int f(works::Pump *p) { return p->‸Pump::depth‸; }",
    ],
)
def test_names_that_are_declared_or_qualified(clangd: Served, text: str) -> None:
    """Private members outside of their class, new names, and bases are never refused."""
    assert clangd.accepts(DEFINED + text + "\n")


@pytest.mark.parametrize(
    "text",
    [
        "void works::‸runs‸() {}",
        "void f() { works::‸Pump::prime‸(); }",
        "void f() { works::‸Pump::starts‸(); }",
        "int f(works::Pump *p) { return p->‸Base‸; }",
        "int f(works::Pump *p) { return p->‸Base::low‸; }",
        "using namespace works::‸shallow‸;",
        "struct A : works::‸Basis {‸};",
    ],
)
def test_names_that_are_used(clangd: Served, text: str) -> None:
    """Everywhere else what is not listed is refused."""
    assert not clangd.accepts(DEFINED + text + "\n")


def test_names_of_a_class(clangd: Served) -> None:
    """Behind ``::`` come static and other members, and bases."""
    names = clangd.names(f"{CLASSES}void f() {{ Derived::‸\n}}")

    assert {"count", "change", "high", "Base"} <= names
    assert "hidden" not in names


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("struct A { int x; };\nvoid f(A *a) { a.‸\n}", Reason.EMPTY),
        ("void f() { unknown.‸\n}", Reason.EMPTY),
        ("template <class T> void f(T t) { t.‸\n}", Reason.EMPTY),
        ("template <class T> struct A { T x; void f() { this->‸\n} };", Reason.OPEN_TYPE),
        (
            "#include <vector>\ntemplate <class T> void f(std::vector<T> t) { t.‸\n}",
            Reason.OPEN_TYPE,
        ),
        ("#if 0\nstruct A { int x; };\nvoid f(A a) { a.‸\n}\n#endif\n", Reason.NOT_MEMBERS),
    ],
    ids=["dot on a pointer", "unknown", "parameter", "this", "dependent", "inactive"],
)
def test_lists_that_are_not_closed(clangd: Served, text: str, reason: Reason) -> None:
    """What depends on a template's parameter, and what is not compiled, is unconstrained."""
    assert clangd.reason(text) is reason


def test_other_headers(clangd: Served) -> None:
    """Headers that change are read before anything is answered."""
    for number in range(6):
        header = ("one", "two")[number % 2]
        text = f'#include "{header}.h"\n// {number}\nvoid f(Order o) {{ o.‸\n}}'
        assert members(clangd.names(text)) == {f"in_{header}"}


def test_a_file_that_was_never_saved(clangd: Served) -> None:
    """It is answered about like any other."""
    text = '#include "one.h"\nvoid f(Order o) { o.‸\n}'

    assert members(clangd.names(text, "unsaved.cpp")) == {"in_one"}


def test_c(clangd: Served) -> None:
    """The language goes with the file."""
    text = "struct class { int new; };\nint f(struct class *c) { return c->‸\n}"

    assert members(clangd.names(text, "main.c")) == {"new"}


@pytest.mark.parametrize(
    ("structure", "macro"),
    [("struct sigaction", "sa_handler"), ("struct stat", "st_mtime"), ("siginfo_t", "si_pid")],
)
def test_macros_that_look_like_members(clangd: Served, structure: str, macro: str) -> None:
    """System headers define some members of structures as macros; those are allowed."""
    text = f"#include <signal.h>\n#include <sys/stat.h>\nint f({structure} *s) {{ return s->‸\n}}"

    assert macro in clangd.names(text, "main.c")
