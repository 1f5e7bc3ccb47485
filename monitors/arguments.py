"""The monitors of arguments: how many a call has, and the names that it gives them.

They read the same calls and need the same signatures, so one state serves both. Not in the paper's
list of properties as such: its section 4 constrains the number of arguments with a signature that
the analysis gives; names are the same idea.
"""

import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from monitors.calls import Call, CallReader, Calls, Event, Kind, look
from monitors.constraints import ANYTHING, Constraint, Names
from monitors.errors import UsageError
from monitors.facts import ParameterKind, Signature, Signatures
from monitors.generated import cut, joined
from monitors.languages.calls import CALLS
from monitors.languages.language import Language
from monitors.languages.reader import Reader
from monitors.languages.reading import advance
from monitors.protocols import (
    Answer,
    Answered,
    Document,
    Outcome,
    Progress,
    Query,
    QueryKind,
    Reason,
    reason_of,
)

ARGUMENT_COUNT = "argument_count"
KEYWORD_ARGUMENT = "keyword_argument"
RULES = (ARGUMENT_COUNT, KEYWORD_ARGUMENT)
_BEFORE = 200
_QUOTES = frozenset("\"'`")


@dataclass(frozen=True, slots=True, eq=False)
class ArgumentState:
    """Where the text stands, and the calls that are open there."""

    document: Document
    generated: str
    """Text behind ``document.prefix``."""
    calls: Calls


