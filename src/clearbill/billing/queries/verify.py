"""Verify: recompute final invoices from their recorded inputs and compare every amount and every working.

Recorded inputs are the price row, quantity, group, period, whole, policies and tax rates, all frozen with the invoice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

from clearbill.billing.models import Invoice, InvoiceLine, InvoiceTax
from clearbill.core.invoice import Invoice as InvoiceValue
from clearbill.core.invoice import InvoiceRules, Measured, make_invoice
from clearbill.core.money import plain
from clearbill.core.period import Period
from clearbill.core.policy import read_policies
from clearbill.core.rating import WORKING_VERSION, canonical
from clearbill.core.subscription import Charge, ChargeKind
from clearbill.core.tax import TaxBehavior, TaxRate
from clearbill.pricing.queries import prices_by_id

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The first thing in which a recomputed invoice differs: where, what is stored, what comes out."""

    invoice_id: UUID
    number: str
    where: str
    stored: str
    recomputed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """One invoice and its difference, None when it's right."""

    number: str
    difference: Difference | None


def count_invoices() -> int:
    """How many final invoices there are, for a progress bar."""
    return Invoice.objects.count()


def verify_all() -> Iterator[Verified]:
    """Verify every final invoice of the running seller scope, in the order of their numbers."""
    last = 0
    while True:
        rows = list(Invoice.objects.filter(sequence__gt=last).order_by("sequence")[:BATCH])
        if not rows:
            return
        yield from verify(rows)
        last = rows[-1].sequence


def verify_numbers(numbers: list[str]) -> Iterator[Verified]:
    """Verify the invoices of these numbers; those that don't exist are left out."""
    yield from verify(list(Invoice.objects.filter(number__in=numbers).order_by("sequence")))


def verify(rows: list[Invoice]) -> Iterator[Verified]:
    """Verify ``rows``."""
    ids = [row.id for row in rows]
    lines: dict[UUID, list[InvoiceLine]] = {each: [] for each in ids}
    for line in InvoiceLine.objects.filter(invoice_id__in=ids).select_related("subscription").order_by("line"):
        lines[line.invoice_id].append(line)
    taxes: dict[UUID, list[InvoiceTax]] = {each: [] for each in ids}
    for tax in InvoiceTax.objects.filter(invoice_id__in=ids).order_by("id"):
        taxes[tax.invoice_id].append(tax)
    prices = prices_by_id({line.price_id for group in lines.values() for line in group if line.price_id})
    for row in rows:
        recomputed = _recompute(row, lines[row.id], prices)
        pairs = list(_compare(row, lines[row.id], taxes[row.id], recomputed))
        wrong = next(((where, a, b) for where, a, b in pairs if a != b), None)
        difference = (
            None
            if wrong is None
            else Difference(
                invoice_id=row.id,
                number=row.number,
                where=wrong[0],
                stored=str(wrong[1]),
                recomputed=str(wrong[2]),
            )
        )
        yield Verified(number=row.number, difference=difference)


def _recompute(row: Invoice, lines: list[InvoiceLine], prices: dict[UUID, object]) -> InvoiceValue:
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
        group = tuple(json.loads(line.group).values())
        quantity = Decimal(plain(line.quantity))
        if group and before is not None and _same_charge(before, line):
            items[-1] = replace(items[-1], quantities={**items[-1].quantities, group: quantity})
        else:
            items.append(_measured(line, prices, {group: quantity}))
        before = line
    return make_invoice(items, rules=rules)


def _measured(line: InvoiceLine, prices: dict[UUID, object], quantities: dict[tuple[str, ...], Decimal]) -> Measured:
    subscription = line.subscription
    if subscription is None:
        return Measured(charge=_charge(line, prices), quantities=quantities)
    unit = read_policies(subscription.policies).unit
    return Measured(charge=_charge(line, prices), quantities=quantities, timezone=subscription.timezone, unit=unit)


def _ordered(rates: dict[str, TaxRate], document: dict[str, object]) -> tuple[TaxRate, ...]:
    order = [tax["code"] for tax in document["taxes"]]  # type: ignore[attr-defined, index, union-attr]
    return tuple(sorted(rates.values(), key=lambda rate: order.index(rate.code) if rate.code in order else len(order)))


def _same_charge(one: InvoiceLine, other: InvoiceLine) -> bool:
    """Whether two lines are groups of one charge."""
    same = ("subscription_id", "price_id", "kind", "period_start")
    return all(getattr(one, name) == getattr(other, name) for name in same)


def _charge(line: InvoiceLine, prices: dict[UUID, object]) -> Charge:
    period = Period(start=line.period_start, end=line.period_end)
    usage = line.kind == ChargeKind.USAGE
    return Charge(
        price=prices[line.price_id],  # type: ignore[arg-type, index]
        kind=ChargeKind(line.kind),
        period=period,
        whole=Period(start=line.whole_start, end=line.whole_end),
        window=period if usage else None,
        quantity=None if usage else line.quantity,
        in_advance=line.in_advance,
    )


def _compare(
    row: Invoice, lines: list[InvoiceLine], taxes: list[InvoiceTax], again: InvoiceValue
) -> Iterator[tuple[str, object, object]]:
    """Pairs of stored and recomputed values, from the first line to the total, then the shown document."""
    yield "number of lines", len(lines), len(again.lines)
    for stored, line in zip(lines, again.lines, strict=False):
        yield f"line {stored.line}: amount", stored.amount_minor, line.amount_minor
        yield f"line {stored.line}: discount", stored.discount_minor, line.discount_minor
        yield f"line {stored.line}: tax", stored.tax_minor, line.tax_minor
        if stored.working_version == WORKING_VERSION:
            yield f"line {stored.line}: working", stored.working, canonical(line.working)
    yield "number of taxes", len(taxes), len(again.taxes)
    for kept, tax in zip(taxes, again.taxes, strict=False):
        yield f"tax {kept.code}: base", kept.base_minor, tax.base_minor
        yield f"tax {kept.code}: amount", kept.amount_minor, tax.amount_minor
    yield "subtotal", row.subtotal_minor, again.subtotal_minor
    yield "tax", row.tax_minor, again.tax_minor
    yield "total", row.total_minor, again.total_minor
    document = json.loads(row.document)
    digits = document["total"].replace(".", "")
    yield "total in the document", int(digits), again.total_minor
    for stored, shown in zip(lines, document["lines"], strict=False):
        yield (
            f"line {stored.line}: amount in the document",
            int(shown["amount"].replace(".", "")),
            stored.amount_minor,
        )
