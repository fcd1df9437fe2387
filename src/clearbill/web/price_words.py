"""Prices and plans in plain words, in the active language: for the catalogue, subscriptions and the portal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from clearbill.core.errors import fill
from clearbill.core.price import BillTiming, Model, Price, Tier, TiersOver
from clearbill.scope.local_formats import format_quantity, format_unit_price


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWords:
    """A price as a person reads it: what it's called, what it costs, its steps, and what else holds."""

    code: str
    name: str
    headline: str
    steps: tuple[str, ...]
    notes: tuple[str, ...]


def active_name(names: Mapping[str, str], otherwise: str) -> str:
    """The name in the active language, else in English, else ``otherwise``."""
    language = "zh-Hans" if (get_language() or "en").lower().startswith("zh") else "en"
    return names.get(language) or names.get("en") or otherwise


def price_words(price: Price, *, meter_names: Mapping[str, str]) -> PriceWords:
    """``price`` in words; ``meter_names`` by code are those of the active language."""
    return PriceWords(
        code=price.code,
        name=active_name(price.name, price.code),
        headline=_headline(price),
        steps=_steps(price),
        notes=tuple(_notes(price, meter_names)),
    )


def interval_words(interval: str, count: int) -> str:
    """``month, 1`` → “monthly”; ``month, 3`` → “every 3 months”."""
    if count == 1:
        return {
            "day": _("daily"),
            "week": _("weekly"),
            "month": _("monthly"),
            "quarter": _("quarterly"),
            "year": _("yearly"),
        }[interval]
    sentence = {
        "day": ngettext("every {count} day", "every {count} days", count),
        "week": ngettext("every {count} week", "every {count} weeks", count),
        "month": ngettext("every {count} month", "every {count} months", count),
        "quarter": ngettext("every {count} quarter", "every {count} quarters", count),
        "year": ngettext("every {count} year", "every {count} years", count),
    }[interval]
    return fill(sentence, {"count": count})


def _headline(price: Price) -> str:
    unit = active_name(price.unit_name, "")
    places = {
        "amount": _money(price.amount, price),
        "unit_amount": _money(price.unit_amount, price),
        "unit": unit,
        "size": format_quantity(price.size) if price.size else "",
    }
    match price.model:
        case Model.FLAT:
            return fill(_("{amount} each period"), places)
        case Model.PER_UNIT:
            return fill(_("{unit_amount} each ({unit})") if unit else _("{unit_amount} each"), places)
        case Model.PACKAGE:
            sentence = _("{amount} for every {size} {unit} begun") if unit else _("{amount} for every {size} begun")
            return fill(sentence, places)
        case Model.GRADUATED:
            return _("By steps: each part of the quantity has the price of its step")
        case Model.VOLUME:
            return _("By volume: the step that the quantity reaches is the price of all of it")


def _steps(price: Price) -> tuple[str, ...]:
    words, reached = [], Decimal(0)
    for tier in price.tiers:
        words.append(_step(tier, reached=reached, price=price))
        reached = tier.up_to if tier.up_to is not None else reached
    return tuple(words)


def _step(tier: Tier, *, reached: Decimal, price: Price) -> str:
    if tier.up_to is None:
        span = _("above {from}") if reached else _("any quantity")
    else:
        span = _("{first} to {up_to}") if reached else _("the first {up_to}")
        if price.model is Model.VOLUME and not reached:
            span = _("up to {up_to}")
    whole = reached == reached.to_integral_value()
    places = {
        "span": fill(
            span,
            {
                "from": format_quantity(reached),
                "first": format_quantity(reached + 1 if whole else reached),
                "up_to": "" if tier.up_to is None else format_quantity(tier.up_to),
            },
        ),
        "unit_amount": _money(tier.unit_amount, price),
        "flat_amount": _money(tier.flat_amount, price),
    }
    sentence = (
        _("{span}: {unit_amount} each, plus {flat_amount}") if tier.flat_amount else _("{span}: {unit_amount} each")
    )
    return fill(sentence, places)


def _notes(price: Price, meter_names: Mapping[str, str]) -> Sequence[str]:
    notes = []
    if price.meter is not None and meter_names.get(price.meter) != active_name(price.name, price.code):
        notes.append(fill(_("counted by the meter “{meter}”"), {"meter": meter_names.get(price.meter, price.meter)}))
    if price.quantity is not None:
        notes.append(
            fill(_("quantity {quantity} unless agreed otherwise"), {"quantity": format_quantity(price.quantity)})
        )
    if price.free_units:
        notes.append(fill(_("the first {count} are free"), {"count": format_quantity(price.free_units)}))
    if price.minimum is not None:
        notes.append(fill(_("at least {amount}"), {"amount": _money(price.minimum, price)}))
    if price.maximum is not None:
        notes.append(fill(_("at most {amount}"), {"amount": _money(price.maximum, price)}))
    if price.tiers and price.tiers_over is TiersOver.ALL:
        notes.append(_("steps count over all groups together"))
    if price.meter is None:
        notes.append(_when(price))
        if not price.prorated:
            notes.append(_("never in part"))
    if price.tax is not None:
        notes.append(fill(_("taxes: {codes}"), {"codes": ", ".join(price.tax)}) if price.tax else _("without tax"))
    return notes


def _when(price: Price) -> str:
    if price.bill is BillTiming.IN_ADVANCE:
        return _("billed at the start of each period")
    return _("billed at the end of each period")


def _money(value: Decimal | None, price: Price) -> str:
    return "" if value is None else format_unit_price(value, price.currency)
