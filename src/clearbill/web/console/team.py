"""The team page: members, their roles, invitations."""

from __future__ import annotations

from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from clearbill.core.errors import Refusal
from clearbill.mail.actions import enqueue
from clearbill.scope.clock import wall_clock
from clearbill.scope.ids import read_id, show_id
from clearbill.sellers import actions
from clearbill.sellers.actions import NewInvitation
from clearbill.sellers.queries import members, open_invitations
from clearbill.sellers.roles import allows, grantable, may_grant
from clearbill.web.accounts import public_address
from clearbill.web.console.access import staff
from clearbill.web.console.forms import show_refusal
from clearbill.web.console.role_names import ROLE_NAMES, ROLE_SENTENCES, role_choices


class InvitationForm(forms.Form):
    """Whom to invite as what."""

    email = forms.EmailField(label=gettext_lazy("Mail address"), max_length=254)
    role = forms.ChoiceField(label=gettext_lazy("Role"))

    def __init__(self, *args: object, roles: list[str], **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(roles)
        self.fields["role"].initial = "viewer"


@staff("view")
def team(request: HttpRequest) -> HttpResponse:
    """Who works here; those who may, see how to change it."""
    return _page(request, InvitationForm(roles=grantable(request.role)))


@staff("manage_team")
def invite(request: HttpRequest) -> HttpResponse:
    """Invite somebody, by mail."""
    form = InvitationForm(request.POST or None, roles=grantable(request.role))
    if request.method != "POST" or not form.is_valid():
        return _page(request, form)
    try:
        invitation = actions.invite(
            request.seller.id,
            email=form.cleaned_data["email"],
            role=form.cleaned_data["role"],
            granter=request.role,
            invited_by=UUID(str(request.user.pk)),
            actor=request.actor,
            at=wall_clock(),
        )
    except Refusal as refusal:
        show_refusal(form, refusal)
        return _page(request, form)
    _mail(request, invitation)
    return redirect("console:team")


@staff("manage_team")
def withdraw(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Make a waiting invitation worthless."""
    if request.method == "POST":
        actions.withdraw_invitation(
            request.seller.id,
            invitation_id=read_id("invitation", shown_id),
            actor=request.actor,
            at=wall_clock(),
        )
        messages.success(request, _("The invitation was withdrawn."))
    return redirect("console:team")


@staff("manage_team")
def change_role(request: HttpRequest, shown_id: str) -> HttpResponse:
    """Give a member another role."""
    if request.method == "POST":
        changed = {"user_id": read_id("user", shown_id), "role": request.POST.get("role", "")}
        actions.change_role(request.seller.id, **changed, granter=request.role, actor=request.actor, at=request.at)
        messages.success(request, _("The role was changed."))
    return redirect("console:team")


@staff("manage_team")
def remove(request: HttpRequest, shown_id: str) -> HttpResponse:
    """End a membership."""
    if request.method == "POST":
        actions.remove_member(
            request.seller.id,
            user_id=read_id("user", shown_id),
            granter=request.role,
            actor=request.actor,
            at=request.at,
        )
        messages.success(request, _("The person was removed from the team."))
    return redirect("console:team")


def _page(request: HttpRequest, form: forms.Form) -> HttpResponse:
    may_manage = allows(request.role, "manage_team")
    found = members(request.seller.id)
    owners = sum(member.role == "owner" for member in found)
    rows = [
        {
            "member": member,
            "shown_id": show_id("user", member.user_id),
            "role_name": ROLE_NAMES[member.role],
            "is_self": str(member.user_id) == str(request.user.pk),
            "may_change": may_manage
            and may_grant(request.role, member.role)
            and (member.role != "owner" or owners > 1),
        }
        for member in found
    ]
    waiting = open_invitations(request.seller.id, wall_clock()) if may_manage else []
    context = {
        "form": form,
        "rows": rows,
        "may_manage": may_manage,
        "roles": role_choices(grantable(request.role)),
        "role_sentences": [(ROLE_NAMES[role], sentence) for role, sentence in ROLE_SENTENCES.items()],
        "invitations": [
            {"row": row, "shown_id": show_id("invitation", row.id), "role_name": ROLE_NAMES[row.role]}
            for row in waiting
        ],
    }
    status = 400 if form.errors else 200
    return render(request, "console/team.html", context, status=status)


def _mail(request: HttpRequest, invitation: NewInvitation) -> None:
    """In the invitation's own transaction; the worker sends it after the commit."""
    link = public_address(reverse("invitation", kwargs={"token": invitation.token}))
    enqueue(
        "invitation",
        customer_id=None,
        recipient=invitation.email,
        language="zh-Hans" if get_language() == "zh-hans" else "en",
        context={
            "inviter": request.user.get_full_name(),
            "link": link,
            "days": (invitation.expires_at - wall_clock()).days + 1,
        },
        dedup_key=f"invitation:{invitation.id}",
        at=wall_clock(),
    )
    messages.success(request, _("An invitation is on its way to {email}.").format(email=invitation.email))


urlpatterns = [
    path("team/", team, name="team"),
    path("team/invite/", invite, name="team_invite"),
    path("team/invitations/<str:shown_id>/withdraw/", withdraw, name="team_withdraw"),
    path("team/<str:shown_id>/role/", change_role, name="team_role"),
    path("team/<str:shown_id>/remove/", remove, name="team_remove"),
]
