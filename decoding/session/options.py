"""How a session behaves: the options that its user chooses."""

from dataclasses import dataclass
from enum import StrEnum


class CrossingPolicy(StrEnum):
    """What becomes of tokens that hold a live trigger and the beginning of a name."""

    VERIFY = "verify"
    """Judge those that matter for the step, close the rest."""
    SPLIT = "split"
    """Close them all; the model writes the operator alone."""


def margin_for(temperature: float) -> float:
    """`Options.margin` for a sampler: what lies further below is not sampled, or once in 1,000.

    At temperature 0 the likeliest token alone matters, so that far fewer have to be judged. Too
    little for beams, for logits that are changed behind the masks, and where logits are shown.
    """
    return 7.0 * temperature


@dataclass(frozen=True, slots=True)
class Options:
    """How a session behaves."""

    crossing: CrossingPolicy = CrossingPolicy.VERIFY
    deadline_s: float = 1.0
    """Longest time for which one step waits for answers; goes on unconstrained after it."""
    margin: float = margin_for(1.0)
    """Crossing tokens whose logit is this far below the best allowed one do not matter.

    0 is for samplers that take the likeliest token and no other one.
    """
    blank_penalty: float = 10.0
    """Taken off the logits of tokens that begin with white space or a comment right behind an
    operator, or with what may come instead of a name (the second dot of a range). They are legal;
    without it a model that wants none of the names writes ``order. total`` or ``order..total``."""
    most_judged: int = 64
    """Most crossing tokens that are judged in one step, best logits first."""
    prefetch: bool = True
    """Ask ahead where a dereference is likely."""
    strict: bool = False
    """Raise `AnalysisError` where an analysis gives no answer, instead of failing open."""


DEFAULTS = Options()
