"""What happened, why a bill was made, which account: in words of the active language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clearbill.billing.queries.timeline import Happening
from clearbill.core.errors import fill
from clearbill.ledger.queries import JournalRow
from clearbill.scope.ids import show_id
from clearbill.scope.local_formats import format_amount
from clearbill.web.console.settings_forms import POLICY_CHOICES, BillingForm
from clearbill.web.price_words import active_name
from clearbill.web.templatetags.status_names import name_status

FACTS: dict[str, Promise] = {
    "invoice_finalized": gettext_lazy("Invoice issued"),
    "credit_note": gettext_lazy("Credit note issued"),
    "revenue_earned": gettext_lazy("Revenue earned"),
    "payment_succeeded": gettext_lazy("Payment received"),
    "refund_started": gettext_lazy("Refund started"),
    "refund_sent": gettext_lazy("Refund sent"),
    "refund_failed": gettext_lazy("Refund failed"),
}
ACCOUNTS: dict[str, Promise] = {
    "receivable": gettext_lazy("Accounts receivable"),
    "deferred_revenue": gettext_lazy("Deferred revenue"),
    "revenue": gettext_lazy("Revenue"),
    "customer_credit": gettext_lazy("Customer credit"),
    "refunds_payable": gettext_lazy("Refunds payable"),
}
BILL_REASONS: dict[str, Promise] = {
    "subscription_started": gettext_lazy("Start of a subscription"),
    "period": gettext_lazy("End of a billing period"),
    "canceled": gettext_lazy("End of a subscription"),
}
MAIL_TONES = {"failed": "bad", "sent": "good", "queued": "", "sending": ""}


def fact_name(code: str) -> str:
    """A transaction's fact; one without a name here is shown by its code."""
    return str(FACTS.get(code, code.replace("_", " ")))


def account_name(code: str) -> str:
    """An account of the journal; taxes by their code."""
    kind, colon, tax = code.partition(":")
    if kind == "tax_payable" and colon:
        return fill(_("Tax payable ({code})"), {"code": tax})
    if kind == "clearing" and colon:
        return fill(_("Money at the gateway ({code})"), {"code": tax})
    return str(ACCOUNTS.get(code, code))


def bill_reason(code: str) -> str:
    """Why a bill was made."""
    return str(BILL_REASONS.get(code, code))


def transaction_rows(rows: Iterable[JournalRow]) -> list[dict[str, Any]]:
    """Transactions as tables show them: each entry with its account's name and its side."""
    return [
        {
            "row": row,
            "fact": fact_name(row.fact),
            "entries": [
                {"account": account_name(account), "side": side, "minor": minor} for account, side, minor in row.entries
            ],
        }
        for row in rows
    ]


def timeline_events(happenings: Iterable[Happening]) -> list[dict[str, Any]]:
    """Entries for the ``timeline`` component."""
    return [_event(each) for each in happenings]


def _event(each: Happening) -> dict[str, Any]:
    amount = "" if each.minor is None else format_amount(each.minor, each.currency)
    match each.kind:
        case "invoice":
            title = fill(_("Invoice {number} issued"), {"number": each.text})
            return {"title": title, "text": amount, "at": each.at, "tone": "info", "url": _url(each, "invoice")}
        case "credit_note":
            title = fill(_("Credit note {number} issued"), {"number": each.text})
            return {"title": title, "text": amount, "at": each.at, "tone": "warn", "url": _url(each, "credit_note")}
        case "mail":
            text = fill(_("Mail: {state}"), {"state": name_status(each.state)[0]})
            return {"title": each.text, "text": text, "at": each.at, "tone": MAIL_TONES.get(each.state, ""), "url": ""}
        case "subscription_started":
            title, tone = _("Subscription to {plan} started"), "good"
        case "subscription_ended":
            title, tone = _("Subscription to {plan} ended"), "bad"
        case _:
            title, tone = _("Subscription to {plan} will end"), "warn"
    title = fill(title, {"plan": active_name(each.names, each.text)})
    return {"title": title, "text": "", "at": each.at, "tone": tone, "url": _url(each, "subscription")}


def _url(each: Happening, kind: str) -> str:
    return reverse(f"console:{kind}", args=[show_id(kind, each.id)])


def aggregation_name(code: str, counted: str) -> str:
    """What a meter reads: ``sum, air_time`` → “sum of air_time”."""
    sentence = {
        "count": _("number of events"),
        "sum": _("sum of {property}"),
        "max": _("highest {property}"),
        "unique_count": _("different values of {property}"),
    }.get(code, code)
    return fill(sentence, {"property": counted})


def policy_words(policies: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Frozen policies as the settings page names them; one that it doesn't know by its code."""
    rows = []
    for code, value in policies.items():
        field = BillingForm.base_fields.get(code.replace(".", "_"))
        choices = dict(POLICY_CHOICES.get(code, []))
        rows.append((str(field.label) if field else code, str(choices.get(value, value))))
    return rows


def anchor_words(anchor: str) -> str:
    """Where the periods of a subscription begin."""
    sentence = {"anniversary": _("on the day it started"), "calendar": _("with the calendar")}.get(anchor)
    if sentence is not None:
        return sentence
    return fill(_("on day {day} of the month"), {"day": anchor}) if anchor.isdigit() else anchor
