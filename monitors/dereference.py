"""The dereference monitor: behind ``expr.`` only members of the expression's type may follow.

The property of section 3.2 of "Guiding Language Models of Code with Global Context using
Monitors" (NeurIPS 2023), with three additions: white space around the operator stays legal, text
may arrive in pieces of any size (tokens that hold an operator and a name), and lists that are no
constraint set the state free.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass, replace

from monitors.constraints import ANYTHING, Constraint, EscapedLineEnd, Leading, Names
from monitors.languages.language import Language, LexState, Operator
from monitors.languages.reader import Reader
from monitors.protocols import Answer, Document, Facts, Progress, Query, QueryKind

_GAPS = {
    Leading.BLANKS: re.compile(r"(?:[ \t\f]|\\\r?\n)*"),
    Leading.SPACE: re.compile(r"[ \t\f\r\n]*"),
    Leading.LINES: re.compile(r"(?:[ \t\f\r\n]|\\\r?\n)*"),
}
_UNFINISHED_ESCAPE = re.compile(r"\\\Z")
_LONGEST_GAP = 100
"""White space behind an operator, in characters, that the mask lets grow."""
_LONGEST_GENERATED = 2_000
"""Generated text, in characters, that each state holds for itself before it joins the prefix."""
_NEARBY = 16_000
"""Characters before the cursor that show how a name is used."""
_MOST_COUNTS = 1024
_LIKELY = 0.25
"""Share of a receiver's places that are dereferences, from which on another one is expected. In
real code (six files of httpx, 2,837 tokens) it foresees 84 % of the dereferences inside tokens, and
asks at 4 % of all tokens."""


@dataclass(frozen=True, slots=True)
class Site:
    """A live dereference operator, and what has been typed behind it."""

    end: int
    """Length of the generated text up to and with the operator; may be negative."""
    operator: Operator
    gap: str = ""
    """White space between operator and name."""
    typed: str = ""
    names: tuple[str, ...] | None = None
    """Allowed names that begin with ``typed``; None before the query is answered."""


@dataclass(frozen=True, slots=True, eq=False)
class DereferenceState:
    """Where the text stands. ``site`` is None wherever nothing is to be constrained."""

    document: Document
    generated: str
    """Text behind ``document.prefix``."""
    lexer: LexState
    site: Site | None = None


class DereferenceMonitor:
    """Constrains the identifier behind a dereference operator to the receiver's members."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._operators = {operator.text: operator for operator in language.operators}
        self._word = re.compile(rf"[\w{re.escape(language.extra)}\u0080-\U0010ffff]*")
        self._signs = frozenset("_" + language.extra)
        self._extra = language.extra.encode()
        self._reader = Reader(language)
        self._uses: dict[tuple[int, int, str], tuple[int, ...]] = {}

    def start(self, document: Document) -> DereferenceState:
        """State at the end of ``document.prefix``; an identifier begun there counts as typed."""
        text = document.prefix
        _, lexer, end, at_trigger = self._reader.read(document.path, text)
        state = DereferenceState(document, "", lexer)
        if end is None or at_trigger is None:
            return state
        gap = self._gap(at_trigger, "", text, end)
        typed = self._language.name_start.match(text, end + len(gap))
        assert typed is not None
        if typed.end() < len(text):
            return state
        operator = self._operators[at_trigger.operator]
        return replace(state, site=Site(end - len(text), operator, gap, typed[0]))

    def update(self, state: DereferenceState, text: str) -> Progress[DereferenceState]:
        """State after ``text``, up to the first character that needs an unanswered query."""
        position = 0
        while position < len(text):
            site = state.site
            if site is None:
                state, position = self._scan(state, text, position)
                continue
            gap = "" if site.typed else self._gap(state.lexer, site.gap, text, position)
            if gap:
                site = replace(site, gap=site.gap + gap)
                state, position = _read(state, text, position + len(gap), site, position)
            elif not site.typed and text[position] in site.operator.exits:
                state = replace(state, site=None)
            elif site.names is None:
                return Progress(state, text[position:], True)
            else:
                state, position, valid = self._read_name(state, site, text, position)
                if not valid:
                    state, _ = self._read_freely(state, text, position)
                    return Progress(state, "", False)
        return Progress(state, "", True)

    def _scan(
        self, state: DereferenceState, text: str, position: int
    ) -> tuple[DereferenceState, int]:
        """Read up to the next live operator, or to the end."""
        lexer, end = state.lexer.scan(text, position)
        generated = state.generated + text[position:end]
        if lexer.at_trigger:
            site = Site(len(generated), self._operators[lexer.operator])
            return DereferenceState(state.document, generated, lexer, site), end
        document = state.document
        if len(generated) > _LONGEST_GENERATED:
            document, generated = replace(document, prefix=document.prefix + generated), ""
        return DereferenceState(document, generated, lexer), end

    def _read_name(
        self, state: DereferenceState, site: Site, text: str, position: int
    ) -> tuple[DereferenceState, int, bool]:
        """Read a name and judge it; then the site goes on, ends, or was broken."""
        assert site.names is not None
        begun = site.typed + text[position]
        near = [name for name in site.names if name.startswith(begun) or name == site.typed]
        end = self._name_end(near, len(site.typed), text, position)
        if end is not None:
            return *_read(state, text, end, None, position), True
        typed = site.typed + text[position:]
        left = tuple(name for name in near if name.startswith(typed))
        if left:
            site = replace(site, typed=typed, names=left)
            return *_read(state, text, len(text), site, position), True
        match = self._word.match(text, position)
        assert match is not None
        return *_read(state, text, match.end(), None, position), False

    def _name_end(self, names: list[str], begun: int, text: str, position: int) -> int | None:
        """Where one of ``names``, of which ``begun`` characters were typed, ends in ``text``.

        Something else must follow it. None: nowhere. The longest run of characters of names goes
        first, then the names in their order.
        """
        run = self._word.match(text, position)
        assert run is not None
        if run.end() < len(text) and any(name[begun:] == run[0] for name in names):
            return run.end()
        for name in names:
            end = position + len(name) - begun
            if end < len(text) and text.startswith(name[begun:], position):
                after = self._word.match(text, end)
                if after is not None and after.end() == end:
                    return end
        return None

    def _read_freely(
        self, state: DereferenceState, text: str, position: int
    ) -> tuple[DereferenceState, int]:
        """Read to the end without judging; a trigger at the very end still makes a site."""
        state = replace(state, site=None)
        while position < len(text):
            state, position = self._scan(state, text, position)
            if position < len(text):
                state = replace(state, site=None)
        return state, position

    def pre(self, state: DereferenceState) -> Query | None:
        """The members of the receiver, if a live operator has not been answered for."""
        site = state.site
        if site is None or site.names is not None:
            return None
        return self._query(state, site.end)

    def _query(self, state: DereferenceState, end: int, operator: str = "") -> Query:
        document, generated = state.document, state.generated
        prefix = document.prefix + generated[:end] if end >= 0 else document.prefix[:end]
        return Query(QueryKind.MEMBERS, replace(document, prefix=prefix + operator))

    def answer(self, state: DereferenceState, answer: Answer) -> DereferenceState:
        """State that allows the names; `Unavailable`, or no name that fits, sets it free."""
        site = state.site
        if site is None or not isinstance(answer, Facts):
            return replace(state, site=None)
        names = dict.fromkeys([*[name.text for name in answer.names], *site.operator.words])
        left = tuple([name for name in names if name.startswith(site.typed)])
        return replace(state, site=replace(site, names=left) if left else None)

    def maskgen(self, state: DereferenceState) -> Constraint:
        """The rests of the allowed names; anything where there is no answered site."""
        site = state.site
        if site is None or site.names is None:
            return ANYTHING
        begun = len(site.typed)
        rests = frozenset([name[begun:].encode() for name in site.names])
        if site.typed:
            return Names(rests, extra=self._extra)
        names = Names(rests, Leading.BLANKS, self._extra, site.operator.exits.encode())
        if site.gap.endswith("\\"):
            return EscapedLineEnd(names)
        if _is_enough(site.gap):
            return replace(names, leading=Leading.NONE)
        return replace(names, leading=self._leading(state.lexer, site.gap))

    def expect(self, state: DereferenceState) -> Query | None:
        """The query of an operator typed now, if the text shows that one is likely."""
        receiver = state.lexer.receiver if state.site is None else ""
        if not receiver or self._language.name_start.fullmatch(receiver) is None:
            return None
        before = self._used(state.document.prefix, receiver)
        here = self._count(state.generated, receiver)
        *dereferences, alone = map(sum, zip(before, here, strict=True))
        most = max(dereferences)
        if most == 0 or most < _LIKELY * alone:
            return None
        operator = self._language.operators[dereferences.index(most)].text
        return self._query(state, len(state.generated), operator)

    def _used(self, prefix: str, receiver: str) -> tuple[int, ...]:
        """`_count` of a prefix, which many states have; remembered without holding the prefix."""
        key = hash(prefix), len(prefix), receiver
        counts = self._uses.get(key)
        if counts is None:
            if len(self._uses) >= _MOST_COUNTS:
                self._uses.clear()
            counts = self._uses[key] = self._count(prefix, receiver)
        return counts

    def _count(self, text: str, receiver: str) -> tuple[int, ...]:
        """How often each operator stands behind ``receiver``, and how often that stands at all."""
        text = text[-_NEARBY:]
        counts = dict.fromkeys(self._operators, 0)
        alone = 0
        begin = text.find(receiver)
        while begin >= 0:
            end = begin + len(receiver)
            if not (
                self._is_in_name(text[begin - 1 : begin]) or self._is_in_name(text[end : end + 1])
            ):
                alone += 1
                for operator in counts:
                    counts[operator] += text.startswith(operator, end)
            begin = text.find(receiver, end)
        return *counts.values(), alone

    def _is_in_name(self, character: str) -> bool:
        return character.isalnum() or character in self._signs

    def crosses(self, state: DereferenceState, text: str) -> bool:
        """Whether ``text`` brings a live operator and more than white space behind it."""
        lexer = state.lexer
        position = 0
        while position < len(text):
            lexer, position = lexer.scan(text, position)
            if lexer.at_trigger:
                behind = position + len(self._gap(lexer, "", text, position))
                if behind < len(text):
                    return True
        return False

    def crossing_key(self, state: DereferenceState) -> Hashable:
        """The lexer's own key."""
        return state.lexer.key

    def _leading(self, lexer: LexState, gap: str) -> Leading:
        """White space that may come behind an operator and ``gap``."""
        return Leading.BLANKS if gap.endswith("\\") else self._language.leading(lexer)

    def _gap(self, lexer: LexState, gap: str, text: str, position: int) -> str:
        """White space from ``position`` on that is legal behind an operator and ``gap``."""
        escape = _UNFINISHED_ESCAPE.search(gap)
        begun = escape[0] if escape else ""
        space = begun + text[position:] if begun or position else text
        leading = self._leading(lexer, begun)
        match = _GAPS[leading].match(space)
        assert match is not None
        if leading is Leading.SPACE:
            return match[0]
        unfinished = _UNFINISHED_ESCAPE.match(space, match.end())
        return space[len(begun) : unfinished.end() if unfinished else match.end()]


def _read(
    state: DereferenceState, text: str, end: int, site: Site | None, start: int
) -> tuple[DereferenceState, int]:
    """Read ``text[start:end]``, which holds no operator, and set the site."""
    piece = text[start:end]
    lexer, _ = state.lexer.scan(piece)
    return DereferenceState(state.document, state.generated + piece, lexer, site), end


def _is_enough(gap: str) -> bool:
    """Whether a name has to come now: a model that wants none must not write blanks for ever.

    Blanks on the operator's line may not grow, the indentation of a next line may, within bounds.
    """
    return bool(gap) and ("\n" not in gap or len(gap) > _LONGEST_GAP)
