"""The bill run: all due work of a seller, in the order of its instants, in batches of one transaction each.

A batch claims customers (``SKIP LOCKED``: a second worker takes others), plays their calendars forward to the batch's
horizon, rates everything in a few set queries, and writes. A second, late or restarted run finds nothing left to do:
what is due lives in ``subscription.due_at``, and it moves in the transaction that writes the invoice.
"""

from __future__ import annotations

import heapq
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from clearbill.billing.actions.bills import REASONS, Bill, BilledCharge, write_bills
from clearbill.billing.actions.deferrals import recognise
from clearbill.billing.actions.drafts import (
    draft_of,
    locked_drafts,
    one_for_each_instant,
    pending_bills,
    save_drafts,
)
from clearbill.billing.actions.parked import park
from clearbill.billing.models import Deferral, Draft, Subscription
from clearbill.billing.queries.subscriptions import Agreement, agreements
from clearbill.core import subscription as core
from clearbill.core.policy import invoice_policies, read_policies
from clearbill.customers.models import Customer
from clearbill.outbox.actions import record_facts
from clearbill.scope.ids import show_id
from clearbill.scope.seller import seller_scope
from clearbill.sellers.queries import seller_by_id

log = logging.getLogger("clearbill.billing")
BATCH_SUBSCRIPTIONS = 2_000
HORIZON = timedelta(days=31)
DEFERRAL_BATCH = 2_000
WORKERS_AT_ONCE = 8  # more than so many would find nothing to do at one instant

_DUE = """
    SELECT s.customer_id, s.due_at AS at FROM billing_subscription s
    WHERE s.seller_id = %(seller)s AND s.due_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM billing_parked p WHERE p.subscription_id = s.id AND p.resolved_at IS NULL)
    UNION ALL
    SELECT d.customer_id, d.finalize_at FROM billing_draft d
    WHERE d.seller_id = %(seller)s AND NOT EXISTS (
        SELECT FROM billing_parked p WHERE p.id = d.parked_id AND p.resolved_at IS NULL)
"""


@dataclass(slots=True, kw_only=True)
class RunReport:
    """What a run did. ``parked`` are subscriptions that wait for a person."""

    invoices: int = 0
    drafts: int = 0
    parked: int = 0
    recognised: int = 0


@dataclass(slots=True, kw_only=True)
class DuePlan:
    """What falls due in a batch, by the instant of finalisation; and the subscriptions as they'll be."""

    bills: list[Bill] = field(default_factory=list)
    drafts: list[Bill] = field(default_factory=list)
    after: dict[UUID, Agreement] = field(default_factory=dict)


def run_due(seller_id: UUID, *, at: datetime, progress: Callable[[int], None] | None = None) -> RunReport:
    """Do all of a seller's due work up to and including ``at``. ``progress`` hears of each batch's invoices.

    Must be called outside of a transaction: each batch commits by itself.
    """
    report = RunReport()
    while True:
        with seller_scope(seller_id):
            horizon = _horizon(seller_id, at=at)
        if horizon is None:
            return report
        done = _run_batch(seller_id, horizon=horizon, at=at, report=report)
        if progress is not None and done:
            progress(done)
        recognised = _recognise_due(seller_id, at=horizon)
        report.recognised += recognised
        if not done and not recognised:
            return report  # another worker holds what's left, and will finish it


