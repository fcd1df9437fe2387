"""Credit notes: per line, before discount and tax; they pay what is open first, the rest becomes account credit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.db.models import Sum

from clearbill.billing.actions.deferrals import recognise_until, take_back
from clearbill.billing.documents import frozen
from clearbill.billing.models import (
    CreditNote,
    CreditNoteLine,
    Deferral,
    Invoice,
    InvoiceLine,
    InvoiceState,
    InvoiceTax,
    Subscription,
)
from clearbill.billing.queries.invoices import invoice_by_id
from clearbill.core import posting
from clearbill.core.errors import Conflict, Unacceptable
from clearbill.core.invoice import (
    BilledLine,
    Credit,
    InvoiceEvent,
    InvoiceStatus,
    TaxRest,
    make_credit,
    next_status,
    unused_part,
)
from clearbill.core.money import to_wire
from clearbill.core.period import WITHOUT_PARTS, Period
from clearbill.core.policy import read_policies
from clearbill.core.tax import TaxRate, TaxTotal
from clearbill.ledger.actions import Entry, post
from clearbill.outbox.actions import record_facts
from clearbill.pricing.queries import prices_by_id
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import current_seller
from clearbill.sellers.actions import next_numbers, record_audit
from clearbill.sellers.models import Seller
from clearbill.sellers.numbering import number_text
from clearbill.sellers.queries import seller_by_id

CREDIT_NOTE_SERIES = "credit_note"
REASON_LENGTH = 300


def credit_invoice(invoice_id: UUID, *, lines: Mapping[int, int], reason: str, at: datetime, actor: str) -> CreditNote:
    """Give a credit note over ``lines`` (line number → minor units before discount and tax).

    Raises NotFound, Conflict ``credit_note_exceeds_invoice`` and ``invoice_void``, Unacceptable ``credit_note_empty``,
    ``credit_note_not_positive``, ``unknown_line``, ``reason_missing``.
    """
    if not reason.strip() or len(reason) > REASON_LENGTH:
        raise Unacceptable(
            "reason_missing",
            "A credit note needs a reason of 1 to {limit} characters.",
            field="reason",
            limit=REASON_LENGTH,
        )
    state = _locked_state(invoice_id)
    invoice = invoice_by_id(invoice_id)
    if state.status == InvoiceStatus.VOID:
        raise Conflict("invoice_void", "This invoice was voided; there is nothing left to credit.")
    rows = {row.line: row for row in InvoiceLine.objects.filter(invoice=invoice)}
    chosen = read_policies(_without_behavior(invoice.policies))
    credit = make_credit(
        lines,
        lines=[_billed(row) for row in rows.values()],
        rests=_tax_rests(invoice),
        mode=chosen.rounding,
        rounding=chosen.tax_rounding,
    )
    return _write(credit, invoice=invoice, state=state, rows=rows, reason=reason.strip(), at=at, actor=actor)


def credit_unused(row: Subscription, *, unused_from: datetime, at: datetime, actor: str) -> list[CreditNote]:
    """Credit the unused rest of what was billed in advance for the running period of a subscription.

    A price that charges a part period whole (``prorated: false``) credits no part of it either.
    """
    lines = (
        InvoiceLine.objects.filter(subscription=row, in_advance=True, period_end__gt=unused_from)
        .exclude(invoice__state__status=InvoiceStatus.VOID)
        .select_related("invoice")
        .order_by("invoice__sequence", "line")
    )
    prices = prices_by_id({line.price_id for line in lines if line.price_id is not None})
    wanted: dict[UUID, dict[int, int]] = {}
    for line in lines:
        if line.price_id is not None and not prices[line.price_id].prorated:
            continue
        billed = Period(start=line.period_start, end=line.period_end)
        unused = Period(start=max(unused_from, billed.start), end=billed.end)
        amount = _unused_amount(line, subscription=row, billed=billed, unused=unused)
        if amount > 0:
            wanted.setdefault(line.invoice_id, {})[line.line] = amount
    return [
        credit_invoice(invoice_id, lines=chosen, reason="unused_time", at=at, actor=actor)
        for invoice_id, chosen in wanted.items()
    ]


def _unused_amount(line: InvoiceLine, *, subscription: Subscription, billed: Period, unused: Period) -> int:
    unit = read_policies(subscription.policies).unit
    if unit in WITHOUT_PARTS:
        return 0
    return unused_part(
        _billed(line),
        billed=billed,
        unused=unused,
        unit=unit,
        timezone=subscription.timezone,
        mode=read_policies(_without_behavior(line.invoice.policies)).rounding,
    )


def _locked_state(invoice_id: UUID) -> InvoiceState:
    invoice_by_id(invoice_id)
    return InvoiceState.objects.select_for_update().get(invoice_id=invoice_id)


def _billed(row: InvoiceLine) -> BilledLine:
    earlier = CreditNoteLine.objects.filter(invoice_line=row).aggregate(
        amount=Sum("amount_minor"), discount=Sum("discount_minor")
    )
    return BilledLine(
        number=row.line,
        amount_minor=row.amount_minor,
        discount_minor=row.discount_minor,
        rates=tuple(TaxRate(code=each["code"], rate=Decimal(each["rate"])) for each in json.loads(row.tax_rates)),
        credited_minor=earlier["amount"] or 0,
        credited_discount_minor=earlier["discount"] or 0,
    )


def _tax_rests(invoice: Invoice) -> list[TaxRest]:
    taken: dict[tuple[str, str], list[int]] = {}
    for note in CreditNote.objects.filter(invoice=invoice):
        for tax in json.loads(note.document)["taxes"]:
            bucket = taken.setdefault((tax["code"], tax["rate"]), [0, 0])
            bucket[0] += _minor(tax["base"])
            bucket[1] += _minor(tax["amount"])
    rests = []
    for row in InvoiceTax.objects.filter(invoice=invoice).order_by("id"):
        rate = TaxRate(code=row.code, rate=row.rate.normalize())
        base, amount = taken.get((row.code, frozen.plain(row.rate)), [0, 0])
        rests.append(TaxRest(rate=rate, base_minor=row.base_minor - base, amount_minor=row.amount_minor - amount))
    return rests


def _minor(text: str) -> int:
    return int(text.replace(".", ""))


def _without_behavior(policies: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in policies.items() if name != "tax_behavior"}


def _write(
    credit: Credit,
    *,
    invoice: Invoice,
    state: InvoiceState,
    rows: Mapping[int, InvoiceLine],
    reason: str,
    at: datetime,
    actor: str,
) -> CreditNote:
    seller = seller_by_id(current_seller())
    note = _note_row(credit, invoice=invoice, rows=rows, reason=reason, at=at, actor=actor, seller=seller)
    note.save(force_insert=True)
    CreditNoteLine.objects.bulk_create(
        [
            CreditNoteLine(
                id=new_id(at),
                seller=seller,
                credit_note=note,
                invoice_line=rows[line.number],
                amount_minor=line.amount_minor,
                discount_minor=line.discount_minor,
                tax_minor=line.tax_minor,
            )
            for line in credit.lines
        ]
    )
    _post(credit, note=note, invoice=invoice, open_minor=state.due_minor, rows=rows, seller_zone=seller.timezone)
    _lower(state, credit.total_minor)
    shown = show_id("credit_note", note.id)
    fact = {
        "credit_note": shown,
        "invoice": show_id("invoice", invoice.id),
        "customer": show_id("customer", invoice.customer_id),
        "number": note.number,
        "total": to_wire(credit.total_minor, invoice.currency),
    }
    record_facts([("credit_note.issued", fact)], at=at)
    record_audit("credit_note.issue", object_id=shown, data={"number": note.number}, actor=actor, at=at)
    return note


def _note_row(
    credit: Credit,
    *,
    invoice: Invoice,
    rows: Mapping[int, InvoiceLine],
    reason: str,
    at: datetime,
    actor: str,
    seller: Seller,
) -> CreditNote:
    sequence = next_numbers(CREDIT_NOTE_SERIES, 1, at=at).start
    number = number_text(
        seller.number_format,
        prefix=f"{seller.number_prefix}-CN",
        seq=sequence,
        issued_at=at,
        timezone=seller.timezone,
    )
    document = frozen.credit_note_document(
        credit,
        seller=seller,
        customer=invoice.customer,
        number=number,
        issued_at=at,
        reason=reason,
        original=json.loads(invoice.document),
        taxes=_tax_totals(credit, invoice, rows),
        labels={row.code: row.label for row in InvoiceTax.objects.filter(invoice=invoice)},
    )
    return CreditNote(
        id=new_id(at),
        seller=seller,
        customer=invoice.customer,
        invoice=invoice,
        number=number,
        sequence=sequence,
        reason=reason,
        author=actor,
        issued_at=at,
        currency=invoice.currency,
        language=invoice.language,
        subtotal_minor=credit.subtotal_minor,
        tax_minor=credit.tax_minor,
        total_minor=credit.total_minor,
        credited_minor=credit.total_minor,
        document=frozen.canonical(document),
    )


def _tax_totals(credit: Credit, invoice: Invoice, rows: Mapping[int, InvoiceLine]) -> list[TaxTotal]:
    totals = []
    for row in InvoiceTax.objects.filter(invoice=invoice).order_by("id"):
        inside = [line for line in credit.lines if row.code in line.taxes]
        if inside:
            totals.append(
                TaxTotal(
                    code=row.code,
                    rate=row.rate,
                    base_minor=sum(line.amount_minor - line.discount_minor for line in inside),
                    amount_minor=sum(line.taxes[row.code] for line in inside),
                )
            )
    return totals


def _post(
    credit: Credit,
    *,
    note: CreditNote,
    invoice: Invoice,
    open_minor: int,
    rows: Mapping[int, InvoiceLine],
    seller_zone: str,
) -> None:
    """Post the note; what was billed in advance is first recognised up to now, then its unearned part is taken back."""
    line_ids = [rows[line.number].id for line in credit.lines]
    deferrals = {
        row.invoice_line_id: row
        for row in Deferral.objects.select_for_update(of=("self",))
        .filter(invoice_line_id__in=line_ids, due_at__isnull=False)
        .select_related("invoice_line__invoice")
    }
    at = note.issued_at
    recognise_until(list(deferrals.values()), at=at, seller_zone=seller_zone)
    by_line = {row.invoice_line.line: row for row in deferrals.values()}
    unearned = {number: row.amount_minor - row.earned_minor for number, row in by_line.items()}
    postings = posting.credit_note(credit, currency=note.currency, unearned=unearned, open_minor=open_minor)
    post(
        [
            Entry(
                fact="credit_note",
                ref=note.number,
                at=at,
                postings=postings,
                customer_id=note.customer_id,
                invoice_id=invoice.id,
            )
        ]
    )
    taken = {
        rows[line.number].id: min(line.amount_minor - line.discount_minor, unearned[line.number])
        for line in credit.lines
        if unearned.get(line.number, 0) > 0
    }
    take_back(deferrals, taken, at=at, seller_zone=seller_zone)


def _lower(state: InvoiceState, total_minor: int) -> None:
    applied = min(state.due_minor, total_minor)
    state.due_minor -= applied
    state.credited_minor += total_minor
    state.settled_by_note_minor += applied
    if state.due_minor == 0 and state.status == InvoiceStatus.OPEN:
        state.status = next_status(InvoiceStatus(state.status), InvoiceEvent.SETTLED)
    state.save(update_fields=["due_minor", "credited_minor", "settled_by_note_minor", "status"])
