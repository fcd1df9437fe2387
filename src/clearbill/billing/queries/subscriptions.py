"""Subscriptions as rows for the faces, and as ``core`` values for the engine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet

from clearbill.billing.models import Parked, Subscription
from clearbill.core import subscription as core
from clearbill.core.errors import NotFound
from clearbill.core.period import Calendar, Interval, Period, parse_anchor
from clearbill.core.policy import read_policies
from clearbill.core.price import Price
from clearbill.pricing.queries import prices_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """A subscription's row, its ``core`` value, and the ids of its prices by code."""

    row: Subscription
    value: core.Subscription
    price_ids: dict[str, UUID]


def subscription_by_id(subscription_id: UUID) -> Subscription:
    """The row; NotFound ``subscription_not_found``."""
    row = _rows().filter(id=subscription_id).first()
    if row is None:
        raise NotFound("subscription_not_found", "There is no such subscription.")
    return row


def subscriptions(
    *, customer_id: UUID | None = None, before: UUID | None = None, limit: int = 50
) -> list[Subscription]:
    """Rows, newest first, with plan version, plan and customer at hand."""
    rows = _rows().order_by("-id")
    if customer_id is not None:
        rows = rows.filter(customer_id=customer_id)
    if before is not None:
        rows = rows.filter(id__lt=before)
    return list(rows[:limit])


def parked_work(*, limit: int = 100) -> list[Parked]:
    """What the bill run couldn't bill and waits for a person, oldest first."""
    rows = Parked.objects.filter(resolved_at__isnull=True).select_related("subscription__customer")
    return list(rows.order_by("id")[:limit])


def agreements(rows: Sequence[Subscription]) -> list[Agreement]:
    """Rows with their ``core`` values; prices are read once per plan version."""
    prices = prices_of({row.plan_version_id for row in rows})
    return [_agreement(row, prices[row.plan_version_id]) for row in rows]


def calendar_of(row: Subscription) -> Calendar:
    """The billing calendar of a row whose ``plan_version`` is loaded."""
    return Calendar(
        interval=Interval(row.plan_version.interval),
        interval_count=row.plan_version.interval_count,
        anchor=parse_anchor(int(row.anchor) if row.anchor.isdigit() else row.anchor),
        timezone=row.timezone,
        started_at=row.started_at,
        unit=read_policies(row.policies).unit,
    )


def _rows() -> QuerySet[Subscription]:
    return Subscription.objects.select_related("plan_version__plan", "customer")


def _agreement(row: Subscription, prices: Iterable[tuple[UUID, Price]]) -> Agreement:
    pairs = list(prices)
    value = core.Subscription(
        calendar=calendar_of(row),
        prices=tuple(price for _id, price in pairs),
        state=core.SubscriptionState(row.state),
        period=Period(start=row.period_start, end=row.period_end),
        billed_start=row.billed_start,
        started_at=row.started_at,
        cancel_at=row.cancel_at,
        quantities={code: Decimal(text) for code, text in row.quantities.items()},
    )
    return Agreement(row=row, value=value, price_ids={price.code: price_id for price_id, price in pairs})
