"""Subscribe and cancel. What falls due is billed by the bill run; an immediate end is billed here, by the same code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from clearbill.billing.actions.bills import Bill, BilledCharge, write_bills
from clearbill.billing.actions.credits import credit_unused
from clearbill.billing.actions.drafts import cut_waiting_fees, draft_of, save_drafts
from clearbill.billing.models import Subscription
from clearbill.billing.queries.subscriptions import Agreement, agreements, subscription_by_id
from clearbill.core import subscription as core
from clearbill.core.errors import Conflict, Unacceptable
from clearbill.core.period import Calendar, Interval, parse_anchor
from clearbill.core.policy import Unused, check_policies, invoice_policies, read_policies, resolve_policies
from clearbill.core.subscription import TerminationDay
from clearbill.customers.queries import customer_by_id
from clearbill.outbox.actions import record_facts
from clearbill.pricing.queries import plan_version_at, prices_of
from clearbill.scope.ids import new_id, show_id
from clearbill.scope.seller import current_seller
from clearbill.sellers.actions import record_audit
from clearbill.sellers.queries import seller_by_id


def subscribe(
    *,
    customer_id: UUID,
    plan_code: str,
    anchor: str | int = "anniversary",
    started_at: datetime | None = None,
    external_id: str = "",
    quantities: Mapping[str, Decimal] | None = None,
    policies: Mapping[str, object] | None = None,
    at: datetime,
    actor: str,
) -> Subscription:
    """Start a subscription to the plan's version in force at its start; its first fees fall due at once.

    ``anchor`` takes the forms of the scenario files. Raises NotFound for another seller's customer or plan,
    Conflict ``subscription_exists`` for an external id used before, Unacceptable ``start_in_future``.
    """
    starts = at if started_at is None else started_at
    if starts > at:
        raise Unacceptable("start_in_future", "A subscription can't start in the future yet.", field="started_at")
    customer = customer_by_id(customer_id)
    seller = seller_by_id(current_seller())
    version = plan_version_at(plan_code, starts)
    frozen = resolve_policies(seller.policies, version.policies, customer.policies, check_policies(policies or {}))
    if external_id and Subscription.objects.filter(external_id=external_id).exists():
        raise Conflict("subscription_exists", "There is a subscription with the id “{id}” already.", id=external_id)
    calendar = Calendar(
        interval=Interval(version.interval),
        interval_count=version.interval_count,
        anchor=parse_anchor(anchor),
        timezone=customer.timezone or seller.timezone,
        started_at=starts,
        unit=read_policies(frozen).unit,
    )
    prices = tuple(price for _id, price in prices_of({version.id})[version.id])
    value = core.start(calendar=calendar, prices=prices, quantities=quantities or {})
    row = Subscription.objects.create(
        id=new_id(at),
        seller_id=seller.id,
        customer=customer,
        external_id=external_id,
        plan_version=version,
        currency=version.currency,
        anchor=str(anchor),
        timezone=calendar.timezone,
        policies=frozen,
        quantities={code: str(quantity) for code, quantity in (quantities or {}).items()},
        started_at=starts,
        period_start=value.period.start,
        period_end=value.period.end,
        due_at=core.due_at(value),
        created_at=at,
    )
    record_facts([("subscription.started", _fact(row))], at=at)
    record_audit(
        "subscription.start",
        object_id=show_id("subscription", row.id),
        data={"plan": plan_code},
        actor=actor,
        at=at,
    )
    return row


def cancel(
    subscription_id: UUID,
    *,
    timing: str = "at_period_end",
    policies: Mapping[str, object] | None = None,
    bills_wait: bool = False,
    at: datetime,
    actor: str,
) -> Subscription:
    """End a subscription at its period's end, or ``immediately``: what is owed is billed, what is unused is credited.

    An immediate end is billed here, when there's no grace to wait out; with ``bills_wait`` the next bill run does it, so
    that what else falls due at this instant is on the same invoice.
    Raises Conflict ``subscription_canceled`` when it's over, ``bill_run_behind`` when a bill is due but not written yet.
    """
    if timing not in ("at_period_end", "immediately"):
        raise Unacceptable("unknown_timing", "The timing is “at_period_end” or “immediately”.", field="timing")
    agreement = _locked(subscription_id)
    core.refuse_canceled(agreement.value)
    row = agreement.row
    waits_for_first_bill = timing == "at_period_end" and not row.billed_start and row.period_end > at
    if row.due_at is not None and row.due_at <= at and not waits_for_first_bill:
        raise _behind()
    if timing == "at_period_end":
        row.cancel_at = row.period_end
        row.save(update_fields=["cancel_at"])
    else:
        frozen = {**row.policies, **check_policies(policies or {})}
        _end_now(agreement, policies=frozen, bills_wait=bills_wait, at=at, actor=actor)
    record_facts(
        [("subscription.cancel_scheduled" if row.ended_at is None else "subscription.canceled", _fact(row))],
        at=at,
    )
    record_audit(
        "subscription.cancel",
        object_id=show_id("subscription", row.id),
        data={"timing": timing},
        actor=actor,
        at=at,
    )
    return row


def uncancel(subscription_id: UUID, *, at: datetime, actor: str) -> Subscription:
    """Take back a cancellation that hasn't happened yet.

    Raises Conflict ``subscription_canceled`` when it has, ``bill_run_behind`` when it's due and not carried out yet.
    """
    agreement = _locked(subscription_id)
    core.refuse_canceled(agreement.value)
    row = agreement.row
    if row.cancel_at is not None and row.cancel_at <= at:
        raise _behind()
    row.cancel_at = None
    row.save(update_fields=["cancel_at"])
    record_facts([("subscription.uncanceled", _fact(row))], at=at)
    record_audit("subscription.uncancel", object_id=show_id("subscription", row.id), data={}, actor=actor, at=at)
    return row


def _end_now(
    agreement: Agreement, *, policies: Mapping[str, object], bills_wait: bool, at: datetime, actor: str
) -> None:
    chosen = read_policies(policies)
    end = core.end_now(agreement.value, at=at, termination_day=TerminationDay(chosen.termination_day))
    row = agreement.row
    if chosen.unused is Unused.CREDIT:
        cut_waiting_fees(row, unused_from=end.unused_from)
        credit_unused(row, unused_from=end.unused_from, at=at, actor=actor)
    if end.charges:
        bill = Bill(
            customer_id=row.customer_id,
            currency=row.currency,
            reason="canceled",
            fell_due_at=at,
            issued_at=at + timedelta(hours=chosen.grace_hours),
            policies=invoice_policies(row.policies),
            charges=tuple(
                BilledCharge(
                    charge=charge,
                    subscription_id=row.id,
                    price_id=agreement.price_ids[charge.price.code],
                    timezone=row.timezone,
                    unit=agreement.value.calendar.unit,
                )
                for charge in end.charges
            ),
        )
        if bills_wait or bill.issued_at > at:
            save_drafts([draft_of(bill)])
        else:
            write_bills([bill])
    row.state, row.cancel_at, row.ended_at, row.due_at = "canceled", at, at, None
    row.save(update_fields=["state", "cancel_at", "ended_at", "due_at"])


def _behind() -> Conflict:
    return Conflict("bill_run_behind", "A bill of this subscription is being written. Try again in a moment.")


def _locked(subscription_id: UUID) -> Agreement:
    Subscription.objects.select_for_update(no_key=True).filter(id=subscription_id).first()
    return agreements([subscription_by_id(subscription_id)])[0]


def _fact(row: Subscription) -> dict[str, object]:
    return {
        "subscription": show_id("subscription", row.id),
        "customer": show_id("customer", row.customer_id),
        "state": row.state,
    }
