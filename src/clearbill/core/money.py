"""Money: integer minor units and a currency. The only place that rounds, and the only place that splits.

Exponents come from the pinned ISO 4217 list (the ``iso4217`` package). CLDR is used for display only, since it differs
in some currencies. Amounts on the wire are decimal strings in major units with exactly the currency's digits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache

from iso4217 import Currency

from clearbill.core.errors import Fault, Malformed, Unacceptable

MAX_MINOR = 10**17
UNIT_PRICE_PLACES = 12
EXACT = Context(prec=60)


class RoundingMode(StrEnum):
    """How the part below one minor unit is dropped. ``half_up`` is away from zero."""

    HALF_UP = "half_up"
    HALF_EVEN = "half_even"
    DOWN = "down"


_DECIMAL_MODES = {
    RoundingMode.HALF_UP: ROUND_HALF_UP,
    RoundingMode.HALF_EVEN: ROUND_HALF_EVEN,
    RoundingMode.DOWN: ROUND_DOWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An amount in minor units of one currency. Has no division: see :func:`split` and :func:`round_minor`."""

    minor: int
    currency: str

    def __add__(self, other: Money) -> Money:
        self._must_match(other)
        return Money(minor=self.minor + other.minor, currency=self.currency)

    def __sub__(self, other: Money) -> Money:
        self._must_match(other)
        return Money(minor=self.minor - other.minor, currency=self.currency)

    def __neg__(self) -> Money:
        return Money(minor=-self.minor, currency=self.currency)

    def __str__(self) -> str:
        return f"{format_minor(self.minor, self.currency)} {self.currency}"

    def _must_match(self, other: Money) -> None:
        if other.currency != self.currency:
            raise Fault(f"amounts of {self.currency} and {other.currency} were added")


@lru_cache(maxsize=512)
def exponent(currency: str) -> int:
    """Digits after the point: EUR 2, JPY 0, BHD 3. Refuses what isn't a currency of payment (``unknown_currency``)."""
    try:
        found = Currency(currency)
    except ValueError:
        raise _unknown_currency(currency) from None
    if found.exponent is None or currency in NOT_PAYABLE:
        raise _unknown_currency(currency)
    return int(found.exponent)


NOT_PAYABLE = frozenset({"XXX", "XTS", "XAU", "XAG", "XPT", "XPD", "XDR", "XSU", "XUA", "XBA", "XBB", "XBC", "XBD"})


def _unknown_currency(currency: str) -> Unacceptable:
    return Unacceptable(
        "unknown_currency",
        "“{currency}” is not a currency of ISO 4217; write three capital letters, such as EUR or CNY.",
        currency=currency[:16],
    )


def parse_minor(text: object, currency: str, *, field: str = "") -> int:
    """Minor units of a wire amount: ``parse_minor("10.00", "EUR")`` → 1000.

    Refuses numbers (``money_not_string``), other than the exact digits (``money_digits``) and what is too large.
    """
    digits = exponent(currency)
    if not isinstance(text, str):
        raise Malformed(
            "money_not_string",
            "An amount is a string in major units, such as “{example}”, never a number.",
            field=field,
            example=format_minor(1000 if digits else 10, currency),
        )
    body = text[1:] if text.startswith("-") else text
    whole, point, part = body.partition(".")
    well_formed = body.isascii() and whole.isdigit() and (part.isdigit() if point else True)
    if not well_formed or len(part) != digits or len(whole) > 15 or (len(whole) > 1 and whole[0] == "0"):
        raise Malformed(
            "money_digits",
            "“{text}” is not an amount in {currency}; write it like “{example}”, with exactly {digits} decimals.",
            field=field,
            text=text[:40],
            currency=currency,
            digits=digits,
            example=format_minor(1000 if digits else 10, currency),
        )
    minor = int(whole + part)
    return -minor if body is not text else minor


def parse_money(data: object, *, field: str = "") -> Money:
    """Money of its wire form ``{"amount": "10.00", "currency": "EUR"}``; unknown or missing keys are refused."""
    if not isinstance(data, Mapping) or set(data) != {"amount", "currency"} or not isinstance(data["currency"], str):
        raise Malformed("money_shape", 'Money is written {"amount": "10.00", "currency": "EUR"}.', field=field)
    currency = data["currency"]
    return Money(minor=parse_minor(data["amount"], currency, field=f"{field}.amount"), currency=currency)


