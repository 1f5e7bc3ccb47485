"""What was answered, so that everybody hears the same.

Ranks of one engine run the same steps and must mask alike, so they must get the same answer to the
same query, also when one of them asks before a deadline and one after it. Hence a `Verdict`:
whatever becomes of a query first, facts, a failure or its deadline, is *the* answer for all who ask
it in the same scope. Deadlines run here, from the moment at which the bridge hears that somebody
waits; a client that asked earlier without waiting (a prefetch) starts no clock. Of several
deadlines the first one counts.

For how long? Not for ever: a time-out says something about a moment, and who completes the same
text later should have the facts that came too late. Nor until a fixed time after the decision: one
rank would ask just before that time and one just after it. So a verdict is kept until nobody has
asked for it for `LIFE_S`. Two questions less than that apart always get the same answer, and ranks
are never further apart than one step, since they wait for each other in every forward pass.

The price: a text that is completed again and again, at intervals below `LIFE_S`, would keep the
first one's time-out. That is what scopes are for. A scope names one request, by any text that is
the same on all ranks; verdicts are shared within it and not beyond, while facts are shared by all
through the pool's cache. Whoever names no scope shares one with all others who do not.

A query that nobody wants any more before its verdict (everybody cancelled, or vanished) leaves no
verdict: nobody has heard one.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

from monitors.protocols import Answer, Query

LIFE_S = 60.0
MOST_VERDICTS = 65_536
Listener = Callable[[Answer], None]


def key_of(query: Query, scope: str, server: str | None) -> bytes:
    """Stands for everything that an answer may differ by."""
    document = query.document
    parts = (scope, server or "", query.kind, document.language, document.path)
    data = hashlib.blake2b(digest_size=24)
    for part in (*parts, document.prefix, document.suffix):
        encoded = part.encode()
        data.update(len(encoded).to_bytes(8, "big"))
        data.update(encoded)
    return data.digest()


class Verdict:
    """One query, and what became of it."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        """None until it is decided, which happens once."""
        self.used_s = 0.0
        """When it was decided, or asked for again."""
        self._listeners: dict[object, Listener] = {}

    def tell(self, who: object, listener: Listener) -> None:
        """Call ``listener`` with the answer, at once if it is decided."""
        if self.answer is not None:
            listener(self.answer)
        else:
            self._listeners[who] = listener

    def leave(self, who: object) -> bool:
        """Forget the listener of ``who``; returns whether nobody is left to wait for it."""
        self._listeners.pop(who, None)
        return self.answer is None and not self._listeners

    def decide(self, answer: Answer) -> None:
        """Make ``answer`` the one that counts, and tell everybody."""
        self.answer = answer
        listeners, self._listeners = self._listeners, {}
        for listener in listeners.values():
            listener(answer)


V = TypeVar("V", bound=Verdict)


class Memory(Generic[V]):
    """Verdicts by key; decided ones are forgotten in the order of their last use.

    Not thread safe.
    """

    def __init__(self, now_s: Callable[[], float], capacity: int = MOST_VERDICTS) -> None:
        """``now_s`` is a clock that never goes back, in seconds."""
        self._now_s = now_s
        self._capacity = capacity
        self._open: dict[bytes, V] = {}
        self._decided: OrderedDict[bytes, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open) + len(self._decided)

    def recall(self, key: bytes) -> V | None:
        """The verdict for ``key``, decided or not; it then counts as used."""
        self._sweep()
        verdict = self._decided.get(key)
        if verdict is None:
            return self._open.get(key)
        verdict.used_s = self._now_s()
        self._decided.move_to_end(key)
        return verdict

    def open(self, key: bytes, verdict: V) -> None:
        """Keep ``verdict``, which is not decided yet, for ``key``."""
        self._open[key] = verdict

    def decide(self, key: bytes, verdict: V, answer: Answer) -> bool:
        """Decide a verdict and tell everybody; False if it was decided or dropped before."""
        if self._open.get(key) is not verdict:
            return False
        self._decided[key] = self._open.pop(key)
        verdict.used_s = self._now_s()
        verdict.decide(answer)
        return True

    def drop(self, key: bytes, verdict: V) -> None:
        """Forget a verdict that nobody has heard."""
        if self._open.get(key) is verdict:
            del self._open[key]

    def _sweep(self) -> None:
        oldest_s = self._now_s() - LIFE_S
        while self._decided:
            verdict = next(iter(self._decided.values()))
            if verdict.used_s > oldest_s and len(self._decided) <= self._capacity:
                return
            self._decided.popitem(last=False)
