"""Billing calendars at their odd edges: times that come twice or never, days that are skipped, anchors that must hold."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.errors import Refusal
from clearbill.core.period import (
    Anchor,
    AnchorKind,
    Calendar,
    Interval,
    Period,
    ProrationUnit,
    day_edge,
    first_period,
    local_instant,
    month_end_after,
    next_period,
    parse_anchor,
    period_containing,
    whole_of,
)

SECOND = ProrationUnit.SECOND
MICROSECOND = timedelta(microseconds=1)
# Among them clocks that change at midnight, a minute after it, or by half an hour, and one that left out a day.
ZONES = [
    "UTC",
    "Europe/Paris",
    "America/Los_Angeles",
    "America/Juneau",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "America/Havana",
    "America/Goose_Bay",
    "America/St_Johns",
    "America/Nuuk",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Pacific/Apia",
]
INSTANTS = st.datetimes(datetime(1988, 1, 1), datetime(2045, 1, 1), timezones=st.just(UTC))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def calendar(
    started: str | datetime,
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
        started_at=utc(started) if isinstance(started, str) else started,
        unit=unit,
    )


def ends(one: Calendar, count: int) -> list[str]:
    period = first_period(one)
    found = []
    for _ in range(count):
        found.append(period.end.astimezone(ZoneInfo(one.timezone)).date().isoformat())
        period = next_period(one, period)
    return found


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        # half-yearly from 15 June means 15 June and 15 December, whenever it starts
        (calendar("2025-08-01", count=6, anchor="06-15"), ["2025-12-15", "2026-06-15"]),
        (calendar("2025-06-14", count=6, anchor="06-15"), ["2025-06-15", "2025-12-15"]),
        (calendar("2025-06-15", count=6, anchor="06-15"), ["2025-12-15", "2026-06-15"]),
        (calendar("2025-06-16", count=6, anchor="06-15"), ["2025-12-15", "2026-06-15"]),
        (calendar("2025-08-01", count=4, anchor="06-15"), ["2025-10-15", "2026-02-15", "2026-06-15"]),
        (calendar("2025-08-01", interval="quarter", count=2, anchor="06-15"), ["2025-12-15", "2026-06-15"]),
        # the base is 29 February 2024; six months on it's 29 August, then the last day of February
        (calendar("2024-07-01", count=6, anchor="02-29"), ["2024-08-29", "2025-02-28", "2025-08-29"]),
        (calendar("2025-02-27", interval="year", anchor="02-29"), ["2025-02-28", "2026-02-28"]),
        (calendar("2025-02-28", interval="year", anchor="02-29"), ["2026-02-28"]),
        (calendar("2025-08-01", interval="year", count=2, anchor="06-15"), ["2027-06-15", "2029-06-15"]),
        (calendar("2025-06-15", interval="year", count=2, anchor="06-15"), ["2027-06-15", "2029-06-15"]),
        (calendar("2025-06-15", count=5, anchor="06-15"), ["2025-11-15", "2026-04-15"]),
        # a day of month counts from the one at or before the start: here 15 December, and 15 January
        (calendar("2025-01-14", count=3, anchor=15), ["2025-03-15", "2025-06-15"]),
        (calendar("2025-01-15", count=3, anchor=15), ["2025-04-15", "2025-07-15"]),
        (calendar("2025-01-31", interval="quarter", anchor=31), ["2025-04-30", "2025-07-31"]),
        (calendar("2025-01-05", interval="week", count=2, anchor="sunday"), ["2025-01-19", "2025-02-02"]),
    ],
)
def test_an_explicit_anchor_holds_for_every_length_of_period(one: Calendar, expected: list[str]) -> None:
    assert ends(one, len(expected)) == expected


@pytest.mark.parametrize(
    ("text", "anchor"),
    [
        ("anniversary", Anchor(kind=AnchorKind.ANNIVERSARY)),
        ("calendar", Anchor(kind=AnchorKind.CALENDAR)),
        (15, Anchor(kind=AnchorKind.DAY_OF_MONTH, day=15)),
        ("15", Anchor(kind=AnchorKind.DAY_OF_MONTH, day=15)),
        ("sunday", Anchor(kind=AnchorKind.WEEKDAY, day=6)),
        ("06-15", Anchor(kind=AnchorKind.DAY_OF_YEAR, month=6, day=15)),
        ("02-29", Anchor(kind=AnchorKind.DAY_OF_YEAR, month=2, day=29)),
    ],
)
def test_each_form_of_an_anchor_is_read(text: str | int, anchor: Anchor) -> None:
    assert parse_anchor(text) == anchor


@pytest.mark.parametrize(
    "value",
    ["²", "٣", "9" * 5000, "015", "006-15", "²-15", "06-٣", "06-", "-15", "day_of_month", -1, 10**30, None, 15.0],
)
def test_digits_that_only_look_like_a_day_are_refused_and_never_crash(value: object) -> None:
    with pytest.raises(Refusal) as refused:
        parse_anchor(value, field="subscriptions[3].anchor")  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.field) == ("anchor_malformed", "subscriptions[3].anchor")


# Paris: on 26 October 2025 the hour from 02:00 comes twice, at 00:00Z and at 01:00Z; on 30 March 2025 it's left out.
@pytest.mark.parametrize("started", ["2025-10-26T00:30", "2025-10-26T01:30"])
def test_a_start_in_the_repeated_hour_has_a_whole_first_period_and_the_same_later_ones(started: str) -> None:
    one = calendar(started, zone="Europe/Paris", unit=SECOND)
    first = first_period(one)
    # 02:30 in winter is 01:30Z
    assert first == Period(start=utc(started), end=utc("2025-11-26T01:30"))
    assert whole_of(one, first) == first
    # on 26 March 2028 there's no 02:30; what the old offset makes of it is 01:30Z, 03:30 in summer time
    assert period_containing(one, utc("2028-03-26T12:00")).start == utc("2028-03-26T01:30")


def test_a_boundary_in_the_repeated_hour_is_the_first_of_the_two() -> None:
    one = calendar("2025-09-26T00:30", zone="Europe/Paris", unit=SECOND)  # 02:30 in summer
    assert first_period(one).end == utc("2025-10-26T00:30")


def test_a_local_time_that_is_skipped_is_read_with_the_offset_before_the_change() -> None:
    # New York skips from 02:00 to 03:00 on 9 March 2025: 02:30 at −5 is 07:30Z
    assert local_instant(date(2025, 3, 9), ZoneInfo("America/New_York"), time(2, 30)) == utc("2025-03-09T07:30")


@pytest.mark.parametrize(
    ("zone", "day", "midnight"),
    [
        # no midnight: the day begins at 01:00, the instant of the change
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T03:00"),
        ("Africa/Cairo", date(2024, 4, 26), "2024-04-25T22:00"),
        # midnight twice: the first
        ("America/Havana", date(2024, 11, 3), "2024-11-03T04:00"),
        # a day left out begins and ends at once
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-30T10:00"),
        ("Pacific/Apia", date(2011, 12, 31), "2011-12-30T10:00"),
    ],
)
def test_a_day_begins_at_its_first_instant(zone: str, day: date, midnight: str) -> None:
    assert local_instant(day, ZoneInfo(zone)) == utc(midnight)


def test_a_day_that_a_zone_left_out_makes_no_empty_period() -> None:
    one = calendar("2011-12-28T12:00", interval="day", zone="Pacific/Apia")  # 02:00 on the 28th
    assert ends(one, 4) == ["2011-12-29", "2011-12-31", "2012-01-01", "2012-01-02"]


def test_an_evening_that_comes_twice_belongs_to_the_day_that_has_begun() -> None:
    # Goose Bay, 1 November 2009, 00:01 at −3: back to 23:01 at −4. Midnight was 03:00Z; 03:30Z is 23:30 again.
    again = utc("2009-11-01T03:30")
    assert again.astimezone(ZoneInfo("America/Goose_Bay")).isoformat() == "2009-10-31T23:30:00-04:00"
    assert day_edge(again, "America/Goose_Bay", upper=False) == utc("2009-11-01T03:00")
    assert day_edge(again, "America/Goose_Bay", upper=True) == utc("2009-11-02T04:00")
    assert month_end_after(again, ZoneInfo("America/Goose_Bay")) == utc("2009-12-01T04:00")


@given(INSTANTS, st.sampled_from(ZONES))
def test_the_edges_of_a_day_enclose_every_instant_and_tile(at: datetime, zone: str) -> None:
    lower, upper = day_edge(at, zone, upper=False), day_edge(at, zone, upper=True)
    assert lower <= at < upper
    assert day_edge(lower, zone, upper=False) == lower
    assert day_edge(upper - MICROSECOND, zone, upper=True) == upper
    assert day_edge(upper, zone, upper=False) == upper
    assert at < month_end_after(at, ZoneInfo(zone)) <= at + timedelta(days=32)


ANCHORS = {
    "day": ["anniversary", "calendar"],
    "week": ["anniversary", "calendar", "monday", "thursday", "sunday"],
    "month": ["anniversary", "calendar", 1, 15, 29, 30, 31, "06-15", "02-29"],
    "quarter": ["anniversary", "calendar", 31, "06-15", "02-29"],
    "year": ["anniversary", "calendar", 31, "06-15", "02-29"],
}
FORMS = st.sampled_from([(interval, anchor) for interval, anchors in ANCHORS.items() for anchor in anchors])


@given(INSTANTS, FORMS, st.integers(1, 13), st.sampled_from(ZONES), st.sampled_from(list(ProrationUnit)))
def test_periods_of_every_form_tile_and_are_found_from_any_instant_in_them(
    started: datetime, form: tuple[str, str | int], count: int, zone: str, unit: ProrationUnit
) -> None:
    interval, anchor = form
    one = calendar(started, interval=interval, count=count, anchor=anchor, zone=zone, unit=unit)
    period = first_period(one)
    assert period.start <= started < period.end
    stub = whole_of(one, period)
    assert stub.start <= period.start
    assert stub.end == period.end
    for _ in range(3):
        assert period.start < period.end
        middle = period.start + (period.end - period.start) / 2
        for inside in (period.start, middle, period.end - MICROSECOND):
            assert period_containing(one, inside) == period
        following = next_period(one, period)
        assert following.start == period.end
        assert whole_of(one, following) == following
        period = following


@given(st.integers(1, 31), st.integers(0, 600), st.sampled_from(ZONES))
def test_an_anchor_day_never_drifts(day: int, months: int, zone: str) -> None:
    one = calendar("1990-01-01T12:00", anchor=day, zone=zone)
    year, month = divmod(1990 * 12 + months, 12)
    at = local_instant(date(year, month + 1, 15), ZoneInfo(zone), time(12))
    start = period_containing(one, at).end.astimezone(ZoneInfo(zone)).date()
    last = (date(start.year + start.month // 12, start.month % 12 + 1, 1) - timedelta(days=1)).day
    assert start.day == min(day, last)
