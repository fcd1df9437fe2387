"""The bill run: what falls due is billed once, in order, whoever runs it and however often."""

from __future__ import annotations

from typing import Any

import pytest

from clearbill.core.errors import Unacceptable
from tests.worlds import bills, in_scope, instant, make_customer, make_meter, make_plan, run_until, subscribe, use

FEE = {"code": "fee", "model": "flat", "amount": "29.00", "bill": "in_advance"}
CALLS = {
    "code": "calls",
    "model": "graduated",
    "meter": "calls",
    "tiers": [{"up_to": 2, "unit_amount": "0.50"}, {"unit_amount": "0.255"}],
}


def test_a_calendar_subscription_pays_its_stub_by_days_then_whole_months(seller: Any) -> None:
    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller), anchor="calendar")
    run_until(seller, "2025-03-15T00:00")

    found = bills(seller)

    # 10 to 31 January are 22 of 31 days: 29.00 × 22 / 31 = 20.5806… → 20.58; tax 20 % of 20.58 = 4.116 → 4.12
    assert [(each["issued_at"], each["subtotal"], each["tax"], each["total"]) for each in found] == [
        ("2025-01-10T09:00", "20.58", "4.12", "24.70"),
        ("2025-01-31T23:00", "29.00", "5.80", "34.80"),
        ("2025-02-28T23:00", "29.00", "5.80", "34.80"),
    ]
    assert [each["number"] for each in found] == ["ACME-000001", "ACME-000002", "ACME-000003"]
    assert [each["reason"] for each in found] == ["subscription_started", "period", "period"]


def test_usage_is_billed_in_arrears_with_the_next_fee_on_one_invoice(seller: Any) -> None:
    make_meter(seller, "calls")
    make_plan(seller, prices=[FEE, CALLS])
    subscribe(seller, make_customer(seller))
    for day in (11, 12, 13):
        use(seller, "acme", "calls", f"2025-01-{day}T10:00")
    use(seller, "acme", "calls", "2025-02-09T23:00")  # midnight in Paris: the next period's
    run_until(seller, "2025-02-10T00:00")

    first, second = bills(seller)

    assert first["lines"] == [("fee", "{}", "29.00")]
    # 2 × 0.50 + 1 × 0.255 = 1.255, rounded half up once
    assert second["lines"] == [("fee", "{}", "29.00"), ("calls", "{}", "1.26")]
    assert second["issued_at"] == "2025-02-09T23:00"


def test_a_second_run_changes_nothing(seller: Any) -> None:
    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-04-01T00:00")
    before = bills(seller)

    run_until(seller, "2025-04-01T00:00")

    assert bills(seller) == before
    assert len(before) == 3


def test_numbers_follow_the_instants_over_all_customers(seller: Any) -> None:
    make_plan(seller, prices=[FEE])
    make_plan(seller, "weekly", prices=[{**FEE, "amount": "7.00"}], interval="week")
    subscribe(seller, make_customer(seller, "monthly"))
    subscribe(seller, make_customer(seller, "weekly"), "weekly")
    run_until(seller, "2025-12-31T00:00")

    found = bills(seller)

    assert [each["issued_at"] for each in found] == sorted(each["issued_at"] for each in found)
    assert [each["number"] for each in found] == [f"ACME-{n:06}" for n in range(1, len(found) + 1)]
    assert sum(each["customer"] == "monthly" for each in found) == 12
    assert sum(each["customer"] == "weekly" for each in found) == 51


def test_two_subscriptions_of_a_customer_share_an_invoice_when_they_fall_due_together(seller: Any) -> None:
    make_plan(seller, prices=[FEE])
    make_plan(seller, "extra", prices=[{**FEE, "code": "extra", "amount": "1.00"}])
    customer = make_customer(seller)
    subscribe(seller, customer, "pro")
    subscribe(seller, customer, "extra")
    run_until(seller, "2025-02-15T00:00")

    assert [each["lines"] for each in bills(seller)] == [
        [("fee", "{}", "29.00"), ("extra", "{}", "1.00")],
        [("fee", "{}", "29.00"), ("extra", "{}", "1.00")],
    ]


