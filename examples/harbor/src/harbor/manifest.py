"""Cargo lists: someone is typing at the end of this file, the demo goes on."""

from harbor.vessel import Vessel


def total_cargo(vessels: list[Vessel]) -> float:
    """Tonnes on all vessels."""
    total = 0.0
    for vessel in vessels:
        total += vessel.