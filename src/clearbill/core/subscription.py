"""What falls due on a subscription, and when: fees in advance, fees in arrears, usage windows, the end.

The life of a subscription, as far as bills go:

    started_at ── fees in advance of the first period
    period.end ── fees in arrears and usage of the period that ended; fees in advance of the next one
    cancel_at  ── fees in arrears and usage up to there; nothing after
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from clearbill.core.errors import Conflict, Unacceptable
from clearbill.core.period import (
    Calendar,
    Period,
    ProrationUnit,
    day_edge,
    first_period,
    next_period,
    whole_of,
)
from clearbill.core.price import BillTiming, Model, Price


class SubscriptionState(StrEnum):
    """``canceled`` is final."""

    ACTIVE = "active"
    CANCELED = "canceled"


class TerminationDay(StrEnum):
    """Whether the day of an immediate end is paid for."""

    BILLED = "billed"
    FREE = "free"


class ChargeKind(StrEnum):
    """``fee``: owed for time; ``usage``: owed for what a meter counted."""

    FEE = "fee"
    USAGE = "usage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A subscription's place in its calendar. ``billed_start`` says that its first fees in advance fell due already."""

    calendar: Calendar
    prices: tuple[Price, ...]
    state: SubscriptionState
    period: Period
    billed_start: bool
    started_at: datetime
    cancel_at: datetime | None
    quantities: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One price that fell due.

    ``period`` is what it's for and ``whole`` what a full one would be (equal unless it's a part period). A usage charge
    has a ``window`` of event times, which is its period, and its quantity comes from the meter; a fee has ``quantity``.
    """

    price: Price
    kind: ChargeKind
    period: Period
    whole: Period
    window: Period | None
    quantity: Decimal | None
    in_advance: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """What falls due at ``at``, why, and the subscription afterwards."""

    at: datetime
    reason: str
    charges: tuple[Charge, ...]
    after: Subscription


def start(
    *,
    calendar: Calendar,
    prices: tuple[Price, ...],
    quantities: Mapping[str, Decimal],
) -> Subscription:
    """A new subscription at the start of its calendar. Refuses quantities for prices that take none."""
    for code, quantity in quantities.items():
        price = next((price for price in prices if price.code == code), None)
        if price is None or price.meter is not None or price.model is Model.FLAT:
            raise Unacceptable(
                "unknown_quantity",
                "The plan has no price “{code}” that takes a quantity.",
                field=f"quantities.{code}",
                code=code,
            )
        if quantity < 0:
            raise Unacceptable(
                "negative_quantity",
                "The quantity of “{code}” is below zero.",
                field=f"quantities.{code}",
                code=code,
            )
    return Subscription(
        calendar=calendar,
        prices=prices,
        state=SubscriptionState.ACTIVE,
        period=first_period(calendar),
        billed_start=False,
        started_at=calendar.started_at,
        cancel_at=None,
        quantities=quantities,
    )


def due_at(subscription: Subscription) -> datetime | None:
    """The next instant at which something falls due; None once canceled."""
    if subscription.state is SubscriptionState.CANCELED:
        return None
    if not subscription.billed_start:
        return subscription.started_at
    if subscription.cancel_at is not None:
        return min(subscription.cancel_at, subscription.period.end)
    return subscription.period.end


def due(subscription: Subscription) -> Due | None:
    """What falls due at :func:`due_at`."""
    at = due_at(subscription)
    if at is None:
        return None
    if not subscription.billed_start:
        return Due(
            at=at,
            reason="subscription_started",
            charges=_in_advance(subscription, subscription.period),
            after=replace(subscription, billed_start=True),
        )
    ended = _in_arrears(subscription, subscription.period, until=at)
    if subscription.cancel_at is not None and subscription.cancel_at <= at:
        return Due(
            at=at,
            reason="canceled",
            charges=ended,
            after=replace(subscription, state=SubscriptionState.CANCELED),
        )
    following = next_period(subscription.calendar, subscription.period)
    return Due(
        at=at,
        reason="period",
        charges=_in_plan_order(subscription, ended + _in_advance(subscription, following)),
        after=replace(subscription, period=following),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """An immediate end: the last charges, and from when on fees paid in advance were not used."""

    charges: tuple[Charge, ...]
    unused_from: datetime
    after: Subscription


def end_now(subscription: Subscription, *, at: datetime, termination_day: TerminationDay) -> End:
    """End ``subscription`` at ``at``: fees in arrears to the day's edge, usage to the instant whatever the edge.

    Raises Conflict ``subscription_canceled`` when it's over already.
    """
    refuse_canceled(subscription)
    calendar = subscription.calendar
    edge = at
    if calendar.unit is not ProrationUnit.SECOND:
        edge = day_edge(at, calendar.timezone, upper=termination_day is TerminationDay.BILLED)
    edge = min(max(edge, subscription.period.start), subscription.period.end)
    return End(
        charges=_in_arrears(subscription, Period(start=subscription.period.start, end=edge), until=at),
        unused_from=edge,
        after=replace(subscription, state=SubscriptionState.CANCELED, cancel_at=at),
    )


def refuse_canceled(subscription: Subscription) -> None:
    """Raise Conflict ``subscription_canceled`` when it's over."""
    if subscription.state is SubscriptionState.CANCELED:
        raise Conflict("subscription_canceled", "This subscription has ended already; start a new one instead.")


def _in_advance(subscription: Subscription, period: Period) -> tuple[Charge, ...]:
    return tuple(
        _fee(subscription, price, period, in_advance=True)
        for price in subscription.prices
        if price.meter is None and price.bill is BillTiming.IN_ADVANCE
    )


def _in_arrears(subscription: Subscription, period: Period, *, until: datetime) -> tuple[Charge, ...]:
    """Fees of ``period`` and usage from its start to ``until``; of an empty span nothing is owed."""
    window = Period(start=max(period.start, subscription.started_at), end=until)
    charges = []
    for price in subscription.prices:
        if price.meter is not None and window.start < window.end:
            charges.append(_usage(subscription, price, window))
        elif price.meter is None and price.bill is BillTiming.IN_ARREARS and period.start < period.end:
            charges.append(_fee(subscription, price, period, in_advance=False))
    return tuple(charges)


def _in_plan_order(subscription: Subscription, charges: tuple[Charge, ...]) -> tuple[Charge, ...]:
    """As the plan lists its prices, whether they're for the period before or for the next."""
    places = {price.code: place for place, price in enumerate(subscription.prices)}
    return tuple(sorted(charges, key=lambda charge: (places[charge.price.code], charge.period.start)))


def _fee(subscription: Subscription, price: Price, period: Period, *, in_advance: bool) -> Charge:
    quantity = subscription.quantities.get(price.code, price.quantity)
    return Charge(
        price=price,
        kind=ChargeKind.FEE,
        period=period,
        whole=_whole(subscription, period),
        window=None,
        quantity=Decimal(1) if quantity is None else quantity,
        in_advance=in_advance,
    )


def _usage(subscription: Subscription, price: Price, window: Period) -> Charge:
    """The period of a usage line is its window: what opened and closed it to events, to the instant."""
    return Charge(
        price=price,
        kind=ChargeKind.USAGE,
        period=window,
        whole=whole_of(subscription.calendar, subscription.period),
        window=window,
        quantity=None,
        in_advance=False,
    )


def _whole(subscription: Subscription, period: Period) -> Period:
    """A cut period is measured by the whole of the period that it was cut from."""
    uncut = subscription.period if period.start == subscription.period.start else period
    return whole_of(subscription.calendar, uncut)
