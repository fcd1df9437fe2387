"""What an action would do, found by doing it and taking it back: a cancellation, a credit note, a draft.

Nothing is estimated: the same code writes the rows in a savepoint that is rolled back, so what is shown is what happens
when it's done at the same instant.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from clearbill.billing.actions.bills import Calculated, calculate
from clearbill.billing.actions.credits import credit_invoice
from clearbill.billing.actions.drafts import pending_bills
from clearbill.billing.actions.previews import preview_subscription
from clearbill.billing.actions.subscriptions import cancel
from clearbill.billing.models import CreditNote, Draft, Invoice

DRY = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What an end of a subscription brings: frozen documents of bills and credit notes, and bills that come later."""

    at: datetime
    bills: tuple[Mapping[str, Any], ...]
    credits: tuple[Mapping[str, Any], ...]
    later: tuple[Calculated, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteForeseen:
    """A credit note that isn't issued: its document, and what it pays of the invoice's open amount."""

    document: Mapping[str, Any]
    applied_minor: int
    rest_minor: int


def preview_cancel(subscription_id: UUID, *, timing: str, at: datetime) -> Ending:
    """What ``subscriptions.cancel`` would bill and credit. Raises what it raises."""
    with _taken_back():
        bill, note = _last_number(Invoice), _last_number(CreditNote)
        row = cancel(subscription_id, timing=timing, at=at, actor=DRY)
        if timing == "at_period_end":
            later = preview_subscription(subscription_id, at=at)
            return Ending(at=row.cancel_at or at, bills=(), credits=(), later=tuple(later))
        bills = Invoice.objects.filter(customer_id=row.customer_id, sequence__gt=bill).order_by("sequence")
        notes = CreditNote.objects.filter(customer_id=row.customer_id, sequence__gt=note).order_by("sequence")
        waiting = Draft.objects.filter(customer_id=row.customer_id, fell_due_at=at, reason=row.state)
        return Ending(
            at=at,
            bills=tuple(json.loads(each.document) for each in bills),
            credits=tuple(json.loads(each.document) for each in notes),
            later=tuple(calculate(pending_bills(list(waiting)))),
        )


def preview_credit(invoice_id: UUID, *, lines: Mapping[int, int], reason: str, at: datetime) -> NoteForeseen:
    """The note that ``credits.credit_invoice`` would issue. Raises what it raises."""
    with _taken_back():
        before = Invoice.objects.select_related("state").get(id=invoice_id).state.due_minor
        note = credit_invoice(invoice_id, lines=lines, reason=reason, at=at, actor=DRY)
        applied = min(before, note.total_minor)
        return NoteForeseen(
            document=json.loads(note.document), applied_minor=applied, rest_minor=note.total_minor - applied
        )


def preview_draft(draft: Draft) -> Calculated:
    """The bill of a draft with the usage that came in so far."""
    return calculate(pending_bills([draft]))[0]


def _last_number(kind: type[Invoice] | type[CreditNote]) -> int:
    found = kind.objects.order_by("-sequence").values_list("sequence", flat=True).first()
    return int(found or 0)


@contextmanager
def _taken_back() -> Iterator[None]:
    with transaction.atomic():
        yield
        transaction.set_rollback(True)
