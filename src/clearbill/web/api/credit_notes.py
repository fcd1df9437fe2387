"""Credit notes: take back a part of a final invoice, line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router
from pydantic import Field

from clearbill.billing.actions.credits import credit_invoice
from clearbill.billing.actions.documents import pdf_of
from clearbill.billing.queries import invoices as queries
from clearbill.core.errors import Malformed, Unacceptable
from clearbill.scope.ids import read_id, show_id
from clearbill.web.api.customers import optional_customer_of
from clearbill.web.api.doors import acts, gives_pdf, reads
from clearbill.web.api.invoices import pdf_response
from clearbill.web.api.shapes import (
    MAX_TEXT,
    Asked,
    Cursor,
    Given,
    InstantText,
    Limit,
    Money,
    MoneyGiven,
    Page,
    Reference,
    Shown,
    instant_text,
    money,
    page_of,
    read_number_cursor,
)

MAX_LINES = 1_000
router = Router(tags=["Credit notes"])


class CreditedLine(Given):
    """What is taken back of a line."""

    line: int = Field(ge=1, description="The line's number on the invoice.", examples=[1])
    amount: MoneyGiven = Field(description="Before discount and tax, in the invoice's currency.")


class NewCreditNote(Given):
    """A credit note to be."""

    invoice: str = Field(max_length=64, examples=["inv_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    lines: Annotated[list[CreditedLine], Field(min_length=1, max_length=MAX_LINES)]
    reason: str = Field(min_length=1, max_length=MAX_TEXT, description="Printed on the note.", examples=["Outage"])


class CreditNoteSummary(Shown):
    """A credit note in a list."""

    id: str = Field(examples=["crn_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    number: str
    invoice: str
    invoice_number: str
    customer: str
    reason: str
    language: str
    issued_at: InstantText
    subtotal: Money
    tax: Money
    total: Money


class CreditNote(CreditNoteSummary):
    """A credit note with all that it says."""

    document: dict[str, Any] = Field(description="All that the PDF says. Amounts in major units of its currency.")


class CreditNotesAsked(Asked):
    """Which credit notes."""

    customer: Reference | None = None
    invoice: str | None = Field(None, max_length=64, examples=[None])
    cursor: Cursor | None = None
    limit: Limit = 50


@acts(router, "/credit_notes", gives=CreditNote, status=201, may="credit")
def create_credit_note(request: HttpRequest, body: NewCreditNote) -> CreditNote:
    """Give a credit note on a final invoice.

    Discounts and taxes of the lines are taken back in proportion. It pays what is open; the rest becomes account credit.
    """
    invoice = queries.invoice_by_id(read_id("invoice", body.invoice))
    lines = _minor_by_line(body.lines, currency=invoice.currency)
    return _show(credit_invoice(invoice.id, lines=lines, reason=body.reason, at=request.at, actor=request.actor))


@reads(router, "/credit_notes", gives=Page[CreditNoteSummary])
def list_credit_notes(request: HttpRequest, asked: Query[CreditNotesAsked]) -> Page[CreditNoteSummary]:
    """List credit notes, newest first."""
    rows = queries.credit_notes(
        customer_id=optional_customer_of(asked.customer),
        invoice_id=None if asked.invoice is None else queries.invoice_by_id(read_id("invoice", asked.invoice)).id,
        before=read_number_cursor(asked.cursor),
        limit=asked.limit,
    )
    return page_of(rows, limit=asked.limit, show=_show_summary, cursor=lambda row: str(row.sequence))


@reads(router, "/credit_notes/{credit_note_id}", gives=CreditNote)
def get_credit_note(request: HttpRequest, credit_note_id: str) -> CreditNote:
    """Get a credit note with its document."""
    return _show(queries.credit_note_by_id(read_id("credit_note", credit_note_id)))


@gives_pdf(router, "/credit_notes/{credit_note_id}/pdf")
def get_credit_note_pdf(request: HttpRequest, credit_note_id: str) -> HttpResponse:
    """Get a credit note as a PDF."""
    row = queries.credit_note_by_id(read_id("credit_note", credit_note_id))
    return pdf_response(pdf_of(row, at=request.at), number=row.number)


def _minor_by_line(lines: Sequence[CreditedLine], *, currency: str) -> dict[int, int]:
    wanted: dict[int, int] = {}
    for index, each in enumerate(lines):
        if each.line in wanted:
            raise Malformed(
                "line_twice", "Line {line} stands here twice.", field=f"lines[{index}].line", line=each.line
            )
        if each.amount.currency != currency:
            raise Unacceptable(
                "other_currency",
                "This invoice is in {currency}, and so must be what is taken back of it.",
                field=f"lines[{index}].amount.currency",
                currency=currency,
            )
        wanted[each.line] = each.amount.minor
    return wanted


def _show(row: Any) -> CreditNote:
    return CreditNote(**_show_summary(row).model_dump(), document=queries.document_of(row))


def _show_summary(row: Any) -> CreditNoteSummary:
    return CreditNoteSummary(
        id=show_id("credit_note", row.id),
        number=row.number,
        invoice=show_id("invoice", row.invoice_id),
        invoice_number=row.invoice.number,
        customer=show_id("customer", row.customer_id),
        reason=row.reason,
        language=row.language,
        issued_at=instant_text(row.issued_at),
        subtotal=money(row.subtotal_minor, row.currency),
        tax=money(row.tax_minor, row.currency),
        total=money(row.total_minor, row.currency),
    )
