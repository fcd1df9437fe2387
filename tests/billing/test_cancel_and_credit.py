"""Ends and credit notes: what is owed is billed, what is unused goes back, and the books follow."""

from __future__ import annotations

from typing import Any

import pytest

from clearbill.core.errors import Conflict, NotFound, Refusal
from tests.worlds import bills, in_scope, instant, make_customer, make_meter, make_plan, run_until, subscribe, use

FEE = {"code": "fee", "model": "flat", "amount": "31.00", "bill": "in_advance"}
CALLS = {"code": "calls", "model": "per_unit", "unit_amount": "1", "meter": "calls"}


def cancel(world: Any, subscription: Any, at: str, **fields: Any) -> Any:
    from clearbill.billing.actions.subscriptions import cancel as act

    with in_scope(world):
        return act(subscription.id, at=instant(at), actor="test", **fields)


def credit(
    world: Any, invoice_id: Any, lines: dict[int, int], at: str = "2025-01-20T10:00", reason: str = "goodwill"
) -> Any:
    from clearbill.billing.actions.credits import credit_invoice

    with in_scope(world):
        return credit_invoice(invoice_id, lines=lines, reason=reason, at=instant(at), actor="test")


def books(world: Any) -> dict[str, int]:
    from clearbill.ledger.queries import balances

    with in_scope(world):
        return {account: minor for (account, _currency), minor in balances().items() if minor}


def test_a_subscription_canceled_at_its_periods_end_is_billed_once_more_in_arrears(seller: Any) -> None:
    make_meter(seller, "calls")
    make_plan(seller, prices=[FEE, CALLS])
    subscription = subscribe(seller, make_customer(seller), anchor="calendar")
    run_until(seller, "2025-01-20T00:00")
    use(seller, "acme", "calls", "2025-01-15T10:00")
    cancel(seller, subscription, "2025-01-20T00:00")
    run_until(seller, "2025-06-01T00:00")

    _first, last = bills(seller)

    assert last["reason"] == "canceled"
    assert last["lines"] == [("calls", "{}", "1.00")]
    with in_scope(seller):
        from clearbill.billing.queries.subscriptions import subscription_by_id

        row = subscription_by_id(subscription.id)
    assert (row.state, row.due_at) == ("canceled", None)
    assert row.ended_at == instant("2025-01-31T23:00")


def test_an_immediate_end_credits_what_is_unused_then_bills_what_was_used(seller: Any) -> None:
    from clearbill.billing.queries.invoices import credit_notes

    make_meter(seller, "calls")
    make_plan(seller, prices=[FEE, CALLS])
    subscription = subscribe(seller, make_customer(seller), anchor="calendar")
    run_until(seller, "2025-02-10T11:00")
    use(seller, "acme", "calls", "2025-02-05T10:00")
    use(seller, "acme", "calls", "2025-02-10T10:59")
    cancel(seller, subscription, "2025-02-10T11:00", timing="immediately")

    with in_scope(seller):
        (note,) = credit_notes()
    # 18 of 28 days are unused (the 10th is paid for): 31.00 × 18/28 = 19.928… → 19.93; tax 3.986 → 3.99
    assert (note.subtotal_minor, note.tax_minor, note.total_minor) == (1993, 399, 2392)
    last = bills(seller)[-1]
    assert last["lines"] == [("calls", "{}", "2.00")]
    owed = books(seller)
    assert owed["receivable"] == sum(int(each["total"].replace(".", "")) for each in bills(seller)) - 2392
    run_until(seller, "2025-06-01T00:00")
    owed = books(seller)
    # nothing stays deferred: 22.00 of January and 31.00 − 19.93 of February are earned, and the usage
    assert "deferred_revenue" not in owed
    assert owed["revenue"] == -(2200 + 3100 - 1993 + 200)


def test_keeping_what_is_unused_makes_no_note(seller: Any) -> None:
    from clearbill.billing.queries.invoices import credit_notes

    make_plan(seller, prices=[FEE])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    cancel(seller, subscription, "2025-01-20T00:00", timing="immediately", policies={"unused": "keep"})

    with in_scope(seller):
        assert credit_notes() == []


def test_an_ended_subscription_cannot_end_again(seller: Any) -> None:
    make_plan(seller, prices=[FEE])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    cancel(seller, subscription, "2025-01-20T00:00", timing="immediately")
    with pytest.raises(Conflict, match="subscription_canceled"):
        cancel(seller, subscription, "2025-01-21T00:00")


def test_a_cancellation_can_be_taken_back_until_it_happens(seller: Any) -> None:
    from clearbill.billing.actions.subscriptions import uncancel

    make_plan(seller, prices=[FEE])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    cancel(seller, subscription, "2025-01-20T00:00")
    with in_scope(seller):
        uncancel(subscription.id, at=instant("2025-01-21T00:00"), actor="test")
    run_until(seller, "2025-04-01T00:00")
    assert len(bills(seller)) == 3


