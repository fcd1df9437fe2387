"""Who may enter a console page: signed in, a member of the chosen seller, with the page's permission.

``@staff(permission)`` puts ``seller``, ``sellers``, ``role``, ``at`` (the seller's present) and ``actor`` on
the request and runs the view in the seller's scope: one transaction, other sellers' rows out of sight.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from uuid import UUID

from allauth.mfa.utils import is_mfa_enabled
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django_htmx.http import HttpResponseClientRedirect

from clearbill.core.errors import Denied, Fault, NotFound
from clearbill.scope.clock import clock_of
from clearbill.scope.seller import seller_scope
from clearbill.sellers.queries import SellerAccess, actor_of_user, sellers_of_user
from clearbill.sellers.roles import demand

View = Callable[..., HttpResponse]
SESSION_KEY = "seller_id"


def staff(permission: str) -> Callable[[View], View]:
    """Let a view be entered by members whose role holds ``permission``. Raises Denied (``not_allowed``,
    ``no_seller``).
    """

    def decorate(view: View) -> View:
        @never_cache
        @wraps(view)
        def guarded(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            chosen = _enter(request)
            if _second_factor_missing(request, chosen):
                messages.warning(
                    request,
                    _("{seller} asks for a second factor. Set it up now to go on.").format(seller=chosen.seller.name),
                )
                return _go(request, "mfa_activate_totp")
            demand(chosen.role, permission)
            with seller_scope(chosen.seller.id):
                response = view(request, *args, **kwargs)
            for act in getattr(request, "after_scope", ()):  # what calls others, and so belongs in no transaction
                act()
            if response.streaming:
                raise Fault("a streamed answer would read its rows after the seller's scope has ended")
            return response

        return guarded

    return decorate


@require_POST
@never_cache
def switch_seller(request: HttpRequest) -> HttpResponse:
    """Work for another seller from now on. One that the person is no member of looks like one that isn't
    there.
    """
    if not request.user.is_authenticated:
        return _to_sign_in(request)
    wanted = request.POST.get("seller", "")
    for access in sellers_of_user(request.user.pk):
        if str(access.seller.id) == wanted:
            request.session[SESSION_KEY] = wanted
            return redirect("console:home")
    raise NotFound("seller_not_found", "There is no such seller.")


def _enter(request: HttpRequest) -> SellerAccess:
    found = sellers_of_user(request.user.pk)
    if not found:
        raise Denied(
            "no_seller",
            "You don't belong to any seller here. Ask an owner of your company's for an invitation.",
        )
    wanted = request.session.get(SESSION_KEY)
    chosen = next((access for access in found if str(access.seller.id) == wanted), found[0])
    request.seller = chosen.seller
    request.sellers = [access.seller for access in found]
    request.role = chosen.role
    request.at = clock_of(chosen.seller)
    request.actor = actor_of_user(UUID(str(request.user.pk)))
    return chosen


def _second_factor_missing(request: HttpRequest, chosen: SellerAccess) -> bool:
    seller = chosen.seller
    demanded = seller.mfa_required or (seller.live is not None and seller.live.mfa_required)
    return demanded and not is_mfa_enabled(request.user)


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    # a fragment's address is no page to come back to
    return _go(request, "account_login") if request.htmx else redirect_to_login(request.get_full_path())


def _go(request: HttpRequest, name: str) -> HttpResponse:
    target = redirect(name)
    return HttpResponseClientRedirect(target.url) if request.htmx else target


urlpatterns = [path("switch/", switch_seller, name="switch_seller")]
