"""Billing calendars: periods in local time, half-open ``[start, end)``, that never drift and never overlap.

A calendar is a row of local dates, each ``interval × count`` after the one before, counted from one base date and so
without drift: an anchor of 31 gives 28 or 29 February, then 31 March. Dates become instants in the calendar's zone,
so that days of 23 and 25 hours are one day.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from zoneinfo import ZoneInfo

from clearbill.core.errors import Fault, Malformed, Unacceptable

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_INTERVAL_COUNT = 120
_MONTHS_OF = {"month": 1, "quarter": 3, "year": 12}
_DAYS_OF = {"day": 1, "week": 7}
_MIDNIGHT = time(0)
_ONE_DAY = timedelta(days=1)
_TWO_DIGITS = re.compile("[0-9]{1,2}")


class Interval(StrEnum):
    """What a period is counted in."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"


class ProrationUnit(StrEnum):
    """In what a part period is measured; see billing rules, *Time and periods*."""

    DAY = "day"
    SECOND = "second"
    FIXED_30 = "fixed_30"
    FULL = "full"
    NONE = "none"


WITHOUT_PARTS = (ProrationUnit.FULL, ProrationUnit.NONE)  # no part of a fee is ever charged, nor credited


class AnchorKind(StrEnum):
    """Where periods begin."""

    ANNIVERSARY = "anniversary"
    CALENDAR = "calendar"
    DAY_OF_MONTH = "day_of_month"
    WEEKDAY = "weekday"
    DAY_OF_YEAR = "day_of_year"


_DAYS_OF_MONTHS = (AnchorKind.DAY_OF_MONTH, AnchorKind.DAY_OF_YEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """``day`` is 1–31, or 0 (Monday) – 6 for a weekday; ``month`` only for a day of the year."""

    kind: AnchorKind
    day: int = 0
    month: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Two instants, UTC; the end isn't part of it."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """A subscription's calendar. ``started_at`` is UTC; ``timezone`` an IANA name."""

    interval: Interval
    interval_count: int
    anchor: Anchor
    timezone: str
    started_at: datetime
    unit: ProrationUnit = ProrationUnit.DAY


def parse_anchor(value: str | int, *, field: str = "anchor") -> Anchor:
    """``"anniversary"``, ``"calendar"``, a day of month ``15``, a weekday ``"monday"``, a month and day ``"06-15"``."""
    if isinstance(value, str) and _TWO_DIGITS.fullmatch(value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _anchor_refused(value, field)
    if isinstance(value, int):
        if not 1 <= value <= 31:
            raise _anchor_refused(value, field)
        return Anchor(kind=AnchorKind.DAY_OF_MONTH, day=value)
    if value in (AnchorKind.ANNIVERSARY, AnchorKind.CALENDAR):
        return Anchor(kind=AnchorKind(value))
    if value in WEEKDAYS:
        return Anchor(kind=AnchorKind.WEEKDAY, day=WEEKDAYS.index(value))
    month, _dash, day = value.partition("-")
    if not (_TWO_DIGITS.fullmatch(month) and _TWO_DIGITS.fullmatch(day) and 1 <= int(month) <= 12):
        raise _anchor_refused(value, field)
    if not 1 <= int(day) <= monthrange(2024, int(month))[1]:
        raise _anchor_refused(value, field)
    return Anchor(kind=AnchorKind.DAY_OF_YEAR, day=int(day), month=int(month))


def check_calendar(interval: Interval, anchor: Anchor) -> None:
    """Refuse an anchor that its interval doesn't know (``anchor_mismatch``): a weekday for months, a day for weeks."""
    by_days = interval.value in _DAYS_OF
    if anchor.kind is AnchorKind.WEEKDAY and interval is not Interval.WEEK:
        raise _mismatch(interval)
    if anchor.kind in (AnchorKind.DAY_OF_MONTH, AnchorKind.DAY_OF_YEAR) and by_days:
        raise _mismatch(interval)


@lru_cache(maxsize=1024)
def zone_of(name: str) -> ZoneInfo:
    """The zone of an IANA name; refuses others (``unknown_timezone``)."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise Unacceptable(
            "unknown_timezone",
            "“{name}” is not a time zone; write one of the IANA names, such as Europe/Paris.",
            name=name[:64],
        ) from None


def local_instant(day: date, zone: ZoneInfo, wall: time = _MIDNIGHT) -> datetime:
    """The instant of a local date and wall time, as RFC 5545 (2009, 3.3.5) reads it: the first where a change of the clock
    repeats the time; where it skips the time, what the offset before the change makes of it (02:30 is then 03:30).
    """
    if wall is _MIDNIGHT:
        return _midnight(day, zone)
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)


def day_edge(at: datetime, timezone: str, *, upper: bool) -> datetime:
    """The last local midnight at or before ``at``, or (``upper``) the first one after it."""
    zone = zone_of(timezone)
    day = at.astimezone(zone).date()
    lower, following = _midnight(day, zone), _midnight(day + _ONE_DAY, zone)
    if following <= at:  # a clock set back over midnight repeats the evening of a day whose end has passed
        lower, following = following, _midnight(day + 2 * _ONE_DAY, zone)
    return following if upper else lower


def days_later(at: datetime, days: int, timezone: str) -> datetime:
    """The same wall time ``days`` local days later, so that a change of the clock moves no due date."""
    zone = zone_of(timezone)
    local = at.astimezone(zone)
    return local_instant(local.date() + timedelta(days=days), zone, local.time())


def month_end_after(at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant after ``at`` at which a local month begins."""
    first = at.astimezone(zone).date().replace(day=1)
    end = _midnight(_add_months(first, 1, 1), zone)
    return end if end > at else _midnight(_add_months(first, 2, 1), zone)


def first_period(calendar: Calendar) -> Period:
    """From the start (under ``second`` the instant, else its local midnight) to the first boundary after it."""
    check_calendar(calendar.interval, calendar.anchor)
    start = _start(calendar)
    return Period(start=start, end=_full_period(calendar, start).end)


def next_period(calendar: Calendar, period: Period) -> Period:
    """The period after ``period``, which must end at a boundary."""
    full = _full_period(calendar, period.end)
    return full if full.start == period.end else Period(start=period.end, end=full.end)


def period_containing(calendar: Calendar, at: datetime) -> Period:
    """The period in which ``at`` lies; not before the start."""
    start = _start(calendar)
    if at < start:
        raise Fault("an instant before the start has no period")
    full = _full_period(calendar, at)
    return full if full.start >= start else Period(start=start, end=full.end)


def whole_of(calendar: Calendar, period: Period) -> Period:
    """The full period by which ``period`` is measured: for a first stub the one that ends where the stub ends."""
    return _full_period(calendar, period.start)


def _start(calendar: Calendar) -> datetime:
    if calendar.unit is ProrationUnit.SECOND:
        return calendar.started_at
    return day_edge(calendar.started_at, calendar.timezone, upper=False)


@lru_cache(maxsize=4096)
def _full_period(calendar: Calendar, at: datetime) -> Period:
    """From the last boundary at or before ``at`` to the first one after it, whether the calendar has started or not."""
    zone = zone_of(calendar.timezone)
    local = at.astimezone(zone).date()
    started = calendar.started_at.astimezone(zone)
    base = _base(calendar, started.date())
    anchor_day = calendar.anchor.day if calendar.anchor.kind in _DAYS_OF_MONTHS else base.day
    exact = calendar.unit is ProrationUnit.SECOND and calendar.anchor.kind is AnchorKind.ANNIVERSARY
    wall = started.time().replace(fold=0) if exact else _MIDNIGHT
    days = _DAYS_OF.get(calendar.interval.value, 0) * calendar.interval_count
    months = _MONTHS_OF.get(calendar.interval.value, 0) * calendar.interval_count

    def boundary(index: int) -> datetime:
        if exact and index == 0:  # the start itself, also when its wall time comes twice that day
            return calendar.started_at
        day = base + index * days * _ONE_DAY if days else _add_months(base, index * months, anchor_day)
        return local_instant(day, zone, wall)

    if days:
        index = (local - base).days // days
    else:
        index = ((local.year - base.year) * 12 + local.month - base.month) // months
    start, end = boundary(index), boundary(index + 1)
    while start > at:
        index -= 1
        start, end = boundary(index), start
    while end <= at:
        index += 1
        start, end = end, boundary(index + 1)
    return Period(start=start, end=end)


@lru_cache(maxsize=65536)
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, _MIDNIGHT, tzinfo=zone).astimezone(UTC)


