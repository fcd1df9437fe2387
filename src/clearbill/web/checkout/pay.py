"""The pay page of an invoice: what is owed, the ways to pay, what became of it.

A click prepares an attempt, calls the gateway outside of any transaction, and sends the payer on: to the gateway's page, or
back here. Coming back asks the gateway, so that the page doesn't depend on events.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from urllib.parse import urlsplit
from uuid import UUID

from csp.decorators import csp_update
from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from clearbill.billing.queries.invoices import document_of, invoice_by_id
from clearbill.core.errors import Conflict, NotFound
from clearbill.customers.pay_links import read_pay_link
from clearbill.payments.actions.checks import check, close_pages
from clearbill.payments.actions.paying import Way, begin_payment, prepare, run_attempt
from clearbill.payments.queries import attempt_in_progress, payments_of_invoice, takes_payments
from clearbill.scope.clock import clock_of, wall_clock
from clearbill.scope.correlation import correlation_id
from clearbill.scope.rates import hit
from clearbill.scope.seller import seller_scope
from clearbill.sellers.queries import seller_by_id
from clearbill.web.decline_words import decline_words
from clearbill.web.document_view import paper_of
from clearbill.web.errors import sentence_of
from clearbill.web.payment_words import METHOD_KINDS
from clearbill.web.qr_codes import qr_svg

KINDS = {kind: METHOD_KINDS[kind] for kind in ("card", "apple_pay", "google_pay", "alipay")}
TRIES = (30, 600)  # clicks on Pay in ten minutes, of one invoice
IN_FLIGHT = ("processing", "unknown", "requires_capture")
# the sandbox of a development machine has no TLS
PAGES_OF_GATEWAYS = ["https:"] if settings.CLEARBILL.is_production else ["https:", "http://127.0.0.1:*"]
View = Callable[..., HttpResponse]


class PayForm(forms.Form):
    """How to pay."""

    kind = forms.ChoiceField(choices=list(KINDS.items()), initial="card")
    keep = forms.BooleanField(required=False)


@dataclass(frozen=True, slots=True)
class Link:
    """Whose invoice the link is about."""

    token: str
    seller_id: UUID
    invoice_id: UUID

    @property
    def address(self) -> str:
        """The pay page."""
        return reverse("checkout:pay", args=[self.token])


def linked(view: View) -> View:
    """Let a view be entered by who has a good link; puts ``seller``, ``at`` and ``link`` on the request."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, token: str) -> HttpResponse:
        seller_id, invoice_id = read_pay_link(token)
        request.link = Link(token, seller_id, invoice_id)
        request.seller = seller_by_id(seller_id)
        request.at = clock_of(request.seller)
        return view(request)

    return guarded


@csp_update({"form-action": PAGES_OF_GATEWAYS})
@linked
def pay(request: HttpRequest) -> HttpResponse:
    """The page itself."""
    return _page(request, PayForm())


@require_POST
@csp_update({"form-action": PAGES_OF_GATEWAYS})
@linked
def start(request: HttpRequest) -> HttpResponse:
    """Pay was clicked."""
    link = request.link
    hit(f"pay:{link.invoice_id}", *TRIES, wall_clock())
    form = PayForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=400)
    try:
        action_url = _attempt(request, kind=form.cleaned_data["kind"], keep=form.cleaned_data["keep"])
    except Conflict as refusal:
        return _page(request, form, problem=sentence_of(refusal), status=409)
    return redirect(action_url or link.address)


@linked
def back(request: HttpRequest) -> HttpResponse:
    """The payer comes back from the gateway: ask it how it went."""
    link = request.link
    with seller_scope(link.seller_id):
        payments = payments_of_invoice(link.invoice_id)
        attempt = attempt_in_progress(payments[0].id) if payments else None
    if attempt is not None:
        check(link.seller_id, attempt.id, at=request.at, now=wall_clock())
    return redirect(link.address)


@linked
def state(request: HttpRequest) -> HttpResponse:
    """Asked again and again by a page that waits: 204 while nothing changed, else the word to load it anew."""
    link = request.link
    with seller_scope(link.seller_id):
        payments = payments_of_invoice(link.invoice_id)
        attempt = attempt_in_progress(payments[0].id) if payments else None
    if attempt is not None and attempt.state.check_at is not None:
        check(link.seller_id, attempt.id, at=request.at, now=wall_clock())
        with seller_scope(link.seller_id):
            waits = payments_of_invoice(link.invoice_id)[0].state in (*IN_FLIGHT, "requires_action")
        if waits:
            return HttpResponse(status=204)
    return HttpResponse(headers={"HX-Refresh": "true"})


def _attempt(request: HttpRequest, *, kind: str, keep: bool) -> str:
    """Make an attempt; returns where the payer goes on, empty for back to the pay page."""
    link, now = request.link, wall_clock()
    way = Way(
        kind=kind,
        keep=keep,
        return_url=settings.CLEARBILL.public_url.rstrip("/") + reverse("checkout:back", args=[link.token]),
        language="zh-Hans" if (get_language() or "en").startswith("zh") else "en",
    )
    with seller_scope(link.seller_id):
        payment = begin_payment([link.invoice_id], key=f"page:{correlation_id()}:{now.timestamp()}", at=request.at)
    close_pages(link.seller_id, payment.id, at=request.at, now=now)
    with seller_scope(link.seller_id):
        attempt = prepare(payment.id, way, by="payer", at=request.at, now=now)
    run_attempt(link.seller_id, attempt.id, at=request.at, now=now)
    with seller_scope(link.seller_id):
        found = attempt_in_progress(payment.id)
    return "" if found is None or kind == "alipay" else found.state.action_url


def _page(request: HttpRequest, form: PayForm, *, problem: str = "", status: int = 200) -> HttpResponse:
    link = request.link
    with seller_scope(link.seller_id):
        try:
            invoice = invoice_by_id(link.invoice_id)
        except NotFound:
            raise NotFound("not_found", "There is nothing at this address.") from None
        due_minor, invoice_status = invoice.state.due_minor, invoice.state.status
        payments = payments_of_invoice(invoice.id)
        payment = payments[0] if payments else None
        attempt = attempt_in_progress(payment.id) if payment is not None else None
        context = {
            "invoice": invoice,
            "paper": paper_of(document_of(invoice)),
            "due_minor": due_minor,
            "is_paid": invoice_status == "paid",
            "is_over": invoice_status in ("void", "uncollectible"),
            "payment": payment,
            "form": form,
            "kinds": KINDS,
            "takes_payments": takes_payments(),
            "in_flight": payment is not None and payment.state in IN_FLIGHT,
            "problem": problem,
        }
        if payment is not None and payment.state == "requires_action" and attempt is not None and attempt.state.qr:
            context |= {"qr": qr_svg(attempt.state.qr), "qr_address": attempt.state.qr}
        elif payment is not None and payment.state == "requires_method" and payment.code and not problem:
            context["problem"] = decline_words(payment.code)
        if attempt is not None and urlsplit(attempt.state.action_url).scheme:
            context["action_url"] = attempt.state.action_url
    context |= {
        "start": reverse("checkout:start", args=[link.token]),
        "state_address": reverse("checkout:state", args=[link.token]),
    }
    return render(request, "checkout/pay.html", context, status=status)


urlpatterns = [
    path("<str:token>/", pay, name="pay"),
    path("<str:token>/start/", start, name="start"),
    path("<str:token>/back/", back, name="back"),
    path("<str:token>/state/", state, name="state"),
]
