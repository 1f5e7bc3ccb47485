"""What is particular about one language server, as data."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from lsp_bridge.documents.overlay import Encoding
from lsp_bridge.servers.project import Project
from monitors.protocols import Members, Name, Reason, Unavailable

Tree = Mapping[str, Any]

IDENTIFIER = re.compile(r"#?[^\W\d][\w$]*|\$[\w$]*")
"""A name in most languages; JavaScript's private and PHP's names included."""


class Incomplete(Enum):
    """What a list flagged ``isIncomplete`` is worth."""

    COMPLETE = "complete"
    """The flag lies: the list is whole."""
    DROP = "drop"
    """The list was cut short: it must not constrain."""


class Unfinished(Enum):
    """How the document is laid out around the cursor."""

    REPAIR = "repair"
    """Open brackets are closed, then comes the rest of the file: `lsp_bridge.documents.holes`."""
    KEEP = "keep"
    """The text is sent as it is."""


class Readiness(Enum):
    """How a server says that its answers may be believed: see `lsp_bridge.servers.readiness`."""

    INITIALIZED = "initialized"
    """It does not say: it is ready once it has answered ``initialize``."""
    SERVER_STATUS = "server_status"
    """``experimental/serverStatus`` is quiescent; any health but ``ok`` makes it unusable."""
    PROGRESS = "progress"
    """Work was reported by ``$/progress``, and none of it is under way."""
    FIRST_PROGRESS = "first_progress"
    """As PROGRESS, but once ready it stays so: later work does not hold up answers."""
    INDEXING = "indexing"
    """Between ``indexingEnded`` and ``indexingStarted``."""
    SERVICE_READY = "service_ready"
    """``language/status`` was of the type ``ServiceReady``."""


class Item(NamedTuple):
    """What a profile's rules may look at in one listed name."""

    kind: int
    detail: str
    commits: str | None = None
    """Characters that would accept the item in an editor; None if the server does not say."""


class Listing(NamedTuple):
    """What a profile's rules may look at: a list, and where it was asked for."""

    items: Mapping[str, Item]
    text: str
    cursor: int
    dropped: frozenset[int] = frozenset()
    """Kinds of the items that were left out for their kind."""


class Definition(NamedTuple):
    """Where a type of the receiver is defined: the text in front of its name, and some behind."""

    header: str
    name: str
    rest: str


Ask = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Sends a request and waits for its result."""


class Extra(NamedTuple):
    """What a receiver has besides what its server lists."""

    names: frozenset[str] = frozenset()
    why_open: str = ""
    """Why there may be members that nobody can name; empty: there are none."""

    def __or__(self, other: "Extra") -> "Extra":
        return Extra(self.names | other.names, self.why_open or other.why_open)

    def added_to(self, facts: Members) -> Members | Unavailable:
        """The list with these names, or why it is no closed list."""
        if self.why_open:
            return Unavailable(Reason.OPEN_TYPE, self.why_open)
        missing = self.names.difference(name.text for name in facts.names)
        return Members((*facts.names, *map(Name, sorted(missing)))) if missing else facts


TypeRule = Callable[[Sequence[Definition]], str]
"""Says why the receiver may have members that are not listed; empty: it has none.

