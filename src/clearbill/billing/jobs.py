"""Billing's tasks of the queue: tick a seller, and mail what became final. Each is a batch that may be done again.

``procrastinate`` only wakes them. The waking job reads the clock here and passes the instant on.
"""

from __future__ import annotations

import logging
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import connection, transaction
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.exceptions import AlreadyEnqueued

from clearbill.billing.actions import sending, tick
from clearbill.mail.actions import send_due
from clearbill.outbox.jobs import hear
from clearbill.outbox.queries import FactRecord
from clearbill.scope.clock import clock_of, wall_clock
from clearbill.scope.correlation import correlated
from clearbill.scope.ids import read_id
from clearbill.sellers.queries import seller_by_id

MAX_SELLERS = 1_000
MAX_PAUSE_S = 300
AGAIN = RetryStrategy(max_attempts=8, exponential_wait=3)

log = logging.getLogger("clearbill.billing")


def wake_sellers(until: datetime, *, correlation_id: str) -> int:
    """Defer a tick for each seller with something due; one that waits in the queue already is enough."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM sellers_with_due_work(%s) LIMIT %s", [until, MAX_SELLERS])
        sellers = [row[0] for row in cursor.fetchall()]
    return sum(_defer_tick(seller_id, correlation_id=correlation_id) for seller_id in sellers)


@app.task(name="billing.tick", queue="billing")
def tick_seller(seller_id: str, correlation_id: str, failures: int = 0) -> None:
    """Do a seller's due work and send its mail. After a failure the next tick waits, longer each time."""
    with correlated(correlation_id):
        try:
            work_off(UUID(seller_id))
        except Exception:
            log.exception("tick failed", extra={"seller_id": seller_id, "failures": failures + 1})
            _defer_tick(UUID(seller_id), correlation_id=correlation_id, failures=failures + 1)


@app.task(name="billing.mail_invoices", queue="mail", retry=AGAIN)
def mail_invoices(seller_id: str, fact_ids: list[str]) -> None:
    """Listens to ``invoice.finalized``."""
    hear(seller_id, fact_ids, _mail_invoice)


@app.task(name="billing.mail_credit_notes", queue="mail", retry=AGAIN)
def mail_credit_notes(seller_id: str, fact_ids: list[str]) -> None:
    """Listens to ``credit_note.issued``."""
    hear(seller_id, fact_ids, _mail_credit_note)


def work_off(seller_id: UUID) -> None:
    """All that's due at a seller by its own clock, then its mail by the machine's, since that really travels."""
    tick.tick(seller_id, at=clock_of(seller_by_id(seller_id)))
    at = wall_clock()
    send_due(seller_id, at=at, fetch_attachments=partial(sending.attachments_of, at=at))


def _mail_invoice(fact: FactRecord) -> None:
    sending.mail_invoice(read_id("invoice", str(fact.data["invoice"])), at=fact.at)


def _mail_credit_note(fact: FactRecord) -> None:
    sending.mail_credit_note(read_id("credit_note", str(fact.data["credit_note"])), at=fact.at)


def _defer_tick(seller_id: UUID, *, correlation_id: str, failures: int = 0) -> bool:
    """Whether a tick was put into the queue; False when one waits there already."""
    pause_s = min(2**failures, MAX_PAUSE_S) if failures else 0
    job = tick_seller.configure(
        lock=f"tick:{seller_id}", queueing_lock=f"tick:{seller_id}", schedule_in={"seconds": pause_s}
    )
    try:
        with transaction.atomic():
            job.defer(seller_id=str(seller_id), correlation_id=correlation_id, failures=failures)
    except AlreadyEnqueued:
        return False
    return True
