"""Sellers themselves: made, changed, and a test seller's clock moved."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clearbill.core.errors import Conflict, Malformed, NotFound, Unacceptable
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import seller_scope
from clearbill.sellers.actions.audit import record_audit
from clearbill.sellers.models import Seller
from clearbill.sellers.profile import checked_profile

# whose values are shown in the audit trail; of the others only that they changed, since they may name persons
_SHOWN = frozenset(
    {
        "country",
        "currency",
        "timezone",
        "locale",
        "tax_behavior",
        "policies",
        "mfa_required",
        "number_prefix",
        "number_format",
        "net_terms_days",
    }
)


def create_seller(
    *,
    name: str,
    country: str,
    currency: str,
    timezone: str,
    actor: str,
    at: datetime,
    is_test: bool = False,
    live_id: UUID | None = None,
    **fields: object,
) -> Seller:
    """A new seller; ``fields`` are further ones of the profile. ``live_id`` names the seller that a test
    seller tests.

    Raises the refusals of ``checked_profile``; Unacceptable ``live_seller_wrong`` for a live seller with
    ``live_id``.
    """
    if live_id is not None and not (is_test and Seller.objects.filter(id=live_id, is_test=False).exists()):
        raise Unacceptable("live_seller_wrong", "Only a test seller belongs to a live one.", field="live_id")
    profile = checked_profile(
        {
            "legal_name": name,
            **fields,
            "name": name,
            "country": country,
            "currency": currency,
            "timezone": timezone,
        }
    )
    seller_id = new_id(at)
    with seller_scope(seller_id):
        seller = Seller.objects.create(id=seller_id, is_test=is_test, live_id=live_id, created_at=at, **profile)
        record_audit(
            "seller.create",
            actor=actor,
            at=at,
            object_id=show_id("seller", seller_id),
            data={"is_test": is_test, **{key: profile[key] for key in sorted(_SHOWN & profile.keys())}},
        )
    return seller


def update_seller(seller_id: UUID, *, actor: str, at: datetime, **fields: object) -> Seller:
    """Change fields of the profile; those that aren't named stay. Raises the refusals of ``checked_profile``.

    ``policies`` is replaced as a whole. What was billed before keeps what it was billed with.
    """
    profile = checked_profile(fields)
    with seller_scope(seller_id):
        seller = _locked(seller_id)
        changed = {key: value for key, value in profile.items() if getattr(seller, key) != value}
        if not changed:
            return seller
        data = {
            key: {"from": getattr(seller, key), "to": value} if key in _SHOWN else "changed"
            for key, value in changed.items()
        }
        for key, value in changed.items():
            setattr(seller, key, value)
        seller.save(update_fields=list(changed))
        record_audit("seller.update", actor=actor, at=at, object_id=show_id("seller", seller_id), data=data)
    return seller


def set_test_clock(seller_id: UUID, *, at: datetime, actor: str) -> Seller:
    """Move a test seller's clock to ``at``. The first setting may be any instant, later ones only go forward.

    Raises Conflict ``clock_of_live_seller`` and ``clock_backwards``, Malformed ``time_naive``. The caller
    then runs what has fallen due.
    """
    if at.tzinfo is None:
        raise Malformed("time_naive", "A time needs its offset from UTC, such as 2025-01-31T00:00:00Z.", field="at")
    with seller_scope(seller_id):
        seller = _locked(seller_id)
        if not seller.is_test:
            raise Conflict("clock_of_live_seller", "Only a test seller's clock can be set.")
        before = seller.test_clock_at
        if before is not None and at < before:
            raise Conflict(
                "clock_backwards",
                "A test clock only goes forward; it shows {present} now.",
                field="at",
                present=before.isoformat(),
            )
        seller.test_clock_at = at
        seller.save(update_fields=["test_clock_at"])
        record_audit(
            "seller.set_test_clock",
            actor=actor,
            at=at,
            object_id=show_id("seller", seller_id),
            data={"from": before.isoformat() if before else None, "to": at.isoformat()},
        )
    return seller


def _locked(seller_id: UUID) -> Seller:
    # no_key: rows that refer to the seller can still be written meanwhile
    seller = Seller.objects.select_for_update(no_key=True).filter(id=seller_id).first()
    if seller is None:
        raise NotFound("seller_not_found", "There is no such seller.")
    return seller
