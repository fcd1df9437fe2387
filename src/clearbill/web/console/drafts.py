"""Drafts: bills that fell due and wait for late usage, each with what it would say now."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from clearbill.billing.actions.dry_runs import preview_draft
from clearbill.billing.queries.invoices import drafts
from clearbill.billing.queries.subscription_lists import draft_by_id
from clearbill.sellers.queries import tax_rates
from clearbill.web.addresses import id_in_address
from clearbill.web.console.access import staff
from clearbill.web.console.looks import record_look
from clearbill.web.console.words import bill_reason
from clearbill.web.document_view import foresee

SHOWN = 200


@staff("view")
def draft_list(request: HttpRequest) -> HttpResponse:
    """The next to become final first."""
    rows = [{"row": row, "reason": bill_reason(row.reason)} for row in drafts(limit=SHOWN)]
    return render(request, "console/drafts.html", {"rows": rows})


@staff("view")
def draft(request: HttpRequest, shown_id: str) -> HttpResponse:
    """The bill as it stands with the usage that came in so far."""
    row = draft_by_id(id_in_address("draft", shown_id))
    record_look(request, "draft", row.id)
    labels = {rate.code: rate.label for rate in tax_rates(request.at)}
    context = {"draft": row, "reason": bill_reason(row.reason), "bill": foresee(preview_draft(row), tax_labels=labels)}
    return render(request, "console/draft.html", context)


urlpatterns = [
    path("drafts/", draft_list, name="drafts"),
    path("drafts/<str:shown_id>/", draft, name="draft"),
]
