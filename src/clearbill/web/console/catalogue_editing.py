"""Changing the catalogue: new plans, new versions of them after a look at the differences, new meters."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clearbill.core.errors import Refusal
from clearbill.pricing.actions import create_meter, create_plan, publish_version
from clearbill.pricing.queries import meters, plan_by_code
from clearbill.web.console.access import staff
from clearbill.web.console.forms import show_refusal
from clearbill.web.console.plan_changes import Change, changes, document_of_version
from clearbill.web.console.plan_documents import (
    MAX_DOCUMENT,
    place_and_sentence,
    pretty,
    read_json,
    read_terms,
    read_terms_of,
)
from clearbill.web.price_words import active_name, price_words

STARTER = {
    "name": {"en": "Team", "zh-Hans": "团队版"},
    "interval": "month",
    "prices": [
        {"code": "fee", "name": {"en": "Base fee", "zh-Hans": "基本费"}, "model": "flat", "amount": "49.00"},
        {"code": "seats", "name": {"en": "Seats", "zh-Hans": "席位"}, "model": "per_unit", "unit_amount": "9.00"},
    ],
}  # fmt: skip
AGGREGATIONS = [
    ("count", gettext_lazy("how many events")),
    ("sum", gettext_lazy("the sum of a property")),
    ("max", gettext_lazy("the highest value of a property")),
    ("unique_count", gettext_lazy("how many different values of a property")),
]


class DocumentField(forms.CharField):
    """A JSON document in an editor's textarea."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"rows": 26, "spellcheck": "false", "autocomplete": "off", "class": "mono"}
        super().__init__(max_length=MAX_DOCUMENT, widget=forms.Textarea(attrs=attrs), **kwargs)

    def clean(self, value: Any) -> dict[str, Any]:
        try:
            return read_json(super().clean(value))
        except Refusal as refusal:
            raise forms.ValidationError(place_and_sentence(refusal)) from None


class VersionForm(forms.Form):
    """New terms, and from which day they hold."""

    valid_from = forms.DateField(
        label=gettext_lazy("In force from"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Empty: from now on. Subscriptions that run keep their terms."),
    )
    document = DocumentField(label=gettext_lazy("Terms"))


class PlanForm(forms.Form):
    """A new plan."""

    code = forms.CharField(
        label=gettext_lazy("Code"), max_length=64, help_text=gettext_lazy("Such as team. It never changes.")
    )
    document = DocumentField(label=gettext_lazy("Names and terms"))


class MeterForm(forms.Form):
    """What is counted."""

    code = forms.CharField(
        label=gettext_lazy("Code"), max_length=64, help_text=gettext_lazy("Prices name it. It never changes.")
    )
    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=200, required=False)
    name_zh = forms.CharField(label=gettext_lazy("Name in Chinese"), max_length=200, required=False)
    event_type = forms.CharField(
        label=gettext_lazy("Type of events"), max_length=64, required=False, help_text=gettext_lazy("Empty: the code.")
    )
    aggregation = forms.ChoiceField(label=gettext_lazy("It reads"), choices=AGGREGATIONS)
    property = forms.CharField(
        label=gettext_lazy("Property"),
        max_length=64,
        required=False,
        help_text=gettext_lazy("Whose values are summed or compared; none for a count."),
    )
    group_by = forms.CharField(
        label=gettext_lazy("Apart by"),
        max_length=260,
        required=False,
        help_text=gettext_lazy("Properties, separated by commas: each value gets its own line on the bill."),
    )

    def document(self) -> dict[str, Any]:
        """What the pricing room takes."""
        data = self.cleaned_data
        names = {"en": data["name_en"].strip(), "zh-Hans": data["name_zh"].strip()}
        groups = [part.strip() for part in data["group_by"].split(",") if part.strip()]
        return {
            "code": data["code"].strip(),
            "name": {language: name for language, name in names.items() if name},
            "event_type": data["event_type"].strip() or data["code"].strip(),
            "aggregation": data["aggregation"],
            "property": data["property"].strip() or None,
            "group_by": groups,
        }


