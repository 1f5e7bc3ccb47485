"""Vessels and what they carry."""

from dataclasses import dataclass, field


@dataclass
class Hold:
    """A cargo hold, measured in tonnes."""

    capacity_t: float
    loaded_t: float = 0.0

    def room_left(self) -> float:
        """Tonnes that still fit."""
        return self.capacity_t - self.loaded_t

    def stow(self, tonnes: float) -> None:
        """Load cargo; raises `ValueError` if it does not fit."""
        if tonnes > self.room_left():
            raise ValueError(f"{tonnes} t do not fit, {self.room_left()} t left")
        self.loaded_t += tonnes


@dataclass
class Vessel:
    """A ship that calls at the harbour."""

    call_sign: str
    length_m: float
    draught_m: float
    holds: list[Hold] = field(default_factory=list)

    def cargo_total(self) -> float:
        """Tonnes in all holds together."""
        return sum(hold.loaded_t for hold in self.holds)

    def roomiest_hold(self) -> Hold:
        """The hold with the most room left."""
        return max(self.holds, key=Hold.room_left)

    def is_laden(self) -> bool:
        """Whether any cargo is on board."""
        return self.cargo_total() > 0
