"""From charges that fell due to final invoices, in the running transaction. Bill run and immediate ends both write here.

measure (set queries) → ``core.make_invoice`` → numbers, taken last → rows, ledger, deferrals, facts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from clearbill.billing.actions.deferrals import open_deferrals
from clearbill.billing.documents import frozen
from clearbill.billing.models import Invoice, InvoiceLine, InvoiceState, InvoiceTax
from clearbill.billing.queries.usage import Window, measure
from clearbill.core import posting
from clearbill.core.invoice import Invoice as InvoiceValue
from clearbill.core.invoice import InvoiceRules, Measured, make_invoice
from clearbill.core.money import to_wire
from clearbill.core.period import ProrationUnit, days_later
from clearbill.core.policy import read_policies
from clearbill.core.rating import WORKING_VERSION, canonical
from clearbill.core.subscription import Charge
from clearbill.core.tax import TaxBehavior, TaxRate
from clearbill.core.usage import Meter
from clearbill.customers.models import Customer
from clearbill.ledger.actions import Entry, post
from clearbill.outbox.actions import record_facts
from clearbill.pricing.queries import meters_by_code
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import current_seller
from clearbill.sellers.actions import next_numbers
from clearbill.sellers.models import Seller
from clearbill.sellers.numbering import number_text
from clearbill.sellers.queries import TaxRateInForce, seller_by_id, tax_rates

INVOICE_SERIES = "invoice"
REASONS = ("canceled", "subscription_started", "period")  # the first that applies is the invoice's


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledCharge:
    """A charge with what its row needs: the subscription, the price row, the zone and unit of its calendar."""

    charge: Charge
    subscription_id: UUID
    price_id: UUID
    timezone: str
    unit: ProrationUnit


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What one customer owes in one currency at one instant; ``policies`` are those of the invoice as a whole."""

    customer_id: UUID
    currency: str
    reason: str
    fell_due_at: datetime
    issued_at: datetime
    policies: Mapping[str, object]
    charges: tuple[BilledCharge, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Calculated:
    """A bill with its invoice; not yet numbered."""

    bill: Bill
    invoice: InvoiceValue
    groups: tuple[Mapping[str, str], ...]
    tax_labels: Mapping[str, str]


def calculate(bills: Sequence[Bill]) -> list[Calculated]:
    """Rate bills without writing anything: what a preview shows and a bill run writes. Raises what ``core`` refuses."""
    seller = seller_by_id(current_seller())
    meters = meters_by_code()
    measured = _measure(bills, meters)
    rates = {at: tax_rates(at) for at in {bill.issued_at for bill in bills}}
    return [
        _calculate(bill, seller=seller, meters=meters, measured=measured, rates=rates[bill.issued_at]) for bill in bills
    ]


def write_bills(bills: Sequence[Bill]) -> list[UUID]:
    """Make final invoices of ``bills``, in their order; those without lines make none. Returns the invoices' ids."""
    seller = seller_by_id(current_seller())
    calculated = [each for each in calculate(bills) if each.invoice.lines]
    if not calculated:
        return []
    customers = Customer.objects.in_bulk({each.bill.customer_id for each in calculated})
    first = next_numbers(INVOICE_SERIES, len(calculated), at=calculated[0].bill.issued_at).start
    rows = [
        _invoice_row(each, sequence=first + index, seller=seller, customer=customers[each.bill.customer_id])
        for index, each in enumerate(calculated)
    ]
    lines = [_line_rows(row, each, seller=seller) for row, each in zip(rows, calculated, strict=True)]
    Invoice.objects.bulk_create(rows)
    InvoiceLine.objects.bulk_create([line for group in lines for line in group])
    InvoiceTax.objects.bulk_create(
        [tax for row, each in zip(rows, calculated, strict=True) for tax in _tax_rows(row, each)]
    )
    InvoiceState.objects.bulk_create([_state_row(row) for row in rows])
    post([_entry(row, each) for row, each in zip(rows, calculated, strict=True)])
    items = [each.bill.charges[line.source] for each in calculated for line in each.invoice.lines]
    together = zip([line for group in lines for line in group], items, strict=True)
    open_deferrals(
        [(line, item.unit, item.timezone) for line, item in together],
        invoices={row.id: row for row in rows},
        seller=seller,
    )
    for at, together_at in groupby(rows, key=lambda row: row.issued_at):
        record_facts([("invoice.finalized", _fact(row)) for row in together_at], at=at)
    return [row.id for row in rows]


def _measure(
    bills: Sequence[Bill], meters: Mapping[str, Meter]
) -> Mapping[tuple[UUID, datetime, datetime, str], object]:
    windows: dict[Window, None] = {}
    wanted: dict[str, Meter] = {}
    for bill in bills:
        for item in bill.charges:
            charge = item.charge
            if charge.window is not None and charge.price.meter is not None:
                wanted[charge.price.meter] = meters[charge.price.meter]
                windows[Window(customer_id=bill.customer_id, start=charge.window.start, end=charge.window.end)] = None
    return measure(list(wanted.values()), list(windows)) if windows else {}


def _calculate(
    bill: Bill,
    *,
    seller: Seller,
    meters: Mapping[str, Meter],
    measured: Mapping[tuple[UUID, datetime, datetime, str], object],
    rates: Sequence[TaxRateInForce],
) -> Calculated:
    items = []
    for index, item in enumerate(bill.charges):
        charge = item.charge
        quantities: Mapping[tuple[str, ...], object]
        if charge.window is None:
            quantities = {(): charge.quantity}
        else:
            key = (bill.customer_id, charge.window.start, charge.window.end, charge.price.meter or "")
            quantities = measured.get(key, {})  # type: ignore[assignment]
        measure_of = {"source": index, "timezone": item.timezone, "unit": item.unit}
        items.append(Measured(charge=charge, quantities=quantities, **measure_of))  # type: ignore[arg-type]
    invoice = make_invoice(items, rules=_rules(bill, seller=seller, rates=rates))
    groups = tuple(
        frozen.group_of(line, meters[line.charge.price.meter].group_by if line.charge.price.meter else ())
        for line in invoice.lines
    )
    labels = {rate.code: rate.label for rate in rates}
    return Calculated(bill=bill, invoice=invoice, groups=groups, tax_labels=labels)


def _rules(bill: Bill, *, seller: Seller, rates: Sequence[TaxRateInForce]) -> InvoiceRules:
    chosen = read_policies(bill.policies)
    return InvoiceRules(
        currency=bill.currency,
        timezone=_zone(bill),
        rates=tuple(TaxRate(code=rate.code, rate=rate.rate) for rate in rates),
        unit=chosen.unit,
        rounding=chosen.rounding,
        behavior=TaxBehavior(seller.tax_behavior),
        tax_rounding=chosen.tax_rounding,
    )


def _zone(bill: Bill) -> str:
    return bill.charges[0].timezone if bill.charges else "UTC"


def _invoice_row(each: Calculated, *, sequence: int, seller: Seller, customer: Customer) -> Invoice:
    bill, invoice = each.bill, each.invoice
    net_days = seller.net_terms_days if customer.net_terms_days is None else customer.net_terms_days
    due_at = days_later(bill.issued_at, net_days, customer.timezone or seller.timezone)
    number = number_text(
        seller.number_format,
        prefix=seller.number_prefix,
        seq=sequence,
        issued_at=bill.issued_at,
        timezone=seller.timezone,
    )
    document = frozen.invoice_document(
        invoice,
        seller=seller,
        customer=customer,
        number=number,
        issued_at=bill.issued_at,
        due_at=due_at,
        policies=bill.policies,
        zones=[bill.charges[line.source].timezone for line in invoice.lines],
        groups=each.groups,
        labels=each.tax_labels,
    )
    return Invoice(
        id=new_id(bill.issued_at),
        seller=seller,
        customer=customer,
        number=number,
        sequence=sequence,
        reason=bill.reason,
        issued_at=bill.issued_at,
        due_at=due_at,
        currency=bill.currency,
        language=customer.locale,
        policies={**bill.policies, "tax_behavior": seller.tax_behavior},
        subtotal_minor=invoice.subtotal_minor,
        discount_minor=invoice.discount_minor,
        tax_minor=invoice.tax_minor,
        total_minor=invoice.total_minor,
        document=frozen.canonical(document),
    )


def _line_rows(row: Invoice, each: Calculated, *, seller: Seller) -> list[InvoiceLine]:
    rows = []
    for line, group in zip(each.invoice.lines, each.groups, strict=True):
        item = each.bill.charges[line.source]
        charge = line.charge
        rows.append(
            InvoiceLine(
                id=new_id(row.issued_at),
                seller=seller,
                invoice=row,
                line=line.number,
                kind=charge.kind.value,
                price_id=item.price_id,
                subscription_id=item.subscription_id,
                period_start=charge.period.start,
                period_end=charge.period.end,
                whole_start=charge.whole.start,
                whole_end=charge.whole.end,
                quantity=line.quantity,
                group=frozen.canonical(group),
                amount_minor=line.amount_minor,
                discount_minor=line.discount_minor,
                tax_minor=line.tax_minor,
                tax_rates=frozen.tax_rates_text(line.rates),
                in_advance=charge.in_advance,
                text=frozen.line_text(charge.price, group, language=row.language),
                working=canonical(line.working),
                working_version=WORKING_VERSION,
            )
        )
    return rows


def _tax_rows(row: Invoice, each: Calculated) -> list[InvoiceTax]:
    return [
        InvoiceTax(
            id=new_id(row.issued_at),
            seller_id=row.seller_id,
            invoice=row,
            code=tax.code,
            label=each.tax_labels.get(tax.code, tax.code),
            rate=tax.rate,
            base_minor=tax.base_minor,
            amount_minor=tax.amount_minor,
        )
        for tax in each.invoice.taxes
    ]


def _state_row(row: Invoice) -> InvoiceState:
    return InvoiceState(
        invoice=row,
        seller_id=row.seller_id,
        status="open" if row.total_minor else "paid",
        due_minor=row.total_minor,
    )


def _entry(row: Invoice, each: Calculated) -> Entry:
    return Entry(
        fact="invoice_finalized",
        ref=row.number,
        at=row.issued_at,
        postings=posting.invoice_finalized(each.invoice, currency=row.currency),
        customer_id=row.customer_id,
        invoice_id=row.id,
    )


def _fact(row: Invoice) -> dict[str, object]:
    return {
        "invoice": show_id("invoice", row.id),
        "customer": show_id("customer", row.customer_id),
        "number": row.number,
        "total": to_wire(row.total_minor, row.currency),
    }
