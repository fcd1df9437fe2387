"""Who uses most, and since when events come in: for the usage page. In the running scope."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Count

from clearbill.billing.models import UsageEvent
from clearbill.billing.queries.usage import Quantities, Window, measure
from clearbill.core.usage import Meter
from clearbill.scope.seller import current_seller


def busiest_customers(
    meter: Meter, *, start: datetime, end: datetime, limit: int = 25
) -> list[tuple[UUID, int, Quantities]]:
    """``(customer, events, what the meter reads)`` of the customers with most events of the meter's type, most first."""
    rows = (
        UsageEvent.objects.filter(seller_id=current_seller(), type=meter.event_type, at__gte=start, at__lt=end)
        .values("customer_id")
        .annotate(events=Count("key_hash"))
        .order_by("-events", "customer_id")[:limit]
    )
    counted: Sequence[tuple[UUID, int]] = [(row["customer_id"], row["events"]) for row in rows]
    windows = [Window(customer_id=customer, start=start, end=end) for customer, _events in counted]
    read = measure([meter], windows) if windows else {}
    return [(customer, events, read[(customer, start, end, meter.code)]) for customer, events in counted]


def last_event_at() -> datetime | None:
    """The latest instant that an event of the running seller has; None without events."""
    rows = UsageEvent.objects.filter(seller_id=current_seller()).order_by("-at").values_list("at", flat=True)
    found: datetime | None = rows.first()
    return found


def sum_of(quantities: Quantities) -> Decimal:
    """All groups together."""
    return sum(quantities.values(), Decimal(0))
