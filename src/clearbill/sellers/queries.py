"""Reads of the sellers room: sellers, members, keys, tax rates, the audit trail."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from clearbill.core.errors import Malformed, NotFound, Unauthenticated
from clearbill.scope.ids import read_id, show_id
from clearbill.scope.seller import current_seller
from clearbill.sellers.models import (
    ApiKey,
    AuditEntry,
    Invitation,
    Membership,
    NumberSeries,
    Seller,
    TaxRate,
    User,
)
from clearbill.sellers.roles import may_grant

AUDIT_PAGE = 50
MAX_AUDIT_PAGE = 500
MAX_SELLERS = 10_000
_KEY = re.compile(r"cb_(live|test)_[0-9A-Za-z]{32,64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyIdentity:
    """Who a request is, by its API key."""

    seller_id: UUID
    key_id: UUID
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SellerAccess:
    """A seller that a person may enter, and as what."""

    seller: Seller
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person of a seller's team."""

    user_id: UUID
    name: str
    email: str
    role: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxRateInForce:
    """A tax rate, in per cent, and since when it holds."""

    code: str
    label: str
    rate: Decimal
    valid_from: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditView:
    """One row of the audit trail. ``actor`` is ``user:usr_…``, ``key:key_…``, ``cli`` or ``system``."""

    id: UUID
    at: datetime
    actor: str
    actor_name: str
    action: str
    object_id: str
    data: Mapping[str, object]
    correlation_id: str


def seller_by_id(seller_id: UUID) -> Seller:
    """The seller. Raises NotFound ``seller_not_found``."""
    found = Seller.objects.select_related("live").filter(id=seller_id).first()
    if found is None:
        raise NotFound("seller_not_found", "There is no such seller.")
    return found


def all_sellers() -> list[Seller]:
    """Every seller, oldest first: for the waking job and the command line."""
    return list(Seller.objects.order_by("id")[:MAX_SELLERS])


def sellers_of_user(user_id: UUID) -> list[SellerAccess]:
    """The sellers that a person may enter: by name, the live one before its test."""
    rows = Membership.objects.filter(user_id=user_id, user__is_active=True).select_related("seller", "seller__live")
    found = [SellerAccess(seller=row.seller, role=row.role) for row in rows]
    return sorted(found, key=lambda access: (access.seller.name.casefold(), access.seller.is_test, access.seller.id))


def role_of(user_id: UUID, seller_id: UUID) -> str | None:
    """The person's role at the seller; None when they're no member or switched off."""
    rows = Membership.objects.filter(user_id=user_id, seller_id=seller_id, user__is_active=True)
    return rows.values_list("role", flat=True).first()


def user_id_of(email: str) -> UUID | None:
    """Whose address this is, if anybody's."""
    return User.objects.filter(email=email.strip().lower()).values_list("id", flat=True).first()


def has_users() -> bool:
    """Whether anybody can sign in at all."""
    return User.objects.exists()


def members(seller_id: UUID) -> list[Member]:
    """The team, in order of joining."""
    rows = Membership.objects.filter(seller_id=seller_id).select_related("user").order_by("id")
    return [
        Member(user_id=row.user_id, name=row.user.name, email=row.user.email, role=row.role, since=row.created_at)
        for row in rows
    ]


def open_invitations(seller_id: UUID, at: datetime) -> list[Invitation]:
    """Invitations that can still be accepted, newest first."""
    rows = Invitation.objects.filter(seller_id=seller_id, accepted_at__isnull=True, expires_at__gt=at)
    found = rows.select_related("invited_by").order_by("-id")
    roles = dict(Membership.objects.filter(seller_id=seller_id, user__is_active=True).values_list("user_id", "role"))
    return [row for row in found if may_grant(roles.get(row.invited_by_id, ""), row.role)]


def api_keys(seller_id: UUID) -> list[ApiKey]:
    """All keys of the seller, newest first; revoked ones too."""
    return list(ApiKey.objects.filter(seller_id=seller_id).select_related("created_by").order_by("-id"))


