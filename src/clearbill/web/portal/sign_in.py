"""Into the portal by a mailed link, and out again. Every address gets the same answer, known or not."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from clearbill.core.errors import Denied, Gone, Malformed, NotFound, Refusal
from clearbill.customers.actions import make_sign_in_link, use_sign_in_link
from clearbill.customers.links import LINK_LIFETIME
from clearbill.customers.queries import customers_by_email
from clearbill.mail.actions import enqueue
from clearbill.scope.clock import clock_of, wall_clock
from clearbill.scope.ids import new_id, read_id
from clearbill.scope.rates import hit
from clearbill.scope.seller import seller_scope
from clearbill.sellers.queries import seller_by_id
from clearbill.web.accounts import public_address
from clearbill.web.errors import sentence_of
from clearbill.web.portal.access import PORTAL, begin_session, end_session, safe_next

ASKED_BY_ADDRESS = (5, 900)
ASKED_BY_CLIENT = (20, 900)
LINKS_TRIED = (30, 900)


class SignInForm(forms.Form):
    """Where the link goes."""

    email = forms.EmailField(
        label=gettext_lazy("Mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email", "autofocus": True}),
        help_text=gettext_lazy("The one that your invoices go to."),
    )


@never_cache
def sign_in(request: HttpRequest, shown_seller: str) -> HttpResponse:
    """Ask for a link. The limits count for every address alike, so that they tell nothing either."""
    request.seller = seller = _seller(shown_seller)
    form = SignInForm(request.POST or None)
    if request.method != "POST" or not form.is_valid():
        return render(request, "portal/sign_in.html", {"form": form}, status=400 if form.errors else 200)
    email = form.cleaned_data["email"].strip().lower()
    client = get_adapter(request).get_client_ip(request)
    hit(f"portal:client:{client}", *ASKED_BY_CLIENT, wall_clock())
    hit(f"portal:address:{seller.id}:{email}", *ASKED_BY_ADDRESS, wall_clock())
    _mail_links(request, seller, email)
    return render(request, "portal/link_sent.html", {"email": email, "minutes": _minutes()})


@never_cache
def enter(request: HttpRequest, secret: str) -> HttpResponse:
    """A click lets them in: mail scanners follow links, and a link works once."""
    if request.method != "POST":
        # always 200: refused requests are logged with their address, and this one lets somebody in
        return render(request, "portal/enter.html", {"next": request.GET.get("next", "")})
    client = get_adapter(request).get_client_ip(request)
    hit(f"portal:enter:{client}", *LINKS_TRIED, wall_clock())
    try:
        customer = use_sign_in_link(secret, at=wall_clock())
    except (Denied, Gone) as refusal:
        return _refused(request, secret, refusal)
    response = redirect(safe_next(request, request.POST.get("next", "")))
    begin_session(request, response, seller_id=customer.seller_id, customer_id=customer.id)
    return response


@require_POST
@never_cache
def sign_out(request: HttpRequest) -> HttpResponse:
    """Out of the portal; a session of the console stays."""
    response = redirect("portal:no_session")
    shown_seller = end_session(request, response)
    if shown_seller:
        response["Location"] = reverse("portal:sign_in", args=[shown_seller])
    return response


@never_cache
def no_session(request: HttpRequest) -> HttpResponse:
    """Nobody is signed in, and we don't know whose customer this is."""
    return render(request, "portal/no_session.html")


def _refused(request: HttpRequest, secret: str, refusal: Refusal) -> HttpResponse:
    """Says what's wrong with the link and where to get another. Whose it was is only its own word: that page is public."""
    shown_seller = secret.partition(".")[0]
    try:
        request.seller = _seller(shown_seller)
    except NotFound:
        shown_seller = ""
    context = {"sentence": sentence_of(refusal), "shown_seller": shown_seller}
    return render(request, "portal/link_refused.html", context, status=refusal.status)


def _seller(shown_id: str) -> Any:
    try:
        return seller_by_id(read_id("seller", shown_id))
    except (Malformed, NotFound):
        raise NotFound("not_found", "There is nothing at this address.") from None


def _mail_links(request: HttpRequest, seller: Any, email: str) -> None:
    """A link for each customer with this address."""
    wanted = request.POST.get("next", "")
    query = f"?{urlencode({'next': wanted})}" if wanted.startswith(PORTAL) else ""
    at = wall_clock()
    with seller_scope(seller.id):
        for customer in customers_by_email(email):
            secret = make_sign_in_link(customer.id, at=at)
            link = public_address(reverse("portal:enter", args=[secret]) + query)
            enqueue(
                "portal_sign_in",
                customer_id=customer.id,
                recipient=customer.email,
                language=customer.locale,
                context={"customer_name": customer.name, "link": link, "minutes": _minutes()},
                dedup_key=f"portal_sign_in:{new_id(at)}",
                at=clock_of(seller),
            )


def _minutes() -> int:
    return int(LINK_LIFETIME.total_seconds()) // 60


urlpatterns = [
    path("sign-in/", no_session, name="no_session"),
    path("sign-out/", sign_out, name="sign_out"),
    path("enter/<str:secret>/", enter, name="enter"),
    path("<str:shown_seller>/sign-in/", sign_in, name="sign_in"),
]
