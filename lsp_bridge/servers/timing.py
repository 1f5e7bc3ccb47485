"""Waits that are bounded, and pauses between attempts."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

_FIRST_PAUSE_S = 0.01


@asynccontextmanager
async def bound(limit_s: float, what: str) -> AsyncIterator[None]:
    """Raise a TimeoutError that says ``what`` when ``limit_s`` seconds have passed."""
    try:
        async with asyncio.timeout(limit_s) as clock:
            yield
    except TimeoutError as error:
        if not clock.expired():
            raise
        raise TimeoutError(f"{what} in {limit_s:g} s") from error


def pauses_s(total_s: float) -> Iterator[float]:
    """Pauses that double, ``total_s`` seconds in all."""
    pause_s = _FIRST_PAUSE_S
    while total_s > 0:
        yield min(pause_s, total_s)
        total_s -= pause_s
        pause_s *= 2
