"""Billing calendars: they never drift, never overlap, and a day is a day in every zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.errors import Fault, Refusal
from clearbill.core.period import (
    Calendar,
    Interval,
    Period,
    ProrationUnit,
    day_edge,
    days_later,
    first_period,
    month_end_after,
    next_period,
    parse_anchor,
    period_containing,
    whole_of,
    zone_of,
)

ZONES = [
    "UTC",
    "Europe/Paris",
    "America/Los_Angeles",
    "America/Juneau",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "America/Sao_Paulo",
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def calendar(
    started: str,
    *,
    interval: str = "month",
    count: int = 1,
    anchor: str | int = "anniversary",
    zone: str = "UTC",
    unit: ProrationUnit = ProrationUnit.DAY,
) -> Calendar:
    return Calendar(
        interval=Interval(interval),
        interval_count=count,
        anchor=parse_anchor(anchor),
        timezone=zone,
        started_at=utc(started),
        unit=unit,
    )


def ends(one: Calendar, count: int) -> list[str]:
    """The local days on which the first periods end."""
    period = first_period(one)
    found = []
    for _ in range(count):
        found.append(period.end.astimezone(ZoneInfo(one.timezone)).strftime("%Y-%m-%d"))
        period = next_period(one, period)
    return found


ENDS = [
    # an anchor of 31 gives the last day where there's none, and comes back
    (calendar("2025-01-31T09:00"), ["2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]),
    (calendar("2024-01-31T09:00"), ["2024-02-29", "2024-03-31"]),
    (calendar("2025-01-30T09:00"), ["2025-02-28", "2025-03-30"]),
    # 29 February, yearly
    (calendar("2024-02-29T09:00", interval="year"), ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]),
    (calendar("2024-11-30T09:00", interval="quarter"), ["2025-02-28", "2025-05-30"]),
    (calendar("2025-01-10T09:00", interval="month", count=2), ["2025-03-10", "2025-05-10"]),
    (calendar("2025-01-10T09:00", interval="day", count=10), ["2025-01-20", "2025-01-30"]),
    (calendar("2025-01-10T09:00", interval="week"), ["2025-01-17", "2025-01-24"]),
    # calendar anchors
    (calendar("2025-01-10T09:00", anchor="calendar"), ["2025-02-01", "2025-03-01"]),
    (calendar("2025-01-01T00:00", anchor="calendar"), ["2025-02-01"]),
    (calendar("2025-01-10T09:00", interval="week", anchor="calendar"), ["2025-01-13", "2025-01-20"]),
    (calendar("2025-05-10T09:00", interval="quarter", anchor="calendar"), ["2025-07-01", "2025-10-01"]),
    (calendar("2025-05-10T09:00", interval="year", anchor="calendar"), ["2026-01-01"]),
    (calendar("2025-05-10T09:00", interval="day", anchor="calendar"), ["2025-05-11"]),
    # explicit ones: the day before, on and after
    (calendar("2025-01-14T09:00", anchor=15), ["2025-01-15", "2025-02-15"]),
    (calendar("2025-01-15T09:00", anchor=15), ["2025-02-15"]),
    (calendar("2025-01-16T09:00", anchor="15"), ["2025-02-15"]),
    (calendar("2025-02-10T09:00", anchor=31), ["2025-02-28", "2025-03-31"]),
    (calendar("2025-01-10T09:00", interval="week", anchor="monday"), ["2025-01-13"]),
    (calendar("2025-01-13T09:00", interval="week", anchor="monday"), ["2025-01-20"]),
    (calendar("2025-01-10T09:00", interval="year", anchor="06-15"), ["2025-06-15", "2026-06-15"]),
    (calendar("2025-06-15T09:00", interval="year", anchor="06-15"), ["2026-06-15"]),
    (calendar("2025-06-16T09:00", interval="year", anchor="02-29"), ["2026-02-28", "2027-02-28", "2028-02-29"]),
    (calendar("2025-01-10T09:00", interval="quarter", anchor="06-15"), ["2025-03-15", "2025-06-15"]),
    (calendar("2025-03-10T09:00", interval="month", anchor="06-15"), ["2025-03-15"]),
]


@pytest.mark.parametrize(("one", "expected"), ENDS)
def test_periods_end_where_the_anchor_says(one: Calendar, expected: list[str]) -> None:
    assert ends(one, len(expected)) == expected


def test_under_day_a_period_runs_from_midnight_to_midnight() -> None:
    one = first_period(calendar("2025-01-10T09:30", zone="Europe/Paris"))
    assert one == Period(start=utc("2025-01-09T23:00"), end=utc("2025-02-09T23:00"))


def test_under_second_the_wall_time_is_kept_over_a_change_of_the_clock() -> None:
    one = calendar("2025-03-10T09:30", zone="Europe/Paris", unit=ProrationUnit.SECOND)
    # 10:30 in Paris before and after 30 March
    assert first_period(one) == Period(start=utc("2025-03-10T09:30"), end=utc("2025-04-10T08:30"))


def test_a_wall_time_that_the_clock_skips_is_the_first_one_after() -> None:
    one = calendar("2025-02-28T01:30", zone="Europe/Paris", unit=ProrationUnit.SECOND, anchor=30)
    assert first_period(one).end == utc("2025-03-29T23:00")
    skipped = calendar("2025-02-09T10:30", zone="America/Los_Angeles", unit=ProrationUnit.SECOND)
    # 02:30 on 9 March doesn't exist there; it's 03:30 of the new time
    assert first_period(skipped).end == utc("2025-03-09T10:30")


def test_a_first_stub_is_measured_by_the_period_that_ends_where_it_ends() -> None:
    one = calendar("2025-01-10T09:00", anchor="calendar")
    assert whole_of(one, first_period(one)) == Period(start=utc("2025-01-01"), end=utc("2025-02-01"))


@given(
    st.datetimes(datetime(2000, 1, 1), datetime(2040, 1, 1)),
    st.sampled_from(ZONES),
    st.sampled_from(["anniversary", "calendar", 1, 15, 31]),
    st.sampled_from([ProrationUnit.DAY, ProrationUnit.SECOND]),
)
def test_a_year_of_monthly_periods_in_any_zone_tiles_the_time(
    started: datetime, zone: str, anchor: str | int, unit: ProrationUnit
) -> None:
    one = calendar(started.replace(microsecond=0).isoformat(), zone=zone, anchor=anchor, unit=unit)
    period = first_period(one)
    begun = period
    for _ in range(12):
        following = next_period(one, period)
        assert following.start == period.end
        assert timedelta(days=27) < following.end - following.start < timedelta(days=32)
        assert period_containing(one, following.start) == following
        assert period_containing(one, following.end - timedelta(microseconds=1)) == following
        period = following
    assert timedelta(days=364) < period.end - begun.end < timedelta(days=367)


def test_before_the_start_there_is_no_period() -> None:
    one = calendar("2025-01-10T09:00")
    with pytest.raises(Fault):
        period_containing(one, utc("2025-01-09T09:00"))
    assert period_containing(one, utc("2025-01-10T12:00")) == first_period(one)


@pytest.mark.parametrize("anchor", [0, 32, True, "", "32", "mon", "13-01", "02-30", "6/15", "1-2-3", "06-aa", "06-31"])
def test_wrong_anchors_are_refused(anchor: str | int) -> None:
    with pytest.raises(Refusal) as refused:
        parse_anchor(anchor)
    assert refused.value.code == "anchor_malformed"


@pytest.mark.parametrize(
    ("interval", "anchor"), [("month", "monday"), ("week", 15), ("day", "06-15"), ("week", "06-15")]
)
def test_anchors_that_do_not_go_with_the_interval_are_refused(interval: str, anchor: str | int) -> None:
    with pytest.raises(Refusal) as refused:
        first_period(calendar("2025-01-10T09:00", interval=interval, anchor=anchor))
    assert refused.value.code == "anchor_mismatch"


@pytest.mark.parametrize("name", ["", "Mars/Base", "../etc/passwd", "Europe/Paris\0"])
def test_unknown_zones_are_refused(name: str) -> None:
    with pytest.raises(Refusal) as refused:
        zone_of(name)
    assert refused.value.code == "unknown_timezone"


def test_days_later_keeps_the_wall_time_over_a_change_of_the_clock() -> None:
    # midnight in New York on 1 November 2013, two days before winter time, and on the 15th
    assert days_later(utc("2013-11-01T04:00"), 14, "America/New_York") == utc("2013-11-15T05:00")
    assert days_later(utc("2013-11-01T04:00"), 0, "America/New_York") == utc("2013-11-01T04:00")


def test_day_edges_and_month_ends_are_local() -> None:
    at = utc("2025-03-30T12:00")
    assert day_edge(at, "Europe/Paris", upper=False) == utc("2025-03-29T23:00")
    assert day_edge(at, "Europe/Paris", upper=True) == utc("2025-03-30T22:00")  # a day of 23 hours
    assert month_end_after(utc("2025-01-31T23:00"), ZoneInfo("Europe/Paris")) == utc("2025-02-28T23:00")
    assert month_end_after(utc("2025-01-31T22:59"), ZoneInfo("Europe/Paris")) == utc("2025-01-31T23:00")