def test_grace_keeps_a_bill_open_for_late_usage(make_seller: Any) -> None:
    seller = make_seller(policies={"grace_hours": 24})
    make_meter(seller, "calls")
    make_plan(seller, prices=[CALLS])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-02-10T01:00")
    assert bills(seller) == []
    use(seller, "acme", "calls", "2025-02-09T20:00")
    run_until(seller, "2025-02-11T00:00")

    (found,) = bills(seller)

    assert found["lines"] == [("calls", "{}", "0.50")]
    assert found["issued_at"] == "2025-02-10T23:00"


def test_a_bad_subscription_is_parked_and_the_others_go_on(seller: Any) -> None:
    from clearbill.billing.queries.subscriptions import parked_work

    make_plan(seller, prices=[FEE])
    make_plan(seller, "broken", prices=[{**FEE, "code": "broken", "tax": ["vat"]}])
    subscribe(seller, make_customer(seller, "good"))
    bad = subscribe(seller, make_customer(seller, "bad"), "broken", policies={})
    with in_scope(seller):
        type(bad).objects.filter(id=bad.id).update(policies={"proration.unit": "fortnight"})
    run_until(seller, "2025-02-15T00:00")

    assert [each["customer"] for each in bills(seller)] == ["good", "good"]
    with in_scope(seller):
        (parked,) = parked_work()
        assert parked.subscription_id == bad.id
        assert parked.code == "policy_value"

    from clearbill.billing.actions.parked import retry_parked
    from clearbill.core.policy import resolve_policies

    with in_scope(seller):
        type(bad).objects.filter(id=bad.id).update(policies=resolve_policies())
        retry_parked(parked.id, at=seller.at, actor="test")
    run_until(seller, "2025-02-16T00:00")
    assert [each["customer"] for each in bills(seller)] == ["good", "good", "bad", "bad"]


def test_the_receivable_account_equals_the_open_invoices(seller: Any) -> None:
    from clearbill.billing.queries.invoices import receivables
    from clearbill.ledger.queries import balances

    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller), anchor="calendar")
    run_until(seller, "2025-07-01T00:00")

    with in_scope(seller):
        owed = balances()
        (total,) = receivables(at=seller.at, since=seller.at)
    assert owed[("receivable", "EUR")] == total.open_minor
    assert sum(owed.values()) == 0


def test_fees_paid_in_advance_are_earned_by_month_ends(seller: Any) -> None:
    from clearbill.ledger.queries import balances

    make_plan(seller, prices=[{**FEE, "amount": "365.00"}], interval="year")
    subscribe(seller, make_customer(seller), anchor="calendar")
    run_until(seller, "2025-03-01T00:00")

    with in_scope(seller):
        owed = balances()
    # the stub of 10 January to 31 December has 356 days: 365.00 × 356 / 365 = 356.00; 22 + 28 days of it are earned
    assert owed[("revenue", "EUR")] == -5_000
    assert owed[("deferred_revenue", "EUR")] == -30_600


def test_a_customer_that_moved_keeps_each_subscriptions_own_calendar(seller: Any) -> None:
    from clearbill.customers.actions import update_customer

    make_plan(seller, prices=[{**FEE, "amount": "31.00"}])
    customer = make_customer(seller, timezone="Asia/Shanghai")
    subscribe(seller, customer, anchor="calendar")
    with in_scope(seller):
        update_customer(customer.id, {"timezone": "America/Los_Angeles"}, at=seller.at, actor="test")
    subscribe(seller, customer, anchor="calendar")
    run_until(seller, "2025-01-15T00:00")

    # the 10th in Shanghai (22 of 31 days) and, at 1 o'clock in the night, the 10th in Los Angeles too
    (found,) = bills(seller)
    assert [amount for _price, _group, amount in found["lines"]] == ["22.00", "22.00"]
    run_until(seller, "2025-02-15T00:00")
    assert [each["issued_at"] for each in bills(seller)[1:]] == ["2025-01-31T16:00", "2025-02-01T08:00"]


