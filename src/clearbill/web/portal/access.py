"""Who may enter a portal page: a customer who came by a mailed link. Their session is apart from staff's.

It lives in a cookie of its own that is sent to the portal only, so a person of the team who looks at the portal stays
signed in to the console, and signing out of one leaves the other. ``@customer_only`` puts ``seller``, ``customer``,
``at`` (the seller's present) and ``zone`` on the request and runs the view in the seller's scope.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib import import_module
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache

from clearbill.core.errors import Fault, Malformed, NotFound
from clearbill.customers.queries import customer_by_id
from clearbill.scope.clock import clock_of
from clearbill.scope.ids import read_id, show_id
from clearbill.scope.seller import seller_scope
from clearbill.sellers.queries import seller_by_id

View = Callable[..., HttpResponse]
COOKIE = "clearbill_portal"
LIFETIME_S = 12 * 3600
PORTAL = "/portal/"


def customer_only(view: View) -> View:
    """Let a view be entered by a signed-in customer; others are sent to sign in, and back afterwards."""

    @never_cache
    @wraps(view)
    def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        session = _session_of(request)
        seller_id, customer_id = session.get("seller"), session.get("customer")
        if not seller_id or not customer_id:
            return _to_sign_in(request)
        try:
            seller = seller_by_id(UUID(seller_id))
        except NotFound:
            return _to_sign_in(request)
        with seller_scope(seller.id):
            try:
                customer = customer_by_id(UUID(customer_id))
            except NotFound:
                return _to_sign_in(request)
            request.seller, request.customer, request.at = seller, customer, clock_of(seller)
            request.zone = customer.timezone or seller.timezone
            response = view(request, *args, **kwargs)
        for act in getattr(request, "after_scope", ()):  # what calls others, and so belongs in no transaction
            act()
        if response.streaming:
            raise Fault("a streamed answer would read its rows after the seller's scope has ended")
        return response

    return guarded


def begin_session(request: HttpRequest, response: HttpResponse, *, seller_id: UUID, customer_id: UUID) -> None:
    """Sign a customer in with a new session, whatever the cookie said before."""
    old = _session_of(request)
    if old.session_key:
        old.delete()
    session = _store()
    session["seller"], session["customer"] = str(seller_id), str(customer_id)
    session.set_expiry(LIFETIME_S)
    session.create()
    response.set_cookie(
        COOKIE,
        session.session_key,
        max_age=LIFETIME_S,
        path=PORTAL,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def end_session(request: HttpRequest, response: HttpResponse) -> str:
    """Sign the customer out; returns the seller's shown id, empty when nobody was signed in."""
    session = _session_of(request)
    seller_id = session.get("seller")
    if session.session_key:
        session.delete()
    response.delete_cookie(COOKIE, path=PORTAL, samesite="Lax")
    return show_id("seller", UUID(seller_id)) if seller_id else ""


def safe_next(request: HttpRequest, text: str) -> str:
    """``text`` when it's an address of this portal, else the overview."""
    fits = url_has_allowed_host_and_scheme(text, allowed_hosts={request.get_host()}, require_https=request.is_secure())
    return text if fits and text.startswith(PORTAL) else reverse("portal:overview")


def _session_of(request: HttpRequest) -> Any:
    """The session that the portal's cookie names; an empty one for a cookie that names none."""
    key = request.COOKIES.get(COOKIE, "")
    return _store(key if key.isalnum() and len(key) <= 40 else None)


def _store(key: str | None = None) -> Any:
    return import_module(settings.SESSION_ENGINE).SessionStore(key)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the form of the seller that the address names, else to a page that says where the link is."""
    shown = request.GET.get("seller", "")
    try:
        read_id("seller", shown)
    except Malformed:
        return redirect("portal:no_session")
    query = urlencode({"next": request.path})
    return redirect(f"{reverse('portal:sign_in', args=[shown])}?{query}")
