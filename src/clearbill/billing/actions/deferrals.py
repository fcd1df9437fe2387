"""Revenue that is billed in advance and earned day by day: posted at month ends and at the span's end, cumulatively."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from clearbill.billing.models import Deferral, Invoice, InvoiceLine
from clearbill.core import posting
from clearbill.core.period import WITHOUT_PARTS, Period, ProrationUnit, month_end_after
from clearbill.ledger.actions import Entry, post
from clearbill.scope.ids import new_id
from clearbill.sellers.models import Seller


def open_deferrals(
    lines: Sequence[tuple[InvoiceLine, ProrationUnit, str]], *, invoices: Mapping[UUID, Invoice], seller: Seller
) -> None:
    """Remember what of ``lines``, each with its unit and time zone, was billed in advance and is to be earned."""
    rows = []
    for line, unit, timezone in lines:
        net = line.amount_minor - line.discount_minor
        if not line.in_advance or net <= 0:
            continue
        invoice = invoices[line.invoice_id]
        rows.append(
            Deferral(
                id=new_id(invoice.issued_at),
                seller=seller,
                invoice_line=line,
                customer_id=invoice.customer_id,
                currency=invoice.currency,
                unit=unit.value,
                timezone=timezone,
                span_start=line.period_start,
                span_end=line.period_end,
                amount_minor=net,
                due_at=_next_due(max(line.period_start, invoice.issued_at), line.period_end, seller.timezone),
            )
        )
    Deferral.objects.bulk_create(rows)


def recognise(deferrals: Sequence[Deferral], *, at: datetime, seller_zone: str) -> None:
    """Post what is earned by ``at`` on locked rows, and set when the next part is due."""
    entries = []
    for row in deferrals:
        earned = earned_by(row, at)
        moved = posting.move(
            posting.REVENUE,
            posting.DEFERRED,
            earned - row.earned_minor,
            currency=row.currency,
            line=row.invoice_line.line,
        )
        invoice = row.invoice_line.invoice
        entries.append(
            Entry(
                fact="revenue_earned",
                ref=invoice.number,
                at=at,
                postings=moved,
                customer_id=row.customer_id,
                invoice_id=invoice.id,
            )
        )
        row.earned_minor = earned
        row.due_at = None if earned == row.amount_minor else _next_due(at, row.span_end, seller_zone)
    post(entries)
    Deferral.objects.bulk_update(deferrals, ["earned_minor", "due_at"])


def recognise_until(deferrals: Sequence[Deferral], *, at: datetime, seller_zone: str) -> None:
    """``recognise`` locked rows up to ``at``: what fell due before and wasn't posted yet is posted at its own instant."""
    while late := [row.due_at for row in deferrals if row.due_at is not None and row.due_at <= at]:
        first = min(late)
        recognise([row for row in deferrals if row.due_at == first], at=first, seller_zone=seller_zone)
    recognise([row for row in deferrals if earned_by(row, at) > row.earned_minor], at=at, seller_zone=seller_zone)


def take_back(
    deferrals: Mapping[UUID, Deferral], wanted: Mapping[UUID, int], *, at: datetime, seller_zone: str
) -> None:
    """Lower deferrals (by invoice line) by what a credit note took back of the unearned part; the rest goes on.

    The rows are locked and recognised up to ``at``. What remains is spread over what remains of the span.
    """
    changed = []
    for line_id, amount in wanted.items():
        row = deferrals[line_id]
        row.amount_minor -= row.earned_minor + amount
        row.earned_minor = 0
        row.span_start = min(max(at, row.span_start), row.span_end)
        row.due_at = None if row.amount_minor == 0 else _next_due(at, row.span_end, seller_zone)
        changed.append(row)
    Deferral.objects.bulk_update(changed, ["amount_minor", "earned_minor", "span_start", "due_at"])


def earned_by(row: Deferral, at: datetime) -> int:
    """The earned part of a deferral at ``at``, in minor units, never less than what was posted."""
    span = Period(start=row.span_start, end=row.span_end)
    until = min(max(at, span.start), span.end)
    if until == span.start:
        return row.earned_minor
    earned = posting.earned(
        row.amount_minor,
        span=span,
        until=Period(start=span.start, end=until),
        unit=ProrationUnit.DAY if row.unit in WITHOUT_PARTS else ProrationUnit(row.unit),  # earned by days all the same
        timezone=row.timezone,
    )
    return max(earned, row.earned_minor)


def _next_due(after: datetime, span_end: datetime, zone: str) -> datetime:
    return max(after, min(month_end_after(after, ZoneInfo(zone)), span_end))
