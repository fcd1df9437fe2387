"""Card numbers are found however they're written; other long numbers are let through."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.card_number import card_numbers, holds_card_number, passes_luhn

# numbers that the schemes and gateways publish for testing
CARDS = [
    "4242424242424242",
    "4000000000003220",
    "5555555555554444",
    "2223003122003222",
    "378282246310005",
    "30569309025904",
    "36227206271667",
    "3566002020360505",
    "6011111111111117",
    "6200000000000005",
]


def groups_of(number: str) -> list[str]:
    """As they stand on a card."""
    cuts = (0, 4, 10, len(number)) if len(number) < 16 else (0, 4, 8, 12, 16)
    return [number[start:end] for start, end in pairwise(cuts)]


@pytest.mark.parametrize("number", CARDS)
@pytest.mark.parametrize("gap", ["", " ", "-", ".", "\u00a0", "\u2011", " - "])
def test_a_card_is_found_whatever_stands_between_its_digits(number: str, gap: str) -> None:
    parts = groups_of(number)
    found = card_numbers(f"my card: {gap.join(parts)}, thanks")
    assert found == ([number] if len(gap) < 3 else [])


@pytest.mark.parametrize(
    "text",
    [
        "４２４２４２４２４２４２４２４２",
        "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢",
        "4242\u200b4242\u200b4242\u200b4242",
        '{"number":"4242424242424242"}',
        "number=4242424242424242&cvc=123",
        "卡号4242424242424242",
    ],
)
def test_other_scripts_and_invisible_marks_hide_nothing(text: str) -> None:
    assert holds_card_number(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242424242424241",  # wrong check digit
        "1763890000000",  # an instant in milliseconds
        "2024110512345678",  # an order's number that begins with a date
        "DE89370400440532013000",
        "inv_01jha9exm0etwbpnkdjcymsget",
        "44242424242424242",  # 17 digits
        "UA-5018-2013-12-31-EWR",
        "42-4242-4242-4242-42",
        "4242 42424242 4242",
        "0123456789012345",
        "018f4242-4242-7242-8242-424242424242",
        "+86 138 1234 5678",
        "0000000000000000",
    ],
)
def test_other_numbers_are_let_through(text: str) -> None:
    assert card_numbers(text) == []


@given(st.integers(10**14, 10**15 - 1))
def test_one_wrong_digit_is_always_noticed(start: int) -> None:
    digits = str(start)
    check = next(last for last in range(10) if passes_luhn(f"{digits}{last}"))
    assert sum(passes_luhn(f"{digits}{last}") for last in range(10)) == 1
    wrong = str((int(digits[3]) + 1) % 10)
    assert not passes_luhn(f"{digits[:3]}{wrong}{digits[4:]}{check}")
