"""The dereference monitor: behind ``expr.`` only members of the expression's type may follow.

The property of section 3.2 of "Guiding Language Models of Code with Global Context using
Monitors" (NeurIPS 2023), with three additions: white space around the operator stays legal, text
may arrive in pieces of any size (tokens that hold an operator and a name), and lists that are no
constraint set the state free.
"""

import re
from collections.abc import Hashable
from dataclasses import dataclass, replace

from monitors.constraints import (
    ANYTHING,
    Comments,
    Constraint,
    Gap,
    Leading,
    Names,
    Unfinished,
    gap,
)
from monitors.generated import cut, joined
from monitors.languages.language import Language, LexState, Operator
from monitors.languages.reader import Reader
from monitors.protocols import (
    Answer,
    Answered,
    Document,
    Members,
    Outcome,
    Progress,
    Query,
    QueryKind,
    Reason,
    reason_of,
)

NAME = "dereference"
_SPACE = " \t\f\r\n\\"
_LONGEST_SPACE = 100
"""White space behind an operator or a comment, in characters, that the mask lets grow."""
_LONGEST_GAP = 2_000
"""White space and comments behind an operator, in characters, that further comments may follow."""
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
    leading: Leading
    """White space that is legal behind the operator."""
    comments: Comments
    """Comments that are."""
    gap: str = ""
    """White space and comments between operator and name."""
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
        reading = self._reader.read(document.path, text)
        end, at_trigger = reading.trigger, reading.at_trigger
        state = DereferenceState(document, "", reading.lexer)
        if end is None or at_trigger is None:
            return state
        site = self._site(at_trigger, end - len(text))
        begin, _ = _gap(site).end(text, end)
        typed = self._language.name_start.match(text, begin)
        assert typed is not None
        if typed.end() < len(text):
            return state
        return replace(state, site=replace(site, gap=text[end:begin], typed=typed[0]))

    def _site(self, lexer: LexState, end: int) -> Site:
        """The site of the operator that ``lexer`` has just read."""
        leading, comments = self._language.leading(lexer), self._language.comments(lexer)
        return Site(end, self._operators[lexer.operator], leading, comments)

    def update(self, state: DereferenceState, text: str) -> Progress[DereferenceState]:
        """State after ``text``, up to the first character that needs an unanswered query."""
        position = 0
        while position < len(text):
            site = state.site
            if site is None:
                state, position = self._scan(state, text, position)
                continue
            end, begun = (position, "") if site.typed else _read_gap(site, text, position)
            if end > position:
                site = replace(site, gap=site.gap + text[position:end])
                state, position = _read(state, text, end, site, position)
            elif not (site.typed or begun) and text[position] in site.operator.exits:
                state = replace(state, site=None)
            elif site.names is None:
                return Progress(state, text[position:], True)
            elif begun:
                state, _ = self._read_freely(state, text, position)
                return Progress(state, "", False)
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
            site = self._site(lexer, len(generated))
            return DereferenceState(state.document, generated, lexer, site), end
        return DereferenceState(*joined(state.document, generated), lexer), end

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

    def queries(self, state: DereferenceState) -> tuple[Query, ...]:
        """The members of the receiver, if a live operator has not been answered for."""
        site = state.site
        if site is None or site.names is not None:
            return ()
        return (self._query(state, site.end),)

    def _query(self, state: DereferenceState, end: int, operator: str = "") -> Query:
        document = cut(state.document, state.generated, end, operator)
        return Query(QueryKind.MEMBERS, document)

    def answer(
        self, state: DereferenceState, query: Query, answer: Answer
    ) -> Answered[DereferenceState]:
        """State that allows the names; `Unavailable`, or no name that fits, sets it free."""
        site = state.site
        if site is None:
            return Answered(state, ())
        if not isinstance(answer, Members):
            return Answered(replace(state, site=None), (Outcome(NAME, reason_of(answer)),))
        names = dict.fromkeys([*[name.text for name in answer.names], *site.operator.words])
        left = tuple([name for name in names if name.startswith(site.typed)])
        known = replace(site, names=left) if left else None
        reason = None if left else Reason.NO_MATCH
        return Answered(replace(state, site=known), (Outcome(NAME, reason),))

    def release(self, state: DereferenceState) -> DereferenceState:
        """State without a site."""
        return replace(state, site=None)

    def maskgen(self, state: DereferenceState) -> Constraint:
        """The rests of the allowed names; anything where there is no answered site."""
        site = state.site
        if site is None or site.names is None:
            return ANYTHING
        rests = frozenset([name[len(site.typed) :].encode() for name in site.names])
        if site.typed:
            return Names(rests, extra=self._extra)
        exits = site.operator.exits.encode()
        names = Names(rests, site.leading, self._extra, exits, site.comments)
        if begun := _begun(site):
            return Unfinished(names, begun.encode())
        if len(site.gap) > _LONGEST_GAP:
            names = replace(names, comments=Comments.NONE)
        return replace(names, blank=not _is_enough(site.gap))

    def expect(self, state: DereferenceState) -> tuple[Query, ...]:
        """The query of an operator typed now, if the text shows that one is likely."""
        receiver = state.lexer.receiver if state.site is None else ""
        if not receiver or self._language.name_start.fullmatch(receiver) is None:
            return ()
        before = self._used(state.document.prefix, receiver)
        here = self._count(state.generated, receiver)
        *dereferences, alone = map(sum, zip(before, here, strict=True))
        most = max(dereferences)
        if most == 0 or most < _LIKELY * alone:
            return ()
        operator = self._language.operators[dereferences.index(most)].text
        return (self._query(state, len(state.generated), operator),)

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

    @property
    def crossing(self) -> re.Pattern[str]:
        """The language's own."""
        return self._language.crossing

    def crosses(self, state: DereferenceState, text: str) -> bool:
        """Whether ``text`` brings a live operator and more than white space behind it."""
        lexer = state.lexer
        position = 0
        while position < len(text):
            lexer, position = lexer.scan(text, position)
            if lexer.at_trigger:
                behind, _ = _gap(self._site(lexer, position)).end(text, position)
                if behind < len(text):
                    return True
        return False

    def crossing_key(self, state: DereferenceState) -> Hashable:
        """The lexer's own key."""
        return state.lexer.key

    def parts(
        self, state: DereferenceState
    ) -> "tuple[tuple[DereferenceMonitor, DereferenceState], ...]":
        """Itself."""
        return ((self, state),)


