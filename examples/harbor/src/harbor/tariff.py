"""What a stay costs."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from harbor.berth import Stay


@dataclass(frozen=True)
class Tariff:
    """Prices in the harbour's currency."""

    nightly_rate: Decimal
    rate_per_tonne: Decimal
    minimum_nights: int = 1

    def mooring_fee(self, stay: Stay, now: datetime) -> Decimal:
        """Price of the berth."""
        return self.nightly_rate * max(stay.nights(now), self.minimum_nights)

    def cargo_fee(self, stay: Stay) -> Decimal:
        """Price of handling the cargo on board."""
        return self.rate_per_tonne * Decimal(stay.vessel.cargo_total())

    def amount_due(self, stay: Stay, now: datetime) -> Decimal:
        """Everything together."""
        return self.mooring_fee(stay, now) + self.cargo_fee(stay)
