"""What each test number does. Numbers are those that gateways publish for testing; no bank ever issued them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Behavior:
    """``first`` is the code of a decline with the payer present, ``later`` one without; empty is a success.

    ``challenge`` asks the payer to confirm at the bank: ``always``, ``never``, or ``unless_stored``.
    """

    name: str
    brand: str = "visa"
    funding: str = "credit"
    first: str = ""
    later: str = ""
    challenge: str = "never"


CARDS: dict[str, Behavior] = {
    "4242424242424242": Behavior(name="visa"),
    "4000056655665556": Behavior(name="visa_debit", funding="debit"),
    "5555555555554444": Behavior(name="mastercard", brand="mastercard"),
    "5200828282828210": Behavior(name="mastercard_debit", brand="mastercard", funding="debit"),
    "378282246310005": Behavior(name="amex", brand="amex"),
    "6200000000000005": Behavior(name="unionpay", brand="unionpay"),
    "4000000000003220": Behavior(name="challenge", challenge="always"),
    "4000002500003155": Behavior(name="challenge_once", challenge="unless_stored"),
    "4000002760003184": Behavior(name="challenge_always", challenge="always", later="authentication_required"),
    "4000000000000341": Behavior(name="fails_later", later="card_declined"),
    "4000000000000002": Behavior(name="declined", first="card_declined", later="card_declined"),
    "4000000000009995": Behavior(name="no_funds", first="insufficient_funds", later="insufficient_funds"),
    "4000000000009987": Behavior(name="lost", first="lost_card", later="lost_card"),
    "4000000000009979": Behavior(name="stolen", first="stolen_card", later="stolen_card"),
    "4000000000000069": Behavior(name="expired", first="expired_card", later="expired_card"),
    "4000000000000127": Behavior(name="wrong_cvc", first="incorrect_cvc", later="incorrect_cvc"),
    "4000000000000119": Behavior(name="busy", first="processing_error", later="processing_error"),
}
BY_NAME = {each.name: each for each in CARDS.values()}


def declining_later(code: str) -> Behavior:
    """A stored card that works once and is then declined with ``code``; for scenarios and demos."""
    return Behavior(name=f"later:{code}", later=code)


def behavior_named(name: str) -> Behavior:
    """The behavior of its stored name."""
    if name.startswith("later:"):
        return declining_later(name.removeprefix("later:"))
    return BY_NAME[name]


def passes_luhn(number: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1)."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [digit * 2 - 9 if digit > 4 else digit * 2 for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