def _base(calendar: Calendar, started: date) -> date:
    """A local date at which a period begins, at or before the local date of the start."""
    anchor = calendar.anchor
    match anchor.kind:
        case AnchorKind.ANNIVERSARY:
            return started
        case AnchorKind.WEEKDAY:
            return started - (started.weekday() - anchor.day) % 7 * _ONE_DAY
        case AnchorKind.DAY_OF_MONTH:
            here = _add_months(started, 0, anchor.day)
            return here if here <= started else _add_months(started, -1, anchor.day)
        case AnchorKind.DAY_OF_YEAR:
            here = _add_months(date(started.year, anchor.month, 1), 0, anchor.day)
            return here if here <= started else _add_months(here, -12, anchor.day)
        case AnchorKind.CALENDAR:
            return _calendar_base(started, calendar.interval)


def _calendar_base(started: date, interval: Interval) -> date:
    match interval:
        case Interval.DAY:
            return started
        case Interval.WEEK:
            return started - timedelta(days=started.weekday())
        case Interval.MONTH:
            return started.replace(day=1)
        case Interval.QUARTER:
            return started.replace(month=(started.month - 1) // 3 * 3 + 1, day=1)
        case Interval.YEAR:
            return started.replace(month=1, day=1)


def _add_months(day: date, months: int, anchor_day: int) -> date:
    """``months`` later, on ``anchor_day`` or the month's last day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if anchor_day > 28:
        anchor_day = min(anchor_day, monthrange(year, month + 1)[1])
    return date(year, month + 1, anchor_day)


def _anchor_refused(value: object, field: str) -> Malformed:
    return Malformed(
        "anchor_malformed",
        "“{value}” is not an anchor; write anniversary, calendar, a day of month from 1 to 31, a weekday such as monday, "
        "or a month and day such as 06-15.",
        field=field,
        value=str(value)[:32],
    )


def _mismatch(interval: Interval) -> Unacceptable:
    return Unacceptable(
        "anchor_mismatch",
        "This anchor doesn't go with periods of a {interval}.",
        field="anchor",
        interval=interval.value,
    )
