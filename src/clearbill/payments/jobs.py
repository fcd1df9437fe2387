"""Payments' tasks of the queue: collect what became final, work on events and open questions, write receipts."""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from clearbill.outbox.jobs import UnheardFacts, hear
from clearbill.outbox.queries import FactRecord, facts_by_ids
from clearbill.payments.actions import receipts
from clearbill.payments.actions.checks import check_due
from clearbill.payments.actions.collecting import collect_invoice
from clearbill.payments.actions.events import work_off_events
from clearbill.payments.actions.refunds import refunds_due
from clearbill.scope.clock import clock_of, wall_clock
from clearbill.scope.correlation import correlated
from clearbill.scope.ids import read_id, show_id
from clearbill.scope.seller import seller_scope
from clearbill.sellers.queries import seller_by_id

MAX_SELLERS = 1_000
AGAIN = RetryStrategy(max_attempts=8, exponential_wait=3)

log = logging.getLogger("clearbill.payments")


def wake_payments(until: datetime, *, correlation_id: str) -> int:
    """Defer the work of each seller with an event that waits or a question that's due; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sellers_with_payments_due(%s) LIMIT %s", [until, MAX_SELLERS])
        sellers = [row[0] for row in cursor.fetchall()]
    return sum(defer_work(seller_id, correlation_id=correlation_id) for seller_id in sellers)


def defer_work(seller_id: UUID, *, correlation_id: str) -> bool:
    """Put a seller's payment work into the queue; False when it waits there already."""
    key = f"payments:{seller_id}"
    try:
        with transaction.atomic():
            work.configure(lock=key, queueing_lock=key).defer(seller_id=str(seller_id), correlation_id=correlation_id)
    except AlreadyEnqueued:
        return False
    return True


@app.task(name="payments.work", queue="payments")
def work(seller_id: str, correlation_id: str) -> None:
    """Events that came, then payments and refunds whose outcome isn't known."""
    with correlated(correlation_id):
        work_off(UUID(seller_id), now=wall_clock())


def work_off(seller_id: UUID, *, now: datetime) -> None:
    """The same, at an instant of the machine; business is done at the seller's own."""
    at = clock_of(seller_by_id(seller_id))
    work_off_events(seller_id, at=at, now=now)
    check_due(seller_id, at=at, now=now)
    refunds_due(seller_id, at=at, now=now)


@app.task(name="payments.collect_invoices", queue="payments", retry=AGAIN)
def collect_invoices(seller_id: str, fact_ids: list[str]) -> None:
    """Listens to ``invoice.finalized``. A gateway is called here, so it isn't done inside of a transaction."""
    owner = UUID(seller_id)
    with seller_scope(owner):
        facts = facts_by_ids([UUID(each) for each in fact_ids])
    failed = [fact for fact in facts if not _collect(owner, fact)]
    if failed:
        raise UnheardFacts(f"{len(failed)} of {len(facts)} invoices")


def _collect(seller_id: UUID, fact: FactRecord) -> bool:
    with correlated(fact.correlation_id):
        try:
            collect_invoice(
                seller_id,
                read_id("invoice", str(fact.data["invoice"])),
                customer_id=read_id("customer", str(fact.data["customer"])),
                at=fact.at,
                now=wall_clock(),
            )
        except Exception:  # the queue tries again, and what was begun is known by its key
            log.exception("invoice not collected", extra={"fact_id": show_id("fact", fact.id)})
            return False
    return True


@app.task(name="payments.mail_receipts", queue="mail", retry=AGAIN)
def mail_receipts(seller_id: str, fact_ids: list[str]) -> None:
    """Listens to ``payment.succeeded``."""
    hear(seller_id, fact_ids, receipts.mail_receipt)


@app.task(name="payments.mail_refunds", queue="mail", retry=AGAIN)
def mail_refunds(seller_id: str, fact_ids: list[str]) -> None:
    """Listens to ``refund.succeeded``."""
    hear(seller_id, fact_ids, receipts.mail_refund)
