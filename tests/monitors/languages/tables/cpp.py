"""C++: names of namespaces, raw strings, return types."""

import tree_sitter_cpp
from tree_sitter import Node

from monitors.languages.cpp import CPP
from tests.monitors.languages.oracle import Oracle, is_first
from tests.monitors.languages.table import Table

LIVE = [
    "a.•b->•c::•d; ns::•A<T>::•b; decltype(x)::•type",
    "x.•template f<T>(); x.•~A(); A::•~A(); a.•*b; a->•*b",
    "return ::f(); EXPORT ::f(); (::f)(); int ::x",
    "auto f() -> int; [](int x) -> T { x.•y }",
    "auto f() const -> a::•b; f()->•x; a[0] ->• b; a ->• b",
    "a < b > ::c; a<b>::•c; a<b<c>>::•d",
    'R"(a.b)".•c; u8R"x(a.b)" )y" c.d)x".•e',
    'R"(a\n// b.c\n)" + x.•y',
    "1'000.5; 0x1'F.y; 1'0",
    '"x"s.•size(); "a"sv.•b',
    "f(xs.•..); template <class... T>",
    "A{}.•b; this->•x; operator.x",
    "#define A x::y\nx::•y",
    "L'a'.•b; R'a.b'",
    "[[gnu::•packed]] x; using A::•B; using namespace a::•b; using enum a::B; using x = a::•b",
    "namespace a::b { inline namespace v1::v2 { x::•y } } namespace c = a::•b; a::•d",
    "class a::B::C : public d::•E { f::•G h; }; friend class a::B; a::•b",
    "enum class a::b : std::•byte {}; enum struct c::d; enum e::f : g::•h { i = j::•k };",
    "template<> struct std::hash<a::•B> {}; template <class T, a::•B C, class = d::•E> f::•G h",
    "struct a::B f(c::•D); union a::B *b = c::•d; class [[x::y]] B::C final : D::•E {}",
    "a ? b::•c : d::•e; a:b; case A::•B:",
    "co_await x.•y; static_cast<T>(x).•y",
    "}::f(); }.•x; }->•y; {} -> x",
    "a::•b::•c<d::•e>::•f",
]

OPEN = [
    ('f(R"x(a)', '( R"x(', ')x")'),
    ('f(R"x', '( "', '")'),
    ('{ u8R"(', '{ u8R"(', ')"}'),
    ('f(u8"a', '( u8"', '")'),
    ("f<a[", "[", "]"),
    ("f('a", "( '", "')"),
]


def is_exempt(node: Node) -> bool:
    """An arrow before a return type or in a name, one after a blank, ``::x``, declared names."""
    if node.type == "->" and node.prev_sibling is not None:
        return node.prev_sibling.end_byte != node.start_byte
    if node.parent is not None and node.parent.type == "trailing_return_type":
        return node.type == "->"
    return node.type in ("nested_namespace_specifier", "operator_name", "preproc_function_def") or (
        node.type == "::" and is_first(node)
    )


TABLE = Table(CPP, LIVE, OPEN, Oracle(tree_sitter_cpp.language, "sample.cpp", is_exempt))
