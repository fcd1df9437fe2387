"""Verify: every invoice is recomputed from what is recorded with it, and a changed cent is found."""

from __future__ import annotations

from typing import Any

from django.db import connections

from tests.worlds import bills, in_scope, make_customer, make_meter, make_plan, run_until, subscribe, use

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
