"""Random logits over real vocabularies: does any generated name not exist?

Text is generated inside functions of real packages. Then an audit reads it character by character
and asks a server of its own, started afresh and without a cache, about every dereference.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchmarks import vocabularies
from benchmarks.packages import PACKAGES, Package, Workspace, prepare
from benchmarks.places import Place, places
from benchmarks.results import Check, Outcome
from benchmarks.vocabularies import Loaded
from benchmarks.walks import Walker
from decoding.session.options import CrossingPolicy, Options
from decoding.session.session import Session
from decoding.wiring import open_guide
from evaluation.audit import audit
from lsp_bridge import ServerPool
from monitors.dereference import DereferenceMonitor
from monitors.languages.registry import language_named
from monitors.protocols import Answer, Query

WALKS = 20
"""Texts for each package, vocabulary and crossing policy."""
STEPS = 24
"""Tokens of a text."""
DEADLINE_S = 30.0
DEREFERENCES = 2000


@dataclass(slots=True)
class Tally:
    """What was generated with one vocabulary and policy."""

    texts: int = 0
    tokens: int = 0
    triggers: int = 0
    """Live dots in the texts, as the sessions saw them."""
    masks: int = 0
    judged: int = 0
    """Names that the audit had a closed list for."""
    fail_open: Counter[str] = field(default_factory=Counter)
    violations: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return {
            "texts": self.texts,
            "tokens": self.tokens,
            "triggers": self.triggers,
            "masks": self.masks,
            "judged": self.judged,
            "fail_open": dict(self.fail_open.most_common()),
            "violations": self.violations,
        }


@dataclass(frozen=True, slots=True)
class Written:
    """A generated text, not audited yet."""

    place: Place
    text: str
    tally: Tally


def run(
    server: str,
    say: Callable[[str], None],
    limit: int | None = None,
    packages: Iterable[Package] = PACKAGES,
) -> Outcome:
    """Generate and audit; ``limit``: texts for each package, vocabulary and policy."""
    walks = WALKS if limit is None else limit
    loaded = [vocabularies.load(file) for file in (vocabularies.bundled(), vocabularies.large())]
    tallies = {(each.name, policy): Tally() for each in loaded for policy in CrossingPolicy}
    workspaces = [prepare(package) for package in packages]
    for workspace in workspaces:
        spots = places(workspace.files(), walks, workspace.package.name)
        written = generate(workspace, server, spots, loaded, tallies)
        judge(workspace, server, written)
        judged = sum(tally.judged for tally in tallies.values())
        found = sum(len(tally.violations) for tally in tallies.values())
        say(f"soundness: {workspace.package.name}: {judged} judged so far, {found} violations")
    settings = {
        "server": server,
        "texts_per_package": walks,
        "tokens_per_text": STEPS,
        "packages": {each.package.name: each.package.version for each in workspaces},
    }
    return Outcome(settings, _figures(tallies), checks(tallies.values()))


def generate(
    workspace: Workspace,
    server: str,
    spots: Sequence[Place],
    loaded: Sequence[Loaded],
    tallies: dict[tuple[str, CrossingPolicy], Tally],
) -> list[Written]:
    """Texts at every place, with every vocabulary and policy."""
    written = []
    with ServerPool(workspace.root) as pool:
        for vocabulary in loaded:
            guide = open_guide(vocabulary.index, "python", pool, server)
            seed = f"{workspace.package.name} {vocabulary.name}"
            walker = Walker(vocabulary.index, vocabulary.encoder.encode, seed)
            for policy in CrossingPolicy:
                tally = tallies[vocabulary.name, policy]
                options = Options(crossing=policy, deadline_s=DEADLINE_S)
                for spot in spots:
                    session = Session(guide, spot.document, options=options)
                    text = walker.walk(session, spot, STEPS)
                    _count(tally, session)
                    written.append(Written(spot, text, tally))
    return written


def _count(tally: Tally, session: Session) -> None:
    statistics = session.statistics
    tally.texts += 1
    tally.tokens += statistics.tokens
    tally.triggers += statistics.triggers
    tally.masks += statistics.masks
    tally.fail_open.update({reason.value: n for reason, n in statistics.fail_open.items()})


def judge(workspace: Workspace, server: str, written: Iterable[Written]) -> None:
    """Audit every text with a server that has answered nothing yet."""
    monitor = DereferenceMonitor(language_named("python"))
    with ServerPool(workspace.root, cache_entries=0) as pool:

        def ask(query: Query) -> Answer:
            return pool.wait(pool.ask(query, server=server), DEADLINE_S)

        for each in written:
            for verdict in audit(
                monitor, language_named("python"), ask, each.place.document, each.text
            ):
                each.tally.judged += 1
                if not verdict.valid:
                    entry = {
                        "package": workspace.package.name,
                        "path": _relative(workspace, each.place),
                        "line": each.place.line,
                        "text": each.text,
                        "offset": verdict.offset,
                        "name": verdict.name,
                        "listed": len(verdict.allowed),
                    }
                    each.tally.violations.append(entry)


def _relative(workspace: Workspace, place: Place) -> str:
    root = str(workspace.root.resolve())
    return place.document.path.removeprefix(root).lstrip("/\\")


def _figures(tallies: dict[tuple[str, CrossingPolicy], Tally]) -> dict[str, Any]:
    return {f"{name}, {policy}": tally.as_dict() for (name, policy), tally in tallies.items()}


def checks(tallies: Iterable[Tally]) -> list[Check]:
    """Enough was generated, and nothing of it is made up."""
    every = list(tallies)
    judged = sum(tally.judged for tally in every)
    violations = sum(len(tally.violations) for tally in every)
    return [
        Check("generated dereferences that were judged", judged, DEREFERENCES, "", at_least=True),
        Check("names that the server, asked afresh, does not list", violations, 0, ""),
    ]
