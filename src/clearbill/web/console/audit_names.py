"""Audit actions in words. An action without words here is shown by its code."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

AUDIT_NAMES: dict[str, Promise] = {
    "seller.create": _("Seller created"),
    "seller.update": _("Settings changed"),
    "seller.set_test_clock": _("Test clock moved"),
    "tax_rates.set": _("Tax rates set"),
    "member.add": _("Joined the team"),
    "member.change_role": _("Role changed"),
    "member.remove": _("Removed from the team"),
    "invitation.create": _("Invited somebody"),
    "invitation.withdraw": _("Invitation withdrawn"),
    "invitation.accept": _("Invitation accepted"),
    "api_key.create": _("API key made"),
    "api_key.revoke": _("API key revoked"),
    "customer.create": _("Customer created"),
    "customer.put": _("Customers imported"),
    "customer.update": _("Customer changed"),
    "customer.view": _("Looked at a customer"),
    "customer.view_usage": _("Looked at a customer's usage"),
    "customer.view_journal": _("Looked at a customer's journal"),
    "customer.open_portal": _("Opened a customer's portal"),
    "plan.publish": _("Plan version published"),
    "meter.create": _("Meter created"),
    "subscription.start": _("Subscription started"),
    "subscription.cancel": _("Subscription canceled"),
    "subscription.uncancel": _("Cancellation taken back"),
    "subscription.view": _("Looked at a subscription"),
    "draft.view": _("Looked at a draft"),
    "gateway_account.open": _("Online payment switched on"),
    "payment.view": _("Looked at a payment"),
    "payment.check": _("Gateway asked about a payment"),
    "payment_method.default": _("Way to pay chosen"),
    "payment_method.stop": _("Automatic charges stopped"),
    "payment_method.remove": _("Way to pay removed"),
    "refund.start": _("Refund started"),
    "parked.retry": _("Parked bill tried again"),
    "invoice.resend": _("Invoice mailed again"),
    "invoice.view": _("Looked at an invoice"),
    "invoice.pdf": _("Downloaded an invoice"),
    "credit_note.issue": _("Credit note issued"),
    "credit_note.view": _("Looked at a credit note"),
    "credit_note.pdf": _("Downloaded a credit note"),
}
ACTOR_NAMES: dict[str, Promise] = {"cli": _("Command line"), "system": _("Clearbill itself")}


def name_of_actor(name: str) -> str:
    """A person's or key's name as it is; who isn't a person or key in the active language."""
    return str(ACTOR_NAMES.get(name, name))


def sentence_of_audit(action: str) -> str:
    """The action's name in the active language."""
    return str(AUDIT_NAMES.get(action, action))
