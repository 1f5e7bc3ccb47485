"""Answers by content: whoever asks the same about the same text gets the same answer."""

from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

from monitors.protocols import Answer, Reason, Unavailable

_TRANSIENT = frozenset({Reason.TIMEOUT, Reason.CRASHED, Reason.NOT_STARTED, Reason.SERVER_ERROR})


class Key(NamedTuple):
    """What an answer depends on."""

    profile: str
    workspace: Path
    path: str
    digest: bytes
    """Hash of what is asked, of the text that is sent and of the cursor in it."""
    changes: int = 0
    """How often other files were known to have changed when it was asked."""


class AnswerCache:
    """The answers used last, ``capacity`` entries at most. Not thread safe."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._answers: OrderedDict[Key, Answer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: Key) -> Answer | None:
        """The answer kept for ``key``, which then counts as used last."""
        answer = self._answers.get(key)
        if answer is not None:
            self._answers.move_to_end(key)
        return answer

    def put(self, key: Key, answer: Answer) -> None:
        """Keep ``answer``, unless asking again may well give a better one."""
        if not is_lasting(answer):
            return
        self._answers[key] = answer
        self._answers.move_to_end(key)
        while len(self._answers) > self._capacity:
            self._answers.popitem(last=False)

    def clear(self) -> None:
        """Forget everything, as when files of the workspace have changed on disk."""
        self._answers.clear()


def is_lasting(answer: Answer) -> bool:
    """Whether the same question would be answered in the same way again."""
    return not isinstance(answer, Unavailable) or answer.reason not in _TRANSIENT
