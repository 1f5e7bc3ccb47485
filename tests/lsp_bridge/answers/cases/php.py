"""PHP: instances, classes, enumerations and magic."""

LANGUAGE = "php"
FILE = "main.php"
PROJECT = {
    "order.php": (
        "<?php\nnamespace Shop;\nclass Order {\n    public int $amount = 1;\n"
        "    private $secret;\n    public function total(): int { return 1; }\n"
        "    public static function make(): self { return new self; }\n    const X = 1;\n}\n"
    )
}

_HEAD = "<?php\nuse Shop\\Order;\n"

CASES = {
    "members": _HEAD + "$o = new Order;\n$o->‸;\n",
    "nullsafe": _HEAD + "function f(?Order $o) {\n    $o?->‸;\n}\n",
    "static": _HEAD + "Order::‸;\n",
    "emoji": _HEAD + "$o = new Order;\n$x = '😀😀' . $o->‸;\n",
    "unicode": "<?php\nclass A {\n    public $größe;\n    public $Straße;\n}\n(new A)->‸;\n",
    "deprecated": "<?php\nclass A {\n    /** @deprecated */ function old() {}\n}\n(new A)->‸;\n",
    "enum": "<?php\nenum E: string {\n    case A = 'a';\n}\nE::‸;\n",
    "enum-case": "<?php\nenum E: string {\n    case A = 'a';\n}\nE::A->‸;\n",
    "magic": "<?php\nclass A {\n    public $x;\n    function __get($n) {}\n}\n(new A)->‸;\n",
    "undeclared": "<?php\nclass A {\n    function f() {\n        $this->x = $this->‸;\n    }\n}\n",
    "trait": "<?php\ntrait T {\n    function f() {\n        $this->‸;\n    }\n}\n",
    "parent": _HEAD + "class B extends Order {\n    function f() {\n        parent::‸;\n    }\n}\n",
    "unknown": "<?php\nfunction f($x) {\n    $x->‸;\n}\n",
    "unknown-class": "<?php\nNope::‸;\n",
    "stdclass": "<?php\n$x = new stdClass;\n$x->‸;\n",
}
