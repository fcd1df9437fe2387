"""Subscriptions: start, cancel, take a cancellation back. Their bills are written by the bill run."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Body, Query, Router
from pydantic import Field, WithJsonSchema

from clearbill.billing.actions import subscriptions as actions
from clearbill.billing.queries import subscriptions as queries
from clearbill.core.period import parse_anchor
from clearbill.scope.ids import read_id, show_id
from clearbill.web.api.customers import customer_of, optional_customer_of
from clearbill.web.api.doors import acts, reads
from clearbill.web.api.shapes import (
    Asked,
    Cursor,
    DecimalText,
    Given,
    Instant,
    InstantText,
    Limit,
    Page,
    Policies,
    Quantity,
    Reference,
    Shown,
    checked,
    instant_text,
    optional_instant_text,
    page_of,
    read_cursor,
)

router = Router(tags=["Subscriptions"])


def _anchor(value: object) -> object:
    parse_anchor(value if isinstance(value, str | int) else str(value), field="")
    return value


Anchor = Annotated[
    Any,
    checked(_anchor),
    WithJsonSchema(
        {
            "type": ["string", "integer"],
            "description": "Where periods begin: `anniversary`, `calendar`, a day of month from 1 to 31, a weekday such "
            "as `monday`, or a month and day such as `06-15`.",
            "examples": ["calendar"],
        }
    ),
]


class NewSubscription(Given):
    """An agreement to a plan's version in force at its start."""

    customer: Reference
    plan: str = Field(min_length=1, max_length=64, description="The plan's code.", examples=["team"])
    external_id: str = Field("", max_length=128, description="Your own name for it.", examples=["acme-team"])
    started_at: Instant | None = Field(None, description="Left out: now. Not in the future.")
    anchor: Anchor = "anniversary"
    quantities: dict[str, Quantity] = Field(
        default_factory=dict, description="Quantities of prices that take one, by code.", examples=[{"seats": "5"}]
    )
    policies: Policies = Field(default_factory=dict)


class Cancellation(Given):
    """How a subscription is to end."""

    timing: Literal["at_period_end", "immediately"] = Field(
        "at_period_end",
        description="`immediately` bills what is owed and credits what was paid in advance and not used.",
    )
    policies: Policies = Field(default_factory=dict, description="For an immediate end.", examples=[{"unused": "keep"}])


# a cancellation without a body is one at the period's end
_AT_PERIOD_END = Body(default=Cancellation())


class Subscription(Shown):
    """A subscription."""

    id: str = Field(examples=["sub_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    external_id: str
    customer: str = Field(examples=["cus_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    plan: str = Field(examples=["team"])
    plan_version: str = Field(examples=["plv_01jh7q2v8s1k8m5c4w2x6y9z3b"])
    state: str = Field(description="`active` or `canceled`.")
    currency: str
    anchor: str
    timezone: str
    quantities: dict[str, DecimalText]
    policies: dict[str, str | int] = Field(description="All policies, as frozen at the start.")
    started_at: InstantText
    period_start: InstantText
    period_end: InstantText = Field(description="The period is from its start up to, and without, its end.")
    cancel_at: InstantText | None
    ended_at: InstantText | None
    due_at: InstantText | None = Field(description="When the next bill falls due.")
    created_at: InstantText


class SubscriptionsAsked(Asked):
    """Which subscriptions."""

    customer: Reference | None = None
    cursor: Cursor | None = None
    limit: Limit = 50


@acts(router, "/subscriptions", gives=Subscription, status=201, may="manage_subscriptions")
def create_subscription(request: HttpRequest, body: NewSubscription) -> Subscription:
    """Start a subscription.

    Its first fees fall due at once; the bill run writes the invoice.
    """
    row = actions.subscribe(
        customer_id=customer_of(body.customer),
        plan_code=body.plan,
        anchor=body.anchor,
        started_at=body.started_at,
        external_id=body.external_id,
        quantities=body.quantities,
        policies=body.policies,
        at=request.at,
        actor=request.actor,
    )
    return show_subscription(row)


@reads(router, "/subscriptions", gives=Page[Subscription])
def list_subscriptions(request: HttpRequest, asked: Query[SubscriptionsAsked]) -> Page[Subscription]:
    """List subscriptions, newest first."""
    rows = queries.subscriptions(
        customer_id=optional_customer_of(asked.customer),
        before=read_cursor("subscription", asked.cursor),
        limit=asked.limit,
    )
    return page_of(rows, limit=asked.limit, show=show_subscription, cursor=lambda row: show_id("subscription", row.id))


@reads(router, "/subscriptions/{subscription_id}", gives=Subscription)
def get_subscription(request: HttpRequest, subscription_id: str) -> Subscription:
    """Get a subscription."""
    return show_subscription(queries.subscription_by_id(read_id("subscription", subscription_id)))


@acts(router, "/subscriptions/{subscription_id}/cancel", gives=Subscription, may="manage_subscriptions")
def cancel_subscription(
    request: HttpRequest, subscription_id: str, body: Cancellation = _AT_PERIOD_END
) -> Subscription:
    """Cancel a subscription, at its period's end or now."""
    row = actions.cancel(
        read_id("subscription", subscription_id),
        timing=body.timing,
        policies=body.policies,
        at=request.at,
        actor=request.actor,
    )
    return show_subscription(row)


@acts(router, "/subscriptions/{subscription_id}/uncancel", gives=Subscription, may="manage_subscriptions")
def uncancel_subscription(request: HttpRequest, subscription_id: str) -> Subscription:
    """Take back a cancellation that hasn't happened yet."""
    key = read_id("subscription", subscription_id)
    return show_subscription(actions.uncancel(key, at=request.at, actor=request.actor))


def show_subscription(row: Any) -> Subscription:
    """A subscription on the wire; its plan version and plan are at hand."""
    return Subscription(
        id=show_id("subscription", row.id),
        external_id=row.external_id,
        customer=show_id("customer", row.customer_id),
        plan=row.plan_version.plan.code,
        plan_version=show_id("plan_version", row.plan_version_id),
        state=row.state,
        currency=row.currency,
        anchor=row.anchor,
        timezone=row.timezone,
        quantities=row.quantities,
        policies=row.policies,
        started_at=instant_text(row.started_at),
        period_start=instant_text(row.period_start),
        period_end=instant_text(row.period_end),
        cancel_at=optional_instant_text(row.cancel_at),
        ended_at=optional_instant_text(row.ended_at),
        due_at=optional_instant_text(row.due_at),
        created_at=instant_text(row.created_at),
    )
