"""Subscriptions: the list, one with its prices and next bill, starting one, and ending one after showing what it brings."""

from __future__ import annotations

from decimal import Decimal
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

from clearbill.billing.actions import subscriptions as actions
from clearbill.billing.actions.dry_runs import preview_cancel
from clearbill.billing.actions.previews import preview_subscription
from clearbill.billing.queries.figures import subscription_counts
from clearbill.billing.queries.subscription_lists import STATES, subscriptions_page
from clearbill.billing.queries.subscriptions import agreements, subscription_by_id
from clearbill.core.errors import Refusal
from clearbill.core.price import Price
from clearbill.customers.queries import customer_by_id
from clearbill.pricing.queries import meters, plan_version_at, plans, prices_of
from clearbill.scope.ids import show_id
from clearbill.sellers.queries import tax_rates
from clearbill.sellers.roles import allows
from clearbill.web.addresses import ROWS, id_in_address, id_mark, listed, search_text
from clearbill.web.console.access import staff
from clearbill.web.console.customer_forms import QuantitiesForm, SubscribeForm
from clearbill.web.console.forms import show_refusal
from clearbill.web.console.looks import record_look
from clearbill.web.console.words import anchor_words, policy_words
from clearbill.web.document_view import foresee, paper_of
from clearbill.web.errors import sentence_of
from clearbill.web.price_words import active_name, interval_words, price_words

TIMINGS = ("at_period_end", "immediately")


@staff("view")
def subscription_list(request: HttpRequest) -> HttpResponse:
    """Newest first; tabs by state, search by customer or plan."""
    state = request.GET.get("state", "")
    state = state if state in STATES else ""
    search = search_text(request)
    rows = subscriptions_page(state=state, search=search, before=id_mark(request, "subscription"), limit=ROWS + 1)
    page = listed(request, rows, mark=lambda row: show_id("subscription", row.id))
    context = {
        "page": page,
        "rows": [{"row": row, **_head(row)} for row in page.rows],
        "tabs": _tabs(subscription_counts(), state=state, search=search),
        "state": state,
        "search": search,
    }
    return render(request, "console/subscriptions.html", context)


@staff("view")
def subscription(request: HttpRequest, shown_id: str) -> HttpResponse:
    """What was agreed, where it stands, and what the next bill says so far."""
    row = subscription_by_id(id_in_address("subscription", shown_id))
    record_look(request, "subscription", row.id)
    agreement = agreements([row])[0]
    names = {meter.code: active_name(meter.name, meter.code) for meter in meters()}
    labels = {rate.code: rate.label for rate in tax_rates(request.at)}
    context = {
        "subscription": row,
        **_head(row),
        "prices": [_agreed(price, agreement.value.quantities, names) for price in agreement.value.prices],
        "next_bills": [foresee(each, tax_labels=labels) for each in preview_subscription(row.id, at=request.at)],
        "anchor": anchor_words(row.anchor),
        "policies": policy_words(row.policies),
        "may_manage": allows(request.role, "manage_subscriptions"),
    }
    return render(request, "console/subscription.html", context)


