"""Part periods in every unit; taxes under every rounding; the sums that must hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.errors import Fault
from clearbill.core.money import RoundingMode, round_minor
from clearbill.core.period import Period, ProrationUnit
from clearbill.core.proration import Share, prorate, share
from clearbill.core.rating import Rated
from clearbill.core.tax import TaxBehavior, TaxedLine, TaxRate, TaxRounding, tax_of


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str) -> Period:
    return Period(start=utc(start), end=utc(end))


SHARES = [
    (ProrationUnit.DAY, "UTC", span("2025-01-10", "2025-02-01"), span("2025-01-01", "2025-02-01"), (22, 31)),
    (ProrationUnit.DAY, "UTC", span("2024-02-10", "2024-03-01"), span("2024-02-01", "2024-03-01"), (20, 29)),
    # Paris in March 2025: 31 days, one of 23 hours
    (
        ProrationUnit.DAY,
        "Europe/Paris",
        span("2025-03-29T23:00", "2025-03-31T22:00"),
        span("2025-02-28T23:00", "2025-03-31T22:00"),
        (2, 31),
    ),
    (
        ProrationUnit.SECOND,
        "UTC",
        span("2025-01-10T12:00", "2025-02-01"),
        span("2025-01-01", "2025-02-01"),
        (1857600, 2678400),
    ),
    (ProrationUnit.FIXED_30, "UTC", span("2025-01-16", "2025-02-01"), span("2025-01-01", "2025-02-01"), (15, 30)),
    (ProrationUnit.FIXED_30, "UTC", span("2025-01-31", "2025-02-28"), span("2025-01-31", "2025-02-28"), (30, 30)),
    (ProrationUnit.FIXED_30, "UTC", span("2025-01-01", "2025-01-31"), span("2025-01-01", "2025-02-01"), (29, 30)),
    (ProrationUnit.FIXED_30, "UTC", span("2025-01-01", "2025-04-01"), span("2025-01-01", "2026-01-01"), (90, 360)),
    (ProrationUnit.FULL, "UTC", span("2025-01-30", "2025-02-01"), span("2025-01-01", "2025-02-01"), (1, 1)),
    (ProrationUnit.NONE, "UTC", span("2025-01-30", "2025-02-01"), span("2025-01-01", "2025-02-01"), (0, 1)),
    (ProrationUnit.NONE, "UTC", span("2025-01-01", "2025-02-01"), span("2025-01-01", "2025-02-01"), (1, 1)),
]


@pytest.mark.parametrize(("unit", "zone", "used", "whole", "expected"), SHARES)
def test_shares(unit: ProrationUnit, zone: str, used: Period, whole: Period, expected: tuple[int, int]) -> None:
    found = share(used, whole, unit=unit, timezone=zone)
    assert (found.used, found.whole) == expected


def test_microseconds_are_counted_where_there_are_any() -> None:
    used = Period(start=utc("2025-01-01"), end=utc("2025-01-01") + timedelta(microseconds=1))
    whole = Period(start=utc("2025-01-01"), end=utc("2025-01-01T00:00:01"))
    assert share(used, whole, unit=ProrationUnit.SECOND, timezone="UTC") == Share(
        used=1, whole=1_000_000, per_unit=1_000_000
    )


def test_a_part_of_nothing_is_a_fault() -> None:
    with pytest.raises(Fault):
        share(
            span("2025-01-01", "2025-01-02"), span("2025-01-02", "2025-01-02"), unit=ProrationUnit.DAY, timezone="UTC"
        )


def test_prorating_multiplies_first_and_divides_last() -> None:
    rated = prorate(
        Rated(exact=Decimal("29.00"), working=()), Share(used=22, whole=31), unit=ProrationUnit.DAY, currency="EUR"
    )
    # 29 × 22 / 31 = 638 / 31 = 20.580645161290…
    assert round_minor(rated.exact, "EUR") == 2058
    assert rated.working[0] == {
        "step": "proration",
        "used": "22",
        "whole": "31",
        "unit": "day",
        "amount": "20.58064516129",
    }


@given(st.integers(0, 10**9), st.integers(1, 365), st.integers(2, 366))
def test_a_period_in_two_parts_costs_the_whole_within_a_minor_unit(minor: int, cut: int, whole: int) -> None:
    cut = min(cut, whole - 1)
    full = Rated(exact=Decimal(minor).scaleb(-2), working=())
    parts = [
        round_minor(prorate(full, Share(used=used, whole=whole), unit=ProrationUnit.DAY, currency="EUR").exact, "EUR")
        for used in (cut, whole - cut)
    ]
    assert abs(sum(parts) - minor) <= 1


VAT20, VAT5, CITY = (
    TaxRate(code=code, rate=Decimal(rate)) for code, rate in (("vat", "20"), ("low", "5.5"), ("city", "2.375"))
)


def taxed(lines: list[tuple[int, tuple[TaxRate, ...]]], rounding: str = "rate", behavior: str = "exclusive"):
    return tax_of(
        [TaxedLine(base_minor=base, rates=rates) for base, rates in lines],
        behavior=TaxBehavior(behavior),
        rounding=TaxRounding(rounding),
        mode=RoundingMode.HALF_UP,
    )


def test_the_three_roundings_differ_where_they_should() -> None:
    lines = [(33, (VAT5,)), (33, (VAT5,)), (33, (VAT5,))]
    # each 33 × 5.5 % = 1.815; line by line 2 + 2 + 2, together 5.445 → 5
    assert taxed(lines, "line").total_minor == 6
    assert taxed(lines, "rate").total_minor == 5
    assert taxed(lines, "invoice").total_minor == 5


def test_rate_rounds_each_rate_and_invoice_rounds_their_sum() -> None:
    lines = [(110, (VAT5,)), (102, (CITY,))]
    # 6.05 and 2.4225: by rate 6 + 2 = 8; together 8.4725 → 8; with 3 × as much: 18.15 → 18, 7.2675 → 7; 25.4175 → 25
    assert [total.amount_minor for total in taxed(lines).rates] == [6, 2]
    odd = [(10, (VAT5,)), (40, (CITY,))]
    # 0.55 → 1 and 0.95 → 1 by rate; 1.5 → 2 together, split 0.55 : 0.95 → 1 and 1
    assert taxed(odd, "rate").total_minor == 2
    assert [total.amount_minor for total in taxed(odd, "invoice").rates] == [1, 1]


def test_inclusive_prices_contain_their_tax() -> None:
    found = taxed([(12000, (VAT20,))], behavior="inclusive")
    assert (found.net_per_line, found.total_minor) == ((10000,), 2000)
    two = taxed([(12575, (VAT20, VAT5))], behavior="inclusive")
    # 125.75 holds 20 and 5.5 per cent of 100.199…: 20.04 and 5.51
    assert [total.amount_minor for total in two.rates] == [2004, 551]
    assert two.net_per_line == (12575 - 2555,)


def test_a_line_without_rates_has_no_tax_and_credits_are_taxed_backwards() -> None:
    found = taxed([(1000, (VAT20,)), (500, ()), (-300, (VAT20,))])
    assert found.per_line == (200, 0, -60)
    assert found.rates[0].base_minor == 700
    assert found.total_minor == 140


def test_no_lines_no_tax() -> None:
    assert taxed([]).total_minor == 0
    assert taxed([(0, (VAT20,))]).total_minor == 0


@given(
    st.lists(
        st.tuples(st.integers(-(10**7), 10**7), st.lists(st.sampled_from([VAT20, VAT5, CITY]), unique=True)),
        max_size=12,
    ),
    st.sampled_from(list(TaxRounding)),
    st.sampled_from(list(TaxBehavior)),
)
def test_line_taxes_add_up_to_the_rates_and_to_the_total(
    lines: list[tuple[int, list[TaxRate]]], rounding: TaxRounding, behavior: TaxBehavior
) -> None:
    found = taxed([(base, tuple(rates)) for base, rates in lines], rounding.value, behavior.value)

    assert sum(found.per_line) == found.total_minor == sum(total.amount_minor for total in found.rates)
    if behavior is TaxBehavior.INCLUSIVE:
        assert sum(found.net_per_line) + found.total_minor == sum(base for base, _rates in lines)
    else:
        assert found.net_per_line == tuple(base for base, _rates in lines)
        exact = sum(
            (Fraction(base) * Fraction(rate.rate) / 100 for base, rates in lines for rate in rates), Fraction(0)
        )
        cells = sum(len(rates) for _base, rates in lines)
        assert abs(found.total_minor - exact) <= max(1, Fraction(cells, 2))
