"""The contract of inference engines: what completes a task, and what a prompt is made with."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from decoding.prompt.fim import Prompt
from decoding.request import Request
from decoding.session.session import Session
from decoding.session.statistics import Statistics
from decoding.vocabulary.index import TokenIndex
from lsp_bridge import ServerPool
from monitors.protocols import Document


class Prompter(Protocol):
    """What a prompt is made with."""

    @property
    def index(self) -> TokenIndex:
        """Of the model's logits."""
        ...

    @property
    def context(self) -> int:
        """Most tokens of prompt and answer."""
        ...

    @property
    def start_ids(self) -> list[int]:
        """What a prompt without a template begins with."""
        ...

    def encode(self, text: str) -> list[int]:
        """Token ids, without any special token before or behind."""
        ...

    def token_to_id(self, name: str) -> int | None:
        """Id of a token by its name, special ones included."""
        ...


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn."""

    max_new_tokens: int
    temperature: float = 0.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """One completion that an engine is to generate."""

    request: Request
    document: Document
    prompt: Prompt
    is_done: Callable[[list[int]], bool]
    """Whether generated ids hold the end that was asked for."""
    options: Mapping[str, Any]
    """The engine's own, ``num_return_sequences`` among them."""
    pool: ServerPool | None = None
    """Whose servers answer; None for engines whose own processes ask."""

    @property
    def sampling(self) -> Sampling:
        """How tokens are drawn."""
        asked = self.request
        return Sampling(asked.max_new_tokens, asked.temperature, asked.seed)


class Generated(NamedTuple):
    """What came of a task."""

    rows: list[list[int]]
    """Token ids behind the prompt, one list for each returned sequence."""
    statistics: Statistics


class Engine(Prompter, Protocol):
    """A model, ready to generate."""

    def complete(self, task: Task) -> Generated:
        """Generate; raises `UsageError` for options that would change what is asked for."""
        ...


class SessionEngine(Prompter, Protocol):
    """A model whose tokens this process chooses, so that a session here can guide it."""

    def generate(
        self,
        prompt: Sequence[int],
        session: Session,
        is_done: Callable[[list[int]], bool],
        sampling: Sampling,
        options: Mapping[str, Any],
    ) -> list[list[int]]:
        """Token ids generated for one prompt, one list for each returned sequence."""
        ...
