"""Invoices: the list, and each as the document it is, with its working, journal entries and what was done about it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from django.views.decorators.http import require_POST

from clearbill.billing.actions.documents import pdf_of
from clearbill.billing.actions.resending import resend_invoice
from clearbill.billing.queries.figures import invoice_counts
from clearbill.billing.queries.invoices import (
    STATUSES,
    InvoiceFilter,
    credit_notes,
    document_of,
    invoice_by_id,
    invoices,
    mark_overdue,
)
from clearbill.billing.queries.timeline import invoice_timeline
from clearbill.core.errors import Refusal
from clearbill.customers.pay_links import pay_address
from clearbill.ledger.queries import journal
from clearbill.payments.queries import payments_of_invoice, takes_payments
from clearbill.sellers.roles import allows
from clearbill.web.addresses import ROWS, id_in_address, listed, number_mark, search_text
from clearbill.web.console.access import staff
from clearbill.web.console.looks import record_look
from clearbill.web.console.words import bill_reason, timeline_events, transaction_rows
from clearbill.web.document_view import paper_of
from clearbill.web.errors import sentence_of
from clearbill.web.pdf_answer import pdf_answer


@staff("view")
def invoice_list(request: HttpRequest) -> HttpResponse:
    """Newest first; tabs by status, search by number or customer."""
    status = request.GET.get("status", "")
    status = status if status in STATUSES else ""
    search = search_text(request)
    chosen = InvoiceFilter(status=status, search=search, before=number_mark(request))
    rows = invoices(chosen, at=request.at, limit=ROWS + 1)
    context = {
        "page": listed(request, rows, mark=lambda row: row.sequence),
        "tabs": _tabs(invoice_counts(at=request.at), status=status, search=search),
        "status": status,
        "search": search,
    }
    return render(request, "console/invoices.html", context)


@staff("view")
def invoice(request: HttpRequest, shown_id: str) -> HttpResponse:
    """The invoice as it was issued. It's never edited: what happens to it stands beside it."""
    row = mark_overdue(invoice_by_id(id_in_address("invoice", shown_id)), at=request.at)
    record_look(request, "invoice", row.id)
    entries = journal(invoice_id=row.id, oldest_first=True, limit=20)
    context = {
        "invoice": row,
        "paper": paper_of(document_of(row)),
        "reason": bill_reason(row.reason),
        "notes": credit_notes(invoice_id=row.id),
        "payments": payments_of_invoice(row.id),
        "pay_link": pay_address(row.seller_id, row.id) if takes_payments() and row.state.status == "open" else "",
        "transactions": transaction_rows(entries),
        "events": timeline_events(invoice_timeline(row.id)),
        "may_credit": allows(request.role, "credit") and row.state.status != "void",
        "is_all_credited": row.state.credited_minor >= row.total_minor,
        "may_send": allows(request.role, "manage_customers"),
    }
    return render(request, "console/invoice.html", context)


@staff("view")
def invoice_pdf(request: HttpRequest, shown_id: str) -> HttpResponse:
    """The invoice's PDF."""
    row = invoice_by_id(id_in_address("invoice", shown_id))
    record_look(request, "invoice", row.id, how="pdf")
    return pdf_answer(pdf_of(row, at=request.at), number=row.number)


@require_POST
@staff("manage_customers")
def resend(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Mail the invoice to the customer again."""
    invoice_id = id_in_address("invoice", shown_id)
    try:
        with transaction.atomic():
            resend_invoice(invoice_id, at=request.at, actor=request.actor)
    except Refusal as refusal:
        messages.error(request, sentence_of(refusal))
    else:
        messages.success(request, _("The invoice goes out by mail again."))
    return redirect("console:invoice", shown_id)


def _tabs(counts: dict[str, int], *, status: str, search: str) -> list[dict[str, Any]]:
    labels = {
        "": pgettext("invoices", "All"),
        "open": pgettext("status", "Open"),
        "overdue": _("Overdue"),
        "paid": _("Paid"),
        "void": pgettext("status", "Void"),
        "uncollectible": _("Uncollectible"),
    }
    shown = [each for each in labels if each in ("", "open", "overdue", "paid") or counts[each] or each == status]
    return [
        {
            "label": labels[each],
            "url": _list_url(status=each, q=search),
            "active": each == status,
            "count": counts[each],
        }
        for each in shown
    ]


def _list_url(**query: str) -> str:
    kept = urlencode({key: value for key, value in query.items() if value})
    return reverse("console:invoices") + (f"?{kept}" if kept else "")


urlpatterns = [
    path("invoices/", invoice_list, name="invoices"),
    path("invoices/<str:shown_id>/", invoice, name="invoice"),
    path("invoices/<str:shown_id>/pdf/", invoice_pdf, name="invoice_pdf"),
    path("invoices/<str:shown_id>/resend/", resend, name="invoice_resend"),
]
