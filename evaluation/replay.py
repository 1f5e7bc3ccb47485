"""Teacher-forced decoding of real files: completeness and speed of guided decoding, measured.

Each logical line is completed as an editor would have it: the file before it is the prefix, the
file after it the suffix, and the file's own tokens are forced, one by one. At every step the
session says what may come next; the true token has to be among it.
"""

import re
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from decoding.prompt.workspace import language_of, read_text
from decoding.session.guide import Guide
from decoding.session.node import Node, Step
from decoding.session.options import Options
from decoding.session.session import Session
from decoding.vocabulary import masks
from evaluation.sites import DereferenceSite, dereference_sites, sample, shares
from monitors.languages.language import Blocks, Language
from monitors.protocols import Document, Members, Unavailable

_STRETCH = 10
"""Sites that are taken together in a sample."""
_NEVER_ASKED = "never_asked"
_SILENCED = re.compile(r"#\s*(?:type|pyright|pyrefly|mypy):\s*ignore")
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_UNFINISHED_BLOCKS = {Blocks.INDENTED: (), Blocks.BRACES: ("{",), Blocks.WORDS: ("{",)}
"""What may be open at the end of a logical line."""


@dataclass(frozen=True, slots=True)
class Forbidden:
    """A true token that the mask did not allow."""

    path: str
    line: int
    column: int
    name: str
    reason: str

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(slots=True)
class Report:
    """What a replay found; `as_dict` gives the published keys."""

    server: str
    tokenizer: str
    workspace: str = ""
    """Root of the project; empty where there are several."""
    files: int = 0
    tokens: int = 0
    refused_tokens: int = 0
    """True tokens that the mask did not allow, at sites or anywhere else."""
    dereference_sites: int = 0
    constrained_sites: int = 0
    allowed_sites: int = 0
    forbidden: list[Forbidden] = field(default_factory=list)
    fail_open: Counter[str] = field(default_factory=Counter)
    unconstrained_us: list[float] = field(default_factory=list)
    constrained_us: list[float] = field(default_factory=list)
    mask_us: list[float] = field(default_factory=list)
    query_ms: list[float] = field(default_factory=list)
    waited_s: float = 0.0
    wall_s: float = 0.0
    baseline_s: float = 0.0
    skipped: list[str] = field(default_factory=list)
    """Files that could not be read, and why; not part of `as_dict`."""
    monitors: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Figures of each monitor by its name, if others than the dereference monitor are replayed."""

    @property
    def allowed_token_share(self) -> float | None:
        """Over everything that is written; None if nothing is."""
        return share(self.tokens - self.refused_tokens, self.tokens)

    @property
    def allowed_share(self) -> float | None:
        """Over the constrained sites; None if there are none."""
        return share(self.allowed_sites, self.constrained_sites)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON. Shares are None where there was nothing to share."""
        return {
            "server": self.server,
            "tokenizer": self.tokenizer,
            "workspace": self.workspace,
            "files": self.files,
            "tokens": self.tokens,
            "refused_tokens": self.refused_tokens,
            "allowed_token_share": self.allowed_token_share,
            "dereference_sites": self.dereference_sites,
            "constrained_sites": self.constrained_sites,
            "covered_share": share(self.constrained_sites, self.dereference_sites),
            "allowed_sites": self.allowed_sites,
            "allowed_share": self.allowed_share,
            "forbidden": [entry.as_dict() for entry in self.forbidden],
            "fail_open": dict(self.fail_open.most_common()),
            "step_us": {
                "unconstrained": quantiles(self.unconstrained_us),
                "constrained": quantiles(self.constrained_us),
            },
            "mask_us": quantiles(self.mask_us),
            "query_ms": quantiles(self.query_ms),
            "waited_s": round(self.waited_s, 4),
            "wall_s": round(self.wall_s, 4),
            "baseline_s": round(self.baseline_s, 4),
            "overhead": round(self.wall_s / self.baseline_s - 1, 4) if self.baseline_s else None,
            **({"monitors": self.monitors} if self.monitors else {}),
        }

    def as_monitor(self) -> dict[str, Any]:
        """The figures of the dereference monitor under the keys that every monitor has."""
        values = self.as_dict()
        kept = ("constrained_sites", "covered_share", "allowed_sites", "allowed_share")
        return {
            "sites": self.dereference_sites,
            **{key: values[key] for key in kept},
            "forbidden": values["forbidden"],
            "fail_open": values["fail_open"],
            "step_us": quantiles([*self.unconstrained_us, *self.constrained_us]),
        }


