"""Go: what gopls makes of packages, embedded types, interfaces and type parameters."""

LANGUAGE = "go"
FILE = "main.go"
PROJECT = {
    "go.mod": "module shop\n\ngo 1.19\n",
    "order/order.go": (
        "package order\n\ntype Order struct{ Amount, secret int }\n\n"
        "// Deprecated: use New.\nfunc Old() {}\n\n"
        "func New() *Order { return nil }\n\nfunc (o *Order) Total() int { return o.secret }\n"
    ),
}

_HEAD = 'package main\n\nimport "shop/order"\n\n'

CASES = {
    "package": _HEAD + "func f() {\n\torder.‸\n}\n",
    "type": _HEAD + "func f(o order.‸\n",
    "value": _HEAD + "func f(o order.Order) {\n\to.‸\n}\n",
    "call": _HEAD + "func f() {\n\tprint(order.New().‸\n}\n",
    "emoji": _HEAD + 'func f(o order.Order) {\n\tprint("😀😀", o.‸\n}\n',
    "embedded": _HEAD + "type T struct{ order.Order }\n\nfunc f(t T) {\n\tt.‸\n}\n",
    "slice": "package main\n\nfunc f(s []int) {\n\ts.‸\n}\n",
    "interface": "package main\n\nfunc f(e error) {\n\te.‸\n}\n",
    "bound": "package main\n\nfunc f[T interface{ Len() int }](t T) {\n\tt.‸\n}\n",
    "unknown": "package main\n\nfunc f() {\n\tunknown.‸\n}\n",
}
