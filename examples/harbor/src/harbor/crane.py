"""The crane: someone is typing here, the demo goes on."""

from harbor.vessel import Vessel


def load_cargo(vessel: Vessel, tonnes: float) -> None:
    """Put cargo into the hold where most room is left."""
    hold = vessel.
    hold.stow(tonnes)
