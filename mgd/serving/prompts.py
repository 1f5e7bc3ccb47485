"""What an HTTP request asks for: its prompts and their arguments, checked one against the other.

Nothing here knows of connections: bodies go in and come out.
"""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from decoding.engines.vllm import request as vllm_request
from decoding.engines.vllm.request import ARGUMENT, GuideRequest
from decoding.prompt.check import check_text
from monitors.errors import UsageError

XARGS = "vllm_xargs"
Decode = Callable[[Sequence[int]], str]
"""The text of token ids, marks of templates written out."""


@dataclass(frozen=True)
class Part:
    """One prompt of a request, as a request of its own."""

    body: bytes
    key: str
    """By which the bridge knows it."""
    required: bool
    """Whether it must fail where it would go on unguided."""


@dataclass(frozen=True)
class Asked:
    """A guided request."""

    parts: tuple[Part, ...]
    count: int
    """How many texts each prompt is continued with."""
    name: str
    """By which the response is known where there are several parts."""


class _Peek(msgspec.Struct):
    """The only part of a body that tells whether it is ours."""

    vllm_xargs: dict[str, Any] | None = None


_peek = msgspec.json.Decoder(_Peek)


def is_guided(body: bytes) -> bool:
    """Whether there is an argument of ours. What is no JSON is none of our business."""
    try:
        return ARGUMENT in (_peek.decode(body).vllm_xargs or {})
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def read(body: bytes, path: str, name: str | None, decode: Decode | None) -> Asked:
    """Check a guided request and take it apart. Reads files.

    ``name`` is what the client calls it. Without ``decode`` prompts of token ids are left to the
    engine to check. Raises `UsageError` with what was got and what was expected.
    """
    content = json.loads(body)
    if content.get("use_beam_search"):
        raise UsageError(f"{ARGUMENT}: got use_beam_search, which is not guided; leave either out")
    prompts = _prompts(content)
    given = _arguments(content[XARGS][ARGUMENT], len(prompts))
    name = name or content.get("request_id") or uuid.uuid4().hex
    parts = []
    for number, (prompt, arguments) in enumerate(zip(prompts, given, strict=True)):
        own = dict(content)
        if len(prompts) > 1:
            own |= {"prompt": prompt, "request_id": f"{name}-{number}"}
        parts.append(_part(own, prompt, arguments, path, decode))
    return Asked(tuple(parts), content.get("n") or 1, name)


def _prompts(content: Mapping[str, Any]) -> list[Any]:
    prompt = content.get("prompt")
    is_list = isinstance(prompt, list) and any(isinstance(each, (str, list)) for each in prompt)
    return list(prompt) if is_list and isinstance(prompt, list) else [prompt]


def _arguments(value: Any, prompts: int) -> list[dict[str, Any]]:
    """The arguments of each prompt: an object as text, a list of them, or a list as text."""
    found = [_parsed(each) for each in value] if isinstance(value, list) else _parsed(value)
    several = found if isinstance(found, list) else [found]
    for each in several:
        if not isinstance(each, dict):
            raise UsageError(f"{ARGUMENT}: got {each!r:.60}; expected an object for each prompt")
    if len(several) != prompts:
        raise UsageError(
            f"{ARGUMENT}: got {len(several)} object(s) of arguments for {prompts} prompt(s);"
            " expected a list of as many objects as there are prompts"
        )
    return several


def _parsed(value: Any) -> Any:
    text = vllm_request.argument_of({ARGUMENT: value})
    try:
        return json.loads(text or "")
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{ARGUMENT}: got no JSON ({error}); expected an object") from error


def _part(
    content: dict[str, Any],
    prompt: Any,
    arguments: dict[str, Any],
    path: str,
    decode: Decode | None,
) -> Part:
    key = uuid.uuid4().hex
    text = json.dumps(arguments | {"key": key})
    request = vllm_request.admit(text)
    checked = request.prompt_check and _check_prompt(prompt, request, path, decode)
    if checked and content.get("truncation_side") != "right":
        text = json.dumps(arguments | {"key": key, "prompt_check": False})
    content[XARGS] = content[XARGS] | {ARGUMENT: text}
    return Part(json.dumps(content).encode(), key, request.require is not None)


def _check_prompt(prompt: Any, request: GuideRequest, path: str, decode: Decode | None) -> bool:
    """Whether the prompt was found to be what the arguments say. Raises `UsageError` if not."""
    if prompt is None:
        raise UsageError(
            f"{ARGUMENT}: got no prompt in a request to {path}; expected the text before the cursor"
            " as the prompt of /v1/completions. Where it is known that the model's prompt ends with"
            ' that text, say "prompt_check": false'
        )
    if isinstance(prompt, list):
        if decode is None:
            return False
        try:
            prompt = decode(prompt)
        except (TypeError, ValueError, OverflowError, IndexError):
            return False  # vLLM says what is wrong with them
    if isinstance(prompt, str):
        shown = request.prefix is not None
        check_text(prompt, request.document().prefix, request.healed_bytes, shown)
    return True