def _gap(site: Site) -> Gap:
    """What may stand between operator and name."""
    return gap(site.leading, site.comments)


def _begun(site: Site) -> str:
    """How an escaped line end or a comment has begun that the site's gap ends in; else empty."""
    return _gap(site).end(site.gap)[1]


def _read_gap(site: Site, text: str, position: int) -> tuple[int, str]:
    """Where the gap goes on to in ``text``, and what of it had begun before ``position``."""
    begun = _begun(site) if site.gap else ""
    if not begun:
        return _gap(site).end(text, position)[0], ""
    end, _ = _gap(site).end(begun + text[position:])
    return max(end - len(begun), 0) + position, begun


def _read(
    state: DereferenceState, text: str, end: int, site: Site | None, start: int
) -> tuple[DereferenceState, int]:
    """Read ``text[start:end]``, in which no operator counts, and set the site."""
    piece = text[start:end]
    lexer, position = state.lexer.scan(piece)
    while position < len(piece):
        lexer, position = lexer.scan(piece, position)
    return DereferenceState(state.document, state.generated + piece, lexer, site), end


def _is_enough(gap: str) -> bool:
    """Whether no white space may come: a model that wants no name must not write it for ever.

    Blanks on the operator's line may not grow, the indentation of a next line may, within bounds.
    """
    space = gap[len(gap.rstrip(_SPACE)) :]
    return bool(space) and ("\n" not in space or len(space) > _LONGEST_SPACE)
