"""PHP: text around code, here documents, interpolated strings."""

import tree_sitter_php

from monitors.languages.php import PHP
from tests.monitors.languages.oracle import Oracle
from tests.monitors.languages.table import Table

LIVE = [
    "<?php $a->•b->•c; f()->•x; $a[0]->•y; (new A)->•b; $a?->•b; A::•b()->•c; $a::•$b; A::•class",
    "<?php \\A\\B::•c; namespace\\f()->•a; static::•$x; self::•X; $$a->•b; $a->•{$b}->•c; A . b",
    "$a->b <?xml a->b ?> <?php $a->•b ?> it's c->d <?= $e->•f; ?> g->h <?PHP $i->•j",
    "<?php // a->b ?> c->d <?php # e->f ?> g->h\n<?php $i->•j; #[A(B::•C)]\n$k->•l",
    "<?php /* ?> a->b */ $c->•d; '$a->b ?> {$c->d}\\''; $e->•f",
    "<?php if ($a->•b) { ?> c->d <?php } $e->•f",
    '<?php "$a->•b->c $d?->•e {$f->•g->•h["i->j"]->•k} ${l} \\$m->n \\{$o->•p} q->r"; $s->•t',
    '<?php `ls $a->•b`; "a\nb->c"; $d->•e',
    "<?php $x = <<<EOT\na->b 'c\" $d->•e {$f->•g}\nEOTX\n  EOT->•h; $i->•j",
    "<?php f(<<<\"A\"\n$a->•b\nA, <<<'B'\r\n$a->b {$c->d}\r\n  B, $e->•f)",
    "<?php $a <<< $b->•c; $default->•x; $class->•y; fn($x) => $x->•y; $a ? b : C::•d; $a-->b",
]
OPEN = [
    ("<?php f(['a' => \"$b", '( [ "', '"])'),
    ('<?php "{$a', '" {$', '}"'),
    ("<?php f(<<<EOT\na", "( <<<EOT", "\nEOT)"),
    ("<?php { ?> a <b>", "{", "<?php }"),
    ("<?php { // a", "{", "\n}"),
    ("a { ( '", "", ""),
]
FRAGMENTS = [
    *"ab1;:,=(){}[]\"'`$# .\n\\",
    *("<?php ", "<?=", "?>", "<?", "->", "?->", "::", "$a->b", "$a", "{$a", "${", "//", "#[", "/*"),
    *("*/", "<<<A\n", "<<<'A'\r\n", '<<<"A"\n', "\nA", "\n  A;", "A::$b", "return ", "class", "é"),
]


TABLE = Table(PHP, LIVE, OPEN, Oracle(tree_sitter_php.language_php, "sample.php"), FRAGMENTS)
