"""How often the lists and the portal's pages ask the database: never more for fifty rows than for five."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from clearbill.scope.ids import show_id
from tests.web.browsers import customer_browser, full, signed_in
from tests.worlds import bills, in_scope, instant, make_customer, make_plan, run_until, subscribe, use

pytestmark = pytest.mark.database

MOST_QUERIES = 40
LISTS = (
    "/console/customers/",
    "/console/subscriptions/",
    "/console/invoices/",
    "/console/drafts/",
    "/console/credit-notes/",
    "/console/journal/",
    "/console/usage/",
    "/console/audit/",
)
OF_CUSTOMER = ("/portal/", "/portal/invoices/", "/portal/usage/", "/portal/invoices/?status=overdue")


def queries_of(browser: Client, address: str) -> int:
    """How many it takes once what is the same for every page has been read."""
    assert browser.get(address).status_code == 200, address
    with CaptureQueriesContext(connection) as queries:
        browser.get(address)
    return len(queries)


def with_rows(world: Any, count: int) -> list[Any]:
    """``count`` customers with a bill, a credit note, a draft and usage each."""
    from clearbill.billing.actions.credits import credit_invoice

    made = full(world, customers=count, months=1)
    fee = {"code": "late", "model": "flat", "amount": "5.00", "bill": "in_advance"}
    make_plan(world, "waiting", prices=[fee], policies={"grace_hours": 72})
    later = replace(world, at=instant("2025-02-15T00:00"))
    for customer in made:
        subscribe(later, customer, "waiting")
    run_until(world, "2025-02-15T12:00")
    with in_scope(world):
        for bill in bills(world)[:count]:
            credit_invoice(bill["id"], lines={1: 100}, reason="Outage", at=world.at, actor="test")
    return made


def test_lists_of_fifty_take_no_more_queries_than_lists_of_five(make_seller: Any) -> None:
    counts: dict[int, dict[str, int]] = {}
    for rows in (5, 50):
        world = make_seller(name=f"Of {rows}")
        with_rows(world, rows)
        browser = signed_in(world)
        counts[rows] = {address: queries_of(browser, address) for address in LISTS}
    assert counts[50] == counts[5]
    assert max(counts[50].values()) <= MOST_QUERIES


def test_a_customers_pages_take_no_more_queries_for_many_bills_than_for_few(make_seller: Any) -> None:
    counts: dict[int, dict[str, int]] = {}
    for months in (3, 11):
        world = make_seller(name=f"Of {months}")
        customer = full(world, months=months)[0]
        for day in range(1, 2 * months):
            use(world, "acme0", "calls", f"2025-{months:02d}-{day:02d}T10:00")
        browser = customer_browser(world, customer)
        invoice = f"/portal/invoices/{show_id('invoice', bills(world)[-1]['id'])}/"
        counts[months] = {
            address.replace(invoice, "one"): queries_of(browser, address) for address in (*OF_CUSTOMER, invoice)
        }
    assert counts[11] == counts[3]
    assert max(counts[11].values()) <= MOST_QUERIES


def test_a_document_of_many_lines_takes_no_more_queries_than_one_of_few(make_seller: Any) -> None:
    counts = {}
    for lines in (2, 20):
        world = make_seller(name=f"Of {lines}")
        prices = [
            {"code": f"fee-{each}", "model": "flat", "amount": "1.00", "bill": "in_advance"} for each in range(lines)
        ]
        make_plan(world, prices=prices)
        subscribe(world, make_customer(world))
        run_until(world, "2025-01-15T00:00")
        browser = signed_in(world)
        shown = show_id("invoice", bills(world)[0]["id"])
        counts[lines] = [
            queries_of(browser, f"/console/invoices/{shown}/"),
            queries_of(browser, f"/console/invoices/{shown}/credit/"),
        ]
    assert counts[20] == counts[2]
