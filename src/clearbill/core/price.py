"""Prices as values: the models, their parameters, and how a price document is read and refused.

A new model is a member of :class:`Model`, its parameters among the fields, a row in ``_PARAMETERS`` and a function in
``core.rating``.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from clearbill.core.errors import Malformed, Unacceptable
from clearbill.core.money import exponent, parse_decimal, plain

CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
MAX_TIERS = 100
NAME_LENGTH = 200
MAX_QUANTITY = Decimal(10) ** 18


class Model(StrEnum):
    """How quantity becomes amount."""

    FLAT = "flat"
    PER_UNIT = "per_unit"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"


class BillTiming(StrEnum):
    """When a fee is billed; usage always in arrears."""

    IN_ADVANCE = "in_advance"
    IN_ARREARS = "in_arrears"


class TiersOver(StrEnum):
    """With groups: whether tiers count per group or over all of them."""

    GROUP = "group"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tier:
    """A step of quantities up to and including ``up_to`` (None: all the rest). The flat part is charged once entered."""

    up_to: Decimal | None
    unit_amount: Decimal
    flat_amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """A fee of a plan. Amounts are exact decimals in major units of ``currency``; names by language."""

    code: str
    model: Model
    currency: str
    bill: BillTiming
    amount: Decimal | None = None
    unit_amount: Decimal | None = None
    tiers: tuple[Tier, ...] = ()
    size: Decimal | None = None
    free_units: Decimal = Decimal(0)
    quantity: Decimal | None = None
    meter: str | None = None
    tax: tuple[str, ...] | None = None
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    prorated: bool = True
    tiers_over: TiersOver = TiersOver.GROUP
    name: Mapping[str, str] = field(default_factory=dict, hash=False)
    unit_name: Mapping[str, str] = field(default_factory=dict, hash=False)


_COMMON = frozenset(
    {
        "code",
        "model",
        "currency",
        "bill",
        "meter",
        "tax",
        "minimum",
        "maximum",
        "prorated",
        "tiers_over",
        "name",
        "unit_name",
    }
)
_PARAMETERS: Mapping[Model, frozenset[str]] = {
    Model.FLAT: frozenset({"amount"}),
    Model.PER_UNIT: frozenset({"unit_amount", "quantity"}),
    Model.GRADUATED: frozenset({"tiers", "quantity"}),
    Model.VOLUME: frozenset({"tiers", "quantity"}),
    Model.PACKAGE: frozenset({"amount", "size", "free_units", "quantity"}),
}
_REQUIRED: Mapping[Model, tuple[str, ...]] = {
    Model.FLAT: ("amount",),
    Model.PER_UNIT: ("unit_amount",),
    Model.GRADUATED: ("tiers",),
    Model.VOLUME: ("tiers",),
    Model.PACKAGE: ("amount", "size"),
}
LANGUAGES = ("en", "zh-Hans")
Kind = TypeVar("Kind", bound=StrEnum)


def parse_price(
    data: Mapping[str, object], *, currency: str, meters: Collection[str], at_field: str = "price"
) -> Price:
    """A price of its document; ``currency`` is the plan's, ``meters`` the codes that exist.

    Raises Malformed or Unacceptable with the field's path: ``price_unknown_field``, ``price_field_missing``,
    ``decimal_not_string``, ``unknown_model``, ``unknown_meter``, ``unknown_currency``, ``tiers_overlap``,
    ``tier_last_not_open``, ``negative_price``, ``negative_quantity``, ``too_many_decimals``, ``minimum_above_maximum``,
    ``tax_twice``.
    """
    if not isinstance(data, Mapping):
        raise Malformed("price_shape", "A price is an object of fields.", field=at_field)
    model = _member(Model, data.get("model"), at=f"{at_field}.model", code="unknown_model")
    unknown = sorted(str(key) for key in set(data) - _COMMON - _PARAMETERS[model])
    if unknown:
        raise Malformed(
            "price_unknown_field",
            "A {model} price has no field “{name}”; it has {known}.",
            field=f"{at_field}.{unknown[0][:64]}",
            model=model.value,
            name=unknown[0][:64],
            known=", ".join(sorted(_COMMON | _PARAMETERS[model])),
        )
    for name in ("code", *_REQUIRED[model]):
        if data.get(name) is None:
            raise Malformed(
                "price_field_missing", "The field “{name}” is missing.", field=f"{at_field}.{name}", name=name
            )
    own = data.get("currency", currency)
    if own != currency:
        raise Unacceptable(
            "price_currency",
            "All prices of a plan are in its currency, {currency}.",
            field=f"{at_field}.currency",
            currency=currency,
        )
    exponent(currency)
    price = Price(
        code=parse_code(data["code"], at=f"{at_field}.code"),
        model=model,
        currency=currency,
        bill=_bill(data, at=at_field),
        amount=_amount(data, "amount", at=at_field),
        unit_amount=_amount(data, "unit_amount", at=at_field),
        tiers=_tiers(data.get("tiers"), at=f"{at_field}.tiers") if "tiers" in data else (),
        size=_quantity(data, "size", at=at_field),
        free_units=_quantity(data, "free_units", at=at_field) or Decimal(0),
        quantity=_quantity(data, "quantity", at=at_field),
        meter=_meter(data.get("meter"), meters, at=f"{at_field}.meter"),
        tax=_tax(data.get("tax"), at=f"{at_field}.tax"),
        minimum=_amount(data, "minimum", at=at_field),
        maximum=_amount(data, "maximum", at=at_field),
        prorated=_boolean(data.get("prorated", True), at=f"{at_field}.prorated"),
        tiers_over=_member(TiersOver, data.get("tiers_over", "group"), at=f"{at_field}.tiers_over", code="price_value"),
        name=parse_names(data.get("name"), at=f"{at_field}.name"),
        unit_name=parse_names(data.get("unit_name"), at=f"{at_field}.unit_name"),
    )
    _check_whole(price, at=at_field)
    return price


def price_document(price: Price) -> dict[str, object]:
    """The canonical document of a price; ``parse_price`` reads it back as the same price."""
    document: dict[str, object] = {
        "code": price.code,
        "model": price.model.value,
        "bill": price.bill.value,
        "prorated": price.prorated,
        "tiers_over": price.tiers_over.value,
        "name": dict(sorted(price.name.items())),
        "unit_name": dict(sorted(price.unit_name.items())),
    }
    optional: dict[str, Decimal | None] = {
        "amount": price.amount,
        "unit_amount": price.unit_amount,
        "size": price.size,
        "free_units": price.free_units or None,
        "quantity": price.quantity,
        "minimum": price.minimum,
        "maximum": price.maximum,
    }
    document.update({key: plain(value) for key, value in optional.items() if value is not None})
    if price.tiers:
        document["tiers"] = [_tier_document(tier) for tier in price.tiers]
    if price.meter is not None:
        document["meter"] = price.meter
    if price.tax is not None:
        document["tax"] = list(price.tax)
    return document


def parse_code(value: object, *, at: str) -> str:
    """A code: 1 to 64 letters, digits, ``_ . -``; refuses others (``code_malformed``)."""
    if not isinstance(value, str) or not CODE.fullmatch(value):
        raise Malformed(
            "code_malformed", "A code has 1 to 64 letters, digits, underscores, dots and hyphens.", field=at
        )
    return value


def parse_names(value: object, *, at: str) -> dict[str, str]:
    """Names by language: ``{"en": …, "zh-Hans": …}``; None is no name."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or any(
        key not in LANGUAGES or not isinstance(text, str) or not 0 < len(text) <= NAME_LENGTH or "\0" in text
        for key, text in value.items()
    ):
        raise Malformed(
            "names_malformed",
            "Names are given by language, such as {example}, with up to {limit} characters.",
            field=at,
            example='{"en": "Base fee", "zh-Hans": "基本费"}',
            limit=NAME_LENGTH,
        )
    return {str(key): str(text) for key, text in value.items()}


