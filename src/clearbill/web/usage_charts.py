"""Usage by day as points of a chart: every day of the time has its bar, those without events too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton

from clearbill.billing.queries.subscriptions import calendar_of
from clearbill.billing.queries.usage import Quantities, usage_by_day
from clearbill.core.period import Period, period_containing
from clearbill.core.usage import Aggregation, Meter
from clearbill.scope.local_formats import active_locale

MAX_DAYS = 100
FIRST_DAY = timedelta(days=1)
Point = tuple[str, Decimal]


def days_of_usage(
    customer_id: UUID | None, meter: Meter, *, start: datetime, end: datetime, timezone: str
) -> list[Point]:
    """What the meter reads on each local day of ``[start, end)``; groups of a day count together."""
    found = dict(usage_by_day(customer_id, meter, start=start, end=end, timezone=timezone))
    zone = ZoneInfo(timezone)
    first = start.astimezone(zone).date()
    last = (end - timedelta(microseconds=1)).astimezone(zone).date()
    days = [first + timedelta(days=each) for each in range(min((last - first).days + 1, MAX_DAYS))]
    return [(short_day(day), max(together(found.get(day, {}), meter), Decimal(0))) for day in days]


def shown_period(subscription: Any, *, at: datetime) -> Period:
    """The period whose usage says something: the running one, or the one before while its first day lasts."""
    calendar = calendar_of(subscription)
    last = subscription.ended_at - timedelta(microseconds=1) if subscription.ended_at else at
    running = period_containing(calendar, max(last, calendar.started_at))
    if at >= running.start + FIRST_DAY or running.start <= calendar.started_at:
        return running
    return period_containing(calendar, running.start - timedelta(microseconds=1))


def together(quantities: Quantities, meter: Meter) -> Decimal:
    """One number for all groups of a meter: the highest of a maximum's, the sum of others'."""
    if meter.aggregation is Aggregation.MAX:
        return max(quantities.values(), default=Decimal(0))
    return sum(quantities.values(), Decimal(0))


def group_rows(quantities: Quantities) -> Sequence[tuple[str, Decimal]]:
    """Groups by name with what each used; nothing for a meter without groups."""
    return [(", ".join(part or "–" for part in group), value) for group, value in sorted(quantities.items()) if group]


def totals(found: Mapping[str, Quantities], meters: Sequence[Meter]) -> dict[str, Decimal]:
    """One number a meter, by code."""
    return {meter.code: together(found.get(meter.code, {}), meter) for meter in meters}


def short_day(day: date) -> str:
    """``Nov 6``, ``11月6日``."""
    return format_skeleton("MMMd", day, locale=active_locale())


def short_month(year_month: str, *, with_year: bool) -> str:
    """``2013-11`` → ``Nov 2013``, ``2013年11月``; without its year ``Nov``, ``11月``."""
    year, month = year_month.split("-")
    pattern = "yMMM" if with_year else "MMM"
    return format_skeleton(pattern, date(int(year), int(month), 1), locale=active_locale())
