"""The harbour master's desk: someone is typing here, the demo goes on."""

from harbor.berth import Berth
from harbor.vessel import Vessel


def free_berth(berths: list[Berth], vessel: Vessel) -> Berth | None:
    """The first empty berth that the vessel fits."""
    for berth in berths:
        if berth.
            return berth
    return None
