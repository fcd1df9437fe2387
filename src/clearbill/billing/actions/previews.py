"""Previews: what the next bill run would write for a customer, calculated by the same code, with nothing written.

It stands among the actions because it calls the bill run's own planning; what a preview shows at an instant is what an
invoice says at that instant, as long as no more usage comes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from clearbill.billing.actions import bill_run
from clearbill.billing.actions.bills import Calculated, calculate
from clearbill.billing.actions.drafts import pending_bills
from clearbill.billing.models import Draft, Subscription
from clearbill.billing.queries.subscriptions import agreements, subscription_by_id
from clearbill.core.errors import Unacceptable
from clearbill.customers.queries import customer_by_id

MAX_AHEAD = timedelta(days=400)


def preview_customer(customer_id: UUID, *, until: datetime | None = None, at: datetime) -> list[Calculated]:
    """The bills of a customer that fall due up to ``until``, else at the next instant at which any does; oldest first.

    Bills that wait out their grace are among them. Raises NotFound ``customer_not_found`` and Unacceptable
    ``preview_too_far``.
    """
    customer_by_id(customer_id)
    rows = list(_subscriptions().filter(customer_id=customer_id))
    drafts = list(Draft.objects.filter(customer_id=customer_id))
    return _preview(rows, drafts, until=until, at=at)


def preview_subscription(subscription_id: UUID, *, until: datetime | None = None, at: datetime) -> list[Calculated]:
    """The same for one subscription by itself; without drafts, which may hold several subscriptions."""
    row = subscription_by_id(subscription_id)
    return _preview(list(_subscriptions().filter(id=row.id)), [], until=until, at=at)


def _preview(
    rows: Sequence[Subscription], drafts: Sequence[Draft], *, until: datetime | None, at: datetime
) -> list[Calculated]:
    if until is not None and until > at + MAX_AHEAD:
        raise Unacceptable(
            "preview_too_far", "A preview goes {limit} days ahead at most.", field="until", limit=MAX_AHEAD.days
        )
    instants = [row.due_at for row in rows if row.due_at] + [draft.finalize_at for draft in drafts]
    horizon = min(instants, default=None) if until is None else until
    if horizon is None:
        return []
    due = [row for row in rows if row.due_at is not None and row.due_at <= horizon]
    plan = bill_run.plan_due(agreements(due), horizon=horizon)
    waiting = pending_bills([draft for draft in drafts if draft.finalize_at <= horizon])
    bills = sorted([*plan.bills, *plan.drafts, *waiting], key=lambda bill: (bill.issued_at, bill.fell_due_at))
    return [each for each in calculate(bills) if each.invoice.lines]


def _subscriptions() -> QuerySet[Subscription]:
    return Subscription.objects.select_related("plan_version", "customer").filter(due_at__isnull=False).order_by("id")
