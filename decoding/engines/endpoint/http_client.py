"""Speaks HTTP to a completions endpoint: the only module that imports httpx and tenacity.

What the endpoint did wrong, or the caller, becomes an `EndpointError` with the remedy. Busy ones
(429, 502, 503, 504) and broken connections are asked again with a growing pause.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt
from tenacity.wait import wait_random_exponential

from monitors.errors import EndpointError

_BUSY = frozenset({429, 502, 503, 504})
_LONGEST_PAUSE_S = 20.0
_MOST_SHOWN = 300
_growing_pause_s = wait_random_exponential(multiplier=0.5, max=_LONGEST_PAUSE_S)


@dataclass(frozen=True, slots=True)
class Served:
    """A model, as the endpoint describes it."""

    name: str
    root: str | None = None
    """Where the server took it from: a folder of its machine, or a name."""
    context: int | None = None
    """Most tokens of a prompt and what follows it."""
    is_vllm: bool = False
    """Whether the server says that it is vLLM, whose own parameters may then be used."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was generated, in the form that the endpoint gave it."""

    text: str
    ended: bool
    """Whether the model ended the text by itself."""
    token_ids: tuple[int, ...] | None = None
    tokens: tuple[str, ...] | None = None
    """The tokens as text, or as ``token_id:N``."""
    likely: tuple[tuple[str, ...], ...] = ()
    """For each token the likeliest ones in its place."""


