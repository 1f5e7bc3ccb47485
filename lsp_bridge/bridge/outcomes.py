"""What became of requests, passed on from the process that guides them to the one that answers.

Whoever follows a request may be heard later than whoever tells of it, so what is told of requests
that nobody follows is kept for a while.
"""

from collections import OrderedDict
from collections.abc import Callable

from lsp_bridge.bridge.protocol import Outcome

_MOST_UNFOLLOWED = 4096
Hear = Callable[[Outcome], None]


class Outcomes:
    """The outcomes of requests by their keys. Not thread safe."""

    def __init__(self) -> None:
        self._followed: dict[str, Hear] = {}
        self._told: dict[str, Outcome] = {}
        self._unfollowed: OrderedDict[str, Outcome] = OrderedDict()

    def __len__(self) -> int:
        return len(self._followed) + len(self._unfollowed)

    def tell(self, key: str, outcome: Outcome) -> None:
        """Replace what was told of a request; who follows it hears at once."""
        if hear := self._followed.get(key):
            self._told[key] = outcome
            hear(outcome)
            return
        self._unfollowed[key] = outcome
        self._unfollowed.move_to_end(key)
        if len(self._unfollowed) > _MOST_UNFOLLOWED:
            self._unfollowed.popitem(last=False)

    def is_known(self, key: str) -> bool:
        """Whether anything was told of a request that is followed."""
        return key in self._told

    def follow(self, key: str, hear: Hear) -> None:
        """Call ``hear`` with what was told, and with whatever will be."""
        self._followed[key] = hear
        if outcome := self._unfollowed.pop(key, None):
            self.tell(key, outcome)

    def unfollow(self, key: str) -> Outcome | None:
        """What was told last, if anything was; it is forgotten."""
        self._followed.pop(key, None)
        return self._told.pop(key, None)
