"""Verify: every invoice is recomputed from what is recorded with it, and a changed cent is found."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import connections

from tests.worlds import bills, in_scope, instant, make_customer, make_meter, make_plan, run_until, subscribe, use

PRICES = [
    {"code": "fee", "model": "flat", "amount": "29.00", "bill": "in_advance", "tax": ["vat"]},
    {"code": "seats", "model": "per_unit", "unit_amount": "3.3333", "quantity": 3, "bill": "in_arrears"},
    {
        "code": "calls",
        "model": "graduated",
        "meter": "calls",
        "tiers": [{"up_to": 2, "unit_amount": "0.5"}, {"unit_amount": "0.255"}],
    },
    {
        "code": "by_origin",
        "model": "volume",
        "meter": "by_origin",
        "tiers": [{"up_to": 1, "unit_amount": "0.333"}, {"unit_amount": "0.111"}],
    },
    {"code": "packs", "model": "package", "meter": "calls", "amount": "1.99", "size": 2, "free_units": 1, "tax": []},
]


def a_year(seller: Any) -> None:
    make_meter(seller, "calls")
    make_meter(seller, "by_origin", event_type="calls", group_by=["origin"])
    make_plan(seller, prices=PRICES)
    subscribe(seller, make_customer(seller), anchor="calendar", policies={"tax.rounding": "invoice"})
    subscribe(seller, make_customer(seller, "other", locale="zh-Hans", timezone="Asia/Shanghai"))
    for month in range(2, 9):
        for day in (3, 4, 5):
            use(seller, "acme", "calls", f"2025-0{month}-0{day}T10:00", origin="JFK" if day < 5 else "LGA")
    run_until(seller, "2025-12-31T12:00")


def verified(seller: Any) -> list[Any]:
    from clearbill.billing.queries.verify import count_invoices, verify_all

    with in_scope(seller):
        found = list(verify_all())
        assert len(found) == count_invoices()
    return found


def test_every_invoice_of_a_year_is_what_its_inputs_make_it(make_seller: Any) -> None:
    seller = make_seller(taxes=(("vat", "20"), ("city", "2.375")))
    a_year(seller)

    found = verified(seller)

    assert len(found) == len(bills(seller)) > 20
    assert [each.difference for each in found] == [None] * len(found)


def test_a_changed_cent_is_found_with_its_place(seller: Any) -> None:
    a_year(seller)
    with connections["owner"].cursor() as cursor:  # the application's role could not
        cursor.execute(
            "UPDATE billing_invoice_line SET amount_minor = amount_minor + 1 WHERE line = 2 RETURNING invoice_id"
        )
    wrong = [each.difference for each in verified(seller) if each.difference is not None]

    assert wrong
    assert wrong[0].where == "line 2: amount"
    assert int(wrong[0].stored) == int(wrong[0].recomputed) + 1


def test_a_changed_working_is_found(seller: Any) -> None:
    a_year(seller)
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE billing_invoice_line SET working = replace(working, '29.00', '92.00')")
    assert any(each.difference and "working" in each.difference.where for each in verified(seller))


def used_and_credited(seller: Any) -> None:
    from clearbill.billing.actions.credits import credit_invoice

    make_meter(seller, "calls")
    make_plan(seller, prices=[{**PRICES[0]}, {**PRICES[4], "tax": ["vat"]}])
    subscribe(seller, make_customer(seller), anchor="calendar")
    use(seller, "acme", "calls", "2025-01-10T10:00")
    run_until(seller, "2025-02-12T00:00")
    for line, amount in ((1, 500), (1, 333)):
        with in_scope(seller):
            credit_invoice(
                bills(seller)[0]["id"],
                lines={line: amount},
                reason="goodwill",
                at=instant("2025-02-12T00:00"),
                actor="test",
            )


@pytest.mark.parametrize(
    "tampering",
    [
        "billing_invoice SET number = 'X-1' WHERE sequence = 1",
        "billing_invoice SET currency = 'USD'",
        "billing_invoice SET issued_at = issued_at + interval '40 days'",
        "billing_invoice SET sequence = sequence + 100 WHERE sequence = 2",
        'billing_invoice SET document = replace(document, \'"amount_due":"\', \'"amount_due":"1\')',
        'billing_invoice SET document = replace(document, \'"subtotal":"\', \'"subtotal":"1\')',
        'billing_invoice SET document = replace(document, \'"base":"\', \'"base":"1\')',
        'billing_invoice SET document = replace(document, \'"quantity":"\', \'"quantity":"1\')',
        "billing_invoice_line SET quantity = quantity + 1 WHERE line = 1",
        "billing_invoice_line SET text = 'free of charge'",
        "billing_invoice_line SET period_end = period_end + interval '1 day'",
        "billing_invoice_tax SET rate = rate + 1",
        "billing_invoice_tax SET code = 'x'",
        "billing_invoice_state SET due_minor = due_minor - 1",
        "billing_invoice_state SET status = 'paid'",
        "billing_credit_note SET total_minor = total_minor + 1, tax_minor = tax_minor + 1",
        'billing_credit_note SET document = replace(document, \'"total":"\', \'"total":"1\')',
        "billing_credit_note_line SET amount_minor = amount_minor + 1",
        "ledger_posting SET amount_minor = amount_minor + 1 WHERE source <> 'revenue'",
        "ledger_transaction SET at = at + interval '1 day' WHERE fact = 'credit_note'",
    ],
)
def test_whatever_row_is_changed_is_found(seller: Any, tampering: str) -> None:
    used_and_credited(seller)
    assert [each.difference for each in verified(seller)] == [None, None]
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"UPDATE {tampering}")
        assert cursor.rowcount > 0

    assert any(each.difference for each in verified(seller))


def test_an_invoice_that_is_gone_is_missed(seller: Any) -> None:
    used_and_credited(seller)
    with connections["owner"].cursor() as cursor:
        cursor.execute("UPDATE sellers_number_series SET last_value = 3 WHERE series = 'invoice'")
    from clearbill.billing.queries.verify import verify_all

    with in_scope(seller):
        (*_others, last) = verify_all()
    assert last.difference is not None
    assert (last.difference.where, last.difference.stored) == ("last running number", "2")


def test_groups_of_several_keys_are_recomputed_in_the_meters_order(seller: Any) -> None:
    make_meter(seller, "calls", group_by=["origin", "carrier"])
    make_plan(seller, prices=[{**PRICES[2], "tiers_over": "all"}])
    subscribe(seller, make_customer(seller))
    for minute, (origin, carrier) in enumerate([("A", "Z"), ("B", "Y"), ("B", "Y")]):
        use(seller, "acme", "calls", f"2025-01-10T08:0{minute}", origin=origin, carrier=carrier)
    run_until(seller, "2025-02-12T00:00")

    assert [each.difference for each in verified(seller)] == [None]


@pytest.mark.parametrize("quantity", ["0.30000000000000004", "1e25", "0.000000000000000000000000000001"])
def test_quantities_keep_all_their_digits(seller: Any, quantity: str) -> None:
    make_meter(seller, "calls", aggregation="sum", property="n")
    make_plan(seller, prices=[{"code": "n", "model": "per_unit", "unit_amount": "0.000000000001", "meter": "calls"}])
    subscribe(seller, make_customer(seller))
    use(seller, "acme", "calls", "2025-01-10T08:00", n=Decimal(quantity))
    run_until(seller, "2025-02-12T00:00")

    assert [each.difference for each in verified(seller)] == [None]
