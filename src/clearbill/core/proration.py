"""Part periods: how much of a whole period was used, and what it costs."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext

from clearbill.core.errors import Fault
from clearbill.core.money import EXACT, major_text, plain
from clearbill.core.period import Period, ProrationUnit, zone_of
from clearbill.core.rating import Rated, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """``used`` of ``whole`` parts; ``whole`` > 0. ``per_unit`` parts are one unit: seconds may be in microseconds."""

    used: int
    whole: int
    per_unit: int = 1


def share(used: Period, whole: Period, *, unit: ProrationUnit, timezone: str) -> Share:
    """How much of ``whole`` the part ``used`` is, in ``unit``: local days, seconds, 30E/360 days, all or nothing."""
    per_unit = 1
    match unit:
        case ProrationUnit.FULL:
            return Share(used=1, whole=1)
        case ProrationUnit.NONE:
            return Share(used=1 if used == whole else 0, whole=1)
        case ProrationUnit.SECOND:
            parts, per_unit = (_microseconds(used), _microseconds(whole)), 1_000_000
            if parts[0] % per_unit == 0 and parts[1] % per_unit == 0:
                parts, per_unit = (parts[0] // per_unit, parts[1] // per_unit), 1
        case ProrationUnit.DAY:
            parts = _days(used, timezone), _days(whole, timezone)
        case ProrationUnit.FIXED_30:
            parts = _fixed_30(used, whole, timezone)
    if parts[1] <= 0 or parts[0] < 0:
        raise Fault(f"not a part of a period: {used} of {whole}")
    return Share(used=min(parts[0], parts[1]), whole=parts[1], per_unit=per_unit)


def prorate(rated: Rated, part: Share, *, unit: ProrationUnit, currency: str) -> Rated:
    """The part's amount: multiplied first, divided last, 60 digits, not rounded to money yet."""
    with localcontext(EXACT):
        exact = rated.exact * part.used / part.whole
    step: Step = {
        "step": "proration",
        "used": _units(part.used, part),
        "whole": _units(part.whole, part),
        "unit": unit.value,
        "amount": major_text(exact, currency),
    }
    return Rated(exact=exact, working=(*rated.working, step))


def _microseconds(period: Period) -> int:
    gap = period.end - period.start
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def _days(period: Period, timezone: str) -> int:
    return (_local(period.end, timezone) - _local(period.start, timezone)).days


def _fixed_30(used: Period, whole: Period, timezone: str) -> tuple[int, int]:
    """Days of 30E/360; a whole of months has 30 for each, also where February ends it early or begins it.

    Both edges of ``used`` are measured from the start of ``whole``, whose end counts as its full length: so the parts of
    a period add up to it whatever the anchor. A whole of no such days (the 30th to the 31st) is counted in real ones.
    """
    start, end = _local(whole.start, timezone), _local(whole.end, timezone)
    length = 30 * _whole_months(start, end) or _days_30e(start, end)
    if length <= 0:
        return _days(used, timezone), _days(whole, timezone)
    opens, closes = (
        length if edge >= whole.end else min(max(_days_30e(start, _local(edge, timezone)), 0), length)
        for edge in (used.start, used.end)
    )
    return closes - opens, length


def _whole_months(start: date, end: date) -> int:
    """Months from ``start`` to the same day of another month, or to its last day where that comes first; else 0."""
    is_same = (
        start.day == end.day
        or (start.day > end.day and _is_month_end(end))
        or (start.day < end.day and _is_month_end(start))
    )
    return (end.year - start.year) * 12 + end.month - start.month if is_same else 0


def _is_month_end(day: date) -> bool:
    return day.day == monthrange(day.year, day.month)[1]


def _days_30e(start: date, end: date) -> int:
    months = (end.year - start.year) * 12 + end.month - start.month
    return months * 30 + min(end.day, 30) - min(start.day, 30)


def _units(parts: int, share: Share) -> str:
    return plain(EXACT.divide(Decimal(parts), Decimal(share.per_unit)))


def _local(at: datetime, timezone: str) -> date:
    return at.astimezone(zone_of(timezone)).date()