class ArgumentMonitor:
    """Lets a call have as many arguments as some overload takes, under names that it has.

    No call that is not known is touched, nor one whose arguments cannot be told apart.
    """

    def __init__(self, language: Language, rules: Sequence[str] = RULES) -> None:
        """``rules``: `ARGUMENT_COUNT`, `KEYWORD_ARGUMENT` or both.

        The latter says nothing in languages that give no arguments by name. Raises `UsageError` for
        a language whose calls are not known.
        """
        syntax = CALLS.get(language.name)
        if syntax is None:
            known = ", ".join(sorted(CALLS))
            raise UsageError(f"no monitor of arguments knows {language.name}; expected {known}")
        self._language = language
        self._counts = ARGUMENT_COUNT in rules
        self._names = KEYWORD_ARGUMENT in rules and bool(syntax.keyword_sign)
        applied = {ARGUMENT_COUNT: self._counts, KEYWORD_ARGUMENT: self._names}
        self._rules = tuple(rule for rule in rules if applied[rule])
        self._syntax = syntax
        self._calls = CallReader(language, syntax)
        self._reader = Reader(language)
        signs = re.escape(",)" + (syntax.keyword_sign if self._names else ""))
        self._crossing = re.compile(rf"(\()(?=\s*[^\s])|([{signs}])")

    def start(self, document: Document) -> ArgumentState:
        """State at the end of ``document.prefix``; what the open calls have so far counts."""
        reading = self._reader.read(document.path, document.prefix)
        text = document.prefix
        calls, at = Calls(reading.outside_calls), reading.outside
        while at < len(text):
            calls, at, _ = self._calls.read(calls, text, at, "", -len(text))
        return ArgumentState(document, "", calls)

    def update(self, state: ArgumentState, text: str) -> Progress[ArgumentState]:
        """State behind ``text``, up to the first piece that needs an unanswered call."""
        calls, at = state.calls, 0
        if not calls.open and "(" not in text:
            return Progress(_moved(state, text, Calls(advance(calls.lexer, text))), "", True)
        before = self._before(state)
        while at < len(text):
            if self._calls.needs_answer(calls, text, at):
                return Progress(_moved(state, text[:at], calls), text[at:], True)
            calls, at, event = self._calls.read(calls, text, at, before, len(state.generated))
            if event is not None and not self._allows(event):
                lexer = advance(calls.lexer, text[at:])
                return Progress(_moved(state, text, Calls(lexer)), "", False)
        return Progress(_moved(state, text, calls), "", True)

    def _before(self, state: ArgumentState) -> str:
        missing = _BEFORE - len(state.generated)
        head = state.document.prefix[-missing:] if missing > 0 else ""
        return head + state.generated[-_BEFORE:]

    def _allows(self, event: Event) -> bool:
        call = event.call
        if call.signatures is None:
            return True
        if event.kind is Kind.NAMED:
            is_free = not self._names or _takes_any_name(call.signatures)
            return is_free or call.argument.strip() in _names_left(call)
        if not (self._counts and call.is_counted):
            return True
        overloads = call.signatures.overloads
        if event.kind is Kind.CLOSES:
            return any(_fits(each, call.given, call.given) for each in overloads)
        # A comma may be the last one; whatever begins is one argument more.
        trailing = event.kind is Kind.COMMA and self._syntax.trailing_comma
        least = call.done if trailing else call.done + 1
        return any(_fits(each, None, least) for each in overloads)

    def queries(self, state: ArgumentState) -> tuple[Query, ...]:
        """The signatures of every open call that has not been answered for."""
        unanswered = (call for call in state.calls.open if call.signatures is None)
        ends = [cut(state.document, state.generated, call.end) for call in unanswered]
        return tuple([Query(QueryKind.SIGNATURES, each) for each in ends])

    def answer(self, state: ArgumentState, query: Query, answer: Answer) -> Answered[ArgumentState]:
        """State that knows a call's signatures; anything else sets that call free."""
        end = len(query.document.prefix) - len(state.document.prefix)
        found: list[Call] = []
        outcomes: tuple[Outcome, ...] = ()
        for call in state.calls.open:
            if call.end == end and call.signatures is None:
                known, outcomes = self._known(call, answer)
                found += known
            else:
                found.append(call)
        calls = state.calls._replace(open=tuple(found))
        return Answered(replace(state, calls=calls), outcomes)

    def _known(self, call: Call, answer: Answer) -> tuple[list[Call], tuple[Outcome, ...]]:
        """The call with its signatures, or without a call, and what became of each rule."""
        if not isinstance(answer, Signatures):
            return [], tuple([Outcome(rule, reason_of(answer)) for rule in self._rules])
        fitting = [each for each in answer.overloads if _fits(each, None, call.given)]
        if not fitting and call.is_counted:
            return [], tuple([Outcome(rule, Reason.NO_MATCH) for rule in self._rules])
        reasons = {
            ARGUMENT_COUNT: None if call.is_counted else Reason.OPEN_TYPE,
            KEYWORD_ARGUMENT: Reason.OPEN_TYPE if _takes_any_name(answer) else None,
        }
        outcomes = tuple([Outcome(rule, reasons[rule]) for rule in self._rules])
        return [call._replace(signatures=answer)], outcomes

    def release(self, state: ArgumentState) -> ArgumentState:
        """State that constrains no call that is open now."""
        return replace(state, calls=state.calls._replace(open=()))

    def maskgen(self, state: ArgumentState) -> Constraint:
        """The end of a call that is full; else anything: the rest is judged token by token."""
        calls = state.calls
        if not (self._counts and calls.open):
            return ANYTHING
        call, lexer = calls.open[-1], calls.lexer
        if call.argument or call.signatures is None or not call.is_counted:
            return ANYTHING
        if not (look(lexer).in_code and calls.is_at_level):
            return ANYTHING
        if any(_fits(each, None, call.done + 1) for each in call.signatures.overloads):
            return ANYTHING
        return Names(
            frozenset(),
            self._language.leading(lexer),
            exits=b")" + self._syntax.spread_sign,
            comments=self._language.comments(lexer),
        )

    def expect(self, state: ArgumentState) -> tuple[Query, ...]:
        """Nothing: a call is asked about once it has begun."""
        return ()

    @property
    def crossing(self) -> re.Pattern[str]:
        """An opening parenthesis with more behind it, and what may end an argument."""
        return self._crossing

    def crosses(self, state: ArgumentState, text: str) -> bool:
        """Whether ``text`` may begin a call and its arguments, or end an argument of one."""
        seen = look(state.calls.lexer)
        if not seen.in_code:
            return bool(state.calls.open) and not _QUOTES.isdisjoint(text)
        if state.calls.open:
            return True
        at = text.find("(")
        return at > 0 or (at == 0 and seen.receiver)

    def crossing_key(self, state: ArgumentState) -> Hashable:
        """Whether calls are open, whether this is code, and what a parenthesis would apply to."""
        seen = look(state.calls.lexer)
        return bool(state.calls.open), seen.in_code, seen.receiver

    def parts(self, state: ArgumentState) -> "tuple[tuple[ArgumentMonitor, ArgumentState], ...]":
        """Itself."""
        return ((self, state),)


def _moved(state: ArgumentState, text: str, calls: Calls) -> ArgumentState:
    """The state behind ``text``; long generated text joins the prefix where no call is open."""
    document, generated = state.document, state.generated + text
    if not calls.open:
        document, generated = joined(document, generated)
    return ArgumentState(document, generated, calls)


def _fits(signature: Signature, given: int | None, least: int) -> bool:
    """Whether ``given`` arguments are enough, if that is asked, and ``least`` not too many."""
    most = signature.most
    return (given is None or signature.least <= given) and (most is None or least <= most)


def _takes_any_name(signatures: Signatures) -> bool:
    kinds = {each.kind for overload in signatures.overloads for each in overload.parameters}
    return ParameterKind.KEYWORD_VARIADIC in kinds


def _names_left(call: Call) -> frozenset[str]:
    """Parameters that may be given by name."""
    assert call.signatures is not None
    found: set[str] = set()
    for overload in call.signatures.overloads:
        taken = call.positional if call.is_counted else 0
        for each in overload.parameters:
            if each.kind in (ParameterKind.POSITIONAL, ParameterKind.POSITIONAL_ONLY) and taken:
                taken -= 1
            elif each.kind in (ParameterKind.POSITIONAL, ParameterKind.KEYWORD_ONLY):
                found.add(each.name)
    return frozenset(found - call.named)
