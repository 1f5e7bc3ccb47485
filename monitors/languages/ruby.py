"""Ruby, for the lexer of `monitors.languages.lexers.braces`."""

from collections.abc import Iterator
from typing import Final

from monitors.languages.language import Blocks, Operator
from monitors.languages.lexers.brace_language import BraceLanguage
from monitors.languages.lexers.braces import BraceState
from monitors.languages.lexers.grammar import ANY_VALUE, Dereference, Grammar, Text, string, words
from monitors.languages.lexers.ruby_scanner import LINE, WORD, RubyScanner, bodies

_FIELDS = ("#{",)
_PERCENT: Final = r"%[A-Za-z]?"


def _percent_literals() -> Iterator[Text]:
    """The kinds of ``%w(a b)``, in which brackets nest."""
    for kind, fields in ((r"%[qwis]", ()), (r"%[QWIrx]?", _FIELDS)):
        for opener, closer in ("()", "[]", "{}", "<>"):
            opens = rf"\{opener}"
            nested = Text(opens, closer, fields=fields, multiline=True, nests=True, value="")
            yield Text(
                kind + opens,
                closer,
                begun=_PERCENT,
                fields=fields,
                multiline=True,
                inside=(nested,),
            )
        yield Text(
            kind + r"([^\w\s(\[{<=\\])", r"\1", begun=_PERCENT, fields=fields, multiline=True
        )


_COMMENT = Text("#", "\n", escapes=(), value="")
_REGULAR_EXPRESSION = Text(
    "/",
    "/",
    closes=r"/\w*",
    unfinished=r"/\w*",
    fields=_FIELDS,
    multiline=True,
    value="/",
)


class RubyLanguage(BraceLanguage):
    """Ruby, whose heredocs may wait for the end of the line that closers end."""

    def _around(self, state: BraceState) -> Iterator[tuple[str, str]]:
        yield from super()._around(state)
        ends = "".join(frame.closer for frame in bodies(state.mode)).replace("\n\n", "\n")
        yield from ((ends, ""), ("", ends))


RUBY: Final = RubyLanguage(
    Grammar(
        name="ruby",
        operators=(
            Dereference(Operator(".", exits=".("), ANY_VALUE + LINE),
            Dereference(Operator("&.", exits="("), ANY_VALUE + LINE),
            # `raise ::Error` names something global.
            Dereference(Operator("::"), behind="", touching=ANY_VALUE),
        ),
        texts=(
            _COMMENT,
            _REGULAR_EXPRESSION,
            string('"', multiline=True, fields=_FIELDS),
            string("'", multiline=True),
            string("`", multiline=True, fields=_FIELDS),
            *_percent_literals(),
        ),
        keywords=words(
            "alias and begin break case class def do else elsif ensure for if in module next not "
            "or redo rescue retry return then undef unless until when while BEGIN END"
        ),
        word=WORD,
        name_start=r"\w*[?!]?",
        extra="?!",
        number=r"[1-9]\d*",
        newline_ends=True,
    ),
    Blocks.WORDS,
    RubyScanner,
)
