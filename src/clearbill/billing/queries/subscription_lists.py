"""Lists of subscriptions, narrowed to a state or a search; rows come with plan version, plan and customer."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from clearbill.billing.models import Draft, Subscription
from clearbill.core.errors import NotFound

STATES = ("active", "ending", "canceled")


def subscriptions_page(
    *, state: str = "", search: str = "", before: UUID | None = None, limit: int = 50
) -> list[Subscription]:
    """Rows, newest first. ``state`` is one of STATES; ``search`` is part of a customer's name, a plan's code or an id."""
    rows = Subscription.objects.select_related("plan_version__plan", "customer").order_by("-id")
    if state == "canceled":
        rows = rows.filter(state="canceled")
    elif state in STATES:
        rows = rows.filter(state="active", cancel_at__isnull=state == "active")
    if search:
        rows = rows.filter(
            Q(customer__name__icontains=search)
            | Q(plan_version__plan__code__icontains=search)
            | Q(external_id__icontains=search)
        )
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows[:limit])


def draft_by_id(draft_id: UUID) -> Draft:
    """A bill that waits, its customer at hand. Raises NotFound ``draft_not_found``."""
    row = Draft.objects.select_related("customer").filter(id=draft_id).first()
    if row is None:
        raise NotFound("draft_not_found", "There is no such draft; it may have become an invoice.")
    return row
