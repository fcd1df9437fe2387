"""A customer's stored ways to pay: which one is charged by itself, and letting one go."""

from __future__ import annotations

from functools import partial

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from clearbill.payments.actions.methods import choose_method, remove_method, stop_charging
from clearbill.payments.queries import methods_of
from clearbill.web.addresses import id_in_address
from clearbill.web.payment_words import method_name
from clearbill.web.portal.access import customer_only

ACTOR = "customer"


@customer_only
def methods(request: HttpRequest) -> HttpResponse:
    """What is stored, the one that's charged by itself first."""
    rows = [{"row": row, "name": method_name(row)} for row in methods_of(request.customer.id)]
    return render(request, "portal/methods.html", {"methods": rows, "zone": request.zone})


@require_POST
@customer_only
def choose(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Charge what falls due to this one."""
    method_id = id_in_address("payment_method", shown_id)
    choose_method(method_id, customer_id=request.customer.id, actor=ACTOR, at=request.at)
    messages.success(request, _("What falls due is charged to this from now on."))
    return redirect("portal:methods")


@require_POST
@customer_only
def stop(request: HttpRequest) -> HttpResponse:
    """Charge nothing by itself any more."""
    stop_charging(customer_id=request.customer.id, actor=ACTOR, at=request.at)
    messages.success(request, _("Nothing is charged by itself any more. Each bill comes with a link to pay."))
    return redirect("portal:methods")


@require_POST
@customer_only
def remove(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Forget one."""
    method_id = id_in_address("payment_method", shown_id)
    request.after_scope = [
        partial(
            remove_method, request.seller.id, method_id, customer_id=request.customer.id, actor=ACTOR, at=request.at
        )
    ]
    messages.success(request, _("Removed. It can't be charged any more."))
    return redirect("portal:methods")


urlpatterns = [
    path("methods/", methods, name="methods"),
    path("methods/stop/", stop, name="methods_stop"),
    path("methods/<str:shown_id>/choose/", choose, name="method_choose"),
    path("methods/<str:shown_id>/remove/", remove, name="method_remove"),
]
