"""What a plan's document may say, checked, with its prices as ``core`` values. Meters' documents are ``core.usage``'s."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from clearbill.core.errors import Malformed, Unacceptable
from clearbill.core.money import exponent
from clearbill.core.period import Interval
from clearbill.core.policy import check_policies
from clearbill.core.price import Price, parse_code, parse_names, parse_price, price_document

MAX_PRICES = 100
MAX_INTERVAL_COUNT = 120
FIELDS = ("code", "name", "currency", "interval", "interval_count", "valid_from", "policies", "prices")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a version of a plan says. ``valid_from`` is None where the document leaves it out."""

    code: str
    name: Mapping[str, str]
    currency: str
    interval: Interval
    interval_count: int
    valid_from: datetime | None
    policies: Mapping[str, str | int]
    prices: tuple[Price, ...]

    def fingerprint(self) -> str:
        """The same text for the same terms, whatever they're called and from whenever they hold."""
        return canonical_json(
            [
                self.currency,
                self.interval.value,
                self.interval_count,
                dict(self.policies),
                [price_document(price) for price in self.prices],
            ]
        )


def canonical_json(value: object) -> str:
    """The one text of a JSON value: sorted keys, no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def parse_plan(document: object, *, meters: Collection[str], default_currency: str) -> Terms:
    """A plan's document, checked; ``meters`` are the codes that exist.

    Raises what ``parse_price`` and ``check_policies`` raise, and ``plan_unknown_field``, ``unknown_interval``,
    ``interval_count``, ``prices_shape``, ``price_code_twice``, ``price_bounds_unavailable``, ``instant_malformed``,
    ``time_naive``.
    """
    if not isinstance(document, Mapping):
        raise Malformed("plan_shape", "A plan is an object of fields.", field="plan")
    unknown = sorted(str(name) for name in set(document) - set(FIELDS))
    if unknown:
        raise Malformed(
            "plan_unknown_field",
            "A plan has no field “{name}”; it has {known}.",
            field=unknown[0][:64],
            name=unknown[0][:64],
            known=", ".join(FIELDS),
        )
    currency = _currency(document.get("currency", default_currency))
    policies = document.get("policies") or {}
    if not isinstance(policies, Mapping):
        raise Malformed("policies_shape", "“policies” is an object of names and values.", field="policies")
    return Terms(
        code=parse_code(document.get("code"), at="code"),
        name=parse_names(document.get("name"), at="name"),
        currency=currency,
        interval=_interval(document.get("interval")),
        interval_count=_interval_count(document.get("interval_count", 1)),
        valid_from=read_instant(document["valid_from"], field="valid_from") if document.get("valid_from") else None,
        policies=check_policies(policies),
        prices=_prices(document.get("prices"), currency=currency, meters=meters),
    )


def read_instant(value: object, *, field: str) -> datetime:
    """An instant of its RFC 3339 text, in UTC. Raises Malformed ``instant_malformed``, ``time_naive``."""
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        raise Malformed(
            "instant_malformed",
            "“{text}” is not an instant; write it like 2025-01-31T23:59:59Z.",
            field=field,
            text=str(value)[:40],
        ) from None
    if instant.tzinfo is None:
        raise Malformed(
            "time_naive",
            "“{text}” says no zone; end it with Z for UTC, or with an offset such as +02:00.",
            field=field,
            text=str(value)[:40],
        )
    return instant.astimezone(UTC)


def _currency(value: object) -> str:
    if not isinstance(value, str):
        raise Malformed("currency_shape", "“currency” is three capital letters, such as EUR.", field="currency")
    try:
        exponent(value)
    except Unacceptable as refusal:
        raise Unacceptable(refusal.code, refusal.message, field="currency", currency=value[:16]) from None
    return value


def _interval(value: object) -> Interval:
    for interval in Interval:
        if interval.value == value:
            return interval
    raise Unacceptable(
        "unknown_interval",
        "“{value}” is not an interval; it is one of {known}.",
        field="interval",
        value=str(value)[:40],
        known=", ".join(interval.value for interval in Interval),
    )


def _interval_count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_INTERVAL_COUNT:
        raise Unacceptable(
            "interval_count",
            "“interval_count” is a whole number from 1 to {limit}.",
            field="interval_count",
            limit=MAX_INTERVAL_COUNT,
        )
    return value


def _prices(value: object, *, currency: str, meters: Collection[str]) -> tuple[Price, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not 0 < len(value) <= MAX_PRICES:
        raise Malformed("prices_shape", "“prices” is a list of 1 to {limit} prices.", field="prices", limit=MAX_PRICES)
    prices: dict[str, Price] = {}
    for index, data in enumerate(value):
        price = parse_price(data, currency=currency, meters=meters, at_field=f"prices[{index}]")
        if price.code in prices:
            raise Unacceptable(
                "price_code_twice",
                "Two prices of this plan have the code “{code}”.",
                field=f"prices[{index}].code",
                code=price.code,
            )
        # the engine rates them, but part periods and groups would need a line of their own: better none than a wrong one
        if price.minimum is not None or price.maximum is not None:
            raise Unacceptable(
                "price_bounds_unavailable",
                "A minimum or maximum of a price can't be billed yet; leave it out.",
                field=f"prices[{index}].{'maximum' if price.minimum is None else 'minimum'}",
            )
        prices[price.code] = price
    return tuple(prices.values())
