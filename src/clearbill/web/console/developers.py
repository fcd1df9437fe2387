"""The developers page: API keys of the seller, shown once when made."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clearbill.core.errors import Refusal
from clearbill.scope.ids import read_id, show_id
from clearbill.sellers import actions
from clearbill.sellers.actions import NewKey
from clearbill.sellers.queries import api_keys
from clearbill.sellers.roles import grantable
from clearbill.web.console.access import staff
from clearbill.web.console.forms import show_refusal
from clearbill.web.console.role_names import ROLE_NAMES, role_choices


class KeyForm(forms.Form):
    """What a new key is for."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        help_text=gettext_lazy("Where the key is used, such as “usage from production”."),
    )
    role = forms.ChoiceField(label=gettext_lazy("Role"), help_text=gettext_lazy("What a program may do with the key."))

    def __init__(self, *args: object, roles: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(roles)
        self.fields["role"].initial = "developer"


@staff("manage_keys")
def developers(request: HttpRequest) -> HttpResponse:
    """The keys, and a form for a new one. A new key's text is in the answer to its making and nowhere
    else.
    """
    form = KeyForm(request.POST or None, roles=grantable(request.role))
    if request.method != "POST" or not form.is_valid():
        return _page(request, form)
    try:
        key = actions.create_key(
            request.seller.id,
            name=form.cleaned_data["name"],
            role=form.cleaned_data["role"],
            granter=request.role,
            actor=request.actor,
            at=request.at,
            created_by=UUID(str(request.user.pk)),
        )
    except Refusal as refusal:
        show_refusal(form, refusal)
        return _page(request, form)
    return _page(request, KeyForm(roles=grantable(request.role)), new_key=key)


@staff("manage_keys")
def revoke(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Make a key worthless."""
    if request.method == "POST":
        actions.revoke_key(request.seller.id, key_id=read_id("api_key", shown_id), actor=request.actor, at=request.at)
        messages.success(request, _("The key was revoked. Requests with it are refused from now on."))
    return redirect("console:developers")


def _page(request: HttpRequest, form: forms.Form, *, new_key: NewKey | None = None) -> HttpResponse:
    keys = [
        {"row": row, "shown_id": show_id("api_key", row.id), "role_name": ROLE_NAMES[row.role]}
        for row in api_keys(request.seller.id)
    ]
    context = {
        "form": form,
        "keys": keys,
        "new_key": new_key,
        "key_start": "cb_test_" if request.seller.is_test else "cb_live_",
        "public_url": settings.CLEARBILL.public_url.rstrip("/"),
    }
    return render(request, "console/developers.html", context, status=400 if form.errors else 200)


urlpatterns = [
    path("developers/", developers, name="developers"),
    path("developers/keys/<str:shown_id>/revoke/", revoke, name="key_revoke"),
]
