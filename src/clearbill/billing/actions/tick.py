"""Tick: do all work that's due at a seller up to an instant. What wakes it holds no time of its own.

A test seller with a clock lives at that clock: ``move_clock`` walks it to a later instant and does what falls due.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from clearbill.billing.actions.bill_run import RunReport, run_due
from clearbill.billing.actions.usage_store import make_partitions
from clearbill.core.errors import Unacceptable
from clearbill.scope.seller import seller_scope
from clearbill.sellers.actions import set_test_clock

PARTITIONS_AHEAD = timedelta(days=31)
LATEST_CLOCK = datetime(2199, 1, 1, tzinfo=UTC)  # usage has months up to 2200


def tick(seller_id: UUID, *, at: datetime, progress: Callable[[int], None] | None = None) -> RunReport:
    """Everything due up to and including ``at``, in the order of its instants; partitions for usage to come."""
    with seller_scope(seller_id):
        make_partitions({(day.year, day.month) for day in (at, at + PARTITIONS_AHEAD)})
    return run_due(seller_id, at=at, progress=progress)


def move_clock(
    seller_id: UUID, *, to: datetime, actor: str, progress: Callable[[int], None] | None = None
) -> RunReport:
    """Move a test seller's clock to ``to`` and do what falls due till then.

    The clock moves first and the work follows: killed in between, the next tick does the rest. Raises what
    ``set_test_clock`` refuses: a live seller, a clock that would go back; and Unacceptable ``clock_too_far``.
    """
    if to.tzinfo is not None and to > LATEST_CLOCK:
        raise Unacceptable(
            "clock_too_far",
            "A test clock goes up to the year {year} at most.",
            field="to",
            year=LATEST_CLOCK.year,
        )
    with seller_scope(seller_id):
        set_test_clock(seller_id, at=to, actor=actor)
    return tick(seller_id, at=to, progress=progress)
