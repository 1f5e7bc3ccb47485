"""The logits processor for llama.cpp: one text, logits in the host's memory.

It translates only: token ids to session nodes, packed masks and verdicts to logits. It needs no
llama_cpp: whoever calls processors in the same way may use it.
"""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from decoding.engines.numpy_rows import Floats, Place, constrain
from decoding.session.paths import Path
from decoding.session.session import Session


class LlamaLogitsProcessor:
    """Masks every token that cannot lead to a valid name; for ``Llama.generate`` and the like.

    It follows one text at a time, which begins where the ids of the first call end, and may jump
    back in it. `close` it, or use it as a context manager, to give up what is still being asked
    when generation ends.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._path = Path(session)
        self._start: int | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give up what was asked ahead; it would keep servers busy. Going on does no harm."""
        self._session.close()

    def __call__(self, input_ids: Any, scores: Any) -> Floats:
        """A copy of ``scores``, float32 of shape (vocabulary,), with forbidden tokens at -inf.

        ``input_ids``: the prompt and what was generated, integers of shape (length,).
        """
        ids = np.asarray(input_ids).tolist()
        if self._start is None:
            self._start = len(ids)
        self.follow(ids[self._start :])
        return self.masked(scores)

    def follow(self, generated: Sequence[int]) -> None:
        """Go to the end of a generated text, and begin to answer all that is needed there.

        Told as soon as a token is sampled, its queries run beside the next forward pass.
        """
        self._path.follow(generated)
        self._session.hasten(self._path.node)
        self._session.prefetch(self._path.node)

    def masked(self, scores: Any) -> Floats:
        """A copy of ``scores`` for the text that was followed last, with forbidden ones at -inf."""
        node = self._path.node
        row: Floats = np.array(scores, np.float32)
        rows = row[None]
        constrain(rows, [Place(0, self._session, node)], lambda: rows)
        if not node.ended:
            self._session.prefetch(self._session.peek(node, int(row.argmax())))
        return row
