"""Creditor references of ISO 11649: the standard's own example, and every single slip is noticed."""

from __future__ import annotations

from string import ascii_uppercase, digits

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clearbill.core.bank_reference import make_reference, read_reference, shown_reference
from clearbill.core.errors import Fault

BODIES = st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=21)


def test_the_example_of_the_standard() -> None:
    assert make_reference("539007547034") == "RF18539007547034"
    assert shown_reference("RF18539007547034") == "RF18 5390 0754 7034"


@pytest.mark.parametrize(
    "text", ["RF18 5390 0754 7034", "rf18-5390-0754-7034", "RF185390\n07547034", "RF18/539007547034"]
)
def test_a_payer_may_break_it(text: str) -> None:
    assert read_reference(text) == "RF18539007547034"


@pytest.mark.parametrize(
    "text", ["", "RF", "RF18", "RF19539007547034", "XX18539007547034", "RF18539007547034Ä", "RF18" + "1" * 22]
)
def test_what_is_no_reference(text: str) -> None:
    assert read_reference(text) is None


@pytest.mark.parametrize("body", ["", "A" * 22, "A-B", "ä"])
def test_no_reference_of_such_a_body(body: str) -> None:
    with pytest.raises(Fault):
        make_reference(body)


@given(BODIES, st.data())
def test_a_wrong_digit_or_letter_is_always_noticed(body: str, data: st.DataObject) -> None:
    reference = make_reference(body)
    assert read_reference(shown_reference(reference)) == reference
    place = data.draw(st.integers(4, len(reference) - 1))
    # a letter counts as two digits, so only a digit for a digit, or a letter for a letter, can't be missed
    alike = digits if reference[place] in digits else ascii_uppercase
    other = data.draw(st.sampled_from(alike).filter(lambda each: each != reference[place]))
    assert read_reference(reference[:place] + other + reference[place + 1 :]) is None
