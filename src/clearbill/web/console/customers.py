"""Customers: the list, one with all that happened, the form, and the door to the portal as they see it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from clearbill.billing.queries.figures import billed_to, credited_to, open_of_customers
from clearbill.billing.queries.invoices import InvoiceFilter, invoices, open_by_customer
from clearbill.billing.queries.subscriptions import subscriptions
from clearbill.billing.queries.timeline import timeline
from clearbill.core.errors import Refusal
from clearbill.customers.actions import create_customer, make_sign_in_link, update_customer
from clearbill.customers.queries import customer_by_id, customers_page
from clearbill.ledger.queries import balances
from clearbill.pricing.queries import meters
from clearbill.scope.clock import wall_clock
from clearbill.scope.ids import show_id
from clearbill.sellers.roles import allows
from clearbill.web.addresses import ROWS, id_in_address, id_mark, listed, search_text
from clearbill.web.console.access import staff
from clearbill.web.console.customer_forms import CustomerForm
from clearbill.web.console.forms import show_refusal
from clearbill.web.console.looks import record_look
from clearbill.web.console.usage import chart_of_last_days
from clearbill.web.console.words import timeline_events
from clearbill.web.price_words import active_name

SHOWN_INVOICES = 8


@staff("view")
def customer_list(request: HttpRequest) -> HttpResponse:
    """Newest first; search by name, id or address."""
    search = search_text(request)
    rows = customers_page(search=search, before=id_mark(request, "customer"), limit=ROWS + 1)
    page = listed(request, rows, mark=lambda row: show_id("customer", row.id))
    owed = open_of_customers([row.id for row in page.rows])
    context = {
        "page": page,
        "rows": [{"customer": row, "owed": owed.get(row.id, {})} for row in page.rows],
        "search": search,
        "may_manage": allows(request.role, "manage_customers"),
    }
    return render(request, "console/customers.html", context)


@staff("manage_customers")
def new_customer(request: HttpRequest) -> HttpResponse:
    """The form of a new customer."""
    form = CustomerForm(request.POST or None, seller=request.seller)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                made = create_customer(form.document(), at=request.at, actor=request.actor)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("The customer was added."))
            return redirect("console:customer", show_id("customer", made.id))
    return render(request, "console/customer_form.html", {"form": form}, status=400 if form.errors else 200)


@staff("manage_customers")
def edit_customer(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Change a customer; invoices that were issued keep what they say."""
    customer = customer_by_id(id_in_address("customer", shown_id))
    form = CustomerForm(request.POST or None, seller=request.seller, customer=customer)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                update_customer(customer.id, form.document(), at=request.at, actor=request.actor)
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("Saved."))
            return redirect("console:customer", shown_id)
    context = {"form": form, "customer": customer_by_id(customer.id)}
    return render(request, "console/customer_form.html", context, status=400 if form.errors else 200)


@staff("view")
def customer(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Figures, subscriptions, bills, usage, and one timeline of it all."""
    row = customer_by_id(id_in_address("customer", shown_id))
    record_look(request, "customer", row.id)
    chosen = InvoiceFilter(customer_id=row.id)
    context = {
        "customer": row,
        "zone": row.timezone or request.seller.timezone,
        "figures": _figures(row, seller=request.seller),
        "subscriptions": [
            {"row": each, "plan": active_name(each.plan_version.plan.name, each.plan_version.plan.code)}
            for each in subscriptions(customer_id=row.id)
        ],
        "invoices": invoices(chosen, at=request.at, limit=SHOWN_INVOICES),
        "events": timeline_events(timeline(row.id)),
        "usage": chart_of_last_days(request, meters(), customer_id=row.id),
        "may_manage": allows(request.role, "manage_customers"),
        "may_subscribe": allows(request.role, "manage_subscriptions"),
    }
    return render(request, "console/customer.html", context)


@require_POST
@staff("manage_customers")
def open_portal(request: HttpRequest, shown_id: str) -> HttpResponse:
    """A sign-in link for oneself, so that one sees what the customer sees. Who did it is in the audit trail."""
    customer_id = id_in_address("customer", shown_id)
    secret = make_sign_in_link(customer_id, at=wall_clock())
    record_look(request, "customer", customer_id, how="open_portal")
    return redirect("portal:enter", secret)


def _figures(row: Any, *, seller: Any) -> list[dict[str, Any]]:
    """Per currency: open, billed, credited, and what stands to the customer's credit."""
    owed, billed, credited = open_by_customer(row.id), billed_to(row.id), credited_to(row.id)
    credit = {
        currency: -minor
        for (account, currency), minor in balances(customer_id=row.id).items()
        if account == "customer_credit" and minor
    }
    currencies = sorted({*owed, *billed, *credited, *credit}) or [row.currency]
    return [
        {
            "currency": each,
            "open_minor": owed.get(each, 0),
            "billed": billed.get(each, (0, 0)),
            "credited": credited.get(each, (0, 0)),
            "credit_minor": credit.get(each, 0),
        }
        for each in currencies
    ]


urlpatterns = [
    path("customers/", customer_list, name="customers"),
    path("customers/new/", new_customer, name="customer_new"),
    path("customers/<str:shown_id>/", customer, name="customer"),
    path("customers/<str:shown_id>/edit/", edit_customer, name="customer_edit"),
    path("customers/<str:shown_id>/portal/", open_portal, name="customer_portal"),
]