def authenticate_key(text: str) -> KeyIdentity:
    """Who the key is; one look-up by the index of its hash. Raises Unauthenticated ``api_key_unknown``.

    A revoked key and one that never was get the same answer.
    """
    found = None
    if _KEY.fullmatch(text):
        digest = hashlib.sha256(text.encode()).digest()
        found = (
            ApiKey.objects.filter(secret_hash=digest, revoked_at__isnull=True)
            .values_list("seller_id", "id", "role", "seller__is_test")
            .first()
        )
    # a test key that was moved to a live seller must not open it
    if found is None or found[3] is not text.startswith("cb_test_"):
        raise Unauthenticated(
            "api_key_unknown",
            "This API key is unknown or was revoked. Send “Authorization: Bearer cb_live_…” or “… cb_test_…”.",
        )
    return KeyIdentity(seller_id=found[0], key_id=found[1], role=found[2])


def tax_rates(at: datetime) -> list[TaxRateInForce]:
    """The rates in force ``at``, one per code, in the running seller scope."""
    rows = (
        TaxRate.objects.filter(seller_id=current_seller(), valid_from__lte=at)
        .order_by("code", "-valid_from")
        .distinct("code")
    )
    return [_rate(row) for row in rows]


def tax_rates_to_come(at: datetime) -> list[TaxRateInForce]:
    """Rates that will hold from a later instant, soonest first."""
    rows = TaxRate.objects.filter(seller_id=current_seller(), valid_from__gt=at).order_by("valid_from", "code")
    return [_rate(row) for row in rows]


def last_number(series: str) -> int:
    """The last number given in a series; 0 before the first."""
    rows = NumberSeries.objects.filter(seller_id=current_seller(), series=series)
    return rows.values_list("last_value", flat=True).first() or 0


def audit_entries(
    limit: int = AUDIT_PAGE, before: UUID | None = None, *, action: str = "", object_id: str = ""
) -> list[AuditView]:
    """The audit trail of the running scope, newest first; ``before`` is the id of the last row of the page
    before.
    """
    rows = AuditEntry.objects.filter(seller_id=current_seller())
    if before is not None:
        rows = rows.filter(id__lt=before)
    if action:
        rows = rows.filter(action=action)
    if object_id:
        rows = rows.filter(object_id=object_id)
    page = list(rows.order_by("-id")[: max(1, min(limit, MAX_AUDIT_PAGE))])
    names = _actor_names({row.actor for row in page})
    return [
        AuditView(
            id=row.id,
            at=row.at,
            actor=row.actor,
            actor_name=names.get(row.actor, row.actor),
            action=row.action,
            object_id=row.object_id,
            data=json.loads(row.data),
            correlation_id=row.correlation_id,
        )
        for row in page
    ]


def actor_of_user(user_id: UUID) -> str:
    """The actor's text of a person."""
    return f"user:{show_id('user', user_id)}"


def actor_of_key(key_id: UUID) -> str:
    """The actor's text of an API key."""
    return f"key:{show_id('api_key', key_id)}"


def _rate(row: TaxRate) -> TaxRateInForce:
    return TaxRateInForce(code=row.code, label=row.label, rate=row.rate, valid_from=row.valid_from)


def _actor_names(actors: Iterable[str]) -> dict[str, str]:
    users, keys = {}, {}
    for actor in actors:
        kind, _, shown = actor.partition(":")
        try:
            if kind == "user":
                users[read_id("user", shown)] = actor
            elif kind == "key":
                keys[read_id("api_key", shown)] = actor
        except Malformed:
            continue  # an actor of another kind is shown as it stands
    named = {users[user.id]: user.get_full_name() for user in User.objects.filter(id__in=users)} if users else {}
    if keys:
        # keys are an unscoped table: only the running seller's are named
        for key in ApiKey.objects.filter(id__in=keys, seller_id=current_seller()):
            named[keys[key.id]] = f"{key.name} (…{key.last_four})"
    return named
