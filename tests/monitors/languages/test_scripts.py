"""JavaScript, TypeScript, PHP and Ruby: what holds for texts of their own odd tokens."""

from collections.abc import Hashable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitors.languages.brace_language import BraceLanguage
from monitors.languages.javascript import JAVASCRIPT
from monitors.languages.php import PHP
from monitors.languages.ruby import RUBY
from monitors.languages.typescript import TYPESCRIPT_REACT
from tests.monitors.languages.reading import read
from tests.strategies import splits

SCRIPT = [
    *"ab1.;:,=+-!?/<>(){}[]\"'`$#@ \n",
    *("this.x", "exports.", "module", ".prototype.", "?.", "...", "x.y", "++", "--", "=>", "&&"),
    *("if (", "for (", "case ", "default:", "return ", "else ", "of ", "new ", "class A {"),
    *("<div>", "</div>", "<A.B", "/>", "</", "<>", "<T,>", "<T>(", "<T extends ", "<a-b c='", "={"),
    *("${", "`${a.b}`", "/x/g", "/[/]/", "//", "/*", "*/", "#!", "1.", "0x1", "1e-", "é"),
]
MARKUP = [
    *"ab1;:,=(){}[]\"'`$# .\n\\",
    *("<?php ", "<?=", "?>", "<?", "->", "?->", "::", "$a->b", "$a", "{$a", "${", "//", "#[", "/*"),
    *("*/", "<<<A\n", "<<<'A'\r\n", '<<<"A"\n', "\nA", "\n  A;", "A::$b", "return ", "class", "é"),
]
LINES = [
    *"ab1;:,=(){}[]\"'`$#@ .\n\\/%?!<>|&*+-^~",
    *("::", "&.", "..", "a.b", "A::B", "foo?", "foo!", "#{", "a: ", ":a", ":[]", ":<<", "?a", "é"),
    *("<<~A\n", "<<-'A'", '<<"A", ', "<<A.x", "\nA\n", "\n  A\n", "%w(", "%Q[", "%|", "%r{", "1.5"),
    *("\n=begin\n", "\n=end\n", "\n__END__\n", "def ", "def self.a", "class A::B", "end", "if "),
    *("yield /", "a /b", "a / b", "a ? b : c", "$1.", "@a.", "1e", "\r\n", "do |x|", "->(x)"),
]


def texts(fragments: list[str], size: int = 25) -> st.SearchStrategy[str]:
    """Fragments in any order: mostly broken code."""
    return st.lists(st.sampled_from(fragments), max_size=size).map("".join)


@pytest.mark.parametrize(
    ("language", "fragments", "begin"),
    [
        (JAVASCRIPT, SCRIPT, ""),
        (TYPESCRIPT_REACT, SCRIPT, ""),
        (PHP, MARKUP, "<?php "),
        (RUBY, LINES, ""),
    ],
    ids=["javascript", "typescriptreact", "php", "ruby"],
)
class TestBrokenText:
    """Properties of states, whatever the text."""

    @settings(max_examples=300, deadline=None)
    @given(data=st.data())
    def test_splits(
        self, language: BraceLanguage, fragments: list[str], begin: str, data: st.DataObject
    ) -> None:
        """The state and the live operators do not depend on how the text was split."""
        pieces = [begin, *data.draw(splits(texts(fragments)))]
        text = "".join(pieces)
        assert read(language, pieces) == read(language, [text]) == read(language, list(text))

    @settings(max_examples=300, deadline=None)
    @given(data=st.data())
    def test_closers(
        self, language: BraceLanguage, fragments: list[str], begin: str, data: st.DataObject
    ) -> None:
        """Closers close what was opened inside a level, and nothing else."""
        _, state = read(language, [begin + data.draw(texts(fragments))])
        for level in range(len(state.open) + 1):
            after = read(language, [language.closers(state, level)], state)[1]
            assert after.open == state.open[:level]

    @settings(max_examples=200, deadline=None)
    @given(data=st.data())
    def test_keys(
        self, language: BraceLanguage, fragments: list[str], begin: str, data: st.DataObject
    ) -> None:
        """States with equal keys find the same live operators in every text."""
        heads = data.draw(st.lists(texts(fragments, 4), min_size=20, max_size=20))
        tail = data.draw(texts(fragments, 8))
        found: dict[Hashable, list[int]] = {}
        for head in heads:
            _, state = read(language, [begin + head])
            triggers, _ = read(language, [tail], state)
            assert found.setdefault(state.key, triggers) == triggers
