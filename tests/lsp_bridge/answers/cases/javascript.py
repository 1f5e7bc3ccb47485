"""JavaScript: every identifier of the file is listed too, and objects grow by assignment."""

LANGUAGE = "javascript"
FILE = "main.js"
PROJECT = {"jsconfig.json": "{}"}

_CLASS = "class A {\n  constructor() {\n    this.x = 1;\n  }\n  f() {}\n}\nconst a = new A();\n"

CASES = {
    "members": _CLASS + "f(a.‸)\n",
    "unknown": _CLASS + "function g(z) {\n  z.‸\n}\n",
    "constructor": "class A {\n  constructor() {\n    this.x = 1;\n    this.‸\n  }\n}\n",
    "method": "class A {\n  constructor() {\n    this.x = 1;\n  }\n  f() {\n    this.‸\n  }\n}\n",
    "object": "const o = { p: 1 };\no.q = 2;\nf(o.‸)\n",
    "exports": "exports.a = 1;\nexports.‸\n",
    "prototype": "function F() { this.a = 1 }\nF.prototype.b = function () {};\nf(new F().‸)\n",
    "own-object": "const o = {\n  a: 1,\n  f() {\n    return this.‸\n  },\n};\n",
}
