"""Berths and who lies there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from harbor.vessel import Vessel


@dataclass
class Stay:
    """One visit of a vessel."""

    vessel: Vessel
    arrived_at: datetime
    departed_at: datetime | None = None

    def nights(self, now: datetime) -> int:
        """Nights spent so far."""
        return ((self.departed_at or now) - self.arrived_at).days


class Berth:
    """A place at the quay, long and deep enough for some vessels."""

    def __init__(self, label: str, quay_length_m: float, water_depth_m: float) -> None:
        self.label = label
        self.quay_length_m = quay_length_m
        self.water_depth_m = water_depth_m
        self.stays: list[Stay] = []

    def can_moor(self, vessel: Vessel) -> bool:
        """Whether the vessel fits."""
        return vessel.length_m <= self.quay_length_m and vessel.draught_m < self.water_depth_m

    def moor(self, vessel: Vessel, when: datetime) -> Stay:
        """Begin a stay."""
        stay = Stay(vessel, when)
        self.stays.append(stay)
        return stay

    def current_stay(self) -> Stay | None:
        """The stay that has not ended yet."""
        return next((stay for stay in self.stays if stay.departed_at is None), None)

    def cast_off(self, when: datetime) -> None:
        """End the current stay."""
        stay = self.current_stay()
        if stay is not None:
            stay.departed_at = when
