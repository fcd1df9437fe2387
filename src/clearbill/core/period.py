"""Billing calendars: periods in local time, half-open ``[start, end)``, that never drift and never overlap.

A calendar is a row of local dates, each ``interval × count`` after the one before, counted from one base date and so
without drift: an anchor of 31 gives 28 or 29 February, then 31 March. Dates become instants in the calendar's zone,
so that days of 23 and 25 hours are one day.
"""

from __future__ import annotations

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


class AnchorKind(StrEnum):
    """Where periods begin."""

    ANNIVERSARY = "anniversary"
    CALENDAR = "calendar"
    DAY_OF_MONTH = "day_of_month"
    WEEKDAY = "weekday"
    DAY_OF_YEAR = "day_of_year"


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
    if isinstance(value, bool):
        raise _anchor_refused(value, field)
    if isinstance(value, int) or (isinstance(value, str) and value.isdigit()):
        if not 1 <= int(value) <= 31:
            raise _anchor_refused(value, field)
        return Anchor(kind=AnchorKind.DAY_OF_MONTH, day=int(value))
    if value in (AnchorKind.ANNIVERSARY, AnchorKind.CALENDAR):
        return Anchor(kind=AnchorKind(value))
    if value in WEEKDAYS:
        return Anchor(kind=AnchorKind.WEEKDAY, day=WEEKDAYS.index(value))
    month, dash, day = value.partition("-")
    if not (dash and month.isdigit() and day.isdigit() and 1 <= int(month) <= 12):
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
    """The instant of a local date and wall time; a time that a change of the clock skips is the first one after it."""
    return datetime.combine(day, wall, tzinfo=zone).astimezone(UTC)


def day_edge(at: datetime, timezone: str, *, upper: bool) -> datetime:
    """The local midnight at or before ``at``, or (``upper``) the one after its day."""
    zone = zone_of(timezone)
    day = at.astimezone(zone).date()
    return local_instant(day + timedelta(days=1) if upper else day, zone)


def month_end_after(at: datetime, zone: ZoneInfo) -> datetime:
    """The first instant after ``at`` at which a local month begins."""
    return local_instant(_add_months(at.astimezone(zone).date().replace(day=1), 1, 1), zone)


def first_period(calendar: Calendar) -> Period:
    """From the start (under ``second`` the instant, else its local midnight) to the first boundary after it."""
    check_calendar(calendar.interval, calendar.anchor)
    start = _start(calendar)
    return Period(start=start, end=_boundary(calendar, _index(calendar, start) + 1))


def next_period(calendar: Calendar, period: Period) -> Period:
    """The period after ``period``, which must end at a boundary."""
    index = _index(calendar, period.end)
    return Period(start=period.end, end=_boundary(calendar, index + 1))


def period_containing(calendar: Calendar, at: datetime) -> Period:
    """The period in which ``at`` lies; not before the start."""
    start = _start(calendar)
    if at < start:
        raise Fault("an instant before the start has no period")
    index = _index(calendar, at)
    return Period(start=max(start, _boundary(calendar, index)), end=_boundary(calendar, index + 1))


def whole_of(calendar: Calendar, period: Period) -> Period:
    """The full period by which ``period`` is measured: for a first stub the one that ends where the stub ends."""
    index = _index(calendar, period.start)
    return Period(start=_boundary(calendar, index), end=_boundary(calendar, index + 1))


def _start(calendar: Calendar) -> datetime:
    if calendar.unit is ProrationUnit.SECOND:
        return calendar.started_at
    return day_edge(calendar.started_at, calendar.timezone, upper=False)


def _index(calendar: Calendar, at: datetime) -> int:
    """The number of the last boundary at or before ``at``."""
    base, step_days, step_months = _steps(calendar)
    local = at.astimezone(zone_of(calendar.timezone)).date()
    if step_days:
        index = (local - base).days // step_days
    else:
        index = ((local.year - base.year) * 12 + local.month - base.month) // step_months
    while _boundary(calendar, index) > at:
        index -= 1
    while _boundary(calendar, index + 1) <= at:
        index += 1
    return index


@lru_cache(maxsize=65536)
def _boundary(calendar: Calendar, index: int) -> datetime:
    base, step_days, step_months = _steps(calendar)
    if step_days:
        day = base + timedelta(days=index * step_days)
    else:
        day = _add_months(base, index * step_months, _anchor_day(calendar, base))
    return local_instant(day, zone_of(calendar.timezone), _wall(calendar))


@lru_cache(maxsize=65536)
def _steps(calendar: Calendar) -> tuple[date, int, int]:
    """Base date, and the step in days or in months (the other is 0)."""
    days = _DAYS_OF.get(calendar.interval.value, 0) * calendar.interval_count
    months = _MONTHS_OF.get(calendar.interval.value, 0) * calendar.interval_count
    return _base(calendar), days, months


def _wall(calendar: Calendar) -> time:
    if calendar.unit is ProrationUnit.SECOND and calendar.anchor.kind is AnchorKind.ANNIVERSARY:
        return calendar.started_at.astimezone(zone_of(calendar.timezone)).time()
    return _MIDNIGHT


def _base(calendar: Calendar) -> date:
    """A local date at which a period begins, at or before the start."""
    started = calendar.started_at.astimezone(zone_of(calendar.timezone)).date()
    anchor = calendar.anchor
    match anchor.kind:
        case AnchorKind.ANNIVERSARY:
            return started
        case AnchorKind.WEEKDAY:
            return started - timedelta(days=(started.weekday() - anchor.day) % 7)
        case AnchorKind.DAY_OF_MONTH:
            here = _add_months(started, 0, anchor.day)
            return here if here <= started else _add_months(started, -1, anchor.day)
        case AnchorKind.DAY_OF_YEAR:
            return _base_of_day_of_year(started, anchor, calendar)
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


def _base_of_day_of_year(started: date, anchor: Anchor, calendar: Calendar) -> date:
    """The last date at or before the start on the grid that the month and day make with the interval."""
    step = _MONTHS_OF.get(calendar.interval.value, 12)
    grid = _add_months(date(started.year - 1, anchor.month, 1), 0, anchor.day)
    months = (started.year - grid.year) * 12 + started.month - grid.month
    found = _add_months(grid, months // step * step, anchor.day)
    return found if found <= started else _add_months(grid, (months // step - 1) * step, anchor.day)


def _anchor_day(calendar: Calendar, base: date) -> int:
    if calendar.anchor.kind in (AnchorKind.DAY_OF_MONTH, AnchorKind.DAY_OF_YEAR):
        return calendar.anchor.day
    return base.day


def _add_months(day: date, months: int, anchor_day: int) -> date:
    """``months`` later, on ``anchor_day`` or the month's last day."""
    total = day.year * 12 + day.month - 1 + months
    year, month = divmod(total, 12)
    return date(year, month + 1, min(anchor_day, monthrange(year, month + 1)[1]))


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