def next_due_at(seller_id: UUID) -> datetime | None:
    """The next instant at which something falls due for a seller; None when nothing ever will."""
    with seller_scope(seller_id), connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT LEAST(
                (SELECT at FROM ({_DUE}) due ORDER BY at LIMIT 1),
                (SELECT min(due_at) FROM billing_deferral WHERE seller_id = %(seller)s AND due_at IS NOT NULL))
            """,
            {"seller": seller_id},
        )
        row = cursor.fetchone()
        return row[0] if row else None


def _horizon(seller_id: UUID, *, at: datetime) -> datetime | None:
    """How far a batch goes: a bounded step from the first due instant, and a bounded number of subscriptions and drafts.

    Only where more than that fall due at the very first instant, a batch takes a part of what is due at its horizon.
    """
    first = next_due_at(seller_id)
    if first is None or first > at:
        return None
    horizon = min(at, first + HORIZON)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT at FROM ({_DUE}) due WHERE at <= %(to)s ORDER BY at OFFSET %(bound)s LIMIT 1",
            {"seller": seller_id, "to": horizon, "bound": BATCH_SUBSCRIPTIONS},
        )
        row = cursor.fetchone()
    return horizon if row is None else max(first, row[0] - timedelta.resolution)


def _run_batch(seller_id: UUID, *, horizon: datetime, at: datetime, report: RunReport) -> int:
    """One batch; when the database refuses it, its customers one by one, so that only the bad one is parked."""
    try:
        return _bill_customers(seller_id, horizon=horizon, report=report)
    except (OperationalError, InterfaceError):
        raise  # the database went away, or asks for the whole batch again: nobody's subscription is to blame
    except Exception:
        log.exception("a batch was refused; its customers are billed one by one", extra={"seller": str(seller_id)})
        with seller_scope(seller_id):
            customers = _due_customers(seller_id, horizon=horizon)
    done = 0
    for customer_id in customers:
        try:
            done += _bill_customers(seller_id, horizon=horizon, report=report, only=customer_id)
        except (OperationalError, InterfaceError):
            raise
        except Exception as problem:
            log.exception("a customer's due work was parked", extra={"customer": str(customer_id)})
            with seller_scope(seller_id):
                park(customer_id, horizon=horizon, problem=problem, at=at)
            report.parked += 1
            done += 1
    return done


def _bill_customers(seller_id: UUID, *, horizon: datetime, report: RunReport, only: UUID | None = None) -> int:
    with seller_scope(seller_id):
        customers = _claim(seller_id, horizon=horizon, only=only)
        rows = _locked_subscriptions(customers, horizon=horizon)
        waiting = locked_drafts(customers, horizon=horizon)
        plan = plan_due(agreements(rows), horizon=horizon)
        written = write_bills(one_for_each_instant([*plan.bills, *pending_bills(waiting)]))
        save_drafts([draft_of(bill) for bill in plan.drafts])
        Draft.objects.filter(id__in=[row.id for row in waiting]).delete()
        _advance(list(plan.after.values()))
    report.invoices += len(written)
    report.drafts += len(plan.drafts)
    return len(rows) + len(waiting)


def _due_customers(seller_id: UUID, *, horizon: datetime) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT DISTINCT customer_id FROM ({_DUE}) due WHERE at <= %(to)s ORDER BY customer_id LIMIT %(bound)s",
            {"seller": seller_id, "to": horizon, "bound": WORKERS_AT_ONCE * BATCH_SUBSCRIPTIONS},
        )
        return [row[0] for row in cursor.fetchall()]


def _claim(seller_id: UUID, *, horizon: datetime, only: UUID | None) -> list[UUID]:
    """Lock customers with due work that nobody else holds: one customer's due work is never split."""
    wanted = [only] if only is not None else _due_customers(seller_id, horizon=horizon)
    locked = Customer.objects.select_for_update(skip_locked=True, no_key=True).filter(id__in=wanted).order_by("id")
    return list(locked.values_list("id", flat=True)[:BATCH_SUBSCRIPTIONS])


def _locked_subscriptions(customers: Sequence[UUID], *, horizon: datetime) -> list[Subscription]:
    """What is due of ``customers``, read once nobody else can end it or take its end back meanwhile."""
    return list(
        Subscription.objects.select_for_update(no_key=True, of=("self",))
        .select_related("plan_version", "customer")
        .filter(customer_id__in=customers, due_at__lte=horizon)
        .exclude(parked__resolved_at__isnull=True, parked__id__isnull=False)
        .order_by("due_at", "id")
    )


