"""Random logits through the mechanics of a session, as an adapter for an engine applies them."""

import codecs
import re
from collections.abc import Callable
from random import Random

import numpy as np
import numpy.typing as npt

from benchmarks.places import Place
from decoding import masks
from decoding.session import Node, Session
from decoding.trie import TokenIndex

Logits = npt.NDArray[np.float32]
_SPREAD = 3.0
_NUDGE = 12.0
"""Added to the logits of what should come soon: more than the margin of crossing tokens."""
_OPERATOR = re.compile(r"\.(?:[^\W\d]|\Z)")
_END = 0.6
"""Probability that a statement ends with a token, once it has its dots."""
_CHAIN = (1, 1, 1, 2)
"""Dots of a statement."""
_OPENERS = ("x = ", "return ", "print(", "if ", "")


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
    """Writes random statements that dereference names in scope, in one random text."""

    def __init__(self, index: TokenIndex, encode: Callable[[str], list[int]], seed: str) -> None:
        self._index = index
        self._encode = encode
        self._random = Random(seed)
        self._noise = np.random.default_rng(self._random.getrandbits(64))
        self._operators = _operators(index)

    def walk(self, session: Session, place: Place, steps: int) -> str:
        """Text of ``steps`` sampled tokens. Names, dots and line ends are nudged, never forced."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        node, text = session.root, ""
        script = self._encode(self._receiver(place))
        wanted = 1
        for _ in range(steps):
            if not script and text.count(".") >= wanted and self._random.random() < _END:
                script = self._encode("\n" + place.indent + self._receiver(place))
                wanted = text.count(".") + self._random.choice(_CHAIN)
            logits = self._logits(script, text.count(".") < wanted)
            token = int(np.argmax(masked(session, node, logits)))
            node = session.accept(node, token)
            if node.ended:
                break
            text += decoder.decode(self._index.bytes_of(token) or b"")
        return text

    def _logits(self, script: list[int], wants_dot: bool) -> Logits:
        """Noise, with the script's next token nudged, or dots where one is wanted."""
        logits = self._noise.normal(scale=_SPREAD, size=self._index.size).astype(np.float32)
        if script:
            logits[script.pop(0)] += 2 * _NUDGE
        elif wants_dot:
            logits[self._operators] += _NUDGE
        return logits

    def _receiver(self, place: Place) -> str:
        return self._random.choice(_OPENERS) + self._random.choice(place.receivers)


def _operators(index: TokenIndex) -> npt.NDArray[np.int64]:
    """Ids of the dot, and of the tokens that begin with a dot and a name."""
    texts = (index.text_of(token_id) or "" for token_id in range(index.size))
    return np.array([i for i, text in enumerate(texts) if _OPERATOR.match(text)], np.int64)
