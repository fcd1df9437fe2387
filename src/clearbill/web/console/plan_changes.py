"""What differs between two versions of a plan, in words: fees added, dropped and changed, and the terms around them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from clearbill.core.price import Price, price_document
from clearbill.pricing.documents import Terms
from clearbill.web.price_words import PriceWords, interval_words, price_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference. ``kind`` is ``added``, ``dropped`` or ``changed``; each side is a list of short sentences."""

    kind: str
    what: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def document_of_version(version: Any) -> dict[str, Any]:
    """The document that would make this version again, without what is usual, for the editor."""
    return {
        "currency": version.currency,
        "interval": version.interval,
        "interval_count": version.interval_count,
        "policies": version.policies,
        "prices": [_shortened(json.loads(price.document)) for price in version.prices.all()],
    }


def changes(old: Terms, new: Terms, *, meter_names: Mapping[str, str]) -> list[Change]:
    """What ``new`` does differently; nothing when they say the same."""
    found = _terms_changes(old, new)
    before = {price.code: price for price in old.prices}
    after = {price.code: price for price in new.prices}
    for code in [*before, *(code for code in after if code not in before)]:
        one, other = before.get(code), after.get(code)
        if one is not None and other is not None and price_document(one) == price_document(other):
            continue
        found.append(_price_change(one, other, meter_names))
    return found


def _price_change(one: Price | None, other: Price | None, meter_names: Mapping[str, str]) -> Change:
    old = price_words(one, meter_names=meter_names) if one else None
    new = price_words(other, meter_names=meter_names) if other else None
    shown = new or old
    return Change(
        kind="changed" if one and other else "added" if other else "dropped",
        what=shown.name if shown else "",
        before=_told(old),
        after=_told(new),
    )


def _terms_changes(old: Terms, new: Terms) -> list[Change]:
    pairs: Sequence[tuple[str, str, str]] = [
        (_("Currency"), old.currency, new.currency),
        (
            _("Billed"),
            interval_words(old.interval.value, old.interval_count),
            interval_words(new.interval.value, new.interval_count),
        ),
        *(
            (name, str(old.policies.get(name, "–")), str(new.policies.get(name, "–")))
            for name in sorted({*old.policies, *new.policies})
        ),
    ]
    return [
        Change(kind="changed", what=what, before=(before,), after=(after,))
        for what, before, after in pairs
        if before != after
    ]


def _told(words: PriceWords | None) -> tuple[str, ...]:
    return () if words is None else (words.headline, *words.steps, *words.notes)


def _shortened(price: dict[str, Any]) -> dict[str, Any]:
    """A price's document with its code and names first, and without values that it has anyhow."""
    usual = {"prorated": True, "tiers_over": "group", "name": {}, "unit_name": {}}
    usual["bill"] = "in_arrears" if "meter" in price else "in_advance"
    first = ("code", "name", "model", "meter", "amount", "unit_amount", "size", "free_units", "tiers", "unit_name")
    order = [*(name for name in first if name in price), *(name for name in price if name not in first)]
    shortened = {name: price[name] for name in order if usual.get(name) != price[name]}
    if "tiers" in shortened:
        shortened["tiers"] = [_in_order(tier, ("up_to", "unit_amount", "flat_amount")) for tier in shortened["tiers"]]
    return shortened


def _in_order(tier: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: tier[name] for name in names if name in tier}