def share(part: int, whole: int) -> float | None:
    """A share of five digits; None of nothing."""
    return round(part / whole, 5) if whole else None


def quantiles(values: Sequence[float]) -> dict[str, float | None]:
    """The median and what nine in ten, and 99 in 100, lie below; None of nothing."""
    if not values:
        return {"p50": None, "p90": None, "p99": None}
    found = np.percentile(np.asarray(values), (50, 90, 99))
    return {
        f"p{level}": round(float(value), 2)
        for level, value in zip((50, 90, 99), found, strict=True)
    }


class Replay:
    """Replays files through sessions of the guides of their languages."""

    def __init__(
        self,
        guide: Callable[[str], Guide],
        encode: Callable[[str], list[int]],
        report: Report,
        *,
        options: Options,
        step_s: float = 0.0,
        limit: int | None = None,
        seed: int = 0,
    ) -> None:
        """``guide``: by language; ``step_s``: seconds that stand for a forward pass.

        ``limit``: most sites in all. They are taken in stretches of ten that follow one another,
        from everywhere in the files and always the same ones for a ``seed``, with all that is
        written between them.
        """
        self.report = report
        self._guide = lru_cache(maxsize=None)(guide)
        self._encode = encode
        self._options = options
        self._step_s = step_s
        self._limit = limit
        self._seed = seed

    def run(self, *groups: Iterable[Path]) -> Report:
        """Replay every file, or a sample of their sites with equal shares of all groups."""
        every = [list(group) for group in groups]
        chosen: dict[Path, list[_Stretch]] = {}
        for files, limit in zip(every, self._limits(every), strict=True):
            for stretch in self._stretches(files, limit):
                chosen.setdefault(stretch.path, []).append(stretch)
        for path, stretches in chosen.items():
            self._file(path, stretches)
        return self.report

    def _limits(self, groups: Sequence[Sequence[Path]]) -> Sequence[int | None]:
        if self._limit is None or len(groups) == 1:
            return [self._limit] * len(groups)
        sizes = [sum(len(self._sites(path, read_text(path))) for path in each) for each in groups]
        return shares(sizes, self._limit)

    def _stretches(self, files: Sequence[Path], limit: int | None) -> Iterator["_Stretch"]:
        if limit is None:
            yield from (_Stretch(path, 0, None) for path in files)
            return
        left = limit
        size = min(_STRETCH, left)
        found = [each for path in files for each in self._divided(path, size)] if left else []
        for stretch in self._enough(found, left, size):
            if left or not stretch.sites:
                yield stretch if stretch.sites <= left else stretch.cut(left)
            left -= min(left, stretch.sites)

    def _enough(self, found: Sequence["_Stretch"], sites: int, size: int) -> list["_Stretch"]:
        """As few as hold ``sites``, or all."""
        count = -(-sites // size) if size else 0
        chosen = sample(found, count, self._seed)
        while count < len(found) and (missing := sites - sum(each.sites for each in chosen)) > 0:
            count += -(-missing // size)
            chosen = sample(found, count, self._seed)
        return chosen

    def _divided(self, path: Path, size: int) -> Iterator["_Stretch"]:
        """A file in stretches of ``size`` sites, or some more: lines are not divided."""
        sites = self._sites(path, read_text(path))
        first = 0
        for place in range(1, len(sites)):
            if place - first >= size and sites[place].line > sites[place - 1].line:
                yield _Stretch(path, first, place, place - first)
                first = place
        yield _Stretch(path, first, None, len(sites) - first)

    def _sites(self, path: Path, text: str) -> list[DereferenceSite]:
        return dereference_sites(text, self._guide(language_of(path, text)).language.name)

    def _file(self, path: Path, stretches: Sequence["_Stretch"]) -> None:
        text = read_text(path)
        guide = self._guide(language_of(path, text))
        sites = self._sites(path, text)
        tokens, added = _tokens(guide, self._encode(text), text)
        lines = list(_holes(guide.language, text, tokens, added))
        self.report.files += 1
        for stretch in stretches:
            inside = sites[stretch.first : stretch.end]
            begin = sites[stretch.first - 1].name_end + 1 if stretch.first else 0
            cut = len(text) if stretch.end is None else inside[-1].name_end + 1
            self.report.dereference_sites += len(inside)
            for line in lines:
                part = line.between(begin, cut)
                if part.tokens:
                    self._line(guide, path, text, part, inside)

    def _line(
        self, guide: Guide, path: Path, text: str, line: "Hole", sites: Sequence[DereferenceSite]
    ) -> None:
        """Complete one logical line, and judge the sites in it."""
        started = time.perf_counter()
        document = Document(
            guide.language.name,
            str(path.resolve()),
            text[: line.tokens[0].start],
            text[line.end :],
        )
        session = Session(guide, document, options=self._options)
        node = session.root
        broken: list[int] = []
        session.prefetch(node)
        for token in line.tokens:
            self._forward()
            allowed, node = self._step(session, node, token.id)
            if not allowed:
                broken.append(token.start)
            session.prefetch(node)
        self.report.wall_s += time.perf_counter() - started
        self.report.tokens += len(line.tokens)
        self.report.refused_tokens += len(broken)
        self.report.waited_s += session.statistics.waited_s
        inside = [site for site in sites if line.start <= site.name_start < line.end]
        self.judge(path, text, session, broken, inside, line)

    def _forward(self) -> None:
        if self._step_s:
            started = time.perf_counter()
            time.sleep(self._step_s)
            self.report.baseline_s += time.perf_counter() - started

    def _step(self, session: Session, node: Node, token_id: int) -> tuple[bool, Node]:
        """Ask for the mask as an engine would, then accept the true token."""
        waited = session.statistics.waited_s
        started = time.perf_counter()
        step = session.step(node)
        masked = time.perf_counter()
        mask_waited = session.statistics.waited_s - waited
        allowed = _allows(session, node, step, token_id)
        node = session.accept(node, token_id)
        spent = time.perf_counter() - started - (session.statistics.waited_s - waited)
        if step.row is None:
            self.report.unconstrained_us.append(spent * 1e6)
        else:
            self.report.constrained_us.append(spent * 1e6)
            self.report.mask_us.append((masked - started - mask_waited) * 1e6)
        return allowed, node

    def judge(
        self,
        path: Path,
        text: str,
        session: Session,
        broken: Sequence[int],
        sites: Sequence[DereferenceSite],
        line: "Hole",
    ) -> None:
        """Count the sites of a line, and find those at which a true token was refused."""
        answers = {asked.length - line.added: answer for asked, answer in session.answers.items()}
        starts = np.array([token.start for token in line.tokens])
        covered: list[_Covered] = []
        for site in sites:
            answer = answers.get(site.operator_end)
            if isinstance(answer, Members):
                first = int(starts[np.searchsorted(starts, site.name_start, "right") - 1])
                covered.append(_Covered(site, answer, first))
                continue
            reason = answer.reason if isinstance(answer, Unavailable) else _NEVER_ASKED
            self.report.fail_open[reason] += 1
        blamed = {start: _blamed(covered, start) for start in broken}
        self.report.constrained_sites += len(covered)
        for each in covered:
            if each in blamed.values():
                self._forbid(path, each, text[line.start : line.end])
            else:
                self.report.allowed_sites += 1
        for start in (start for start, each in blamed.items() if each is None):
            self._forbid_elsewhere(path, text, start)

    def _forbid(self, path: Path, each: "_Covered", line: str) -> None:
        site = each.site
        reason = "listed, but the mask forbids it" if each.listed else "not in the server's list"
        count = len(each.facts.names)
        detail = f"{reason} ({count} {'name' if count == 1 else 'names'})"
        if _SILENCED.search(line):
            detail += "; the author silenced the type checker here"
        self.report.forbidden.append(
            Forbidden(str(path), site.line, site.column, site.name, detail)
        )

    def _forbid_elsewhere(self, path: Path, text: str, start: int) -> None:
        """A token was forbidden where the syntax tree knows no dereference."""
        line = text.count("\n", 0, start) + 1
        column = start - text.rfind("\n", 0, start)
        near = text[start : start + 20].splitlines()
        self.report.forbidden.append(
            Forbidden(str(path), line, column, near[0] if near else "", "no dereference site here")
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Covered:
    """A site that was answered for."""

    site: DereferenceSite
    facts: Members
    first: int
    """Start of the token in which the name begins."""

    @property
    def listed(self) -> bool:
        return self.site.name in {name.text for name in self.facts.names}


def _blamed(covered: Sequence[_Covered], start: int) -> _Covered | None:
    """The site because of which the token at ``start`` was forbidden.

    A token may end one name and hold the next: the one that is not listed is to blame.
    """
    touched = [each for each in covered if each.first <= start <= each.site.name_end]
    return next((each for each in touched if not each.listed), touched[0] if touched else None)


def _allows(session: Session, node: Node, step: Step, token_id: int) -> bool:
    if step.row is not None and not masks.are_open(step.row, np.array([token_id]))[0]:
        return False
    crossing = step.crossing
    at = int(np.searchsorted(crossing, token_id))
    if at < crossing.size and int(crossing[at]) == token_id:
        return session.judge(node, token_id)
    return True


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Sites of a file that follow one another, and all that is written between them."""

    path: Path
    first: int
    """Index of the first site."""
    end: int | None
    """Index behind the last one; None: to the end of the file."""
    sites: int = 0

    def cut(self, sites: int) -> "_Stretch":
        """Its first ``sites`` sites."""
        return replace(self, end=self.first + sites, sites=sites)


@dataclass(frozen=True, slots=True)
class _Token:
    id: int
    start: int
    """Offset in characters of the first character that begins in this token."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A logical line: ``text[start:end]`` and a line end, and the tokens that begin in it."""

    start: int
    end: int
    tokens: list[_Token]
    added: int
    """Characters (blanks) that the tokenizer puts in front of the text."""

    def between(self, begin: int, end: int) -> "Hole":
        """The line without the tokens before ``begin`` and those from ``end`` on."""
        kept = [token for token in self.tokens if begin <= token.start < end]
        return self if len(kept) == len(self.tokens) else replace(self, tokens=kept)


def _tokens(guide: Guide, ids: Sequence[int], text: str) -> tuple[list[_Token], int]:
    """Tokens with their offsets, and the length of what the tokenizer adds in front of the text."""
    pieces = [guide.index.bytes_of(token_id) or b"" for token_id in ids]
    added = max(sum(map(len, pieces)) - len(text.encode()), 0)
    position = -added
    starts = _character_offsets(text)
    tokens: list[_Token] = []
    for token_id, piece in zip(ids, pieces, strict=True):
        tokens.append(_Token(token_id, starts(max(position, 0))))
        position += len(piece)
    return tokens, added


def _character_offsets(text: str) -> Callable[[int], int]:
    if text.isascii():
        return lambda byte_offset: byte_offset
    widths = np.fromiter((len(character.encode()) for character in text), np.int64)
    ends = np.cumsum(widths)
    return lambda byte_offset: int(np.searchsorted(ends, byte_offset, "right"))


def _holes(language: Language, text: str, tokens: Sequence[_Token], added: int) -> Iterator[Hole]:
    """Logical lines that hold the beginning of a token."""
    starts = [token.start for token in tokens]
    first = 0
    for start, end, next_start in _logical_lines(language, text):
        last = bisect_left(starts, next_start, first)
        if last > first:
            yield Hole(start, end, list(tokens[first:last]), 0 if first else added)
        first = last


def _logical_lines(language: Language, text: str) -> Iterator[tuple[int, int, int]]:
    """Start, end without the line end, and next start of each logical line."""
    lexer = language.start()
    start = 0
    for line in _LINE.finditer(text):
        index = line.start()
        while index < line.end():
            lexer, step = lexer.scan(line[0], index - line.start())
            index = line.start() + step
        content = line[0].rstrip("\r\n")
        inside = lexer.open and lexer.open[-1] not in _UNFINISHED_BLOCKS[language.blocks]
        if line.end() == len(text) or not (inside or content.endswith("\\")):
            yield start, line.start() + len(content), line.end()
            start = line.end()
