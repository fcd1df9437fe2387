"""Addresses under ``/accounts/`` that the sign-in library doesn't have: accepting an invitation."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib import messages
from django.contrib.auth import authenticate, login, password_validation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from clearbill.core.errors import Denied
from clearbill.scope.clock import wall_clock
from clearbill.scope.rates import hit
from clearbill.sellers.actions import InvitationView, accept_invitation, read_invitation
from clearbill.web.console.role_names import ROLE_NAMES, ROLE_SENTENCES

TRIES_PER_MINUTE = 20


class NewPersonForm(forms.Form):
    """Name and password of a person who has no account yet."""

    name = forms.CharField(
        label=gettext_lazy("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 12 characters."),
    )
    repeated = forms.CharField(
        label=gettext_lazy("Password, again"),
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, *args: object, email: str, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_password(self) -> str:
        password = self.cleaned_data["password"]
        password_validation.validate_password(
            password, _Person(email=self.email, name=self.cleaned_data.get("name", ""))
        )
        return password

    def clean(self) -> dict[str, object]:
        data = super().clean()
        if data.get("password") and data["password"] != data.get("repeated"):
            self.add_error("repeated", _("The two passwords differ."))
        return data


class _Person:
    """What the password's checks compare it with."""

    def __init__(self, *, email: str, name: str) -> None:
        self.email = email
        self.name = name


@never_cache
@sensitive_post_parameters("password", "repeated")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Who has the link joins: a new person with name and password, one with an account by a click."""
    at = wall_clock()
    hit(f"invitation:{get_adapter(request).get_client_ip(request)}", TRIES_PER_MINUTE, 60, at)
    offer = read_invitation(token, at=at)
    if offer.has_account:
        return _join_with_account(request, token, offer)
    form = NewPersonForm(request.POST or None, email=offer.email)
    if request.method != "POST" or not form.is_valid():
        return _page(request, offer, form)
    password = form.cleaned_data["password"]
    accept_invitation(
        token,
        at=at,
        name=form.cleaned_data["name"],
        password=password,
        locale="zh-Hans" if (get_language() or "").lower() == "zh-hans" else "en",
    )
    user = authenticate(request, email=offer.email, password=password)
    if user is None:
        return redirect("account_login")
    login(request, user)
    messages.success(request, _("Welcome to {seller}.").format(seller=offer.seller_name))
    return redirect("console:home")


def _join_with_account(request: HttpRequest, token: str, offer: InvitationView) -> HttpResponse:
    if request.method != "POST":
        return _page(request, offer, None)
    accept_invitation(token, at=wall_clock())
    messages.success(request, _("You've joined {seller}.").format(seller=offer.seller_name))
    return redirect("console:home" if request.user.is_authenticated else "account_login")


def _page(request: HttpRequest, offer: InvitationView, form: forms.Form | None) -> HttpResponse:
    context = {
        "offer": offer,
        "form": form,
        "role_name": ROLE_NAMES[offer.role],
        "role_sentence": ROLE_SENTENCES[offer.role],
    }
    # always 200: refused forms are logged with their address, and this one lets somebody in
    return render(request, "console/accept_invitation.html", context)


def address_is_fixed(request: HttpRequest) -> HttpResponse:
    """Stands where the library would let people change their address: invitations and roles hang on it."""
    raise Denied(
        "address_fixed",
        "The address that you sign in with can't be changed. Ask an owner to invite your new address.",
    )


urlpatterns = [
    path("invitation/<str:token>/", invitation, name="invitation"),
    path("email/", address_is_fixed),
]
