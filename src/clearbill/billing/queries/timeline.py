"""What happened with a customer, from the rows of all rooms, newest first: billed, credited, mailed, subscribed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from clearbill.billing.models import CreditNote, Invoice, Subscription
from clearbill.mail.models import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One entry. ``kind`` says which: ``invoice``, ``credit_note``, ``mail``, ``subscription_started``,
    ``subscription_ending`` (``at`` lies ahead) or ``subscription_ended``. ``text`` is a number, a subject or a plan's code,
    ``names`` the plan's names by language.
    """

    kind: str
    at: datetime
    id: UUID
    text: str
    state: str = ""
    minor: int | None = None
    currency: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


def timeline(customer_id: UUID, *, limit: int = 30) -> list[Happening]:
    """The last happenings; the later in the list, the longer ago."""
    found = [*_invoices(customer_id, limit), *_notes(customer_id, limit), *_mails(customer_id, limit)]
    found += _subscriptions(customer_id, limit)
    return sorted(found, key=lambda each: (each.at, each.id), reverse=True)[:limit]


def invoice_timeline(invoice_id: UUID, *, limit: int = 30) -> list[Happening]:
    """The same for one invoice: its issue, its credit notes, its mails."""
    found = [_invoice(row) for row in Invoice.objects.filter(id=invoice_id)]
    found += [_note(row) for row in CreditNote.objects.filter(invoice_id=invoice_id).order_by("-sequence")[:limit]]
    found += [_mail(row) for row in Message.objects.filter(invoice_id=invoice_id).defer("html").order_by("-id")[:limit]]
    return sorted(found, key=lambda each: (each.at, each.id), reverse=True)[:limit]


def _invoices(customer_id: UUID, limit: int) -> list[Happening]:
    rows = Invoice.objects.filter(customer_id=customer_id).defer("document").order_by("-sequence")
    return [_invoice(row) for row in rows[:limit]]


def _notes(customer_id: UUID, limit: int) -> list[Happening]:
    rows = CreditNote.objects.filter(customer_id=customer_id).defer("document").order_by("-sequence")
    return [_note(row) for row in rows[:limit]]


def _mails(customer_id: UUID, limit: int) -> list[Happening]:
    rows = Message.objects.filter(customer_id=customer_id).defer("text", "html").order_by("-id")
    return [_mail(row) for row in rows[:limit]]


def _subscriptions(customer_id: UUID, limit: int) -> list[Happening]:
    found = []
    rows = Subscription.objects.filter(customer_id=customer_id).select_related("plan_version__plan").order_by("-id")
    for row in rows[:limit]:
        plan = row.plan_version.plan
        instants = [("subscription_started", row.started_at)]
        if row.ended_at is not None:
            instants.append(("subscription_ended", row.ended_at))
        elif row.cancel_at is not None:
            instants.append(("subscription_ending", row.cancel_at))
        found += [Happening(kind=kind, at=at, id=row.id, text=plan.code, names=plan.name) for kind, at in instants]
    return found


def _invoice(row: Invoice) -> Happening:
    return Happening(
        kind="invoice", at=row.issued_at, id=row.id, text=row.number, minor=row.total_minor, currency=row.currency
    )


def _note(row: CreditNote) -> Happening:
    return Happening(
        kind="credit_note", at=row.issued_at, id=row.id, text=row.number, minor=row.total_minor, currency=row.currency
    )


def _mail(row: Message) -> Happening:
    return Happening(kind="mail", at=row.at, id=row.id, text=row.subject, state=row.state)
