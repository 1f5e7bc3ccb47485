"""What is expected of one language's lexer, as data: `tables` holds one for each."""

from collections.abc import Sequence
from dataclasses import dataclass

from monitors.languages.lexers.brace_language import BraceLanguage
from tests.monitors.languages.oracle import Oracle


@dataclass(frozen=True)
class Table:
    """The cases of one language.

    Live: texts with a ``•`` behind each live operator; without one an operator is dead.
    Open: texts, the openers that are open behind them, and what closes those.
    Fragments: odd tokens of its own, of which to make up broken code.
    """

    language: BraceLanguage
    live: Sequence[str]
    open: Sequence[tuple[str, str, str]]
    oracle: Oracle | None = None
    fragments: Sequence[str] = ()


VALUES = """f(x).•y; a[1].•z; (a).•b; "a.b".•c; 'c'.•d"""

COMMON = (
    "// a.b\nx.•y",
    "1.5.x + 1.x + 0x1f.y + 1.5e-3.z",
    "{.x = 1, .y}; f(.5)",
    '"a.b\nc.•d',
    "'a.b\nc.•d",
    r'"a\".b".•c',
    "){.x]}.•y",
    "é.•ü",
)
"""Live in all that look like C."""

SPACED = (
    "/* a.b */ x /* . */ .•y",
    "x\n  .•y\n  .•z",
)
"""Live where white space may stand before an operator."""
