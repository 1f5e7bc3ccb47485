"""Ground truth in every language: a mark ``§`` in front of each name that is a use, nowhere else.

Every unmarked dereference is one that must not be found.
"""

import pytest

from decoding.prompt.workspace import LANGUAGES
from evaluation.sites import SITE_LANGUAGES, dereference_sites
from monitors.errors import UsageError

MARK = "§"

TYPESCRIPT = """\
import { a } from "b.c";
import z = A.B;
// a.b
/* a.b */
let s = "a.b" + 'a.b' + `a.b ${a.§b?.§c}`;
let t: A.§B.§C<D.§E> = a!.§b.§#p;
let q: typeof a.§b;
a?.[0]; a?.(); [...b];
this.§x = 1;
module.§exports = f;
/a.b/.§test(1.5.§toFixed());
import.meta.§url;
namespace X.Y { a.§b; }
declare module M.N {}
@a.§b(c.§d) class E extends F.§G {}
a
  // on the next line
  .§b()
  ./* here */§c();
"""

TSX = """\
const e = <A.§B x={a.§b} y="a.b">a.b {c?.§d}</A.B>;
"""

JAVASCRIPT = """\
import a from "b.c";
this.x = this.§y;
this.§x.§y = 1;
this.§x += 1;
exports.x = exports.y = a.§b;
module.exports = a.§b;
module.§exports.x = 1;
A.§prototype.f = function () { return this.§y; };
A.§f = 1;
f(this.§x = 1);
if (a) this.x = 1;
const b = this.§x ?? a?.§b;
new.target;
"""

JSX = "const e = <A.§B x={a.§b}>{c.§d}</A.B>;\n"

C = """\
#include <a.h>
#define F(x) x->y
#if A
int x = a.§b;
#endif
/* a.b */ // a.b
int f(struct s *p, ...) {
  char *t = "a.b"; float y = 1.5;
  struct s z = {.x = p->§y, .q = {1}};
  return p->§a.§b[p->§c]->§d + (*p).§e;
}
"""

CPP = """\
#include <a.h>
using std::swap;
using namespace a::b;
using X = a::§b;
namespace a::b { class D : public c::§D { friend e::§F; }; }
namespace c = a::b;
[[gnu::unused]] int A::n = B::§m;
void A::B::f(std::§string s) const { a.§b; p->§c; }
A::A() : x(std::§move(y)) {}
Foo<std::§string>::Foo() {}
Foo<T>& Foo<T>::operator=(const Foo<T>::§Bar& o) { return *this; }
const std::§vector<a::§b> *A::g() { return nullptr; }
A::operator bool() const { return x_.§y; }
auto A::k() -> Foo<std::§string> { return [](int x) -> Foo { return x; }; }
void h() {
  std::§vector<a::§B>::§iterator i(v.§begin());
  A::§g<int>(p->§A::§k(), ::§free, "a::b.c");
  x.template m<int>(); x.~T();
}
class A::B { int i = c::§d; };
struct A::§B e;
"""

RUST = """\
use a::b::{c, d::e};
#[a::b(c::d)]
pub(in a::b) fn f(x: &dyn fmt::§Debug) -> io::§Result<()> {
    // a.b
    let s = "a.b" ; let r = 0..1; let c = 'a'; let y = 1.5;
    t.§0; t.§1.§0; x.§await?.§z; a.§r#type;
    Vec::<u8>::§new(); <T as U>::§n(); crate::§x::§Y {}; x.§m::<u8>();
    println!("{}", a.§b, c::§d());
    a?.§b
}
impl a::§B for c::§D<e::§F> {}
macro_rules! m { ($x:expr) => { $x.foo; a::b } }
"""

GO = """\
package p
import . "a.b"
type E struct { pkg.§T; x *pkg.§U }
func (s *S) f(a pkg.§T, rest ...int) {
	// a.b
	a.§b.§c("a.b", `a.b`, 'c', 1.5)
	x.(T); x.(pkg.§T)
	switch y := x.(type) {}
	z := pkg.§T{A: s.§b}
}
"""

JAVA = """\
package a.b;
import a.b.C;
import static a.b.C.*;
@a.b.D(x = c.§d) class A<T extends a.§B> implements c.§I {
  /** a.b */
  void f(a.§C x, int... y) {
    a.§b.§c("a.b", 1.5, 'c'); this.§x = 1; super.§z();
    A.§class; A.§this.§y; x::§g; A::§new; a.<T>§foo(); new a.§B();
  }
}
"""

