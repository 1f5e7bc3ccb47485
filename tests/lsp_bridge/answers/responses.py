"""What is read from a response that a test made up."""

from typing import Any

from lsp_bridge.answers import completions
from lsp_bridge.profiles.profile import Profile
from monitors.protocols import Members, Reason, Unavailable
from tests.fakes import misbehaving

PLAIN = misbehaving("none")
TEXT = "opt."


def names(response: Any, profile: Profile = PLAIN, text: str = TEXT) -> list[str]:
    """The names that are read from a response, which must be facts."""
    answer = completions.read(response, profile, text, len(text))
    assert isinstance(answer, Members), answer
    return [name.text for name in answer.names]


def reason(response: Any, profile: Profile = PLAIN, text: str = TEXT) -> Reason:
    """Why a response is worth nothing."""
    answer = completions.read(response, profile, text, len(text))
    assert isinstance(answer, Unavailable), answer
    return answer.reason
