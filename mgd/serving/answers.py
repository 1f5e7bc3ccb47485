"""Responses of vLLM, read, joined, and completed by what became of each prompt.

A response is JSON, or a stream of events (``data: {...}``, a blank line, and ``data: [DONE]`` at
the end). Both are vLLM's own for one prompt; for several they are what vLLM would have said.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from decoding.session.statistics import NOT_ANALYSIS
from lsp_bridge.bridge import Outcome

DONE = b"data: [DONE]\n\n"
_MARK = b"data: "
_DROPPED = ("metrics", "kv_transfer_params", "ec_transfer_params")
"""What says nothing about several prompts together."""


def shown(outcomes: Sequence[Outcome | None]) -> dict[str, Any]:
    """What a response says of its prompts: one object, with one for each where they are several."""
    if len(outcomes) == 1:
        return _of_one(outcomes[0])
    known = [each for each in outcomes if each is not None]
    reasons = sorted({reason for each in known for reason in each.unconstrained})
    return {
        "points": sum(each.points for each in known),
        "constrained": sum(each.constrained for each in known),
        "unconstrained": {
            reason: sum(each.unconstrained.get(reason, 0) for each in known) for reason in reasons
        },
        "waited_s": round(sum(each.waited_s for each in known), 6),
        "prompts": [_of_one(each) for each in outcomes],
    }


def _of_one(outcome: Outcome | None) -> dict[str, Any]:
    if outcome is None:
        return {"unknown": "no word of it came from the engine"}
    if outcome.unguided:
        return {"unguided": outcome.unguided}
    return {
        "points": outcome.points,
        "constrained": outcome.constrained,
        "unconstrained": outcome.unconstrained,
        "waited_s": outcome.waited_s,
    }


def objection(outcome: Outcome | None) -> str | None:
    """Why a request that must be guided has failed; None if it was guided wherever it could be.

    Where an answer came and the text went elsewhere there is nothing to object to.
    """
    if outcome is None:
        return "it is not known whether it was guided: no word of it came from the engine"
    if outcome.unguided:
        return f"it went unguided: {outcome.unguided}"
    failed = {
        reason: count
        for reason, count in sorted(outcome.unconstrained.items())
        if reason not in NOT_ANALYSIS
    }
    if not failed:
        return None
    counted = ", ".join(f"{reason} ({count})" for reason, count in failed.items())
    return (
        f"no closed list of names at {sum(failed.values())} of {outcome.points} points: {counted}"
    )


def error(message: str, code: int, kind: str) -> bytes:
    """An error as vLLM says it."""
    content = {"message": message, "type": kind, "param": "mgd", "code": code}
    return json.dumps({"error": content}).encode()


def event(content: bytes) -> bytes:
    """An event of a stream."""
    return _MARK + content + b"\n\n"


def completed(content: Mapping[str, Any], outcomes: Sequence[Outcome | None]) -> bytes:
    """A response or an event that says what became of its prompts."""
    return json.dumps({**content, "mgd": shown(outcomes)}, ensure_ascii=False).encode()


def joined(responses: Sequence[Mapping[str, Any]], name: str) -> dict[str, Any]:
    """The response to several prompts."""
    choices = [choice for each in responses for choice in each["choices"]]
    return {
        **without_parts(responses[0], name),
        "choices": [{**choice, "index": index} for index, choice in enumerate(choices)],
        "usage": summed([each.get("usage") for each in responses]),
    }


def without_parts(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What is left of one prompt's response where it is one of several."""
    kept = {key: value for key, value in content.items() if key not in _DROPPED}
    return kept | {"id": f"cmpl-{name}"}


def summed(usages: Sequence[Any]) -> Any:
    """Numbers of tokens, added up."""
    first = next((each for each in usages if each is not None), None)
    if isinstance(first, dict):
        return {
            key: summed([each.get(key) for each in usages if isinstance(each, dict)])
            for key in first
        }
    return sum(each for each in usages if isinstance(each, int)) if first is not None else None


class Events:
    """Cuts a stream into its events."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Every event that is whole, with the blank line behind it."""
        *whole, self._rest = (self._rest + data).split(b"\n\n")
        for each in whole:
            yield each + b"\n\n"


def content_of(raw: bytes) -> dict[str, Any] | None:
    """The JSON object of an event; None for the end of the stream, comments and pings."""
    if not raw.startswith(_MARK) or raw == DONE:
        return None
    content = json.loads(raw[len(_MARK) :])
    return content if isinstance(content, dict) else None


def may_be_last(content: Mapping[str, Any]) -> bool:
    """Whether nothing need come behind an event: it ends a text, or counts tokens at the end."""
    if "error" in content:
        return False
    choices = content.get("choices", [])
    return not choices or any(each.get("finish_reason") is not None for each in choices)