@staff("manage_subscriptions")
def cancel(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Both ways to end it, each with exactly what it bills and credits; then the end."""
    row = subscription_by_id(id_in_address("subscription", shown_id))
    timing = request.POST.get("timing", "")
    if request.method == "POST" and timing in TIMINGS:
        try:
            with transaction.atomic():
                actions.cancel(row.id, timing=timing, at=request.at, actor=request.actor)
        except Refusal as refusal:
            messages.error(request, sentence_of(refusal))
        else:
            messages.success(request, _("The subscription is canceled."))
        return redirect("console:subscription", shown_id)
    try:
        endings = [_ending(row, timing=each, at=request.at) for each in TIMINGS]
    except Refusal as refusal:
        messages.error(request, sentence_of(refusal))
        return redirect("console:subscription", shown_id)
    return render(request, "console/subscription_cancel.html", {"subscription": row, **_head(row), "endings": endings})


@require_POST
@staff("manage_subscriptions")
def uncancel(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Take back an end that lies ahead."""
    try:
        with transaction.atomic():
            actions.uncancel(id_in_address("subscription", shown_id), at=request.at, actor=request.actor)
    except Refusal as refusal:
        messages.error(request, sentence_of(refusal))
    else:
        messages.success(request, _("The subscription goes on."))
    return redirect("console:subscription", shown_id)


@staff("manage_subscriptions")
def subscribe(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Choose a plan, see its prices, start."""
    customer = customer_by_id(id_in_address("customer", shown_id))
    on_sale = plans()
    form = SubscribeForm(request.POST or None, plans=on_sale, initial={"plan": request.GET.get("plan")})
    version, prices = _terms(request, [plan.code for plan in on_sale])
    quantities = QuantitiesForm(request.POST or None, quantities=_quantities(prices))
    if request.method == "POST" and form.is_valid() and quantities.is_valid():
        try:
            with transaction.atomic():
                made = actions.subscribe(
                    customer_id=customer.id,
                    plan_code=form.cleaned_data["plan"],
                    anchor=form.cleaned_data["anchor"],
                    external_id=form.cleaned_data["external_id"],
                    quantities=quantities.quantities,
                    at=request.at,
                    actor=request.actor,
                )
        except Refusal as refusal:
            show_refusal(form, refusal)
        else:
            messages.success(request, _("The subscription has started. Its first bill is written in a moment."))
            return redirect("console:subscription", show_id("subscription", made.id))
    names = {meter.code: active_name(meter.name, meter.code) for meter in meters()}
    context = {
        "customer": customer,
        "form": form,
        "quantities": quantities,
        "version": version,
        "interval": interval_words(version.interval, version.interval_count) if version else "",
        "prices": [price_words(price, meter_names=names) for price in prices],
    }
    refused = form.errors or quantities.errors
    return render(request, "console/subscribe.html", context, status=400 if refused else 200)


def _terms(request: HttpRequest, codes: list[str]) -> tuple[Any, list[Price]]:
    """The version of the chosen plan that holds now, with its prices; none before anything is on sale."""
    wanted = request.POST.get("plan") or request.GET.get("plan") or ""
    code = wanted if wanted in codes else (codes[0] if codes else "")
    if not code:
        return None, []
    try:
        version = plan_version_at(code, request.at)
    except Refusal:
        return None, []  # on sale later only: subscribing says so
    return version, [price for _id, price in prices_of([version.id])[version.id]]


def _quantities(prices: list[Price]) -> dict[str, tuple[str, Decimal]]:
    return {
        price.code: (active_name(price.name, price.code), price.quantity or Decimal(1))
        for price in prices
        if price.meter is None and price.model != "flat"
    }


def _head(row: Any) -> dict[str, Any]:
    version = row.plan_version
    ending = row.state == "active" and row.cancel_at is not None
    return {
        "plan": active_name(version.plan.name, version.plan.code),
        "interval": interval_words(version.interval, version.interval_count),
        "shown_state": "ending" if ending else row.state,
        "is_ending": ending,
    }


def _agreed(price: Price, quantities: Any, names: dict[str, str]) -> dict[str, Any]:
    takes_one = price.meter is None and price.model != "flat"
    return {
        "words": price_words(price, meter_names=names),
        "quantity": quantities.get(price.code, price.quantity or Decimal(1)) if takes_one else None,
    }


def _ending(row: Any, *, timing: str, at: Any) -> dict[str, Any]:
    ending = preview_cancel(row.id, timing=timing, at=at)
    return {
        "timing": timing,
        "at": ending.at,
        "bills": [{"paper": paper_of(each), "document": each} for each in ending.bills],
        "credits": [{"paper": paper_of(each), "document": each} for each in ending.credits],
        "later": [foresee(each) for each in ending.later],
    }


def _tabs(counts: dict[str, int], *, state: str, search: str) -> list[dict[str, Any]]:
    labels = {
        "": pgettext("subscriptions", "All"),
        "active": _("Active"),
        "ending": _("Ending"),
        "canceled": _("Canceled"),
    }
    tabs = []
    for each, label in labels.items():
        kept = urlencode({key: value for key, value in {"state": each, "q": search}.items() if value})
        url = reverse("console:subscriptions") + (f"?{kept}" if kept else "")
        tabs.append({"label": label, "url": url, "active": each == state, "count": counts[each]})
    return tabs


urlpatterns = [
    path("subscriptions/", subscription_list, name="subscriptions"),
    path("subscriptions/<str:shown_id>/", subscription, name="subscription"),
    path("subscriptions/<str:shown_id>/cancel/", cancel, name="subscription_cancel"),
    path("subscriptions/<str:shown_id>/uncancel/", uncancel, name="subscription_uncancel"),
    path("customers/<str:shown_id>/subscribe/", subscribe, name="subscribe"),
]