def plan_due(claimed: Sequence[Agreement], *, horizon: datetime) -> DuePlan:
    """Play calendars forward to ``horizon``: due charges gathered per customer, currency and instant."""
    plan = DuePlan(after={each.row.id: each for each in claimed})
    queue = [(each.row.due_at, each.row.customer_id, each.row.id) for each in claimed if each.row.due_at]
    heapq.heapify(queue)
    gathered: dict[tuple[datetime, UUID, str, str], list[tuple[core.Due, Agreement]]] = {}
    while queue:
        instant, customer_id, subscription_id = heapq.heappop(queue)
        agreement = plan.after[subscription_id]
        due = core.due(agreement.value)
        if due is None:
            continue
        policies = json.dumps(invoice_policies(agreement.row.policies), sort_keys=True)
        gathered.setdefault((instant, customer_id, agreement.row.currency, policies), []).append((due, agreement))
        plan.after[subscription_id] = replace(agreement, value=due.after)
        following = core.due_at(due.after)
        if following is not None and following <= horizon:
            heapq.heappush(queue, (following, customer_id, subscription_id))
    for (instant, customer_id, currency, policies), dues in gathered.items():
        bill = _bill(dues, instant=instant, customer_id=customer_id, currency=currency, policies=json.loads(policies))
        if bill.charges:
            (plan.bills if bill.issued_at <= horizon else plan.drafts).append(bill)
    return plan


def _bill(
    dues: Sequence[tuple[core.Due, Agreement]],
    *,
    instant: datetime,
    customer_id: UUID,
    currency: str,
    policies: dict[str, object],
) -> Bill:
    grace = timedelta(hours=read_policies(policies).grace_hours)
    reasons = {due.reason for due, _agreement in dues}
    charges = tuple(
        BilledCharge(
            charge=charge,
            subscription_id=agreement.row.id,
            price_id=agreement.price_ids[charge.price.code],
            timezone=agreement.row.timezone,
            unit=agreement.value.calendar.unit,
        )
        for due, agreement in dues
        for charge in due.charges
    )
    return Bill(
        customer_id=customer_id,
        currency=currency,
        reason=next(reason for reason in REASONS if reason in reasons),
        fell_due_at=instant,
        issued_at=instant + grace,
        policies=policies,
        charges=charges,
    )


def _advance(played: Sequence[Agreement]) -> None:
    changed, ended = [], []
    for each in played:
        row, value = each.row, each.value
        row.period_start, row.period_end = value.period.start, value.period.end
        row.billed_start = value.billed_start
        row.due_at = core.due_at(value)
        if value.state is core.SubscriptionState.CANCELED:
            row.state, row.ended_at = "canceled", value.cancel_at
            ended.append(row)
        changed.append(row)
    Subscription.objects.bulk_update(
        changed, ["period_start", "period_end", "billed_start", "due_at", "state", "ended_at"], batch_size=500
    )
    for row in ended:
        fact = {
            "subscription": show_id("subscription", row.id),
            "customer": show_id("customer", row.customer_id),
            "state": row.state,
        }
        record_facts([("subscription.canceled", fact)], at=row.ended_at)


def _recognise_due(seller_id: UUID, *, at: datetime) -> int:
    """Post the revenue earned up to ``at``, instant by instant, so that a month's end is a month's end."""
    done = 0
    while True:
        with seller_scope(seller_id):
            seller = seller_by_id(seller_id)
            first = Deferral.objects.filter(due_at__lte=at).order_by("due_at").values_list("due_at", flat=True).first()
            if first is None:
                return done
            rows = list(
                Deferral.objects.select_for_update(skip_locked=True, of=("self",))
                .filter(due_at=first)
                .select_related("invoice_line__invoice")
                .order_by("id")[:DEFERRAL_BATCH]
            )
            if not rows:
                return done
            recognise(rows, at=first, seller_zone=seller.timezone)
            done += len(rows)
