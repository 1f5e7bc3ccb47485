"""The harbour master's desk: unfinished on purpose, the demo completes it."""

from datetime import datetime

from harbor.berth import Berth, Stay
from harbor.tariff import Tariff
from harbor.vessel import Vessel


def free_berths(berths: list[Berth], vessel: Vessel) -> list[Berth]:
    """Berths that are empty now and fit the vessel."""
    return [berth for berth in berths if berth.

def load_cargo(vessel: Vessel, tonnes: float) -> None:
    """Put cargo where most room is left."""
    hold = vessel.


def invoice(stay: Stay, tariff: Tariff, now: datetime) -> str:
    """One line for the bill."""
    total = tariff.
    return f"{stay.vessel.call_sign}: {total}"
