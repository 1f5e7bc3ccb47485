"""Bills: someone is typing at the end of this file, the demo goes on."""

from datetime import datetime

from harbor.berth import Stay
from harbor.tariff import Tariff


def invoice(stay: Stay, tariff: Tariff, now: datetime) -> str:
    """One line for the bill."""
    total = tariff.