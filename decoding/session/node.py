"""Where a generated text stands, and what may come next there."""

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from decoding.vocabulary.masks import Row
from decoding.vocabulary.tables import IntArray
from monitors.constraints import ANYTHING, Constraint
from monitors.protocols import Outcome

Heads = dict[str, tuple[Any, tuple[Outcome, ...]]]
"""By text: the state behind it once its queries are answered, and what became of them."""
NO_IDS: IntArray = np.empty(0, np.int64)


@dataclass(slots=True, eq=False)
class Node:
    """A prefix of the generated tokens. Only `Session` looks inside."""

    state: Any
    pending: bytes = b""
    """Bytes of an unfinished UTF-8 character."""
    healing: Constraint = ANYTHING
    """What is left of the prompt text that is generated again."""
    valid: bool = True
    """Whether the last token kept the constraint of the node before it."""
    ended: bool = False
    accepted: bool = False
    """Whether the token was generated, not only judged."""
    released: bool = False
    """Whether the monitor was set aside here because no token fitted."""
    outcomes: list[Outcome] = field(default_factory=list)
    """What became of the triggers in the last token."""
    children: dict[int, "Node"] = field(default_factory=dict)
    heads: Heads = field(default_factory=dict)
    """What tokens begin with up to their first trigger, which many share."""


class Step(NamedTuple):
    """What may be sampled next."""

    row: Row | None
    """Packed mask, int32 of ceil(size / 32) words; None: nothing is forbidden. Read only."""
    crossing: IntArray
    """Token ids, open in ``row``, that must be closed unless `Session.keep` returns them."""
    discouraged: IntArray = NO_IDS
    """Token ids that are legal and bad style: take `Options.blank_penalty` off their logits."""


FREE = Step(None, NO_IDS)
