"""Pay links: signed, for one invoice, good for half a year. Who has one may see and pay that invoice, and nothing else."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.core import signing

from clearbill.core.errors import Denied, Gone

SALT = "clearbill.pay"
LIFETIME_S = 180 * 86_400
PATH = "/pay/{token}/"


def pay_path(seller_id: UUID, invoice_id: UUID) -> str:
    """The address of an invoice's pay page, within this site."""
    return PATH.format(token=signing.dumps([seller_id.hex, invoice_id.hex], salt=SALT))


def pay_address(seller_id: UUID, invoice_id: UUID) -> str:
    """The whole address, as mails carry it."""
    return settings.CLEARBILL.public_url.rstrip("/") + pay_path(seller_id, invoice_id)


def read_pay_link(token: str) -> tuple[UUID, UUID]:
    """Seller and invoice of a link. Raises Denied ``link_invalid``, Gone ``link_expired``."""
    try:
        seller, invoice = signing.loads(token, salt=SALT, max_age=LIFETIME_S)
        return UUID(seller), UUID(invoice)
    except signing.SignatureExpired:
        raise Gone("link_expired", "This link has expired. Ask for a new one.") from None
    except (signing.BadSignature, ValueError, TypeError):
        raise Denied("link_invalid", "This link is not valid. Ask for a new one.") from None
