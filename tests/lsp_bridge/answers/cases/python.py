"""Python: instances, classes, modules, and receivers that nothing is known of."""

LANGUAGE = "python"
FILE = "main.py"
PROJECT = {
    "order.py": "class Order:\n    amount: int = 1\n\n    def total(self) -> int: ...\n",
}

_ORDER = "from order import Order\n"

CASES = {
    "members": _ORDER + "Order().‸\n",
    "class": _ORDER + "Order.‸\n",
    "module": "import order\norder.‸\n",
    "brackets": _ORDER + "x = print(len(Order().‸\ny = 1\n",
    "f-string": _ORDER + 'x = f"{Order().‸}"\n',
    "emoji": _ORDER + 'x = "😀😀"; Order().‸\n',
    "unicode": "class A:\n    größe = 1\n\nA().‸\n",
    "enum": "import enum\n\nclass E(enum.Enum):\n    RED = 1\n\nE.‸\n",
    "optional": _ORDER + "def f(x: Order | None):\n    x.‸\n",
    "unknown": "def f(x):\n    x.‸\n",
    "getattr": "class A:\n    def __getattr__(self, name): ...\n\nA().‸\n",
    "scope": "x = 1\n‸\n",
}
