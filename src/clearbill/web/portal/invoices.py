"""A customer's invoices and credit notes: lists, documents with the working of each line, PDFs. Only their own."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from clearbill.billing.actions.documents import pdf_of
from clearbill.billing.queries.invoices import (
    InvoiceFilter,
    credit_note_by_id,
    credit_notes,
    document_of,
    invoice_by_id,
    invoices,
    mark_overdue,
)
from clearbill.core.errors import NotFound
from clearbill.customers.pay_links import pay_path
from clearbill.payments.queries import takes_payments
from clearbill.web.addresses import ROWS, id_in_address, listed, number_mark
from clearbill.web.document_view import paper_of
from clearbill.web.pdf_answer import pdf_answer
from clearbill.web.portal.access import customer_only

STATUSES = ("open", "overdue", "paid")


@customer_only
def invoice_list(request: HttpRequest) -> HttpResponse:
    """Newest first, and below them the credit notes."""
    status = request.GET.get("status", "")
    status = status if status in STATUSES else ""
    chosen = InvoiceFilter(customer_id=request.customer.id, status=status, before=number_mark(request))
    rows = invoices(chosen, at=request.at, limit=ROWS + 1)
    context = {
        "page": listed(request, rows, mark=lambda row: row.sequence),
        "status": status,
        "notes": credit_notes(customer_id=request.customer.id),
        "zone": request.zone,
    }
    return render(request, "portal/invoices.html", context)


@customer_only
def invoice(request: HttpRequest, shown_id: str) -> HttpResponse:
    """The invoice as it was issued, each line with how it was worked out."""
    row = mark_overdue(_own(request, invoice_by_id(id_in_address("invoice", shown_id))), at=request.at)
    context = {
        "invoice": row,
        "paper": paper_of(document_of(row)),
        "notes": credit_notes(invoice_id=row.id),
        "pay": pay_path(row.seller_id, row.id) if takes_payments() and row.state.status == "open" else "",
        "zone": request.zone,
    }
    return render(request, "portal/invoice.html", context)


@customer_only
def invoice_pdf(request: HttpRequest, shown_id: str) -> HttpResponse:
    """The invoice's PDF."""
    row = _own(request, invoice_by_id(id_in_address("invoice", shown_id)))
    return pdf_answer(pdf_of(row, at=request.at), number=row.number)


@customer_only
def credit_note(request: HttpRequest, shown_id: str) -> HttpResponse:
    """The credit note as it was issued."""
    row = _own(request, credit_note_by_id(id_in_address("credit_note", shown_id)))
    context = {"note": row, "paper": paper_of(document_of(row)), "zone": request.zone}
    return render(request, "portal/credit_note.html", context)


@customer_only
def credit_note_pdf(request: HttpRequest, shown_id: str) -> HttpResponse:
    """The credit note's PDF."""
    row = _own(request, credit_note_by_id(id_in_address("credit_note", shown_id)))
    return pdf_answer(pdf_of(row, at=request.at), number=row.number)


def _own(request: HttpRequest, row: Any) -> Any:
    """Another customer's document looks like one that isn't there."""
    if row.customer_id != request.customer.id:
        raise NotFound("not_found", "There is nothing at this address.")
    return row


urlpatterns = [
    path("invoices/", invoice_list, name="invoices"),
    path("invoices/<str:shown_id>/", invoice, name="invoice"),
    path("invoices/<str:shown_id>/pdf/", invoice_pdf, name="invoice_pdf"),
    path("credit-notes/<str:shown_id>/", credit_note, name="credit_note"),
    path("credit-notes/<str:shown_id>/pdf/", credit_note_pdf, name="credit_note_pdf"),
]
