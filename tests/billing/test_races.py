"""Two at once: what another connection does in the middle of an action neither undoes it nor is undone by it."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from clearbill.core.errors import Conflict
from tests.worlds import bills, in_scope, instant, make_customer, make_meter, make_plan, run_until, subscribe, use

FEE = {"code": "fee", "model": "flat", "amount": "31.00", "bill": "in_advance"}
PATIENCE_S = 1.0


def beside(act: Callable[[], object]) -> Thread:
    """Start ``act`` on a connection of its own, and give it a moment: it's done then, or waits for a lock of ours."""
    from django.db import connections

    def run() -> None:
        try:
            act()
        finally:
            connections.close_all()

    thread = Thread(target=run)
    thread.start()
    thread.join(PATIENCE_S)
    return thread


def in_the_middle(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> list[Thread]:
    """Let ``act`` begin when the next bill run has read what is due and hasn't written yet."""
    from clearbill.billing.actions import bill_run

    plan_due, started = bill_run.plan_due, []

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        plan = plan_due(*args, **kwargs)
        if not started:
            started.append(beside(act))
        return plan

    monkeypatch.setattr(bill_run, "plan_due", interrupted)
    return started


def row_of(world: Any, subscription: Any) -> Any:
    from clearbill.billing.queries.subscriptions import subscription_by_id

    with in_scope(world):
        return subscription_by_id(subscription.id)


def test_a_subscription_that_ends_while_its_next_bill_is_written_stays_ended(
    seller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clearbill.billing.actions.subscriptions import cancel
    from clearbill.ledger.queries import balances

    make_plan(seller, prices=[FEE])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")

    def end() -> None:  # its request came just before the period's end
        with in_scope(seller):
            cancel(subscription.id, timing="immediately", at=instant("2025-02-09T22:59"), actor="test")

    threads = in_the_middle(monkeypatch, end)
    run_until(seller, "2025-02-10T00:00")
    threads[0].join()
    run_until(seller, "2025-06-01T00:00")

    row = row_of(seller, subscription)
    assert (row.state, row.due_at, row.cancel_at) == ("canceled", None, instant("2025-02-09T22:59"))
    with in_scope(seller):
        owed = balances()
    assert owed[("receivable", "EUR")] == 3720  # one month; the next one was credited or never billed


def test_a_cancellation_isnt_taken_back_while_the_bill_run_carries_it_out(
    seller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clearbill.billing.actions.subscriptions import cancel, uncancel

    make_plan(seller, prices=[FEE])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    with in_scope(seller):
        cancel(subscription.id, at=instant("2025-01-20T00:00"), actor="test")
    refused = []

    def take_back() -> None:
        try:
            with in_scope(seller):
                uncancel(subscription.id, at=instant("2025-02-09T22:59"), actor="test")
        except Conflict as conflict:
            refused.append(conflict.code)

    threads = in_the_middle(monkeypatch, take_back)
    run_until(seller, "2025-02-10T00:00")
    threads[0].join()

    assert refused == ["subscription_canceled"]
    assert row_of(seller, subscription).state == "canceled"


def test_a_bill_that_waits_is_cut_or_credited_when_its_subscription_ends_as_it_becomes_final(
    make_seller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clearbill.billing.actions import bill_run
    from clearbill.billing.actions.subscriptions import cancel
    from clearbill.ledger.queries import balances

    seller = make_seller(policies={"grace_hours": 24}, taxes=())
    make_plan(seller, prices=[FEE])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-10T12:00")

    def end() -> None:
        with in_scope(seller):
            cancel(subscription.id, timing="immediately", at=instant("2025-01-11T08:59"), actor="test")

    write_bills, threads = bill_run.write_bills, []

    def interrupted(given: Any) -> Any:
        written = write_bills(given)
        if not threads:
            threads.append(beside(end))
        return written

    monkeypatch.setattr(bill_run, "write_bills", interrupted)
    run_until(seller, "2025-01-12T00:00")
    threads[0].join()

    with in_scope(seller):
        owed = balances()
    assert owed[("receivable", "EUR")] == 200  # the 10th and the 11th
    assert row_of(seller, subscription).state == "canceled"


def test_two_notes_at_once_never_exceed_the_invoice(seller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from clearbill.billing.actions import credits

    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    invoice_id = bills(seller)[0]["id"]
    refused, threads, make_credit = [], [], credits.make_credit

    def second() -> None:
        try:
            with in_scope(seller):
                credits.credit_invoice(
                    invoice_id, lines={1: 2000}, reason="b", at=instant("2025-01-20T00:00"), actor="test"
                )
        except Conflict as conflict:
            refused.append(conflict.code)

    def interrupted(*args: Any, **kwargs: Any) -> Any:
        if not threads:
            threads.append(None)
            threads[0] = beside(second)
        return make_credit(*args, **kwargs)

    monkeypatch.setattr(credits, "make_credit", interrupted)
    with in_scope(seller):
        credits.credit_invoice(invoice_id, lines={1: 2000}, reason="a", at=instant("2025-01-20T00:00"), actor="test")
    threads[0].join()

    assert refused == ["credit_note_exceeds_invoice"]


def test_a_key_is_counted_once_when_two_batches_bring_it_in_one_moment(seller: Any) -> None:
    from clearbill.billing.actions.usage import ReceiptState
    from clearbill.billing.queries.usage import events_page

    make_meter(seller, "calls")
    make_customer(seller)
    receipts = []

    def again() -> None:
        receipts.append(use(seller, "acme", "calls", "2025-01-11T10:00", key="one"))

    def other_body() -> None:
        receipts.append(use(seller, "acme", "calls", "2025-01-11T11:00", key="one"))

    with in_scope(seller):
        assert use(seller, "acme", "calls", "2025-01-11T10:00", key="one").state is ReceiptState.ACCEPTED
        threads = [beside(again), beside(other_body)]
        assert receipts == []  # both wait for this batch
    for thread in threads:
        thread.join()

    assert sorted(receipt.state for receipt in receipts) == [ReceiptState.DUPLICATE, ReceiptState.REFUSED]
    with in_scope(seller):
        assert len(events_page()) == 1
