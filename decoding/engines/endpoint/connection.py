"""Guides a completions endpoint from outside: `generate` for a model that somebody else serves.

The endpoint knows nothing of monitors. It is asked for tokens over HTTP, and a session judges
each one before it counts:

- Where nothing is constrained, many tokens are asked for at once. They are accepted one by one up
  to the first that the session does not allow; the rest is dropped, and generation goes on there.
- Where few tokens are allowed, one token is asked for, with a ``logit_bias`` that lifts those.
- Where many are allowed, tokens are sampled freely, and one that is not allowed is banned by
  ``logit_bias`` before its place is sampled again. If that leads nowhere, the allowed tokens are
  lifted in turns, as many as a bias may have, and then the best of each turn.

To ban what was refused and to sample again gives each allowed token the chance that a mask would
give it, and at temperature 0 the likeliest one.
"""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from decoding.engines import in_process
from decoding.engines.endpoint.resampling import Place, Position, lifted
from decoding.engines.engine import Generated, Sampling, Task
from decoding.session.paths import Path
from decoding.session.session import Session
from decoding.session.statistics import Statistics
from decoding.vocabulary.index import TokenIndex
from monitors.errors import UsageError

if TYPE_CHECKING:
    from decoding.engines.endpoint.http_client import Client, Sample, Served
    from decoding.engines.endpoint.tokens import EndpointTokens

