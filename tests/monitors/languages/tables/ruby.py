"""Ruby: regular expressions, here documents, symbols; no operator behind a whole number."""

import tree_sitter_ruby
from tree_sitter import Node

from monitors.languages.ruby import RUBY
from tests.monitors.languages.oracle import Oracle, is_first
from tests.monitors.languages.table import Table

LIVE = [
    "a.•b&.•c.•(1); f(x).•y; a[1].•z; {a: b.•c}.•d; A::•B.•c; raise ::A::•B; a&.•b? && c.•d!",
    "a\n  .•b # c.d\n  # e.f\n  .•g\n  &.•h",
    "@a.•b; @@a.•b; $a.•b; $1.•b; $!.•b; self.•a; nil.•b; if x then y end.•z; A.•new",
    "1.5.•a; 1.a; 1_000.b; 0x1f.•c; 1e3.•d; 1..2; 1...a.•b; a.•..b.•c; (1..).•d",
    "x = /a.b/i.•c; f /a.b/, c.•d; a / b.•c / d; a/b.•c/d; f(a) / b.•c; a[1] /b.•c; 1 / b.•c / 2",
    "if /a.b/ =~ c.•d\n/e.f/.•g\nend",
    "%w[a.b [c.d] e].•f; %(a.b (c.d)).•e; f %q{g.h}; %|a.b #{c.•d}|.•e; a % b.•c; 5 %b.•c",
    '\'a.b #{c.d} \\\'\'.•e; "a.b#{c.•d}\\"e.f#{"g.h#{i.•j}"}".•k; `a.b#{c.•d}`.•e',
    ":a.•b; :'a.b'.•c; :\"a.b#{c.•d}\".•e; :[].•a; :<<.•b; :a?.•c; {a: :b, 'c.d': e.•f, if: g.•h}",
    "?a.•b; x ? y.•z : w.•v; x ? 1:a.•b; [?/, ?', ?.].•c; x.•nil? ? a.•b : c.•d",
    "def a.b(c) = d.•e\ndef self.f\nend\ndef /(x) x.•y end\ndef <<(x) = x.•y\ndef class; a.•b end",
    "class A::B < C::•D; e.•f end\nmodule A::B::C\nend\nclass << a.•b\nend\nclass ::A::B\nend",
    "x = <<~A + b.•c\n  a.b #{c.•d} it's\n  AB\n  A\ne.•f",
    "f(<<-'A', <<\"B\").•g\na.b #{c.d}\n  A\nb.c #{d.•e}\nB\nh.•i",
    "x = <<A.•b\nc.d\nA\n  .•e\nputs <<A\nb.c\nA\na << B.•c; a <<b.•c; a<<'b.c'.•d",
    "a = b \\\n  .•c; d do |x| x.•y end; f { |x| /a.b/ }; ->(x) { x.•y }; f(&:a).•b; f(&a.•b)",
    "=begin\na.b\n=end\nc.•d\n=begin e.f\ng.h\n=end i.j\nk.•l",
    "a.•b\n__END__\nc.d",
    "a.•b=c.•d; a.•b!=c.•d; yield.•a; yield /b.c/; super.•a; a.•/b.•c; a.•class.•end.•b; [a.•b]",
]
OPEN = [
    ('f("a#{b[', '( " #{ [', ']}")'),
    ("%w[a [b", "%w[ [", "]]"),
    ("f(<<~A)\nb", "<<~A", "\nA\n"),
    ("f(<<~A, b", "(", ")"),
    ("f(<<~A, b # c", "(", "\nA\n\n)"),
    ("f(// a # b", "(", "\n)"),
    ("x = /a#{b", "/ #{", "}/"),
    ("def a\n  if b", "", ""),
    ("{\n=begin\na", "{ \n=begin", "\n=end\n}"),
    ("a\n__END__\n(", "", ""),
]
FRAGMENTS = [
    *"ab1;:,=(){}[]\"'`$#@ .\n\\/%?!<>|&*+-^~",
    *("::", "&.", "..", "a.b", "A::B", "foo?", "foo!", "#{", "a: ", ":a", ":[]", ":<<", "?a", "é"),
    *("<<~A\n", "<<-'A'", '<<"A", ', "<<A.x", "\nA\n", "\n  A\n", "%w(", "%Q[", "%|", "%r{", "1.5"),
    *("\n=begin\n", "\n=end\n", "\n__END__\n", "def ", "def self.a", "class A::B", "end", "if "),
    *("yield /", "a /b", "a / b", "a ? b : c", "$1.", "@a.", "1e", "\r\n", "do |x|", "->(x)"),
]


def is_exempt(node: Node) -> bool:
    """What is defined, and constants without a receiver."""
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "singleton_method":
        return node.type == "."
    names = parent.type in ("class", "module") and parent.child_by_field_name("name") == node
    return names or (node.type == "::" and is_first(node))


ORACLE = Oracle(tree_sitter_ruby.language, "sample.rb", is_exempt)
TABLE = Table(RUBY, LIVE, OPEN, ORACLE, FRAGMENTS)
