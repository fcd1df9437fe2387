"""The home page: what needs a person, what is open and billed, and the test clock of a test seller."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from clearbill.billing.actions.bill_run import next_due_at
from clearbill.billing.actions.parked import retry_parked
from clearbill.billing.actions.tick import move_clock
from clearbill.billing.queries.figures import draft_count
from clearbill.billing.queries.invoices import InvoiceFilter, billed_by_month, invoices, receivables
from clearbill.billing.queries.subscriptions import parked_work
from clearbill.core.errors import Refusal, fill
from clearbill.mail.queries import failed_messages
from clearbill.scope.ids import show_id
from clearbill.sellers.roles import allows
from clearbill.web.console.access import staff
from clearbill.web.errors import sentence_of
from clearbill.web.usage_charts import short_month

BILLED_SINCE = timedelta(days=30)
MAX_STEP = timedelta(days=400)
SHOWN_INVOICES = 6
SHOWN_PROBLEMS = 10
MONTHS = 12


class ClockForm(forms.Form):
    """To which local instant the test clock goes."""

    to = forms.DateTimeField(
        label=gettext_lazy("Advance to"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


@staff("view")
def home(request: HttpRequest) -> HttpResponse:
    """Work that waits, figures, the year's bills."""
    return render(request, "console/home.html", _page(request))


@require_POST
def advance_clock(request: HttpRequest) -> HttpResponse:
    """Move the test clock and do what falls due; the work runs outside of the request's scope, batch by batch."""
    answer = _read_clock(request)
    to = getattr(request, "clock_to", None)
    if to is None:
        return answer
    try:
        report = move_clock(request.seller.id, to=to, actor=request.actor)
    except Refusal as refusal:
        messages.error(request, sentence_of(refusal))
        return redirect("console:home")
    sentence = ngettext(
        "The clock moved on. {count} invoice was issued.",
        "The clock moved on. {count} invoices were issued.",
        report.invoices,
    )
    messages.success(request, fill(sentence, {"count": report.invoices}))
    return redirect("console:home")


@require_POST
@staff("manage_subscriptions")
def retry(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Let the bill run try a parked bill again."""
    found = [row for row in parked_work() if show_id("subscription", row.subscription_id) == shown_id]
    if found:
        with transaction.atomic():
            retry_parked(found[0].id, at=request.at, actor=request.actor)
        messages.success(request, _("The next bill run tries it again."))
    return redirect("console:home")


@staff("manage_subscriptions")
def _read_clock(request: HttpRequest) -> HttpResponse:
    """Who may move the clock, and whereto: sets ``request.clock_to``, or answers why not."""
    with timezone.override(ZoneInfo(request.seller.timezone)):
        form = ClockForm(request.POST)
        if form.is_valid():
            _check_step(request, form)
        if form.errors:
            return render(request, "console/home.html", _page(request, clock_form=form), status=400)
    request.clock_to = form.cleaned_data["to"].astimezone(UTC)
    return redirect("console:home")


def _check_step(request: HttpRequest, form: ClockForm) -> None:
    to = form.cleaned_data["to"]
    if not request.seller.is_test:
        form.add_error("to", _("Only a test seller's clock can be set."))
    elif to <= request.at:
        form.add_error("to", _("The clock only goes forward. Choose a later instant."))
    elif to > request.at + MAX_STEP:
        form.add_error("to", fill(_("Choose an instant within {days} days."), {"days": MAX_STEP.days}))


def _page(request: HttpRequest, *, clock_form: ClockForm | None = None) -> dict[str, Any]:
    at = request.at
    figures = receivables(at=at, since=at - BILLED_SINCE)
    parked = parked_work(limit=SHOWN_PROBLEMS)
    failed = failed_messages(limit=SHOWN_PROBLEMS)
    drafts = draft_count()
    overdue = sum(each.overdue_count for each in figures)
    return {
        "figures": figures,
        "charts": _charts(
            billed_by_month(zone=request.seller.timezone, months=MONTHS), [each.currency for each in figures]
        ),
        "parked": parked,
        "failed": failed,
        "draft_count": drafts,
        "overdue_count": overdue,
        "is_quiet": not (parked or failed or drafts or overdue),
        "recent": invoices(InvoiceFilter(), at=at, limit=SHOWN_INVOICES),
        "clock_form": clock_form or _clock_form(request),
        "may_move_clock": request.seller.is_test and allows(request.role, "manage_subscriptions"),
    }


def _clock_form(request: HttpRequest) -> ClockForm | None:
    """Filled with the next instant at which something falls due, else with a month from now."""
    if not request.seller.is_test:
        return None
    due = next_due_at(request.seller.id)
    to = due if due is not None and due > request.at else request.at + timedelta(days=31)
    local = to.astimezone(ZoneInfo(request.seller.timezone)).replace(tzinfo=None)
    return ClockForm(initial={"to": _up_to_minute(local)})


def _up_to_minute(local: datetime) -> datetime:
    """The form knows minutes only: the first full one that isn't before ``local``."""
    cut = local.replace(second=0, microsecond=0)
    return cut if cut == local else cut + timedelta(minutes=1)


def _charts(rows: Iterable[tuple[str, str, int]], currencies: list[str]) -> list[dict[str, Any]]:
    """One chart a currency, a bar for each of its last months."""
    rows = list(rows)
    charts = []
    for currency in currencies:
        months = [(month, minor) for month, own, minor in rows if own == currency][-MONTHS:]
        points = [
            (short_month(month, with_year=index == 0 or month.endswith("-01")), minor)
            for index, (month, minor) in enumerate(months)
        ]
        charts.append({"currency": currency, "points": points})
    return charts


urlpatterns = [
    path("", home, name="home"),
    path("clock/", advance_clock, name="clock"),
    path("parked/<str:shown_id>/retry/", retry, name="parked_retry"),
]
