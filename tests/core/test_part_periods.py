"""Part periods of real calendars: wherever a period is cut, its parts cost the whole, in every unit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.money import RoundingMode, round_minor
from clearbill.core.period import (
    Calendar,
    Interval,
    Period,
    ProrationUnit,
    day_edge,
    first_period,
    next_period,
    parse_anchor,
    whole_of,
)
from clearbill.core.proration import Share, prorate, share
from clearbill.core.rating import Rated

COUNTED = [ProrationUnit.DAY, ProrationUnit.SECOND, ProrationUnit.FIXED_30]
ZONES = ["UTC", "Europe/Paris", "America/Los_Angeles", "America/Juneau", "Asia/Kolkata", "America/Goose_Bay"]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Period:
    return Period(start=utc(start), end=utc(end))


def fixed_30(used: Period, whole: Period) -> tuple[int, int]:
    found = share(used, whole, unit=ProrationUnit.FIXED_30, timezone="UTC")
    return found.used, found.whole


JANUARY_31 = span("2025-01-31", "2025-02-28")
FEBRUARY_28 = span("2025-02-28", "2025-03-31")
LEAP = span("2024-01-30", "2024-02-29")


@pytest.mark.parametrize(
    ("used", "whole", "expected"),
    [
        # 31 January to 28 February is one month, so 30 days: 10 to 10 February (the 31st counts as 30), 20 after it
        (JANUARY_31, JANUARY_31, (30, 30)),
        (span("2025-01-31", "2025-02-10"), JANUARY_31, (10, 30)),
        (span("2025-02-10", "2025-02-28"), JANUARY_31, (20, 30)),
        (span("2025-02-27", "2025-02-28"), JANUARY_31, (3, 30)),
        # 28 February to 31 March is one month as well: 10 March is 30 + 10 − 28 = 12 days in, 18 remain
        (FEBRUARY_28, FEBRUARY_28, (30, 30)),
        (span("2025-02-28", "2025-03-10"), FEBRUARY_28, (12, 30)),
        (span("2025-03-10", "2025-03-31"), FEBRUARY_28, (18, 30)),
        (span("2025-03-30", "2025-03-31"), FEBRUARY_28, (0, 30)),
        # 30 January to 29 February of a leap year
        (span("2024-01-30", "2024-02-10"), LEAP, (10, 30)),
        (span("2024-02-10", "2024-02-29"), LEAP, (20, 30)),
        # a 31st counts as 30
        (span("2025-01-30", "2025-02-01"), span("2025-01-01", "2025-02-01"), (1, 30)),
        (span("2025-01-31", "2025-02-01"), span("2025-01-01", "2025-02-01"), (1, 30)),
        # quarter and year
        (span("2025-11-30", "2026-02-28"), span("2025-11-30", "2026-02-28"), (90, 90)),
        (span("2024-02-29", "2024-08-29"), span("2024-02-29", "2025-02-28"), (180, 360)),
        # a stub's own span, not of whole months
        (span("2025-01-17", "2025-01-31"), span("2025-01-10", "2025-01-31"), (13, 20)),
        # a week over a month's end has 30 + 5 − 29 = 6
        (span("2025-01-31", "2025-02-05"), span("2025-01-29", "2025-02-05"), (5, 6)),
        # from the 30th to the 31st there's no such day: real ones are counted
        (span("2025-01-30", "2025-01-31"), span("2025-01-30", "2025-01-31"), (1, 1)),
    ],
)
def test_days_of_fixed_30(used: Period, whole: Period, expected: tuple[int, int]) -> None:
    assert fixed_30(used, whole) == expected


STARTS = st.datetimes(datetime(1995, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
FORMS = st.sampled_from(
    [
        ("day", "anniversary"),
        ("week", "anniversary"),
        ("week", "sunday"),
        ("month", "anniversary"),
        ("month", "calendar"),
        ("month", 29),
        ("month", 30),
        ("month", 31),
        ("quarter", 31),
        ("year", "02-29"),
    ]
)


@given(
    started=STARTS,
    form=FORMS,
    zone=st.sampled_from(ZONES),
    unit=st.sampled_from(COUNTED),
    later=st.integers(0, 14),
    cuts=st.lists(st.integers(0, 1000), min_size=1, max_size=3),
    minor=st.integers(0, 10**7),
)
def test_a_period_cut_anywhere_is_the_sum_of_its_parts(
    started: datetime,
    form: tuple[str, str | int],
    zone: str,
    unit: ProrationUnit,
    later: int,
    cuts: list[int],
    minor: int,
) -> None:
    one = Calendar(
        interval=Interval(form[0]),
        interval_count=1,
        anchor=parse_anchor(form[1]),
        timezone=zone,
        started_at=started,
        unit=unit,
    )
    period = first_period(one)
    for _ in range(later):
        period = next_period(one, period)
    whole = whole_of(one, period)
    length = period.end - period.start
    edges = sorted({period.start, *(period.start + length * cut / 1000 for cut in cuts), period.end})
    if unit is not ProrationUnit.SECOND:
        edges = sorted({period.start, *(day_edge(each, zone, upper=False) for each in edges[1:]), period.end})

    shares = [share(Period(start=a, end=b), whole, unit=unit, timezone=zone) for a, b in pairwise(edges)]
    together = share(period, whole, unit=unit, timezone=zone)

    parts = sum((Fraction(each.used, each.whole) for each in shares), Fraction(0))
    assert parts == Fraction(together.used, together.whole)
    assert whole != period or parts == 1
    full = Rated(exact=Decimal(minor).scaleb(-2), working=())
    charged = [round_minor(prorate(full, each, unit=unit, currency="EUR").exact, "EUR") for each in shares]
    whole_charge = round_minor(prorate(full, together, unit=unit, currency="EUR").exact, "EUR")
    if len(shares) == 2:
        assert abs(sum(charged) - whole_charge) <= 1


@given(st.dates(date(1995, 1, 1), date(2040, 1, 1)), st.integers(1, 40), st.sampled_from(ZONES))
def test_a_local_day_is_one_day_whatever_its_hours(day: date, days: int, zone: str) -> None:
    start = day_edge(datetime(day.year, day.month, day.day, 20, tzinfo=UTC), zone, upper=False)
    end = start
    for _ in range(days):
        end = day_edge(end, zone, upper=True)
    first = Period(start=start, end=day_edge(start, zone, upper=True))
    found = share(first, Period(start=start, end=end), unit=ProrationUnit.DAY, timezone=zone)
    assert (found.used, found.whole) == (1, days)


def test_a_day_of_23_and_of_25_hours_is_one_day_and_under_second_its_own_length() -> None:
    zone = ZoneInfo("Europe/Paris")
    for text, hours in (("2025-03-30", 23), ("2025-10-26", 25), ("2025-06-01", 24)):
        start = datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)
        one = Period(start=start, end=day_edge(start, zone.key, upper=True))
        week = Period(start=start, end=start + timedelta(days=7))
        assert share(one, week, unit=ProrationUnit.DAY, timezone=zone.key).used == 1
        assert share(one, week, unit=ProrationUnit.SECOND, timezone=zone.key).used == hours * 3600


def test_parts_of_a_second_are_shown_in_seconds() -> None:
    whole = span("2025-01-01", "2025-02-01")
    used = Period(start=whole.start, end=whole.start + timedelta(seconds=90, microseconds=500_000))
    part = share(used, whole, unit=ProrationUnit.SECOND, timezone="UTC")
    rated = prorate(Rated(exact=Decimal("2678400"), working=()), part, unit=ProrationUnit.SECOND, currency="EUR")
    assert rated.exact == Decimal("90.5")
    assert rated.working == (
        {"step": "proration", "used": "90.5", "whole": "2678400", "unit": "second", "amount": "90.50"},
    )


def test_half_of_a_cent_stays_a_half_because_the_division_comes_last() -> None:
    # 0.05 × 14 / 28 = 0.025; divided first, 0.05 / 28 = 0.00178571… is cut, and 14 of them are a little less
    half = prorate(
        Rated(exact=Decimal("0.05"), working=()), Share(used=14, whole=28), unit=ProrationUnit.DAY, currency="EUR"
    )
    assert half.exact == Decimal("0.025")
    assert round_minor(half.exact, "EUR") == 3


def test_the_working_before_a_proration_is_kept() -> None:
    flat = {"step": "flat", "amount": "31.00"}
    rated = prorate(
        Rated(exact=Decimal("31.00"), working=(flat,)),
        Share(used=12, whole=31),
        unit=ProrationUnit.DAY,
        currency="EUR",
    )
    assert rated.working == (
        flat,
        {"step": "proration", "used": "12", "whole": "31", "unit": "day", "amount": "12.00"},
    )


@given(
    st.decimals(0, 10**9, places=12),
    st.integers(0, 366),
    st.integers(1, 366),
    st.sampled_from(list(RoundingMode)),
    st.sampled_from(["EUR", "JPY", "BHD"]),
)
def test_a_prorated_amount_rounds_as_its_exact_fraction_does(
    amount: Decimal, used: int, whole: int, mode: RoundingMode, currency: str
) -> None:
    part = Share(used=min(used, whole), whole=whole)
    rated = prorate(Rated(exact=amount, working=()), part, unit=ProrationUnit.DAY, currency=currency)
    fraction = Fraction(amount) * part.used / part.whole
    assert round_minor(rated.exact, currency, mode=mode) == round_minor(fraction, currency, mode=mode)
