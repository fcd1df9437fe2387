"""The settings page: the seller's profile, how it bills, its tax rates. Three forms, each saved on its
own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _

from clearbill.core.errors import Refusal
from clearbill.core.money import plain
from clearbill.sellers import actions
from clearbill.sellers.numbering import number_text
from clearbill.sellers.queries import last_number, seller_by_id, tax_rates, tax_rates_to_come
from clearbill.sellers.roles import allows
from clearbill.web.console.access import staff
from clearbill.web.console.forms import show_refusal
from clearbill.web.console.settings_forms import BillingForm, ProfileForm, TaxRateForm

FORMS: dict[str, type[forms.Form]] = {"profile": ProfileForm, "billing": BillingForm, "tax": TaxRateForm}


@staff("view")
def settings(request: HttpRequest) -> HttpResponse:
    """What holds for this seller; those who may, change it below."""
    return _page(request, {})


def _saving(part: str) -> Callable[..., HttpResponse]:
    @staff("manage_settings")
    def save(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return redirect("console:settings")
        form = FORMS[part](request.POST, seller=request.seller)
        if not form.is_valid():
            return _page(request, {part: form})
        try:
            _save(request, form)
        except Refusal as refusal:
            show_refusal(form, refusal)
            return _page(request, {part: form})
        messages.success(request, _("Saved."))
        return redirect("console:settings")

    return save


def _save(request: HttpRequest, form: forms.Form) -> None:
    who = {"actor": request.actor, "at": request.at}
    if isinstance(form, TaxRateForm):
        entry = {key: form.cleaned_data[key] for key in ("code", "label", "rate")}
        start = form.cleaned_data["valid_from"]
        zone = ZoneInfo(request.seller.timezone)
        valid_from = datetime.combine(start, time.min, zone) if start else None
        actions.set_tax_rates(request.seller.id, rates=[entry], valid_from=valid_from, **who)
    else:
        actions.update_seller(request.seller.id, **form.profile(), **who)


def _page(request: HttpRequest, bound: dict[str, forms.Form]) -> HttpResponse:
    seller = seller_by_id(request.seller.id)
    number = number_text(
        seller.number_format,
        prefix=seller.number_prefix,
        seq=last_number("invoice") + 1,
        issued_at=request.at,
        timezone=seller.timezone,
    )
    context = {
        "profile": seller,
        "may_manage": allows(request.role, "manage_settings"),
        "next_number": number,
        "rates": [(rate, plain(rate.rate)) for rate in tax_rates(request.at)],
        "coming_rates": [(rate, plain(rate.rate)) for rate in tax_rates_to_come(request.at)],
        **{f"{part}_form": bound.get(part) or form(seller=seller) for part, form in FORMS.items()},
    }
    return render(request, "console/settings.html", context, status=400 if bound else 200)


urlpatterns = [
    path("settings/", settings, name="settings"),
    path("settings/profile/", _saving("profile"), name="settings_profile"),
    path("settings/billing/", _saving("billing"), name="settings_billing"),
    path("settings/tax/", _saving("tax"), name="settings_tax"),
]