def test_who_subscribes_for_one_period_only_may_cancel_in_the_same_instant(seller: Any) -> None:
    make_plan(seller, prices=[FEE])
    subscription = subscribe(seller, make_customer(seller))
    cancel(seller, subscription, "2025-01-10T09:00")
    with pytest.raises(Conflict, match="bill_run_behind"):
        cancel(seller, subscription, "2025-01-10T09:00", timing="immediately")
    run_until(seller, "2025-04-01T00:00")

    # the end needs no bill of its own: the plan has nothing in arrears
    assert [(each["reason"], each["total"]) for each in bills(seller)] == [("subscription_started", "37.20")]


def test_two_ends_of_one_instant_share_a_bill_when_they_wait_for_its_run(seller: Any) -> None:
    make_meter(seller, "calls")
    make_plan(seller, prices=[CALLS])
    make_plan(seller, "other", prices=[{**CALLS, "code": "others"}])
    customer = make_customer(seller)
    first, second = subscribe(seller, customer), subscribe(seller, customer, "other")
    run_until(seller, "2025-01-20T10:00")
    use(seller, "acme", "calls", "2025-01-20T09:00")
    cancel(seller, second, "2025-01-20T10:00", timing="immediately", bills_wait=True)
    cancel(seller, first, "2025-01-20T10:00", timing="immediately", bills_wait=True)
    assert bills(seller) == []
    run_until(seller, "2025-01-20T10:00")

    (bill,) = bills(seller)
    assert (bill["reason"], bill["issued_at"]) == ("canceled", "2025-01-20T10:00")
    assert bill["lines"] == [("calls", "{}", "1.00"), ("others", "{}", "1.00")]


def test_the_last_bill_waits_out_its_grace_too(make_seller: Any) -> None:
    seller = make_seller(policies={"grace_hours": 24})
    make_meter(seller, "calls")
    make_plan(seller, prices=[CALLS])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T10:00")
    cancel(seller, subscription, "2025-01-20T10:00", timing="immediately")
    use(seller, "acme", "calls", "2025-01-20T09:59")
    use(seller, "acme", "calls", "2025-01-20T10:00")
    assert bills(seller) == []
    run_until(seller, "2025-01-22T00:00")

    (bill,) = bills(seller)
    assert (bill["issued_at"], bill["lines"]) == ("2025-01-21T10:00", [("calls", "{}", "1.00")])


def test_a_preview_of_an_end_shows_the_bill_that_waits_out_its_grace(make_seller: Any) -> None:
    from clearbill.billing.actions.dry_runs import preview_cancel

    seller = make_seller(policies={"grace_hours": 24})
    make_meter(seller, "calls")
    make_plan(seller, prices=[CALLS])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T10:00")
    use(seller, "acme", "calls", "2025-01-20T09:00")
    with in_scope(seller):
        ending = preview_cancel(subscription.id, timing="immediately", at=instant("2025-01-20T10:00"))

    assert (ending.bills, [each.invoice.total_minor for each in ending.later]) == ((), [120])


def test_under_fixed_30_revenue_is_earned_by_months_of_30_days(make_seller: Any) -> None:
    seller = make_seller(policies={"proration.unit": "fixed_30"}, taxes=())
    make_plan(seller, prices=[{**FEE, "amount": "30.00"}])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-31T23:00")

    # 10 January to 1 February are 21 of 30 days of 30E/360 (22 of 31 real ones would be 21.29)
    assert books(seller)["revenue"] == -2100


def test_a_note_lowers_what_is_open_and_the_invoice_is_settled_when_nothing_is_left(seller: Any) -> None:
    from clearbill.billing.queries.invoices import invoice_by_id

    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    (bill,) = bills(seller)
    first = credit(seller, bill["id"], {1: 1000})
    assert (first.number, first.total_minor) == ("ACME-CN-000001", 1200)
    credit(seller, bill["id"], {1: 2100})

    with in_scope(seller):
        state = invoice_by_id(bill["id"]).state
        assert (state.status, state.due_minor, state.credited_minor) == ("paid", 0, 3720)
    assert books(seller).get("receivable", 0) == 0
    with pytest.raises(Conflict, match="credit_note_exceeds_invoice"):
        credit(seller, bill["id"], {1: 1})


def test_a_note_takes_the_unearned_part_first_and_the_rest_is_earned_to_the_end(seller: Any) -> None:
    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-25T10:00")
    (bill,) = bills(seller)
    credit(seller, bill["id"], {1: 500}, at="2025-01-25T10:00")

    owed = books(seller)
    # 15 of 31 days have passed on the 25th: 15.00 earned, 16.00 − 5.00 = 11.00 deferred
    assert (owed["revenue"], owed["deferred_revenue"]) == (-1500, -1100)
    run_until(seller, "2025-02-09T22:00")
    run_until(seller, "2025-02-10T00:00")
    owed = books(seller)
    assert owed["revenue"] == -2600
    assert owed["deferred_revenue"] == -3100  # the next period, just billed


