"""A place in a text whose next token somebody else samples: what to ask for, what to take."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from decoding.session.node import Node
from decoding.session.session import Session
from decoding.vocabulary import masks
from monitors.errors import EndpointError

_LIFT = 100.0
_BAN = -100.0
_MOST_HEATS = 8
_PATIENCE = 64


class Position(NamedTuple):
    """One sampled token."""

    candidates: tuple[int, ...]
    """Ids that it may be: several if the endpoint gave nothing but text that they share."""
    likely: tuple[int, ...] = ()
    """Ids of the likeliest tokens in its place, as far as they are known."""
    is_sampled: bool = True
    """Whether this token was sampled, not made of the text of several that were."""


def lifted(bias: Mapping[int, float]) -> frozenset[int]:
    """The only tokens that can come under ``bias``; empty: it does not say."""
    return frozenset(token_id for token_id, value in bias.items() if value > 0)


class Place:
    """What may come behind a node, and what was learned from the samples refused there."""

    def __init__(self, session: Session, node: Node, size: int, limit: int, tries: int) -> None:
        """``limit``: most entries of a bias. ``tries``: how many samples may be refused."""
        self.node = node
        self._session = session
        self._size = size
        self._limit = limit
        self._tries_left = tries
        self._refused: dict[int, float] = {}
        self._heats: list[list[int]] = []
        self._winners: list[int] = []
        self._look()

    def _look(self) -> None:
        self._step = self._session.step(self.node)
        self._crossing = frozenset(self._step.crossing.tolist())
        self._discouraged = frozenset(self._step.discouraged.tolist())

    @property
    def is_fallback(self) -> bool:
        """Whether too much was refused for bans to lead anywhere."""
        return self._tries_left < 0 or len(self._refused) > self._limit

    def bias(self) -> dict[int, float]:
        """What to add to the logits: few tokens lifted, or those refused banned; may be empty."""
        allowed = self._allowed()
        if allowed is not None and not allowed:
            self._session.release(self.node)
            self._refused.clear()
            self._look()
            allowed = self._allowed()
        if allowed is not None and len(allowed) <= self._limit:
            return self._lift(allowed)
        return self._lift(self._heat()) if self.is_fallback else dict(self._refused)

    def choose(self, position: Position, bias: Mapping[int, float]) -> int | None:
        """The sampled token if it may come; None: ask again, for what the next `bias` says.

        Raises `EndpointError` if ``bias`` was sent and made no difference.
        """
        for token_id in position.candidates:
            if not self._is_open(token_id):
                self._refused[token_id] = _BAN
            elif token_id in self._discouraged and token_id not in bias:
                self._refused[token_id] = -self._session.options.blank_penalty
            elif self._heats and len(self._heats) + len(self._winners) > 1:
                self._winners.append(token_id)
                self._heats.pop(0)
                return None
            else:
                return token_id
        self._learn(position, bias)
        return None

    def _learn(self, position: Position, bias: Mapping[int, float]) -> None:
        _check_heeded(position, bias)
        self._tries_left -= 1
        for token_id in position.likely:
            if not self._is_open(token_id):
                self._refused[token_id] = _BAN
        if self._tries_left < -_PATIENCE:
            raise EndpointError(
                "the endpoint gives text in which tokens cannot be told apart; name one that gives "
                "their ids, or logprobs"
            )

    def _is_open(self, token_id: int) -> bool:
        step = self._step
        if self._refused.get(token_id) == _BAN or not 0 <= token_id < self._size:
            return False
        if step.row is not None and not masks.are_open(step.row, [token_id])[0]:
            return False
        return token_id not in self._crossing or self._session.judge(self.node, token_id)

    def _allowed(self) -> list[int] | None:
        """Ids that are open and were not refused; None: there are too many to look at."""
        if self._step.row is None:
            return None
        open_ids = np.flatnonzero(masks.unpack(self._step.row, self._size)).tolist()
        return [i for i in open_ids if self._refused.get(i) != _BAN]

    def _heat(self) -> list[int]:
        """Those of the allowed tokens that are up next; in the end, the best of each heat."""
        left = [[i for i in heat if self._refused.get(i) != _BAN] for heat in self._heats]
        self._heats = [heat for heat in left if heat]
        if not self._heats and not self._winners:
            candidates = self._candidates()
            starts = range(0, min(len(candidates), _MOST_HEATS * self._limit), self._limit)
            self._heats = [candidates[start : start + self._limit] for start in starts]
        return self._heats[0] if self._heats else self._winners

    def _candidates(self) -> list[int]:
        """Allowed ids that need no judging, the frequent ones first.

        Vocabularies are built by merging what is frequent first: low ids are short and common.
        """
        allowed = self._allowed()
        allowed = list(range(self._size)) if allowed is None else allowed
        plain = [i for i in allowed if i not in self._crossing and i not in self._refused]
        return plain or allowed

    def _lift(self, allowed: list[int]) -> dict[int, float]:
        lower = _LIFT - self._session.options.blank_penalty
        return {i: lower if i in self._discouraged else _LIFT for i in allowed}


def _check_heeded(position: Position, bias: Mapping[int, float]) -> None:
    """Raise if a token came that the bias excluded."""
    if not position.is_sampled:
        return
    offered = lifted(bias)
    banned = any(bias.get(token_id) == _BAN for token_id in position.candidates)
    if banned or (offered and offered.isdisjoint(position.candidates)):
        raise EndpointError(
            "the endpoint sampled a token that logit_bias excludes: it ignores logit_bias, or "
            "numbers tokens in another way than this tokenizer; name an endpoint that heeds it, "
            "or the tokenizer of its model (--tokenizer)"
        )
