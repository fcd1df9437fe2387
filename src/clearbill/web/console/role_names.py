"""Roles in words: a name, and a sentence about what one may do with it."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ROLE_NAMES: dict[str, Promise] = {
    "owner": _("Owner"),
    "admin": _("Admin"),
    "finance": _("Finance"),
    "support": _("Support"),
    "developer": _("Developer"),
    "viewer": _("Viewer"),
}
ROLE_SENTENCES: dict[str, Promise] = {
    "owner": _("Everything, and makes other owners."),
    "admin": _("Everything except making or removing owners."),
    "finance": _("Catalogue, customers, subscriptions, invoices, credit notes, exports, audit trail."),
    "support": _("Customers and subscriptions."),
    "developer": _("API keys, usage, catalogue, customers, subscriptions."),
    "viewer": _("Sees everything, changes nothing."),
}


def role_choices(roles: list[str]) -> list[tuple[str, object]]:
    """Choices of a form field."""
    return [(role, ROLE_NAMES[role]) for role in roles]
