"""Rating: from a price and a quantity to an exact amount, with its working. One function per model.

A working is a list of steps, each a flat record of texts: codes and numbers, no sentences. Nothing is rounded here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal, localcontext

from clearbill.core.errors import Unacceptable
from clearbill.core.money import EXACT, major_text, plain
from clearbill.core.price import Model, Price, Tier, TiersOver

WORKING_VERSION = 1
Step = dict[str, str]
Group = tuple[str, ...]
_ZERO = Decimal(0)
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rated:
    """An exact amount in major units, and how it came about."""

    exact: Decimal
    working: tuple[Step, ...]


def rate(price: Price, quantity: Decimal) -> Rated:
    """The amount of ``quantity`` under ``price``, within the price's minimum and maximum.

    Raises Unacceptable ``negative_quantity``: a sum of usage may fall below zero, and nothing is invoiced below zero.
    """
    if quantity < 0:
        raise Unacceptable("negative_quantity", "A quantity can't be below zero.", field=price.code)
    with localcontext(EXACT):
        rated = _MODELS[price.model](price, quantity)
        if price.minimum is not None or price.maximum is not None:
            rated = _bounded(rated, price)
        return rated


def rate_groups(price: Price, quantities: Mapping[Group, Decimal]) -> list[tuple[Group, Rated]]:
    """Each group's amount, in the order of their keys. With ``tiers_over: all`` groups fill the tiers one after another."""
    if len(quantities) == 1:
        ((group, quantity),) = quantities.items()
        return [(group, rate(price, quantity))]
    if price.tiers_over is TiersOver.ALL and price.model is not Model.FLAT:
        return _over_all(price, quantities)
    return [(group, rate(price, quantities[group])) for group in sorted(quantities)]


def canonical(working: Sequence[Step]) -> str:
    """The one text of a working: sorted keys, no spaces."""
    return json.dumps(list(working), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _over_all(price: Price, quantities: Mapping[Group, Decimal]) -> list[tuple[Group, Rated]]:
    """A group costs what it adds to the groups before it."""
    found = []
    reached, before = _ZERO, _ZERO
    for group in sorted(quantities):
        reached = EXACT.add(reached, quantities[group])
        rated = rate(price, reached)
        amount = EXACT.subtract(rated.exact, before)
        carried: Step = {"step": "earlier_groups", "amount": major_text(-before, price.currency)}
        found.append((group, Rated(exact=amount, working=(*rated.working, carried) if before else rated.working)))
        before = rated.exact
    return found


def _flat(price: Price, _quantity: Decimal) -> Rated:
    amount = price.amount or _ZERO
    return Rated(exact=amount, working=({"step": "flat", "amount": major_text(amount, price.currency)},))


def _per_unit(price: Price, quantity: Decimal) -> Rated:
    unit_amount = price.unit_amount or _ZERO
    amount = quantity * unit_amount
    step = {
        "step": "per_unit",
        "quantity": plain(quantity),
        "unit_amount": plain(unit_amount),
        "amount": major_text(amount, price.currency),
    }
    return Rated(exact=amount, working=(step,))


def _graduated(price: Price, quantity: Decimal) -> Rated:
    working = []
    total, reached = _ZERO, _ZERO
    for tier in price.tiers:
        inside = quantity - reached if tier.up_to is None or quantity <= tier.up_to else tier.up_to - reached
        amount = inside * tier.unit_amount + tier.flat_amount
        total += amount
        working.append(
            _tier_step("tier", tier, currency=price.currency, reached=reached, quantity=inside, amount=amount)
        )
        if tier.up_to is None or quantity <= tier.up_to:
            break
        reached = tier.up_to
    return Rated(exact=total, working=tuple(working))


def _volume(price: Price, quantity: Decimal) -> Rated:
    reached = _ZERO
    for tier in price.tiers:
        if tier.up_to is None or quantity <= tier.up_to:
            break
        reached = tier.up_to
    amount = quantity * tier.unit_amount + tier.flat_amount
    step = _tier_step("volume_tier", tier, currency=price.currency, reached=reached, quantity=quantity, amount=amount)
    return Rated(exact=amount, working=(step,))


def _package(price: Price, quantity: Decimal) -> Rated:
    size, each = price.size or _ONE, price.amount or _ZERO
    charged = max(quantity - price.free_units, _ZERO)
    packages = (charged / size).to_integral_value(rounding=ROUND_CEILING)
    amount = packages * each
    step = {
        "step": "package",
        "quantity": plain(quantity),
        "size": plain(size),
        "packages": plain(packages),
        "amount_per_package": plain(each),
        "amount": major_text(amount, price.currency),
    }
    if price.free_units:
        step["free_units"] = plain(price.free_units)
    return Rated(exact=amount, working=(step,))


_MODELS: Mapping[Model, Callable[[Price, Decimal], Rated]] = {
    Model.FLAT: _flat,
    Model.PER_UNIT: _per_unit,
    Model.GRADUATED: _graduated,
    Model.VOLUME: _volume,
    Model.PACKAGE: _package,
}


def _tier_step(name: str, tier: Tier, *, currency: str, reached: Decimal, quantity: Decimal, amount: Decimal) -> Step:
    step = {
        "step": name,
        "from": plain(reached),
        "quantity": plain(quantity),
        "unit_amount": plain(tier.unit_amount),
        "amount": major_text(amount, currency),
    }
    if tier.up_to is not None:
        step["up_to"] = plain(tier.up_to)
    if tier.flat_amount:
        step["flat_amount"] = plain(tier.flat_amount)
    return step


def _bounded(rated: Rated, price: Price) -> Rated:
    amount = rated.exact
    if price.minimum is not None and amount < price.minimum:
        step = {"step": "minimum", "minimum": plain(price.minimum), "amount": major_text(price.minimum, price.currency)}
        return Rated(exact=price.minimum, working=(*rated.working, step))
    if price.maximum is not None and amount > price.maximum:
        step = {"step": "maximum", "maximum": plain(price.maximum), "amount": major_text(price.maximum, price.currency)}
        return Rated(exact=price.maximum, working=(*rated.working, step))
    return rated
