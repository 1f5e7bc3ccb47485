"""One completion that is asked for: what `generate`, the command line and every engine share."""

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from decoding import warming
from decoding.prompt.until import Until
from decoding.prompt.workspace import Position, find_workspace, open_document
from decoding.session.options import CrossingPolicy, Options, margin_for
from decoding.wiring import DEFAULT_MONITORS, check_monitors, monitor_for, shared_pool
from lsp_bridge import ServerPool
from monitors.errors import UsageError
from monitors.protocols import Document

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Where to complete a file, and how. Raises `UsageError` for what can never be followed."""

    path: Path
    """The file; it is only read."""
    position: Position
    """Line and column, 1-based, as editors count; in a notebook cell, line and column."""
    workspace: Path
    """The project's folder."""
    server: str | None = None
    """Language server; None: the default for the language."""
    monitors: tuple[str, ...] = DEFAULT_MONITORS
    """Names of what is watched; none: only text of the prompt is required again."""
    crossing: CrossingPolicy = CrossingPolicy.VERIFY
    until: Until | None = None
    """A unit of code at whose end to stop; None: at the model's own end."""
    max_new_tokens: int = 64
    temperature: float = 0.0
    """0 takes the likeliest token."""
    seed: int | None = None
    deadline_s: float = 1.0
    """Longest wait for the answers of one step."""
    start_timeout_s: float = warming.START_TIMEOUT_S
    """Longest wait for a server's start and its first answer, before decoding; 0: none."""
    strict: bool = False
    """Whether an analysis without an answer raises `AnalysisError`."""
    trust_workspace: bool = False
    """Whether servers may run the workspace's code."""
    pool: ServerPool | None = None
    """Whose servers answer; None: those that all requests of this process share."""

    def __post_init__(self) -> None:
        if self.max_new_tokens < 1:
            raise UsageError(f"got max_new_tokens={self.max_new_tokens}; expected 1 or more")
        if self.temperature < 0:
            raise UsageError(f"got temperature={self.temperature}; expected 0 or more")
        if self.deadline_s <= 0:
            raise UsageError(f"got a deadline of {self.deadline_s} s; expected more than 0")
        if self.start_timeout_s < 0:
            raise UsageError(f"got start_timeout_s={self.start_timeout_s}; expected 0 or more")
        if self.pool is not None and self.trust_workspace:
            raise UsageError("got pool and trust_workspace; say trust_workspace to the ServerPool")
        check_monitors(self.monitors, self.crossing)

    @classmethod
    def of(
        cls,
        path: str | Path,
        position: Position,
        workspace: str | Path | None = None,
        *,
        monitors: bool | tuple[str, ...] = True,
        crossing: str = CrossingPolicy.VERIFY,
        until: str | None = None,
        **fields: Any,
    ) -> "Request":
        """A request in the words of its user: paths and choices as texts.

        ``monitors``: True for the usual ones, False for none. Raises `UsageError`.
        """
        path = Path(path)
        if isinstance(monitors, bool):
            monitors = DEFAULT_MONITORS if monitors else ()
        return cls(
            path=path,
            position=position,
            workspace=find_workspace(path) if workspace is None else Path(workspace),
            monitors=tuple(monitors),
            crossing=_choice(CrossingPolicy, "crossing", crossing),
            until=None if until is None else _choice(Until, "until", until, "None or "),
            **fields,
        )

    def document(self) -> Document:
        """The file with its cursor. Raises `UsageError`, also if no monitor knows its language."""
        document = open_document(self.path, self.position, self.workspace)
        monitor_for(document.language, self.monitors)
        return document

    def open_pool(self, document: Document) -> ServerPool:
        """The pool that will answer. Raises `UsageError` if its server cannot be asked."""
        pool = self.pool or shared_pool(self.workspace, self.trust_workspace)
        profile = pool.profile(document.language, self.server)
        if self.monitors:
            pool.check(profile.name)
        return pool

    def options(self, *, is_plain: bool) -> Options:
        """How its session behaves.

        ``is_plain``: whether tokens are drawn from the logits as they are, without beams or
        changes behind the masks.
        """
        return Options(
            crossing=self.crossing,
            deadline_s=self.deadline_s,
            strict=self.strict,
            margin=margin_for(self.temperature if is_plain else 1.0),
        )

    def waiting(self, start_timeout_s: float) -> "Request":
        """The same with another limit for the start."""
        return replace(self, start_timeout_s=start_timeout_s)


def _choice(kind: type[E], name: str, value: str, besides: str = "") -> E:
    try:
        return kind(value)
    except ValueError as error:
        raise UsageError(
            f"got {name}={value!r}; expected {besides}one of {', '.join(kind)}"
        ) from error
