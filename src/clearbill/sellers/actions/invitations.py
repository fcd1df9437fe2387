"""Invitations: a signed link that expires and works once. Only the hash of its secret is kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.core import signing

from clearbill.core.errors import Conflict, Gone, NotFound, Unacceptable
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import seller_scope
from clearbill.sellers.actions.audit import record_audit
from clearbill.sellers.actions.people import add_member, create_user
from clearbill.sellers.models import Invitation, Membership, User
from clearbill.sellers.profile import check_email
from clearbill.sellers.queries import actor_of_user, role_of
from clearbill.sellers.roles import demand_grant, may_grant

LIFETIME = timedelta(days=7)
MAX_OPEN = 200
_signer = signing.Signer(salt="clearbill.invitation")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvitation:
    """An invitation just made; ``token`` goes into the link and is seen only now."""

    id: UUID
    email: str
    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationView:
    """What the invited person sees before accepting."""

    seller_name: str
    email: str
    role: str
    has_account: bool


def invite(
    seller_id: UUID, *, email: str, role: str, granter: str, invited_by: UUID, actor: str, at: datetime
) -> NewInvitation:
    """Invite an address; earlier open invitations of it end. The caller mails the link.

    Raises Unacceptable ``email_malformed``, Denied ``role_above_own``, Conflict ``member_already`` or
    ``too_many_invitations``.
    """
    demand_grant(granter, role)
    address = check_email(email)
    with seller_scope(seller_id):
        if Membership.objects.filter(seller_id=seller_id, user__email=address).exists():
            raise Conflict("member_already", "This person is a member already.", field="email")
        waiting = Invitation.objects.filter(seller_id=seller_id, accepted_at__isnull=True, expires_at__gt=at)
        waiting.filter(email=address).update(expires_at=at)
        if waiting.count() >= MAX_OPEN:
            raise Conflict(
                "too_many_invitations",
                "{limit} invitations are waiting already. Withdraw some, or wait until they're accepted.",
                limit=MAX_OPEN,
            )
        secret = secrets.token_urlsafe(32)
        row = Invitation.objects.create(
            id=new_id(at),
            seller_id=seller_id,
            email=address,
            role=role,
            secret_hash=_digest(secret),
            invited_by_id=invited_by,
            created_at=at,
            expires_at=at + LIFETIME,
        )
        record_audit(
            "invitation.create",
            actor=actor,
            at=at,
            object_id=show_id("invitation", row.id),
            data={"role": role},
        )
    return NewInvitation(id=row.id, email=address, token=_signer.sign(secret), expires_at=row.expires_at)


def withdraw_invitation(seller_id: UUID, *, invitation_id: UUID, actor: str, at: datetime) -> None:
    """End an invitation that nobody accepted. Raises NotFound ``invitation_not_found``."""
    with seller_scope(seller_id):
        row = Invitation.objects.select_for_update().filter(id=invitation_id, seller_id=seller_id).first()
        if row is None or row.accepted_at is not None:
            raise NotFound("invitation_not_found", "There is no such invitation, or it was accepted.")
        row.expires_at = min(row.expires_at, at)
        row.save(update_fields=["expires_at"])
        record_audit("invitation.withdraw", actor=actor, at=at, object_id=show_id("invitation", row.id))


def read_invitation(token: str, *, at: datetime) -> InvitationView:
    """What the link offers. Raises Gone ``invitation_invalid`` for a link that's tampered with, expired or
    used.
    """
    row = _open(token, at)
    return InvitationView(
        seller_name=row.seller.name,
        email=row.email,
        role=row.role,
        has_account=User.objects.filter(email=row.email).exists(),
    )


def accept_invitation(
    token: str, *, at: datetime, name: str = "", password: str | None = None, locale: str = "en"
) -> UUID:
    """Join, once; returns the person. A new person needs name and password (its strength checked by the
    caller).

    A person who has an account keeps its name and password. Raises Gone ``invitation_invalid``, Unacceptable
    ``name_missing``.
    """
    with seller_scope(_open(token, at).seller_id):
        row = _open(token, at, lock=True)
        user = User.objects.filter(email=row.email).first()
        if user is None:
            if not name.strip() or not password:
                raise Unacceptable("name_missing", "Write your name and choose a password.", field="name")
            user_id = create_user(row.email, at=at, password=password, name=name, locale=locale)
        else:
            user_id = user.id
        row.accepted_at = at
        row.save(update_fields=["accepted_at"])
        actor = actor_of_user(user_id)
        record_audit("invitation.accept", actor=actor, at=at, object_id=show_id("invitation", row.id))
        # what the inviter was allowed to give was checked when the invitation was made
        add_member(row.seller_id, user_id=user_id, role=row.role, granter="owner", actor=actor, at=at)
    return user_id


def _open(token: str, at: datetime, *, lock: bool = False) -> Invitation:
    try:
        digest = _digest(_signer.unsign(token))
    except signing.BadSignature:
        raise _invalid() from None
    rows = Invitation.objects.filter(secret_hash=digest, accepted_at__isnull=True, expires_at__gt=at)
    row = (rows.select_for_update() if lock else rows.select_related("seller")).first()
    # who has left, or may give less by now, lets nobody in any more
    if row is None or not may_grant(role_of(row.invited_by_id, row.seller_id) or "", row.role):
        raise _invalid()
    return row


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _invalid() -> Gone:
    return Gone(
        "invitation_invalid",
        "This invitation has expired, was used, or its link is incomplete. Ask whoever invited you for a new one.",
    )
