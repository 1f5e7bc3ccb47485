"""Random logits through the mechanics of a session, as an adapter for an engine applies them."""

import codecs
import re
from collections.abc import Callable
from random import Random

import numpy as np
import numpy.typing as npt

from benchmarks.places import Place
from decoding.session.node import Node
from decoding.session.session import Session
from decoding.vocabulary import masks
from decoding.vocabulary.index import TokenIndex

Logits = npt.NDArray[np.float32]
_SPREAD = 3.0
_NUDGE = 24.0
"""Added to the logits of what should come next: more than noise reaches in a large vocabulary."""
_OPERATOR = re.compile(r"\.(?:[^\W\d]|\Z)")
_STATEMENTS = (("x = ", ""), ("return ", ""), ("print(", ")"), ("if ", " is None: pass"), ("", ""))
"""What stands before a receiver and behind its members."""
_END = 0.6
"""Probability that a statement ends with a token, once it has its dots."""
_CHAIN = (1, 1, 1, 2)
"""Dots of a statement."""


def masked(session: Session, node: Node, logits: Logits) -> Logits:
    """A copy of ``logits`` in which everything that may not come next is closed."""
    step = session.step(node)
    left = logits.copy()
    if step.row is not None:
        left[~masks.unpack(step.row, len(left))] = -np.inf
    if step.crossing.size:
        values = left[step.crossing].copy()
        left[step.crossing] = -np.inf
        kept = session.keep(node, step.crossing, values, float(left.max()))
        left[kept] = values[np.searchsorted(step.crossing, kept)]
    if not node.released and not np.isfinite(left).any():
        session.release(node)
        return masked(session, node, logits)
    return left


class Walker:
    """Samples random statements that dereference names in scope."""

    def __init__(self, index: TokenIndex, encode: Callable[[str], list[int]], seed: str) -> None:
        self._index = index
        self._encode = encode
        self._random = Random(seed)
        self._noise = np.random.default_rng(self._random.getrandbits(64))
        self._operators = _operators(index)
        [self._dot] = encode(".")

    def walk(self, session: Session, place: Place, steps: int) -> str:
        """Text of ``steps`` sampled tokens.

        Receivers, dots and line ends are nudged, not forced: what a mask closes is not sampled.
        """
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        node, text = session.root, ""
        script = _Script(self._random, self._encode, place)
        for _ in range(steps):
            token = self._sample(session, node, script, text.count("."))
            node = session.accept(node, token)
            if node.ended:
                break
            text += decoder.decode(self._index.bytes_of(token) or b"")
        return text

    def _sample(self, session: Session, node: Node, script: "_Script", dots: int) -> int:
        logits = self._noise.normal(scale=_SPREAD, size=self._index.size).astype(np.float32)
        wish = script.next(dots)
        if wish is not None:
            logits[wish] += _NUDGE
        elif script.wants_dot(dots):
            logits[self._operators] += _NUDGE
            logits[self._dot] += _NUDGE * self._random.randint(0, 1)
        token = int(np.argmax(masked(session, node, logits)))
        script.sampled(token)
        return token


class _Script:
    """What should come next: tokens up to the end of a receiver, dots, the end of a statement."""

    def __init__(self, random: Random, encode: Callable[[str], list[int]], place: Place) -> None:
        self._random = random
        self._encode = encode
        self._place = place
        self._closer = ""
        self._dots = 0
        self._tokens: list[int] = []
        self._begin("", 0)

    def next(self, dots: int) -> int | None:
        """The token that is wished for; ``dots`` are those in the text so far."""
        if not self._tokens and not self.wants_dot(dots) and self._random.random() < _END:
            self._begin(self._closer + "\n" + self._place.indent, dots)
        return self._tokens[0] if self._tokens else None

    def wants_dot(self, dots: int) -> bool:
        """Whether the statement lacks a dot."""
        return dots < self._dots

    def sampled(self, token: int) -> None:
        """Take note of what came; a wish is repeated until it is granted."""
        if self._tokens and self._tokens[0] == token:
            del self._tokens[0]

    def _begin(self, before: str, dots: int) -> None:
        opener, self._closer = self._random.choice(_STATEMENTS)
        receiver = self._random.choice(self._place.receivers)
        self._tokens = self._encode(before + opener + receiver)
        self._dots = dots + self._random.choice(_CHAIN)


def _operators(index: TokenIndex) -> npt.NDArray[np.int64]:
    """Ids of the dot, and of the tokens that begin with a dot and a name."""
    texts = (index.text_of(token_id) or "" for token_id in range(index.size))
    return np.array([i for i, text in enumerate(texts) if _OPERATOR.match(text)], np.int64)
