"""The monitor that never has anything to say: plain decoding behind the same interface."""

from collections.abc import Hashable

from monitors.constraints import ANYTHING, Constraint
from monitors.protocols import Answer, Document, Progress, Query


class SilentMonitor:
    """Asks nothing and allows everything. Its state is None."""

    def start(self, document: Document) -> None:
        """Nothing to remember."""

    def update(self, state: None, text: str) -> Progress[None]:
        """All of the text is fine."""
        return Progress(None, "", True)

    def pre(self, state: None) -> Query | None:
        """Nothing to ask."""
        return None

    def answer(self, state: None, answer: Answer) -> None:
        """Nothing to learn."""

    def maskgen(self, state: None) -> Constraint:
        """Anything."""
        return ANYTHING

    def expect(self, state: None) -> Query | None:
        """Nothing to ask."""
        return None

    def crosses(self, state: None, text: str) -> bool:
        """No trigger is live."""
        return False

    def crossing_key(self, state: None) -> Hashable:
        """There is one state only."""
        return None