It is given the definitions of the types that the receiver's own is made of, the outermost first;
none of a built-in type.
"""


def no_options(project: Project) -> Tree:
    """No options."""
    return {}


def no_environment(project: Project) -> Mapping[str, str]:
    """No variables."""
    return {}


def always_startable(project: Project) -> str:
    """The server runs no code of the workspace, or has been told not to."""
    return ""


def nothing_implied(listing: Listing) -> Iterable[str]:
    """No name but the listed ones."""
    return ()


def never_open(listing: Listing) -> str:
    """Every list is closed."""
    return ""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One language server: how it is started, spoken to and read. Immutable."""

    name: str
    """What users call it, and a part of every cache key."""
    languages: frozenset[str]
    """LSP language identifiers that it understands."""
    command: tuple[str, ...]
    """Program and arguments; the program is looked up beside the interpreter, then on PATH."""
    install: str
    """Command line that installs it, for the message when it is missing."""
    version_command: tuple[str, ...] = ()
    """Prints the version; empty if there is none."""
    multilspy: str = ""
    """Language whose initialise parameters multilspy keeps for this server; empty: none."""
    initialization_options: Callable[[Project], Tree] = no_options
    settings: Callable[[Project], Tree] = no_options
    """Tree that ``workspace/configuration`` is answered from, by dotted section."""
    environment: Callable[[Project], Mapping[str, str]] = no_environment
    """Variables that are set besides those of this process."""
    runs_code: Callable[[Project], str] = always_startable
    """Says which code of the workspace the server would run and cannot be kept from running, so
    that it is not started unless the workspace is trusted; empty: none."""
    experimental: Tree = field(default_factory=dict)
    """What is advertised under the client's capability ``experimental``."""

    start_timeout_s: float = 20.0
    """Longest wait for the answer to ``initialize``."""
    readiness: Readiness = Readiness.INITIALIZED
    ready_timeout_s: float = 120.0
    """A server that is not ready for this long is killed and restarted."""
    patience_s: float = 20.0
    """A server that owes an answer for longer than this hangs: it is killed and restarted."""
    restart_delay_s: float = 0.5
    """Pause before a server that ended for the second time is started again; doubles each time."""
    requests_in_flight: int = 1
    """Requests sent at a time; with one, a needed query can still overtake prefetched ones."""
    serialise_documents: bool = True
    """Whether a document must not change while a request about it is pending."""
    open_documents: int = 1
    """Documents kept open. With one, an answer depends on the query's own text and on files on
    disk alone; with more, also on what other queries last said about other files."""
    reread_on_close: bool = False
    """Whether the server goes on importing what it was last told about a closed document, until
    it is asked something about the text on disk."""
    most_changes: int | None = None
    """Changes after which a document is opened anew; None: any number."""
    encodings: tuple[Encoding, ...] = (Encoding.UTF16,)
    """Column units to offer, best first."""
    incremental: bool = True
    """Whether changes are sent as ranges; False: always the whole text."""
    unfinished: Unfinished = Unfinished.REPAIR

    incomplete: Incomplete = Incomplete.DROP
    longest_list: int | None = None
    """Number of items at which the server cuts lists short, flagged or not; None: it does not."""
    names: re.Pattern[str] = IDENTIFIER
    """Matches the name that begins the text which an item leaves behind the operator."""
    wraps_receiver: bool = False
    """Whether items that also edit the receiver are names all the same: ``(x.callback)()``."""
    dropped_labels: re.Pattern[str] | None = None
    """Matches labels, from their beginning, of items that are no members; None: no such items."""
    dropped_kinds: frozenset[int] = frozenset({14, 15})
    """Completion item kinds that are no members: by default keywords and snippets."""
    foreign_kinds: frozenset[int] = frozenset()
    """Kinds that show that scope names were listed instead of members."""
    open_type: Callable[[Listing], str] = never_open
    """Says why the receiver may have members that are not listed; empty: the list is closed."""
    type_rule: TypeRule | None = None
    """For a server that may run code only if the workspace is trusted, and else lists no members
    that such code brings; asked if it is not, and then costs a request. None: no such members."""
    reads_classes: bool = False
    """Whether the sources of receivers' classes are read for members that their metaclasses,
    decorators and computed names bring: see `lsp_bridge.answers.python`. Costs a request."""
    lists_what_unions_share: bool = False
    """Whether the list of a union holds what all of its types have, so that others' members are
    missing. Known only with ``reads_classes``."""
    reads_signatures: bool = False
    """Whether what it says about calls is whole and right: see `lsp_bridge.answers.signatures`."""
    reads_imports: bool = False
    """Whether it lists every module, and every name of one, behind their first characters."""
    omits_submodules: bool = False
    """Whether it does not list a package's modules behind ``from package import``."""
    implied: Callable[[Listing], Iterable[str]] = nothing_implied
    """Members that the receiver has although the server does not list them."""
    unknown_lists: frozenset[frozenset[str]] = frozenset()
    """Sets of names, those of the form ``__x__`` left out, that mean an unknown type."""
    unknown_if_only_dunder: bool = False
    """Whether a list of nothing but ``__x__`` names means that the type is unknown."""
