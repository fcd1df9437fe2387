"""Recompute a final invoice from its recorded inputs.

They are the price row, quantity, group, period, whole, policies and tax rates, all frozen with the invoice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

from clearbill.billing.models import Invoice, InvoiceLine
from clearbill.core.invoice import Invoice as InvoiceValue
from clearbill.core.invoice import InvoiceRules, Measured, make_invoice
from clearbill.core.money import plain
from clearbill.core.period import Period
from clearbill.core.policy import read_policies
from clearbill.core.price import Price
from clearbill.core.subscription import Charge, ChargeKind
from clearbill.core.tax import TaxBehavior, TaxRate
from clearbill.core.usage import Meter


def recompute(
    row: Invoice, lines: Sequence[InvoiceLine], *, prices: Mapping[UUID, Price], meters: Mapping[str, Meter]
) -> InvoiceValue:
    """The invoice that the engine makes of what is recorded in ``lines``."""
    policies = {name: value for name, value in row.policies.items() if name != "tax_behavior"}
    chosen = read_policies(policies)
    rates: dict[str, TaxRate] = {}
    for line in lines:
        for each in json.loads(line.tax_rates):
            rates[each["code"]] = TaxRate(code=each["code"], rate=Decimal(each["rate"]))
    rules = InvoiceRules(
        currency=row.currency,
        timezone="UTC",  # each line has its own, and its own unit
        rates=_ordered(rates, json.loads(row.document)),
        rounding=chosen.rounding,
        behavior=TaxBehavior(row.policies["tax_behavior"]),
        tax_rounding=chosen.tax_rounding,
    )
    items: list[Measured] = []
    before: InvoiceLine | None = None
    for line in lines:
        group = _group(line, prices, meters)
        quantity = Decimal(plain(line.quantity))
        if group and before is not None and _same_charge(before, line):
            items[-1] = replace(items[-1], quantities={**items[-1].quantities, group: quantity})
        else:
            items.append(_measured(line, prices, {group: quantity}))
        before = line
    return make_invoice(items, rules=rules)


def _measured(line: InvoiceLine, prices: Mapping[UUID, Price], quantities: dict[tuple[str, ...], Decimal]) -> Measured:
    subscription = line.subscription
    if subscription is None:
        return Measured(charge=_charge(line, prices), quantities=quantities)
    unit = read_policies(subscription.policies).unit
    return Measured(charge=_charge(line, prices), quantities=quantities, timezone=subscription.timezone, unit=unit)


def _group(line: InvoiceLine, prices: Mapping[UUID, Price], meters: Mapping[str, Meter]) -> tuple[str, ...]:
    """The line's group in the order of the meter's keys, which the stored text doesn't keep."""
    group: dict[str, str] = json.loads(line.group)
    meter = prices[line.price_id].meter
    return tuple(group[name] for name in meters[meter].group_by) if group and meter is not None else ()


def _ordered(rates: dict[str, TaxRate], document: dict[str, object]) -> tuple[TaxRate, ...]:
    order = [tax["code"] for tax in document["taxes"]]  # type: ignore[attr-defined, index, union-attr]
    return tuple(sorted(rates.values(), key=lambda rate: order.index(rate.code) if rate.code in order else len(order)))


def _same_charge(one: InvoiceLine, other: InvoiceLine) -> bool:
    """Whether two lines are groups of one charge."""
    same = ("subscription_id", "price_id", "kind", "period_start")
    return all(getattr(one, name) == getattr(other, name) for name in same)


def _charge(line: InvoiceLine, prices: Mapping[UUID, Price]) -> Charge:
    period = Period(start=line.period_start, end=line.period_end)
    usage = line.kind == ChargeKind.USAGE
    return Charge(
        price=prices[line.price_id],
        kind=ChargeKind(line.kind),
        period=period,
        whole=Period(start=line.whole_start, end=line.whole_end),
        window=period if usage else None,
        quantity=None if usage else line.quantity,
        in_advance=line.in_advance,
    )
