"""The three roundings of tax against the words of the billing rules, counted in fractions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.invoice import BilledLine, Credit, TaxRest, make_credit
from clearbill.core.money import RoundingMode, round_minor
from clearbill.core.tax import TaxBehavior, Taxed, TaxedLine, TaxRate, TaxRounding, tax_of

RATES = [
    TaxRate(code=code, rate=Decimal(rate))
    for code, rate in (("vat", "20"), ("low", "5.5"), ("city", "2.375"), ("zero", "0"))
]
VAT, LOW, CITY, ZERO = RATES
LINES = st.lists(
    st.builds(
        TaxedLine,
        base_minor=st.one_of(st.integers(-200, 200), st.integers(-(10**9), 10**9)),
        rates=st.lists(st.sampled_from(RATES), unique=True, max_size=3).map(tuple),
    ),
    max_size=8,
)
BEHAVIORS = st.sampled_from(list(TaxBehavior))
MODES = st.sampled_from(list(RoundingMode))


def taxed(
    lines: Sequence[TaxedLine],
    *,
    rounding: TaxRounding = TaxRounding.RATE,
    behavior: TaxBehavior = TaxBehavior.EXCLUSIVE,
    mode: RoundingMode = RoundingMode.HALF_UP,
) -> Taxed:
    return tax_of(lines, behavior=behavior, rounding=rounding, mode=mode)


def line(base: int, *rates: TaxRate) -> TaxedLine:
    return TaxedLine(base_minor=base, rates=rates)


def exact(one: TaxedLine, rate: TaxRate, behavior: TaxBehavior) -> Fraction:
    """base × r / 100, or gross × r / (100 + all of the line's rates), in minor units."""
    if rate not in one.rates:
        return Fraction(0)
    if behavior is TaxBehavior.EXCLUSIVE:
        return Fraction(one.base_minor) * Fraction(rate.rate) / 100
    return Fraction(one.base_minor) * Fraction(rate.rate) / (100 + sum(Fraction(each.rate) for each in one.rates))


def rounded(value: Fraction, mode: RoundingMode) -> int:
    return round_minor(value / 100, "EUR", mode=mode)


@given(LINES, BEHAVIORS, MODES)
def test_by_rate_each_rate_is_the_rounded_sum_of_its_lines(
    lines: list[TaxedLine], behavior: TaxBehavior, mode: RoundingMode
) -> None:
    found = taxed(lines, behavior=behavior, mode=mode)
    for total in found.rates:
        rate = TaxRate(code=total.code, rate=total.rate)
        assert total.amount_minor == rounded(sum((exact(one, rate, behavior) for one in lines), Fraction(0)), mode)


@given(LINES, BEHAVIORS, MODES)
def test_by_invoice_the_total_is_rounded_once(
    lines: list[TaxedLine], behavior: TaxBehavior, mode: RoundingMode
) -> None:
    found = taxed(lines, rounding=TaxRounding.INVOICE, behavior=behavior, mode=mode)
    everything = sum((exact(one, rate, behavior) for one in lines for rate in one.rates), Fraction(0))
    assert found.total_minor == rounded(everything, mode)


@given(LINES, BEHAVIORS, MODES)
def test_by_line_each_line_is_rounded_by_itself(
    lines: list[TaxedLine], behavior: TaxBehavior, mode: RoundingMode
) -> None:
    found = taxed(lines, rounding=TaxRounding.LINE, behavior=behavior, mode=mode)
    assert list(found.per_line) == [
        sum(rounded(exact(one, rate, behavior), mode) for rate in one.rates) for one in lines
    ]


@given(LINES, st.sampled_from(list(TaxRounding)), BEHAVIORS, MODES)
def test_every_sum_holds_and_each_line_bears_its_own_tax(
    lines: list[TaxedLine], rounding: TaxRounding, behavior: TaxBehavior, mode: RoundingMode
) -> None:
    found = taxed(lines, rounding=rounding, behavior=behavior, mode=mode)
    assert sum(found.per_line) == found.total_minor == sum(total.amount_minor for total in found.rates)
    for one, tax, net in zip(lines, found.per_line, found.net_per_line, strict=True):
        own = sum((exact(one, rate, behavior) for rate in one.rates), Fraction(0))
        assert abs(tax - own) < len(one.rates) * 2 or tax == own == 0
        assert net == one.base_minor - (tax if behavior is TaxBehavior.INCLUSIVE else 0)
    for total in found.rates:
        inside = [index for index, one in enumerate(lines) if total.code in {rate.code for rate in one.rates}]
        assert total.base_minor == sum(found.net_per_line[index] for index in inside)


def test_cents_left_over_go_to_the_largest_remainder_then_to_the_earlier_line() -> None:
    # 33 × 5.5 % = 1.815 three times: 5.445 → 5, cut to 1 + 1 + 1, two cents left, remainders alike
    assert taxed([line(33, LOW), line(33, LOW), line(33, LOW)]).per_line == (2, 2, 1)
    # 1.1, 1.65, 1.925: 4.675 → 5, cut to 1 + 1 + 1; .925 and .65 are the largest
    assert taxed([line(20, LOW), line(30, LOW), line(35, LOW)]).per_line == (1, 2, 2)


def test_beside_a_credit_left_over_cents_still_go_to_the_lines_that_bear_them() -> None:
    # 1.815 + 1.815 − 0.11 = 3.52 → 4, cut to 1 + 1 + 0; both cents belong to the charges, none to the credit
    assert taxed([line(33, LOW), line(33, LOW), line(-2, LOW)]).per_line == (2, 2, 0)
    assert taxed([line(-33, LOW), line(2, LOW), line(-33, LOW)]).per_line == (-2, 0, -2)


@pytest.mark.parametrize(("mode", "tax"), [("half_up", 3), ("half_even", 2), ("down", 2)])
def test_a_half_cent_of_tax_follows_the_rounding_mode(mode: str, tax: int) -> None:
    # 50 × 5 % = 2.5
    half = TaxRate(code="half", rate=Decimal("5"))
    assert taxed([line(50, half)], mode=RoundingMode(mode)).total_minor == tax
    assert taxed([line(-50, half)], mode=RoundingMode(mode)).total_minor == -tax


def test_a_zero_rate_is_shown_and_no_rate_is_not() -> None:
    found = taxed([line(1000, ZERO), line(500)])
    assert [(total.code, total.base_minor, total.amount_minor) for total in found.rates] == [("zero", 1000, 0)]


def test_a_charge_and_its_credit_leave_nothing() -> None:
    for rounding in TaxRounding:
        for behavior in TaxBehavior:
            found = taxed([line(33, LOW), line(-33, LOW)], rounding=rounding, behavior=behavior)
            assert (found.total_minor, sum(found.per_line)) == (0, 0)


POSITIVE_LINES = st.lists(
    st.builds(
        TaxedLine,
        base_minor=st.one_of(st.integers(1, 200), st.integers(1, 10**9)),
        rates=st.lists(st.sampled_from(RATES), unique=True, max_size=3).map(tuple),
    ),
    max_size=6,
)
PERCENTS = st.lists(st.lists(st.integers(1, 100), min_size=6, max_size=6), max_size=4)


@given(POSITIVE_LINES, st.sampled_from(list(TaxRounding)), BEHAVIORS, MODES, PERCENTS)
def test_notes_that_take_back_all_lines_take_back_all_tax_and_never_more(
    lines: list[TaxedLine], rounding: TaxRounding, behavior: TaxBehavior, mode: RoundingMode, percents: list[list[int]]
) -> None:
    found = taxed(lines, rounding=rounding, behavior=behavior, mode=mode)
    billed = [
        BilledLine(
            number=number,
            amount_minor=net,
            discount_minor=0,
            rates=line.rates,
            credited_minor=0,
            credited_discount_minor=0,
        )
        for number, (line, net) in enumerate(zip(lines, found.net_per_line, strict=True), 1)
    ]
    rests = [
        TaxRest(
            rate=TaxRate(code=each.code, rate=each.rate), base_minor=each.base_minor, amount_minor=each.amount_minor
        )
        for each in found.rates
    ]
    for shares in [*percents, [100] * 6]:
        left = {line.number: line.amount_minor - line.credited_minor for line in billed}
        wanted = {number: part for number, rest in left.items() if (part := rest * shares[number - 1] // 100) > 0}
        if wanted:
            credit = make_credit(wanted, lines=billed, rests=rests, mode=mode, rounding=rounding)
            assert all(tax >= 0 for line in credit.lines for tax in line.taxes.values())
            rests = [_rest_after(rest, credit) for rest in rests]
            billed = [replace(line, credited_minor=line.credited_minor + wanted.get(line.number, 0)) for line in billed]
            assert all(rest.amount_minor >= 0 and rest.base_minor >= 0 for rest in rests)
    assert all(line.credited_minor == line.amount_minor for line in billed)
    creditable = {rate for line in billed if line.amount_minor for rate in line.rates}
    assert all(rest.amount_minor == 0 for rest in rests if rest.rate in creditable)


def _rest_after(rest: TaxRest, credit: Credit) -> TaxRest:
    code = rest.rate.code
    inside = [line for line in credit.lines if code in line.taxes]
    return replace(
        rest,
        base_minor=rest.base_minor - sum(line.amount_minor for line in inside),
        amount_minor=rest.amount_minor - sum(line.taxes[code] for line in inside),
    )
