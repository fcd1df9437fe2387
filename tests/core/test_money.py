"""Money: digits by ISO 4217, one rounding, one split."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.errors import Fault, Malformed, Refusal, Unacceptable
from clearbill.core.money import (
    Money,
    RoundingMode,
    exponent,
    format_minor,
    major_text,
    parse_decimal,
    parse_minor,
    parse_money,
    plain,
    round_minor,
    round_ratio,
    split,
    to_wire,
)

CURRENCIES = st.sampled_from(
    ["EUR", "USD", "CNY", "JPY", "KRW", "BHD", "KWD", "ISK", "CLP", "HUF", "RSD", "IQD", "CLF"]
)


@pytest.mark.parametrize(
    ("currency", "digits"),
    [("EUR", 2), ("JPY", 0), ("BHD", 3), ("RSD", 2), ("IQD", 3), ("ISK", 0), ("HUF", 2), ("CLF", 4)],
)
def test_digits_come_from_iso_4217(currency: str, digits: int) -> None:
    assert exponent(currency) == digits


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "XAU", "XXX", "ABC", "€"])
def test_what_is_no_currency_is_refused(currency: str) -> None:
    with pytest.raises(Unacceptable) as refused:
        exponent(currency)
    assert refused.value.code == "unknown_currency"


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("10.00", "EUR", 1000), ("0.05", "EUR", 5), ("-0.05", "EUR", -5), ("1000", "JPY", 1000), ("1.234", "BHD", 1234)],
)
def test_wire_amounts_are_read(text: str, currency: str, minor: int) -> None:
    assert parse_minor(text, currency) == minor
    assert format_minor(minor, currency) == text


@pytest.mark.parametrize(
    "text",
    [
        "10",
        "10.0",
        "10.000",
        "1e3",
        " 10.00",
        "10,00",
        "",
        "-",
        ".50",
        "010.00",
        "１０.00",
        "NaN",
        "+1.00",
        "9" * 16 + ".00",
    ],
)
def test_amounts_with_other_digits_are_refused(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        parse_minor(text, "EUR", field="amount")
    assert (refused.value.code, refused.value.field) == ("money_digits", "amount")


@pytest.mark.parametrize("value", [10, 10.0, None, True, Decimal("10.00")])
def test_numbers_for_money_are_refused(value: object) -> None:
    with pytest.raises(Malformed, match="money_not_string"):
        parse_minor(value, "EUR")


def test_money_on_the_wire_has_amount_and_currency_and_nothing_else() -> None:
    assert parse_money({"amount": "1.50", "currency": "EUR"}) == Money(minor=150, currency="EUR")
    for wrong in (
        {"amount": "1.50"},
        {"amount": "1.50", "currency": "EUR", "x": 1},
        "1.50",
        {"amount": "1", "currency": 5},
    ):
        with pytest.raises(Malformed, match="money_shape"):
            parse_money(wrong)


@given(st.integers(-(10**15) + 1, 10**15 - 1), CURRENCIES)
def test_format_and_parse_are_inverse(minor: int, currency: str) -> None:
    if len(format_minor(minor, currency).lstrip("-").split(".")[0]) <= 15:
        assert parse_minor(format_minor(minor, currency), currency) == minor
    assert to_wire(minor, currency)["currency"] == currency


def test_amounts_add_within_a_currency_only() -> None:
    one, two = Money(minor=1, currency="EUR"), Money(minor=2, currency="EUR")
    assert one + two - one == two
    assert str(-two) == "-0.02 EUR"
    with pytest.raises(Fault):
        one + Money(minor=1, currency="USD")


ROUNDINGS = [
    ("0.005", 1, 0, 0),
    ("0.015", 2, 2, 1),
    ("0.025", 3, 2, 2),
    ("-0.005", -1, 0, 0),
    ("-0.015", -2, -2, -1),
    ("0.0149", 1, 1, 1),
    ("0.0151", 2, 2, 1),
]


@pytest.mark.parametrize(("exact", "half_up", "half_even", "down"), ROUNDINGS)
def test_rounding_modes_at_the_half(exact: str, half_up: int, half_even: int, down: int) -> None:
    for value in (Decimal(exact), Fraction(exact)):
        assert round_minor(value, "EUR", mode=RoundingMode.HALF_UP) == half_up
        assert round_minor(value, "EUR", mode=RoundingMode.HALF_EVEN) == half_even
        assert round_minor(value, "EUR", mode=RoundingMode.DOWN) == down


@given(st.integers(-(10**12), 10**12), st.integers(0, 400), st.integers(1, 400), st.sampled_from(RoundingMode))
def test_a_ratio_is_rounded_by_less_than_one_unit(minor: int, part: int, whole: int, mode: RoundingMode) -> None:
    rounded = round_ratio(minor, part, whole, mode=mode)
    assert abs(rounded - Fraction(minor * part, whole)) < 1


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(0, 10**6), min_size=1, max_size=40))
def test_a_split_conserves_the_total_and_gives_nobody_more_than_a_unit_too_much(total: int, weights: list[int]) -> None:
    shares = split(total, weights)

    assert sum(shares) == total
    whole = sum(weights)
    if whole:
        assert all(
            abs(share - Fraction(total * weight, whole)) < 1 for share, weight in zip(shares, weights, strict=True)
        )


@pytest.mark.parametrize(
    ("total", "weights", "shares"),
    [
        (100, [1, 1, 1], [34, 33, 33]),
        (-100, [1, 1, 1], [-34, -33, -33]),
        (5, [0, 1, 0], [0, 5, 0]),
        (7, [0, 0], [7, 0]),
        (1, [2, 3], [0, 1]),
        (0, [], []),
    ],
)
def test_leftover_units_go_to_the_largest_remainders(total: int, weights: list[int], shares: list[int]) -> None:
    assert split(total, weights) == shares


def test_a_split_over_nothing_or_with_negative_weights_is_a_fault() -> None:
    for total, weights in ((1, []), (1, [-1, 2])):
        with pytest.raises(Fault):
            split(total, weights)


@pytest.mark.parametrize("text", ["0.010", "1000", "-3.5", "0.000000000001"])
def test_decimals_are_read_from_strings(text: str) -> None:
    assert parse_decimal(text) == Decimal(text)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (1, "decimal_not_string"),
        (1.5, "decimal_not_string"),
        (True, "decimal_not_string"),
        (None, "decimal_not_string"),
        ("1e5", "decimal_malformed"),
        ("NaN", "decimal_malformed"),
        ("Infinity", "decimal_malformed"),
        ("1_000", "decimal_malformed"),
        (" 1", "decimal_malformed"),
        ("one", "decimal_malformed"),
        ("０", "decimal_malformed"),
        ("0.0000000000001", "too_many_decimals"),
        ("1" + "0" * 18, "decimal_too_large"),
    ],
)
def test_what_is_no_decimal_is_refused(value: object, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        parse_decimal(value, field="x")
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("value", "text"), [("1E+3", "1000"), ("0.500", "0.5"), ("-0.0", "0"), ("100", "100"), ("0", "0")]
)
def test_plain_decimals_have_no_exponent_and_no_trailing_zeros(value: str, text: str) -> None:
    assert plain(Decimal(value)) == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [
        ("29", "EUR", "29.00"),
        ("1.5", "JPY", "1.5"),
        ("7", "JPY", "7"),
        ("0.12345", "EUR", "0.12345"),
        ("1", "BHD", "1.000"),
    ],
)
def test_exact_amounts_show_at_least_the_currencys_digits(value: str, currency: str, text: str) -> None:
    assert major_text(Decimal(value), currency) == text


def test_an_endless_fraction_is_shown_with_twelve_places() -> None:
    assert major_text(Decimal(1) / Decimal(3), "EUR") == "0.333333333333"
