"""What is known of what may be called: signatures as closed facts."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class ParameterKind(StrEnum):
    """How an argument reaches a parameter."""

    POSITIONAL_ONLY = "positional_only"
    POSITIONAL = "positional"
    """By position, or by name in languages that have that."""
    VARIADIC = "variadic"
    """Any number of arguments."""
    KEYWORD_ONLY = "keyword_only"
    KEYWORD_VARIADIC = "keyword_variadic"
    """Any number of named arguments, whatever their names."""


class Parameter(NamedTuple):
    """One parameter of a callable."""

    name: str
    """Empty where it has none."""
    kind: ParameterKind
    optional: bool = False
    """Whether a call may leave it out."""


class Signature(NamedTuple):
    """One way to call something."""

    parameters: tuple[Parameter, ...]
    """Without the receiver, ``self`` or ``this``."""

    @property
    def least(self) -> int:
        """How many arguments a call must have."""
        return sum(not (each.optional or each.kind in _ANY_NUMBER) for each in self.parameters)

    @property
    def most(self) -> int | None:
        """How many arguments a call may have; None: any number."""
        if any(each.kind in _ANY_NUMBER for each in self.parameters):
            return None
        return len(self.parameters)


@dataclass(frozen=True, slots=True)
class Signatures:
    """A closed list: a call has to meet one of these."""

    overloads: tuple[Signature, ...]


_ANY_NUMBER = frozenset({ParameterKind.VARIADIC, ParameterKind.KEYWORD_VARIADIC})
