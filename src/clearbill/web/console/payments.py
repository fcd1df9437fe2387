"""Payments: the list, and each with its tries, what moved, and what can be done: ask the gateway, send money back."""

from __future__ import annotations

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from clearbill.core.errors import Refusal
from clearbill.core.money import parse_minor
from clearbill.payments.actions.checks import check
from clearbill.payments.actions.refunds import prepare_refund, run_refund
from clearbill.payments.queries import (
    attempts_of,
    payment_by_id,
    payments_page,
    refundable_now,
    refunds_of,
    shares_of,
)
from clearbill.scope.clock import wall_clock
from clearbill.scope.ids import show_id
from clearbill.sellers.actions import record_audit
from clearbill.sellers.roles import allows
from clearbill.web.addresses import ROWS, id_in_address, id_mark, listed
from clearbill.web.console.access import staff
from clearbill.web.console.looks import record_look
from clearbill.web.decline_words import decline_words
from clearbill.web.errors import sentence_of
from clearbill.web.payment_words import kind_name, method_name
from clearbill.web.templatetags.status_names import name_status

GROUPS: dict[str, tuple[str, ...]] = {
    "succeeded": ("succeeded",),
    "requires_method": ("requires_method",),
    "processing": ("processing", "unknown", "requires_action", "requires_capture"),
    "unknown": ("unknown",),
}


class RefundForm(forms.Form):
    """How much goes back."""

    amount = forms.CharField(
        label=gettext_lazy("Amount"),
        max_length=24,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
        help_text=gettext_lazy("Out of the customer's account credit, by the way it came."),
    )


@staff("view")
def payment_list(request: HttpRequest) -> HttpResponse:
    """Newest first; by state."""
    state = request.GET.get("state", "")
    rows = payments_page(states=GROUPS.get(state, ()), before=id_mark(request, "payment"), limit=ROWS + 1)
    page = listed(request, rows, mark=lambda row: show_id("payment", row.id))
    context = {
        "page": page,
        "rows": [{"row": row, "way": method_name(row.method) or kind_name(row.method_kind)} for row in page.rows],
        "state": state,
        "states": [("", _("All")), *((each, name_status(each)[0]) for each in GROUPS)],
    }
    return render(request, "console/payments.html", context)


@staff("view")
def payment(request: HttpRequest, shown_id: str) -> HttpResponse:
    """One payment."""
    row = payment_by_id(id_in_address("payment", shown_id))
    record_look(request, "payment", row.id)
    return _page(request, row, RefundForm())


@require_POST
@staff("manage_invoices")
def ask(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Ask the gateway about the last try, now."""
    row = payment_by_id(id_in_address("payment", shown_id))
    last = attempts_of(row.id).last()
    record_audit("payment.check", object_id=shown_id, data={}, actor=request.actor, at=request.at)
    if last is not None:
        request.after_scope = [partial(check, request.seller.id, last.id, at=request.at, now=wall_clock())]
    return redirect("console:payment", shown_id)


@require_POST
@staff("credit")
def refund(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Send money back."""
    row = payment_by_id(id_in_address("payment", shown_id))
    form, now = RefundForm(request.POST), wall_clock()
    if not form.is_valid():
        return _page(request, row, form, status=400)
    try:
        with transaction.atomic():
            minor = parse_minor(form.cleaned_data["amount"], row.currency)
            made = prepare_refund(row.id, minor, by=request.actor, at=request.at, now=now)
    except Refusal as refusal:
        form.add_error("amount", sentence_of(refusal))
        return _page(request, row, form, status=400)
    request.after_scope = [partial(run_refund, request.seller.id, made.id, at=request.at, now=now)]
    messages.success(request, _("The refund is on its way."))
    return redirect("console:payment", shown_id)


def _page(request: HttpRequest, row: Any, form: RefundForm, *, status: int = 200) -> HttpResponse:
    tries = [
        {
            "row": each,
            "way": method_name(each.method) or kind_name(each.kind),
            "why": decline_words(each.state.code) if each.state.code and each.state.state != "unknown" else "",
        }
        for each in attempts_of(row.id)
    ]
    rest_minor = refundable_now(row)
    context = {
        "payment": row,
        "way": method_name(row.method) or kind_name(row.method_kind),
        "tries": tries,
        "shares": shares_of(row.id),
        "refunds": refunds_of(row.id),
        "form": form,
        "rest_minor": rest_minor,
        "may_refund": allows(request.role, "credit") and rest_minor > 0,
        "may_ask": allows(request.role, "manage_invoices") and row.state in GROUPS["processing"],
    }
    return render(request, "console/payment.html", context, status=status)


urlpatterns = [
    path("payments/", payment_list, name="payments"),
    path("payments/<str:shown_id>/", payment, name="payment"),
    path("payments/<str:shown_id>/ask/", ask, name="payment_ask"),
    path("payments/<str:shown_id>/refund/", refund, name="payment_refund"),
]
