"""C++: what clangd makes of pointers, templates, namespaces and code that is not compiled."""

LANGUAGE = "cpp"
FILE = "main.cpp"
PROJECT: dict[str, str] = {}

_CLASSES = """\
struct Base { int low; virtual ~Base(); };
struct Derived : Base {
  int high;
  [[deprecated]] int old;
  operator bool() const;
  Derived &operator+=(int);
  void change(int, int = 1);
  void change();
  template <class T> T made();
  static int count;
  enum Colour { RED };
  using Number = int;
private:
  int hidden;
};
"""
_BOX = "template <class T> struct Box { T value; T *operator->(); void close(); };\n"

CASES = {
    "value": _CLASSES + "void f(Derived d) { d.‸\n}\n",
    "constant": _CLASSES + "void f(const Derived &d) { d.‸\n}\n",
    "pointer": _CLASSES + "void f(Derived *d) { d->‸\n}\n",
    "dot-on-pointer": _CLASSES + "void f(Derived *d) { d.‸\n}\n",
    "class": _CLASSES + "void f() { Derived::‸\n}\n",
    "this": "struct A { int f() { return this->‸; } int later(); };\n",
    "emoji": 'struct A { int x; };\nint f(A a) { const char *s = "😀😀"; return a.‸\n}\n',
    "smart-pointer": _BOX + _CLASSES + "void f(Box<Base> b) { b->‸\n}\n",
    "smart-pointer-dot": _BOX + _CLASSES + "void f(Box<Base> b) { b.‸\n}\n",
    "namespace": "namespace n { int a; namespace m {} class K; enum E { X }; }\nint b = n::‸\n",
    "dependent": _BOX + "template <class T> void f(Box<T> b) { b.‸\n}\n",
    "parameter": "template <class T> void f(T t) { t.‸\n}\n",
    "qualified-parameter": (
        "template <class T> struct A { using U = T; static const int n = U::‸ };\n"
    ),
    "unknown": "void f() { unknown.‸\n}\n",
}
