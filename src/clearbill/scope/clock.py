"""The clock: the only place below ``web`` and ``cli`` that may read the time, and what a test seller's clock says.

Business code takes ``at``; ``web``, ``cli`` and the waking job read it here and pass it on.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class HasClock(Protocol):
    """A seller, as far as its clock goes."""

    is_test: bool
    test_clock_at: datetime | None


def wall_clock() -> datetime:
    """The instant, UTC."""
    return datetime.now(UTC)


def clock_of(seller: HasClock) -> datetime:
    """The seller's present: a test seller with a test clock lives at that instant, everybody else now."""
    if seller.is_test and seller.test_clock_at is not None:
        return seller.test_clock_at
    return wall_clock()
