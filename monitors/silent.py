"""The monitor that never has anything to say: plain decoding behind the same interface."""

import re
from collections.abc import Hashable

from monitors.constraints import ANYTHING, Constraint
from monitors.protocols import Answer, Answered, Document, Progress, Query

_NOTHING = re.compile("(?!)")


class SilentMonitor:
    """Asks nothing and allows everything. Its state is None."""

    def start(self, document: Document) -> None:
        """Nothing to remember."""

    def update(self, state: None, text: str) -> Progress[None]:
        """All of the text is fine."""
        return Progress(None, "", True)

    def queries(self, state: None) -> tuple[Query, ...]:
        """Nothing to ask."""
        return ()

    def answer(self, state: None, query: Query, answer: Answer) -> Answered[None]:
        """Nothing to learn."""
        return Answered(None, ())

    def release(self, state: None) -> None:
        """Nothing to set free."""

    def maskgen(self, state: None) -> Constraint:
        """Anything."""
        return ANYTHING

    def expect(self, state: None) -> tuple[Query, ...]:
        """Nothing to ask."""
        return ()

    @property
    def crossing(self) -> re.Pattern[str]:
        """No token has a trigger."""
        return _NOTHING

    def crosses(self, state: None, text: str) -> bool:
        """No trigger is live."""
        return False

    def crossing_key(self, state: None) -> Hashable:
        """There is one state only."""
        return None

    def parts(self, state: None) -> "tuple[tuple[SilentMonitor, None], ...]":
        """Itself."""
        return ((self, state),)