@staff("manage_catalogue")
def new_version(request: HttpRequest, code: str) -> HttpResponse:
    """The latest terms to edit; then the differences; then the new version."""
    plan = plan_by_code(code)
    latest = next(iter(plan.versions.all()))
    form = VersionForm(request.POST or None, initial={"document": pretty(document_of_version(latest))})
    found: list[Change] | None = None
    if request.method == "POST" and form.is_valid():
        try:
            terms = read_terms(form.cleaned_data["document"], code=code, currency=latest.currency)
            found = changes(read_terms_of(latest), terms, meter_names=_meter_names())
            if found and "publish" in request.POST:
                starts = _starts(form.cleaned_data["valid_from"], request)
                with transaction.atomic():
                    publish_version(
                        code, form.cleaned_data["document"], valid_from=starts, at=request.at, actor=request.actor
                    )
                messages.success(request, _("The new version is published."))
                return redirect("console:plan", code)
        except Refusal as refusal:
            found = None
            _show(form, refusal)
    context = {"form": form, "plan": plan, "name": active_name(plan.name, code), "latest": latest, "changes": found}
    return render(request, "console/plan_version_form.html", context, status=400 if form.errors else 200)


@staff("manage_catalogue")
def new_plan(request: HttpRequest) -> HttpResponse:
    """A starter to edit; then the prices in words; then the plan."""
    form = PlanForm(request.POST or None, initial={"document": pretty(STARTER)})
    words = None
    if request.method == "POST" and form.is_valid():
        code, document = form.cleaned_data["code"].strip(), form.cleaned_data["document"]
        try:
            terms = read_terms(document, code=code, currency=request.seller.currency)
            words = [price_words(price, meter_names=_meter_names()) for price in terms.prices]
            if "publish" in request.POST:
                with transaction.atomic():
                    create_plan({"code": code, **document}, at=request.at, actor=request.actor)
                messages.success(request, _("The plan is on sale."))
                return redirect("console:plan", code)
        except Refusal as refusal:
            words = None
            _show(form, refusal)
    return render(
        request, "console/plan_form.html", {"form": form, "prices": words}, status=400 if form.errors else 200
    )


@staff("manage_catalogue")
def new_meter(request: HttpRequest) -> HttpResponse:
    """The form of a meter."""
    form = MeterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            with transaction.atomic():
                create_meter(form.document(), at=request.at, actor=request.actor)
        except Refusal as refusal:
            _show_meter(form, refusal)
        else:
            messages.success(request, _("The meter counts from now on."))
            return redirect("console:catalogue")
    return render(request, "console/meter_form.html", {"form": form}, status=400 if form.errors else 200)


def _show(form: forms.Form, refusal: Refusal) -> None:
    """At the field it's about when the form has it; else at the document, with the place in it."""
    if refusal.field in form.fields:
        show_refusal(form, refusal)
    else:
        form.add_error("document", place_and_sentence(refusal))


def _show_meter(form: forms.Form, refusal: Refusal) -> None:
    field = refusal.field.removeprefix("meter.").partition(".")[0]
    form.add_error(field if field in form.fields else None, place_and_sentence(refusal))


def _starts(day: Any, request: HttpRequest) -> datetime | None:
    """The first instant of a day in the seller's zone."""
    if day is None:
        return None
    return datetime.combine(day, time.min, ZoneInfo(request.seller.timezone)).astimezone(UTC)


def _meter_names() -> dict[str, str]:
    return {row.code: active_name(row.name, row.code) for row in meters()}


urlpatterns = [
    path("catalogue/new-plan/", new_plan, name="plan_new"),
    path("catalogue/new-meter/", new_meter, name="meter_new"),
    path("catalogue/plans/<str:code>/new-version/", new_version, name="plan_version_new"),
]
