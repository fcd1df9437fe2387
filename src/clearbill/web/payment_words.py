"""Ways to pay and what became of payments, in words."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

METHOD_KINDS: dict[str, Promise] = {
    "card": _("Credit or debit card"),
    "apple_pay": _("Apple Pay"),
    "google_pay": _("Google Pay"),
    "alipay": _("Alipay"),
    "bank_transfer": _("Bank transfer"),
}
BRANDS = {
    "visa": "Visa",
    "mastercard": "Mastercard",
    "amex": "American Express",
    "unionpay": "UnionPay",
    "jcb": "JCB",
    "diners": "Diners Club",
    "discover": "Discover",
}


def kind_name(kind: str) -> str:
    """A kind of method; one without a name here by its code."""
    return str(METHOD_KINDS.get(kind, kind))


def method_name(method: Any) -> str:
    """``Visa •••• 4242``; with the wallet before it when there is one."""
    if method is None:
        return ""
    brand = BRANDS.get(method.brand, method.brand)
    card = f"{brand} •••• {method.last4}" if method.last4 else brand
    return card if method.kind == "card" else f"{kind_name(method.kind)} · {card}"