class _BusyError(Exception):
    """The endpoint may answer if it is asked again."""

    def __init__(self, error: EndpointError, pause_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.pause_s = pause_s


class Client:
    """A connection to one endpoint. Close it, or use it as a context manager."""

    def __init__(self, url: str, api_key: str | None, timeout_s: float, attempts: int) -> None:
        """``url`` with or without ``/v1``; ``api_key`` is sent as a bearer token."""
        self._url = _base(url)
        headers = {} if not api_key else {"Authorization": f"Bearer {api_key}"}
        self._http = httpx.Client(headers=headers, timeout=timeout_s)
        self._timeout_s = timeout_s
        self._attempts = attempts
        self.requests = 0
        """HTTP requests that were sent, those sent again included."""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def name(self) -> str:
        """The address, without a password."""
        return str(self._url.copy_with(userinfo=b""))

    def model(self, name: str | None) -> Served:
        """The served model ``name``, or the only one. Raises `EndpointError`."""
        try:
            listed = _read_models(self._send("GET", "models"))
        except EndpointError as error:
            if name is None or error.status not in (404, 405):
                raise
            return Served(name)  # some endpoints list nothing
        if name is None:
            if len(listed) != 1:
                names = ", ".join(each.name for each in listed[:10]) or "none"
                raise EndpointError(
                    f"{self.name} serves {len(listed)} models ({names}); "
                    "name one of them (--endpoint-model)"
                )
            return listed[0]
        # An alias may be served and not listed; if it is not, the first completion says so.
        return next((each for each in listed if each.name == name), Served(name))

    def complete(self, body: Mapping[str, Any]) -> Sample:
        """The one completion for the parameters in ``body``. Raises `EndpointError`."""
        return _read_sample(self._send("POST", "completions", body))

    def _send(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The JSON answer."""
        retrying = Retrying(
            retry=retry_if_exception_type(_BusyError),
            stop=stop_after_attempt(self._attempts),
            wait=_pause_s,
            reraise=True,
        )
        try:
            return retrying(self._send_once, method, path, body)
        except _BusyError as busy:
            raise busy.error from busy

    def _send_once(self, method: str, path: str, body: Mapping[str, Any] | None) -> Any:
        url = self._url.copy_with(raw_path=self._url.raw_path + f"/{path}".encode())
        self.requests += 1
        try:
            response = self._http.request(method, url, json=body)
        except httpx.ConnectError as error:
            raise EndpointError(
                f"cannot reach {self.name} ({error}); start the server, or correct the address"
            ) from error
        except httpx.TimeoutException as error:
            raise EndpointError(
                f"{self.name} did not answer within {self._timeout_s:g} s; "
                "allow more time (timeout_s)"
            ) from error
        except httpx.RequestError as error:
            broken = EndpointError(f"the connection to {self.name} broke ({error}); try again")
            raise _BusyError(broken) from error
        if response.is_success:
            return self._decoded(response)
        refused = self._refused(response, path, body)
        if response.status_code in _BUSY:
            raise _BusyError(refused, _retry_after_s(response))
        raise refused

    def _decoded(self, response: httpx.Response) -> Any:
        try:
            return response.json()
        except json.JSONDecodeError as error:
            raise EndpointError(
                f"{self.name} answered no JSON; expected an OpenAI-compatible completions endpoint"
            ) from error

    def _refused(
        self, response: httpx.Response, path: str, body: Mapping[str, Any] | None
    ) -> EndpointError:
        status, reason = response.status_code, _reason(response)
        remedy = _remedy(status, reason, path, body or {})
        return EndpointError(f"{self.name}/{path}: HTTP {status}: {reason}; {remedy}", status)


def _base(url: str) -> httpx.URL:
    """The address below which ``/models`` and ``/completions`` lie."""
    shown = re.sub(r"//[^/@]*@", "//", url)
    expected = "expected an address such as http://localhost:8000/v1"
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise EndpointError(f"got the endpoint {shown!r} ({error}); {expected}") from error
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise EndpointError(f"got the endpoint {shown!r}; {expected}")
    path = parsed.path.rstrip("/").removesuffix("/completions")
    return parsed.copy_with(path=path or "/v1", query=None, fragment=None)


def _pause_s(state: RetryCallState) -> float:
    """As long as the endpoint asked for, else longer each time."""
    assert state.outcome is not None
    busy = state.outcome.exception()
    if isinstance(busy, _BusyError) and busy.pause_s is not None:
        return busy.pause_s
    return _growing_pause_s(state)


def _retry_after_s(response: httpx.Response) -> float | None:
    try:
        return min(_LONGEST_PAUSE_S, max(0.0, float(response.headers.get("retry-after", ""))))
    except ValueError:  # none, or a date
        return None


def _reason(response: httpx.Response) -> str:
    """The endpoint's own words, in one line."""
    try:
        content = response.json()
    except json.JSONDecodeError:
        content = response.text
    for key in ("error", "message", "detail"):
        content = content.get(key, content) if isinstance(content, dict) else content
    return " ".join(str(content).split())[:_MOST_SHOWN] or response.reason_phrase


def _remedy(status: int, reason: str, path: str, body: Mapping[str, Any]) -> str:
    if status in (401, 403):
        return "pass the key of this endpoint (--api-key, or the environment's MGD_API_KEY)"
    if status in (404, 405):
        model = f"a model {body['model']!r} and " if "model" in body else ""
        return f"expected {model}/v1/{path} to be served there; correct the address or the name"
    if status in _BUSY:
        return "try again later"
    if "logprobs" in reason:
        return "ask for fewer of the likeliest tokens (top_logprobs; 0: none)"
    if "vocab" in reason:
        return "pass the tokenizer of the served model (--tokenizer)"
    if "bias" in reason.lower():
        return (
            f"{len(body.get('logit_bias', ()))} entries were sent: lower the limit (--bias-limit); "
            "an endpoint without logit_bias cannot be guided"
        )
    return "expected a completions endpoint that takes token ids, logit_bias and logprobs"


def _read_models(content: Any) -> list[Served]:
    try:
        return [
            Served(
                str(each["id"]),
                each.get("root"),
                each.get("max_model_len"),
                each.get("owned_by") == "vllm",
            )
            for each in content["data"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise EndpointError(
            f"the endpoint's list of models cannot be read ({error!r}); "
            "expected an OpenAI-compatible one"
        ) from error


def _read_sample(content: Any) -> Sample:
    try:
        choice = content["choices"][0]
        logprobs = choice.get("logprobs") or {}
        return Sample(
            str(choice["text"]),
            choice.get("finish_reason") == "stop",
            _tuple(choice.get("token_ids")),
            _tuple(logprobs.get("tokens")),
            tuple(tuple(each or ()) for each in logprobs.get("top_logprobs") or ()),
        )
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise EndpointError(
            f"the endpoint's completion cannot be read ({error!r}); "
            "expected an OpenAI-compatible one"
        ) from error


def _tuple(values: Sequence[Any] | None) -> tuple[Any, ...] | None:
    return None if values is None else tuple(values)
