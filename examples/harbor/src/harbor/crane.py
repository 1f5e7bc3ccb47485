"""The crane: someone is typing at the end of this file, the demo goes on."""

from harbor.vessel import Vessel


def load_cargo(vessel: Vessel, tonnes: float) -> None:
    """Put cargo into the hold where most room is left."""
    hold = vessel.