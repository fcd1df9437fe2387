"""Final invoices, credit notes and drafts, as rows with what their pages need."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import TruncMonth

from clearbill.billing.models import CreditNote, DocumentFile, Draft, Invoice, InvoiceLine
from clearbill.core.errors import NotFound

STATUSES = ("open", "overdue", "paid", "void", "uncollectible")


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceFilter:
    """What a list of invoices is narrowed to. ``status`` is one of STATUSES; ``search`` is part of a number or name."""

    status: str = ""
    search: str = ""
    customer_id: UUID | None = None
    before: int | None = None


def invoice_by_id(invoice_id: UUID) -> Invoice:
    """The row with customer and state at hand; NotFound ``invoice_not_found``."""
    row = _rows().filter(id=invoice_id).first()
    if row is None:
        raise NotFound("invoice_not_found", "There is no such invoice.")
    return row


def invoices(chosen: InvoiceFilter, *, at: datetime, limit: int = 50) -> list[Invoice]:
    """Rows, newest first; ``before`` is the last sequence of the page before. ``is_overdue`` is set on each."""
    rows = _rows().order_by("-sequence")
    if chosen.status == "overdue":
        rows = rows.filter(state__status="open", due_at__lt=at)
    elif chosen.status in STATUSES:
        rows = rows.filter(state__status=chosen.status)
    if chosen.search:
        rows = rows.filter(Q(number__icontains=chosen.search) | Q(customer__name__icontains=chosen.search))
    if chosen.customer_id is not None:
        rows = rows.filter(customer_id=chosen.customer_id)
    if chosen.before is not None:
        rows = rows.filter(sequence__lt=chosen.before)
    found = list(rows[:limit])
    for row in found:
        mark_overdue(row, at=at)
    return found


def mark_overdue(row: Invoice, *, at: datetime) -> Invoice:
    """Set ``shown_status``: the stored status, or ``overdue`` when it's open past its due date."""
    overdue = row.state.status == "open" and row.due_at < at
    row.shown_status = "overdue" if overdue else row.state.status  # type: ignore[attr-defined]
    return row


def document_of(row: Invoice | CreditNote) -> dict[str, Any]:
    """The frozen document of an invoice or credit note."""
    document: dict[str, Any] = json.loads(row.document)
    return document


def lines_of(invoice_id: UUID) -> list[InvoiceLine]:
    """The stored lines, in their order."""
    return list(
        InvoiceLine.objects.filter(invoice_id=invoice_id).select_related("price", "subscription").order_by("line")
    )


def credit_note_by_id(note_id: UUID) -> CreditNote:
    """The row; NotFound ``credit_note_not_found``."""
    row = CreditNote.objects.select_related("customer", "invoice").filter(id=note_id).first()
    if row is None:
        raise NotFound("credit_note_not_found", "There is no such credit note.")
    return row


def credit_notes(
    *,
    customer_id: UUID | None = None,
    invoice_id: UUID | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[CreditNote]:
    """Rows, newest first."""
    rows = CreditNote.objects.select_related("customer", "invoice").order_by("-sequence")
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if invoice_id is not None:
        rows = rows.filter(invoice_id=invoice_id)
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    return list(rows[:limit])


def drafts(*, customer_id: UUID | None = None, limit: int = 50) -> list[Draft]:
    """Bills that wait out their grace, the next to become final first."""
    rows = Draft.objects.select_related("customer").order_by("finalize_at", "id")
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    return list(rows[:limit])


def kept_pdf(document_hash: bytes) -> bytes | None:
    """The PDF of a document, when it was made before."""
    row = DocumentFile.objects.filter(document_hash=document_hash).first()
    return None if row is None else bytes(row.content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Receivables:
    """Open and overdue amounts of one currency, in minor units, with their counts; and what was billed in 30 days."""

    currency: str
    open_minor: int
    open_count: int
    overdue_minor: int
    overdue_count: int
    billed_minor: int
    billed_count: int


def receivables(*, at: datetime, since: datetime) -> list[Receivables]:
    """One row a currency, never added over currencies."""
    late = Q(state__status="open", due_at__lt=at)
    rows = (
        Invoice.objects.values("currency")
        .annotate(
            open_minor=Sum("state__due_minor", filter=Q(state__status="open"), default=0),
            open_count=Count("id", filter=Q(state__status="open")),
            overdue_minor=Sum("state__due_minor", filter=late, default=0),
            overdue_count=Count("id", filter=late),
            billed_minor=Sum("total_minor", filter=Q(issued_at__gte=since), default=0),
            billed_count=Count("id", filter=Q(issued_at__gte=since)),
        )
        .order_by("currency")
    )
    return [Receivables(**row) for row in rows]


def billed_by_month(*, zone: str, months: int = 12) -> list[tuple[str, str, int]]:
    """``(YYYY-MM, currency, total minor)`` of the last months that have invoices, oldest first; months are local."""
    rows = (
        Invoice.objects.annotate(month=TruncMonth("issued_at", tzinfo=ZoneInfo(zone)))
        .values("month", "currency")
        .annotate(total=Sum("total_minor"))
        .order_by("-month", "currency")[: months * 3]
    )
    return sorted((row["month"].strftime("%Y-%m"), row["currency"], int(row["total"])) for row in rows)


def open_by_customer(customer_id: UUID) -> Mapping[str, int]:
    """What a customer owes, in minor units by currency."""
    rows = (
        Invoice.objects.filter(customer_id=customer_id, state__status="open")
        .values("currency")
        .annotate(due=Sum("state__due_minor"))
    )
    return {row["currency"]: int(row["due"]) for row in rows}


def _rows() -> QuerySet[Invoice]:
    return Invoice.objects.select_related("customer", "state")