def parse_whole(value: object, *, field: str) -> Decimal:
    """A quantity: a decimal string, or a whole number (counts aren't money, so a plain integer is welcome)."""
    if isinstance(value, int) and not isinstance(value, bool):
        number = Decimal(value)
        if abs(number) >= MAX_QUANTITY:
            raise Malformed("decimal_too_large", "“{text}” is too large.", field=field, text=str(number)[:40])
    else:
        number = parse_decimal(value, field=field)
    if number < 0:
        raise Unacceptable("negative_quantity", "A quantity can't be below zero.", field=field)
    return number


def _bill(data: Mapping[str, object], *, at: str) -> BillTiming:
    metered = data.get("meter") is not None
    value = data.get("bill", "in_arrears" if metered else "in_advance")
    timing = _member(BillTiming, value, at=f"{at}.bill", code="unknown_bill_timing")
    if metered and timing is BillTiming.IN_ADVANCE:
        raise Unacceptable("usage_in_advance", "Usage is billed in arrears; leave “bill” out.", field=f"{at}.bill")
    return timing


def _tiers(value: object, *, at: str) -> tuple[Tier, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not 0 < len(value) <= MAX_TIERS:
        raise Malformed("tiers_shape", "Tiers are a list of 1 to {limit} steps.", field=at, limit=MAX_TIERS)
    tiers = [_tier(each, at=f"{at}[{index}]") for index, each in enumerate(value)]
    reached = Decimal(0)
    for index, tier in enumerate(tiers):
        is_last = index == len(tiers) - 1
        if tier.up_to is None and not is_last:
            raise Unacceptable(
                "tiers_overlap",
                "Only the last tier may be open; the tiers after this one would overlap it.",
                field=f"{at}[{index}]",
            )
        if tier.up_to is not None and is_last:
            raise Unacceptable(
                "tier_last_not_open",
                "The last tier must have no “up_to”, so that every quantity has a price.",
                field=f"{at}[{index}]",
            )
        if tier.up_to is not None and tier.up_to <= reached:
            raise Unacceptable(
                "tiers_overlap",
                "This tier ends at {up_to}, but the tier before it goes up to {reached}: they overlap.",
                field=f"{at}[{index}].up_to",
                up_to=plain(tier.up_to),
                reached=plain(reached),
            )
        reached = tier.up_to if tier.up_to is not None else reached
    return tuple(tiers)


def _tier(value: object, *, at: str) -> Tier:
    if not isinstance(value, Mapping):
        raise Malformed("tier_shape", "A tier is an object of up_to, unit_amount and flat_amount.", field=at)
    unknown = sorted(str(key) for key in set(value) - {"up_to", "unit_amount", "flat_amount"})
    if unknown:
        raise Malformed(
            "price_unknown_field",
            "A tier has no field “{name}”; it has {known}.",
            field=f"{at}.{unknown[0][:64]}",
            name=unknown[0][:64],
            known="up_to, unit_amount, flat_amount",
        )
    up_to = value.get("up_to")
    unit_amount = _amount(value, "unit_amount", at=at)
    return Tier(
        up_to=None if up_to is None else parse_whole(up_to, field=f"{at}.up_to"),
        unit_amount=Decimal(0) if unit_amount is None else unit_amount,
        flat_amount=_amount(value, "flat_amount", at=at) or Decimal(0),
    )


def _tier_document(tier: Tier) -> dict[str, object]:
    document: dict[str, object] = {"unit_amount": plain(tier.unit_amount)}
    if tier.up_to is not None:
        document["up_to"] = plain(tier.up_to)
    if tier.flat_amount:
        document["flat_amount"] = plain(tier.flat_amount)
    return document


def _amount(data: Mapping[str, object], name: str, *, at: str) -> Decimal | None:
    if data.get(name) is None:
        return None
    amount = parse_decimal(data[name], field=f"{at}.{name}")
    if amount < 0:
        raise Unacceptable("negative_price", "A price can't be below zero.", field=f"{at}.{name}")
    return amount


def _quantity(data: Mapping[str, object], name: str, *, at: str) -> Decimal | None:
    return None if data.get(name) is None else parse_whole(data[name], field=f"{at}.{name}")


def _meter(value: object, meters: Collection[str], *, at: str) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in meters:
        raise Unacceptable(
            "unknown_meter",
            "There is no meter “{meter}”; make the meter first.",
            field=at,
            meter=str(value)[:64],
        )
    return value


def _tax(value: object, *, at: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Malformed("tax_shape", "“tax” is a list of tax codes; an empty list is no tax.", field=at)
    codes = tuple(parse_code(each, at=f"{at}[{index}]") for index, each in enumerate(value))
    twice = next((code for index, code in enumerate(codes) if code in codes[:index]), None)
    if twice is not None:
        raise Unacceptable("tax_twice", "The tax “{tax}” stands in the list twice.", field=at, tax=twice)
    return codes


def _boolean(value: object, *, at: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed("boolean_expected", "This is either true or false.", field=at)
    return value


def _check_whole(price: Price, *, at: str) -> None:
    if price.meter is not None and price.quantity is not None:
        raise Unacceptable(
            "meter_and_quantity", "A price has either a meter or a fixed quantity.", field=f"{at}.quantity"
        )
    if price.size is not None and price.size <= 0:
        raise Unacceptable("package_size", "A package's size must be above zero.", field=f"{at}.size")
    if price.meter is not None and price.model is Model.FLAT:
        raise Unacceptable("flat_with_meter", "A flat price has no meter.", field=f"{at}.meter")
    if price.minimum is not None and price.maximum is not None and price.minimum > price.maximum:
        raise Unacceptable("minimum_above_maximum", "The minimum is above the maximum.", field=f"{at}.minimum")


def _member(kind: type[Kind], value: object, *, at: str, code: str) -> Kind:
    for each in kind:
        if each.value == value:
            return each
    known = ", ".join(each.value for each in kind)
    raise Unacceptable(
        code,
        "“{value}” is not known here; allowed are {known}.",
        field=at,
        value=str(value)[:40],
        known=known,
    )
