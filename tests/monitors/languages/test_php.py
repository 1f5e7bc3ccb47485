"""PHP: where a dereference is live, what is open, and agreement with tree-sitter."""

from types import SimpleNamespace

import pytest
import tree_sitter_php

from monitors.languages.php import PHP
from tests.monitors.languages.oracle import check_sample
from tests.monitors.languages.reading import mark, opened, unmark

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


@pytest.mark.parametrize("marked", LIVE)
def test_live_operators(marked: str) -> None:
    """Each marked operator is live, and no other."""
    assert mark(PHP, unmark(marked)) == marked


@pytest.mark.parametrize(("text", "openers", "closers"), OPEN)
def test_open(text: str, openers: str, closers: str) -> None:
    """A state tells what is open, and what closes it."""
    assert opened(PHP, text) == (openers, closers)


def test_against_tree_sitter() -> None:
    """In a complete file the live operators are those of the syntax tree."""
    grammar = SimpleNamespace(language=tree_sitter_php.language_php)
    check_sample(PHP, grammar, "sample.php", lambda node: False)