CSHARP = """\
using a.b;
using static System.Math;
namespace X.Y {
  [a.B(c.§d)] class C : a.§B {
    void I.f() {
      // a.b
      a.§b.§c("a.b", @"a.b", 1.5); a?.§b?.§c(); a!.§b(); global::§X.§Y z;
      var s = $"a.b {a.§b}"; using (a.§b) {} nameof(a.§b);
    }
  }
}
"""

KOTLIN = """\
package a.b
import a.b.C
@a.b.D(c.§d) @x.Y fun A.f(x: a.§B<c.§D>) {
    // a.b
    a.§b.§c("a.b ${a.§b}"); a?.§b; a!!.§b; A::§g; this.§x = 1; 1..2
}
val A.p: Int get() = this.§q
"""

RUBY = """\
class A::B < C::§D
  def self.f
    # a.b
    a.§b; a&.§b; A::§B::§c; ::§Top; self.§x = 1; a.§nil?; (1..2); a.()
    "a.b #{a.§b}"; 'a.b'; :"a.b"; 1.5
  end
end
module X::Y; end
"""

PHP = """\
<?php
namespace a\\b;
use c\\d;
// $a->b
#[A(B::§C)]
class Z { use T { T::f as g; } }
$a->§b?->§c(); A::§d; A::§e(); A::§class; static::§h(); $a->$f; $a->$f(); A::§$p; A::$f();
$a . $b; 'x->y';
"x {$a->§b} $a->§c";
"""

CASES = {
    "c": C,
    "cpp": CPP,
    "csharp": CSHARP,
    "go": GO,
    "java": JAVA,
    "javascript": JAVASCRIPT,
    "javascriptreact": JSX,
    "kotlin": KOTLIN,
    "php": PHP,
    "ruby": RUBY,
    "rust": RUST,
    "typescript": TYPESCRIPT,
    "typescriptreact": TSX,
}


def found_in(text: str, language: str) -> str:
    """``text`` with a mark in front of every name that was found."""
    for site in reversed(dereference_sites(text, language)):
        text = text[: site.name_start] + MARK + text[site.name_start :]
    return text


@pytest.mark.parametrize("language", CASES)
def test_uses_are_found_and_nothing_else(language: str) -> None:
    """Imports, strings, comments, directives, annotations and definitions are left out."""
    marked = CASES[language]

    assert found_in(marked.replace(MARK, ""), language).splitlines() == marked.splitlines()


def test_every_language_with_a_suffix_but_dart_has_a_grammar() -> None:
    """No package on PyPI parses Dart."""
    assert set(LANGUAGES.values()) - SITE_LANGUAGES == {"dart"}
    assert set(CASES) | {"python"} == SITE_LANGUAGES


@pytest.mark.parametrize("language", CASES)
def test_operators_end_where_the_site_says(language: str) -> None:
    """With white space, comments and type arguments at most between them and the name."""
    text = CASES[language].replace(MARK, "")
    for site in dereference_sites(text, language):
        assert text[: site.operator_end].endswith(site.operator)
        assert text[site.name_start : site.name_end] == site.name


@pytest.mark.parametrize(
    ("language", "text", "operators"),
    [
        ("typescript", "a.b?.c!.d", [".", "?.", "."]),
        ("cpp", "int i = a.b->c::d;", [".", "->", "::"]),
        ("csharp", "class A { int x = a.b?.c ?? global::D.e; }", [".", "?.", "::", "."]),
        ("kotlin", "val x = a?.b!!.c ?: ::d", ["?.", ".", "::"]),
        ("ruby", "a.b&.c; A::B", [".", "&.", "::"]),
        ("php", "<?php $a->b?->c; A::d;", ["->", "?->", "::"]),
        ("rust", "fn f() { a.b?.c; d::e }", [".", ".", "::"]),
    ],
)
def test_the_operator_is_told(language: str, text: str, operators: list[str]) -> None:
    """As it is written; the ``!`` and ``?`` that belong to the receiver do not."""
    assert [site.operator for site in dereference_sites(text, language)] == operators


def test_a_language_without_a_grammar_is_refused() -> None:
    """The message names those that there are."""
    with pytest.raises(UsageError, match="no grammar for 'dart'; expected one of c, cpp, csharp"):
        dereference_sites("a.b", "dart")
