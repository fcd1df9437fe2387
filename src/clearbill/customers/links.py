"""Mailed links into the portal: signed, used once, gone after a while. The only customers' code that opens a scope.

A link's secret is ``<seller>.<customer>.<random>`` with a signature, so that a tampered one is refused before any look-up,
and the seller's scope can be opened for the rest. Only its hash is stored.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from django.core.signing import BadSignature, Signer

from clearbill.core.errors import Denied, Gone, NotFound, Refusal
from clearbill.customers.models import Customer, SignInLink
from clearbill.scope.ids import new_id, read_id, show_id
from clearbill.scope.seller import current_seller, seller_scope

LINK_LIFETIME = timedelta(minutes=15)
_RANDOM_BYTES = 24
_MAX_SECRET = 300


def make_sign_in_link(customer_id: UUID, *, at: datetime) -> str:
    """The secret of a new link for a customer of the running scope. Raises NotFound ``customer_not_found``."""
    seller_id = current_seller()
    if not Customer.objects.filter(id=customer_id).exists():
        raise NotFound("customer_not_found", "There is no such customer.")
    ids = (show_id("seller", seller_id), show_id("customer", customer_id))
    secret = _signer().sign(".".join([*ids, secrets.token_urlsafe(_RANDOM_BYTES)]))
    SignInLink.objects.create(
        id=new_id(at),
        seller_id=seller_id,
        customer_id=customer_id,
        secret_hash=_hash(secret),
        created_at=at,
        expires_at=at + LINK_LIFETIME,
    )
    return secret


def use_sign_in_link(secret: str, *, at: datetime) -> Customer:
    """Whom the link lets in; it can't be used again. Runs outside of a scope and opens the link's own.

    Raises Denied ``link_invalid``, Gone ``link_expired`` and ``link_used``.
    """
    seller_id = _seller_of(secret)
    with seller_scope(seller_id):
        link = SignInLink.objects.filter(secret_hash=_hash(secret)).select_related("customer").first()
        if link is None:
            raise _invalid()
        if at >= link.expires_at:
            raise Gone("link_expired", "This link has expired. Ask for a new one.")
        if not SignInLink.objects.filter(id=link.id, used_at__isnull=True).update(used_at=at):
            raise Gone("link_used", "This link was used already. Ask for a new one.")
        return link.customer


def _seller_of(secret: str) -> UUID:
    if len(secret) > _MAX_SECRET:
        raise _invalid()
    try:
        return read_id("seller", _signer().unsign(secret).partition(".")[0])
    except (BadSignature, Refusal):
        raise _invalid() from None


def _signer() -> Signer:
    return Signer(salt="clearbill.customers.link")


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()


def _invalid() -> Denied:
    return Denied("link_invalid", "This link is not valid. Ask for a new one.")