@pytest.mark.parametrize(
    ("lines", "reason", "code"),
    [
        ({}, "x", "credit_note_empty"),
        ({1: 0}, "x", "credit_note_not_positive"),
        ({1: 3101}, "x", "credit_note_exceeds_invoice"),
        ({7: 1}, "x", "unknown_line"),
        ({1: 1}, " ", "reason_missing"),
        ({1: 1}, "x" * 301, "reason_missing"),
    ],
)
def test_wrong_notes_are_refused_and_nothing_is_written(
    seller: Any, lines: dict[int, int], reason: str, code: str
) -> None:
    from clearbill.billing.queries.invoices import credit_notes

    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    before = books(seller)
    with pytest.raises(Refusal, match=code):
        credit(seller, bills(seller)[0]["id"], lines, reason=reason)
    with in_scope(seller):
        assert credit_notes() == []
    assert books(seller) == before


def test_another_sellers_invoice_is_not_there(seller: Any, make_seller: Any) -> None:
    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    stranger = make_seller(name="Stranger")
    with pytest.raises(NotFound):
        credit(stranger, bills(seller)[0]["id"], {1: 1})


@pytest.mark.parametrize(
    ("policies", "charged"),
    [
        ({}, 200),  # the 10th and the 11th
        ({"termination_day": "free"}, 100),
        ({"proration.unit": "full"}, 3100),
        ({"proration.unit": "none"}, 3100),
        ({"unused": "keep"}, 3100),
    ],
)
def test_a_fee_that_still_waits_is_billed_up_to_the_end_alone(
    make_seller: Any, policies: dict[str, object], charged: int
) -> None:
    seller = make_seller(policies={"grace_hours": 48, **policies}, taxes=())
    make_plan(seller, prices=[FEE])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-11T10:00")
    cancel(seller, subscription, "2025-01-11T10:00", timing="immediately")
    run_until(seller, "2025-03-01T00:00")

    assert books(seller) == {"receivable": charged, "revenue": -charged}


def test_a_bill_that_would_be_all_unused_is_never_issued(make_seller: Any) -> None:
    seller = make_seller(policies={"grace_hours": 48, "termination_day": "free"}, taxes=())
    make_plan(seller, prices=[FEE])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-10T10:00")
    cancel(seller, subscription, "2025-01-10T10:00", timing="immediately")
    run_until(seller, "2025-03-01T00:00")

    assert bills(seller) == []


def test_a_fee_that_is_never_prorated_is_not_credited_either(make_seller: Any) -> None:
    seller = make_seller(taxes=())
    make_plan(seller, prices=[{**FEE, "prorated": False}])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-11T10:00")
    cancel(seller, subscription, "2025-01-11T10:00", timing="immediately")

    assert books(seller)["receivable"] == 3100


def test_a_note_given_before_the_months_end_was_posted_leaves_it_in_its_month(make_seller: Any) -> None:
    from clearbill.ledger.queries import journal

    seller = make_seller(taxes=())
    make_plan(seller, prices=[FEE])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    credit(seller, bills(seller)[0]["id"], {1: 100}, at="2025-02-03T10:00")

    with in_scope(seller):
        rows = [row for row in journal(oldest_first=True) if row.fact == "revenue_earned"]
    # 22 days of January, 2 of February
    assert [(row.at, row.total_minor) for row in rows] == [
        (instant("2025-01-31T23:00"), 2200),
        (instant("2025-02-03T10:00"), 200),
    ]


def test_a_note_rounds_its_tax_as_its_invoice_did(make_seller: Any) -> None:
    seller = make_seller(policies={"tax.rounding": "line"})
    make_plan(seller, prices=[{**FEE, "code": code, "amount": "0.03"} for code in ("a", "b", "c")])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    (bill,) = bills(seller)

    # 20 % of 0.03 is 0.006, rounded to 0.01 on each line
    assert bill["tax"] == "0.03"
    assert credit(seller, bill["id"], {1: 3, 2: 3}).tax_minor == 2
    assert credit(seller, bill["id"], {3: 3}).tax_minor == 1


def test_an_untaxed_line_of_a_note_is_no_part_of_what_was_taxed(seller: Any) -> None:
    import json

    make_plan(seller, prices=[{**FEE, "amount": "10.00"}, {**FEE, "code": "free", "amount": "10.00", "tax": []}])
    subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    (bill,) = bills(seller)
    note = credit(seller, bill["id"], {1: 100, 2: 900})

    (tax,) = json.loads(note.document)["taxes"]
    assert (tax["base"], tax["amount"]) == ("1.00", "0.20")
    # were the 9.00 counted in, this note of 0.01 would seem to empty the rate, and take all its tax
    assert credit(seller, bill["id"], {1: 1}).tax_minor == 0


def test_a_cancellation_that_is_due_cant_be_taken_back(seller: Any) -> None:
    from clearbill.billing.actions.subscriptions import uncancel

    make_plan(seller, prices=[FEE])
    subscription = subscribe(seller, make_customer(seller))
    run_until(seller, "2025-01-20T00:00")
    cancel(seller, subscription, "2025-01-20T00:00")
    with in_scope(seller), pytest.raises(Conflict, match="bill_run_behind"):
        uncancel(subscription.id, at=instant("2025-02-15T00:00"), actor="test")