KEY_VARIABLE = "MGD_API_KEY"
"""Environment variable with the endpoint's key, used where none is passed."""
_DEFAULT_CONTEXT = 4096
_PLAIN_LIMIT = 300
_VLLM_LIMIT = 1024  # of its runner for GPUs, beyond which it refuses a request
_SHORT_RUN = 4
_MOST_BARREN = 2
_OURS = frozenset(
    {
        "model",
        "prompt",
        "max_tokens",
        "logit_bias",
        "logprobs",
        "seed",
        "stream",
        "echo",
        "n",
        "best_of",
    }
    | {"stop", "suffix", "use_beam_search", "return_token_ids", "return_tokens_as_token_ids"}
)
_FORGETFUL = frozenset({"presence_penalty", "frequency_penalty"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An OpenAI-compatible completions endpoint, as the model of `generate`."""

    url: str
    """Such as ``http://localhost:8000/v1``."""
    model: str | None = None
    """Name of the served model; None: the only one."""
    api_key: str | None = field(default=None, repr=False)
    """Sent as a bearer token; None: from the environment's ``MGD_API_KEY``, if it is there."""
    bias_limit: int | None = None
    """Most entries of a ``logit_bias``; None: 1024 for vLLM, else 300."""
    top_logprobs: int = 5
    """How many of the likeliest tokens are asked for, to ban several at once; 0: none."""
    lookahead: int = 16
    """Tokens asked for at once where nothing is constrained."""
    most_resamples: int = 8
    """How often one place is sampled again before allowed tokens are offered in turns."""
    context: int | None = None
    """Most tokens of prompt and answer; None: what the endpoint says, else 4096."""
    timeout_s: float = 60.0
    """Longest wait for one answer of the endpoint."""
    attempts: int = 5
    """How often a request is sent while the endpoint is busy."""

    def __post_init__(self) -> None:
        _check_at_least(1, self, "lookahead", "attempts", "context", "bias_limit")
        _check_at_least(0, self, "top_logprobs", "most_resamples")
        if self.timeout_s <= 0:
            raise UsageError(f"got timeout_s={self.timeout_s}; expected more than 0")


def _check_at_least(least: int, endpoint: Endpoint, *names: str) -> None:
    for name in names:
        value = getattr(endpoint, name)
        if value is not None and value < least:
            raise UsageError(f"got {name}={value}; expected {least} or more")


@dataclass(slots=True)
class EndpointStatistics(Statistics):
    """What a session did, and what its endpoint was asked."""

    requests: int = 0
    """HTTP requests, those sent again included."""
    resamples: int = 0
    """Samples that did not count, so that their place was sampled again."""
    dropped: int = 0
    """Tokens that were sampled behind a refused one, or behind the end that was asked for."""
    fallbacks: int = 0
    """Places at which allowed tokens were offered in turns, since none came by itself."""

    def as_dict(self) -> dict[str, object]:
        """Plain values, ready for JSON."""
        own = ("requests", "resamples", "dropped", "fallbacks")
        return Statistics.as_dict(self) | {name: getattr(self, name) for name in own}


@dataclass(frozen=True, slots=True)
class Connection:
    """An endpoint that has answered, and the tokenizer of its model."""

    endpoint: Endpoint
    client: "Client"
    served: "Served"
    tokens: "EndpointTokens"

    @property
    def index(self) -> TokenIndex:
        """Of all tokens that the tokenizer knows."""
        return self.tokens.index

    @property
    def start_ids(self) -> list[int]:
        """What a prompt without a template begins with."""
        return self.tokens.start_ids

    def encode(self, text: str) -> list[int]:
        """Token ids, without any special token before or behind."""
        return self.tokens.encode(text)

    def token_to_id(self, name: str) -> int | None:
        """Id of a token by its name, special ones included."""
        return self.tokens.token_to_id(name)

    @property
    def context(self) -> int:
        """Most tokens of prompt and answer."""
        return self.endpoint.context or self.served.context or _DEFAULT_CONTEXT

    @property
    def bias_limit(self) -> int:
        """Most entries of a ``logit_bias``."""
        default = _VLLM_LIMIT if self.served.is_vllm else _PLAIN_LIMIT
        return self.endpoint.bias_limit or default

    def sample(
        self, ids: Sequence[int], width: int, bias: Mapping[int, float], options: Mapping[str, Any]
    ) -> "Sample":
        """At most ``width`` tokens behind ``ids``."""
        body: dict[str, Any] = {
            **options,
            "model": self.served.name,
            "prompt": list(ids),
            "max_tokens": width,
        }
        if bias:
            body["logit_bias"] = {str(token_id): value for token_id, value in bias.items()}
        if self.endpoint.top_logprobs:
            body["logprobs"] = self.endpoint.top_logprobs
        if self.served.is_vllm:
            body |= {"return_token_ids": True, "return_tokens_as_token_ids": True}
        return self.client.complete(body)

    def complete(self, task: Task) -> Generated:
        """Generate, guided by a session in this process."""
        return in_process.complete(self, task)

    def generate(
        self,
        prompt: Sequence[int],
        session: Session,
        is_done: Callable[[list[int]], bool],
        sampling: Sampling,
        options: Mapping[str, Any],
    ) -> list[list[int]]:
        """Token ids generated for one prompt, one list for each of ``num_return_sequences``.

        The other ``options`` go to the endpoint. ``session.statistics`` become
        `EndpointStatistics`. Raises `EndpointError` as soon as the endpoint fails, `UsageError`
        for options that would change what it is asked for.
        """
        body = {"temperature": sampling.temperature, **options}
        count = body.pop("num_return_sequences", 1)
        _check_options(body)
        statistics = session.statistics = EndpointStatistics()
        sent_before = self.client.requests
        # One seed for all requests would give neighbouring places the same random numbers.
        seeds = None if sampling.seed is None else itertools.count(sampling.seed)
        try:
            return [
                _Sequence(self, prompt, session, statistics, body, seeds).run(
                    is_done, sampling.max_new_tokens
                )
                for _ in range(count)
            ]
        finally:
            statistics.requests = self.client.requests - sent_before


@contextmanager
def opened(endpoint: Endpoint, tokenizer: Any = None) -> Iterator[Connection]:
    """Find the model and its tokenizer; the connection is closed at the end of the context.

    ``tokenizer`` is a folder, a file or a tokenizer object; None: found on this machine by the
    model's name. Raises `EndpointError`, and `ModelError` for a tokenizer that cannot be read.
    """
    # Not needed, and a while to load, where no endpoint is asked.
    from decoding.engines.endpoint.http_client import Client
    from decoding.engines.endpoint.tokens import open_tokens

    key = endpoint.api_key or os.environ.get(KEY_VARIABLE)
    with Client(endpoint.url, key, endpoint.timeout_s, endpoint.attempts) as client:
        served = client.model(endpoint.model)
        yield Connection(endpoint, client, served, open_tokens(tokenizer, served))


def load(name: str, device: str | None) -> tuple[Any, Any]:
    """Nothing is loaded: an endpoint is an `Endpoint`. Raises `UsageError`."""
    raise UsageError(f"got {name!r} for an endpoint; expected mgd.Endpoint({name!r}) as the model")


def _check_options(options: Mapping[str, Any]) -> None:
    if ours := sorted(_OURS & options.keys()):
        raise UsageError(f"got {', '.join(ours)}; generate() sets them itself: leave them out")
    if forgetful := sorted(_FORGETFUL & options.keys()):
        raise UsageError(
            f"got {', '.join(forgetful)}; they count the tokens of one request, and a guided text "
            "takes many: leave them out"
        )


class _Sequence:
    """One text: what was accepted, and the place behind it."""

    def __init__(
        self,
        connection: Connection,
        prompt: Sequence[int],
        session: Session,
        statistics: EndpointStatistics,
        options: Mapping[str, Any],
        seeds: Iterator[int] | None,
    ) -> None:
        self._connection = connection
        self._prompt = list(prompt)
        self._session = session
        self._statistics = statistics
        self._options = options
        self._seeds = seeds
        self._left = 0
        self._ids: list[int] = []
        self._path = Path(session)
        self._place = self._arrive()

    def _arrive(self) -> Place:
        connection = self._connection
        return Place(
            self._session,
            self._path.node,
            connection.tokens.index.size,
            connection.bias_limit,
            connection.endpoint.most_resamples,
        )

    def run(self, is_done: Callable[[list[int]], bool], max_new_tokens: int) -> list[int]:
        """Accept tokens until the text ends, is done, or is long enough."""
        self._left = max_new_tokens
        barren = 0
        while not self._is_finished(is_done) and barren < _MOST_BARREN:
            bias = self._place.bias()
            positions = self._sample(bias, wider=barren > 0)
            # Text alone may end within a character: a few more tokens complete it.
            barren = 0 if positions else barren + 1
            used = self._take(positions, bias, is_done)
            self._statistics.dropped += len(positions) - used
        return self._ids

    def _is_finished(self, is_done: Callable[[list[int]], bool]) -> bool:
        return self._path.node.ended or self._left < 1 or bool(self._ids and is_done(self._ids))

    def _sample(self, bias: Mapping[int, float], wider: bool) -> list[Position]:
        width = 1 if bias else min(self._connection.endpoint.lookahead, self._left)
        width = max(width, _SHORT_RUN) if wider else width
        self._session.prefetch(self._path.node)
        ids = self._prompt + self._ids
        seed = {} if self._seeds is None else {"seed": next(self._seeds)}
        sample = self._connection.sample(ids, width, bias, {**self._options, **seed})
        return self._connection.tokens.positions(sample, width, lifted(bias))

    def _take(
        self,
        positions: Sequence[Position],
        bias: Mapping[int, float],
        is_done: Callable[[list[int]], bool],
    ) -> int:
        """Accept positions up to the end, or one that is refused; returns how many were read."""
        for number, position in enumerate(positions, start=1):
            token_id = self._place.choose(position, bias)
            if token_id is None:
                self._statistics.resamples += 1
                return number
            self._statistics.fallbacks += self._place.is_fallback
            self._ids.append(token_id)
            self._left -= 1
            self._path.accept(token_id)
            if self._is_finished(is_done):
                return number
            self._place = self._arrive()
            bias = {}
        return len(positions)