def test_a_draft_that_cant_become_final_is_parked_and_the_run_comes_to_an_end(make_seller: Any) -> None:
    from clearbill.billing.actions.parked import retry_parked
    from clearbill.billing.queries.subscriptions import parked_work

    seller = make_seller(policies={"grace_hours": 24})
    make_meter(seller, "calls", aggregation="sum", property="n")
    make_plan(seller, prices=[CALLS])
    make_plan(seller, "other", prices=[FEE])
    subscribe(seller, make_customer(seller))
    subscribe(seller, make_customer(seller, "good"), "other")
    run_until(seller, "2025-01-20T00:00")
    use(seller, "acme", "calls", "2025-01-15T10:00", n=-5)
    run_until(seller, "2025-02-10T01:00")
    report = run_until(seller, "2025-02-12T00:00")

    assert report.parked == 1
    assert [each["customer"] for each in bills(seller)] == ["good", "good"]
    with in_scope(seller):
        (parked,) = parked_work()
        assert parked.code == "negative_quantity"
    use(seller, "acme", "calls", "2025-01-16T10:00", n=7)
    run_until(seller, "2025-02-13T00:00")
    assert len(bills(seller)) == 2
    with in_scope(seller):
        retry_parked(parked.id, at=instant("2025-02-13T00:00"), actor="test")
    run_until(seller, "2025-02-13T00:00")

    last = bills(seller)[-1]
    assert (last["customer"], last["lines"]) == ("acme", [("calls", "{}", "1.00")])


def test_what_falls_due_at_one_instant_is_billed_in_bounded_batches(
    seller: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from clearbill.billing.actions import bill_run

    sizes: list[int] = []
    write_bills = bill_run.write_bills
    monkeypatch.setattr(bill_run, "BATCH_SUBSCRIPTIONS", 5)
    monkeypatch.setattr(bill_run, "write_bills", lambda given: sizes.append(len(given)) or write_bills(given))
    make_plan(seller, prices=[FEE])
    for number in range(12):
        subscribe(seller, make_customer(seller, f"c{number}"), anchor="calendar")
    subscribe(seller, make_customer(seller, "late"))
    run_until(seller, "2025-02-12T00:00")

    found = bills(seller)
    assert max(sizes) == 5
    assert len(found) == 26
    assert [each["issued_at"] for each in found] == sorted(each["issued_at"] for each in found)


def test_a_seller_with_more_meters_than_a_page_shows_is_billed(seller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from clearbill.pricing import queries

    monkeypatch.setattr(queries, "MAX_LISTED", 1)
    make_meter(seller, "a")
    make_meter(seller, "calls")
    make_plan(seller, prices=[CALLS])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-02-12T00:00")
    assert [each["lines"] for each in bills(seller)] == [[("calls", "{}", "0.00")]]


@pytest.mark.parametrize("year", [2200, 9999])
def test_a_clock_is_not_moved_to_where_nothing_can_be_done(seller: Any, year: int) -> None:
    from clearbill.billing.actions.tick import move_clock
    from clearbill.sellers.queries import seller_by_id

    with pytest.raises(Unacceptable, match="clock_too_far"):
        move_clock(seller.id, to=instant(f"{year}-12-31T00:00"), actor="test")
    with in_scope(seller):
        assert seller_by_id(seller.id).test_clock_at == seller.at


def test_a_longer_run_asks_the_database_no_more_often(seller: Any) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    make_plan(seller, prices=[FEE])
    asked = []
    for count in (10, 40):
        for number in range(count):
            subscribe(seller, make_customer(seller, f"c{count}-{number}"))
        with CaptureQueriesContext(connection) as queries:
            run_until(seller, "2025-01-10T09:00")
        asked.append(len(queries))

    assert len(bills(seller)) == 50
    assert asked[1] <= asked[0]


def test_the_facts_of_a_long_run_are_passed_on_in_bounded_batches(seller: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from clearbill.outbox import actions

    monkeypatch.setattr(actions, "BATCH_FACTS", 7)
    make_plan(seller, prices=[FEE])
    for number in range(20):
        subscribe(seller, make_customer(seller, f"c{number}"))
    run_until(seller, "2025-01-10T09:00")
    passed_on: list[list[str]] = []
    actions.relay(lambda facts: passed_on.append([fact.type for fact in facts]))

    assert max(len(batch) for batch in passed_on) == 7
    assert sum(batch.count("invoice.finalized") for batch in passed_on) == 20