def format_minor(minor: int, currency: str) -> str:
    """The wire text of an amount: ``format_minor(-5, "EUR")`` → ``"-0.05"``."""
    digits = exponent(currency)
    if digits == 0:
        return str(minor)
    sign = "-" if minor < 0 else ""
    text = str(abs(minor)).rjust(digits + 1, "0")
    return f"{sign}{text[:-digits]}.{text[-digits:]}"


def to_wire(minor: int, currency: str) -> dict[str, str]:
    """``{"amount": …, "currency": …}``."""
    return {"amount": format_minor(minor, currency), "currency": currency}


def parse_decimal(text: object, *, field: str = "", places: int = UNIT_PRICE_PLACES) -> Decimal:
    """A decimal of its wire string: unit price, rate or quantity. Refuses numbers, exponents, NaN and over-long ones."""
    if isinstance(text, bool) or not isinstance(text, str | int | Decimal) or isinstance(text, int | Decimal):
        raise Malformed(
            "decimal_not_string",
            "A decimal is written as a string, such as “0.010”, never as a number.",
            field=field,
        )
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or "e" in text.lower() or "_" in text or text != text.strip() or not text.isascii():
        raise Malformed("decimal_malformed", "“{text}” is not a decimal number.", field=field, text=text[:40])
    exponent_of = value.as_tuple().exponent
    if isinstance(exponent_of, int) and -exponent_of > places:
        raise Malformed(
            "too_many_decimals",
            "“{text}” has more than {places} places after the point.",
            field=field,
            text=text[:40],
            places=places,
        )
    if abs(value) >= Decimal(10) ** 18:
        raise Malformed("decimal_too_large", "“{text}” is too large.", field=field, text=text[:40])
    return value


def plain(value: Decimal) -> str:
    """A decimal without exponent and without trailing zeros: ``plain(Decimal("1E+3"))`` → ``"1000"``."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def major_text(value: Decimal, currency: str) -> str:
    """An exact amount in major units as a working shows it: at least the currency's digits, at most 12 places."""
    if isinstance(places := value.as_tuple().exponent, int) and places < -UNIT_PRICE_PLACES:
        value = value.quantize(Decimal(1).scaleb(-UNIT_PRICE_PLACES), context=EXACT)
    text = plain(value)
    digits = exponent(currency)
    whole, _, part = text.partition(".")
    return f"{whole}.{part.ljust(digits, '0')}" if digits or part else text


def round_minor(exact: Decimal | Fraction, currency: str, *, mode: RoundingMode = RoundingMode.HALF_UP) -> int:
    """Minor units of an exact amount in **major** units. Each line goes through here once, and only once."""
    digits = exponent(currency)
    if isinstance(exact, Decimal):
        return int(exact.scaleb(digits, EXACT).to_integral_value(rounding=_DECIMAL_MODES[mode]))
    return _round_fraction(exact * 10**digits, mode)


def round_ratio(amount_minor: int, numerator: int, denominator: int, *, mode: RoundingMode) -> int:
    """``amount_minor × numerator ÷ denominator`` in minor units, rounded once; for credits, taxes and earned parts."""
    return _round_fraction(Fraction(amount_minor * numerator, denominator), mode)


def _round_fraction(value: Fraction, mode: RoundingMode) -> int:
    size = abs(value)
    whole, rest = divmod(size.numerator, size.denominator)
    twice = 2 * rest
    up = {
        RoundingMode.HALF_UP: twice >= size.denominator,
        RoundingMode.HALF_EVEN: twice > size.denominator or (twice == size.denominator and whole % 2 == 1),
        RoundingMode.DOWN: False,
    }[mode]
    result = whole + 1 if up else whole
    return -result if value < 0 else result


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` minor units in proportion to ``weights`` (≥ 0): the shares add up to it, always.

    Each share is cut toward zero; what is left goes to the largest remainders, ties to the earlier one. With all weights
    at zero the first share takes everything; without weights only a total of zero can be split.
    """
    if any(weight < 0 for weight in weights):
        raise Fault("a split has a negative weight")
    whole = sum(weights)
    if not weights:
        if total:
            raise Fault("an amount was split over nothing")
        return []
    if whole == 0:
        return [total] + [0] * (len(weights) - 1)
    sign = -1 if total < 0 else 1
    shares = [abs(total) * weight // whole for weight in weights]
    rests = [abs(total) * weight % whole for weight in weights]
    left = abs(total) - sum(shares)
    for index in sorted(range(len(weights)), key=lambda i: (-rests[i], i))[:left]:
        shares[index] += 1
    return [sign * share for share in shares]
