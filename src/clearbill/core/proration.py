"""Part periods: how much of a whole period was used, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import localcontext

from clearbill.core.errors import Fault
from clearbill.core.money import EXACT, major_text
from clearbill.core.period import Period, ProrationUnit, zone_of
from clearbill.core.rating import Rated, Step


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """``used`` of ``whole`` units; ``whole`` > 0."""

    used: int
    whole: int


def share(used: Period, whole: Period, *, unit: ProrationUnit, timezone: str) -> Share:
    """How much of ``whole`` the part ``used`` is, in ``unit``: local days, seconds, 30E/360 days, all or nothing."""
    match unit:
        case ProrationUnit.FULL:
            return Share(used=1, whole=1)
        case ProrationUnit.NONE:
            return Share(used=1 if used == whole else 0, whole=1)
        case ProrationUnit.SECOND:
            parts = _microseconds(used), _microseconds(whole)
            if parts[0] % 1_000_000 == 0 and parts[1] % 1_000_000 == 0:
                parts = parts[0] // 1_000_000, parts[1] // 1_000_000
        case ProrationUnit.DAY:
            parts = _days(used, timezone), _days(whole, timezone)
        case ProrationUnit.FIXED_30:
            parts = _days_30e(used, timezone), _days_30e(whole, timezone)
    if parts[1] <= 0 or parts[0] < 0:
        raise Fault(f"not a part of a period: {used} of {whole}")
    return Share(used=min(parts[0], parts[1]), whole=parts[1])


def prorate(rated: Rated, part: Share, *, unit: ProrationUnit, currency: str) -> Rated:
    """The part's amount: multiplied first, divided last, 60 digits, not rounded to money yet."""
    with localcontext(EXACT):
        exact = rated.exact * part.used / part.whole
    step: Step = {
        "step": "proration",
        "used": str(part.used),
        "whole": str(part.whole),
        "unit": unit.value,
        "amount": major_text(exact, currency),
    }
    return Rated(exact=exact, working=(*rated.working, step))


def _microseconds(period: Period) -> int:
    gap = period.end - period.start
    return (gap.days * 86_400 + gap.seconds) * 1_000_000 + gap.microseconds


def _days(period: Period, timezone: str) -> int:
    return (_local(period.end, timezone) - _local(period.start, timezone)).days


def _days_30e(period: Period, timezone: str) -> int:
    start, end = _local(period.start, timezone), _local(period.end, timezone)
    months = (end.year - start.year) * 12 + end.month - start.month
    return months * 30 + min(end.day, 30) - min(start.day, 30)


def _local(at: datetime, timezone: str) -> date:
    return at.astimezone(zone_of(timezone)).date()
