"""Every page of console and portal: who gets in, what other sellers' ids give, and how many queries it takes.

The pages are those of the address lists themselves, so that a new one is tried too.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, get_resolver

from clearbill.scope.ids import show_id
from clearbill.web.console.urls import urlpatterns as console_pages
from clearbill.web.portal.urls import urlpatterns as portal_pages
from tests.web.browsers import customer_browser, full, signed_in
from tests.worlds import bills, in_scope

pytestmark = pytest.mark.database

ACTS = {
    "clock",
    "customer_portal",
    "invoice_resend",
    "key_revoke",
    "parked_retry",
    "payment_ask",
    "payment_refund",
    "settings_billing",
    "settings_profile",
    "settings_tax",
    "subscription_uncancel",
    "switch_seller",
    "team_remove",
    "team_withdraw",
}
"""Addresses that only take POST."""

KINDS = {
    "customer": "customer",
    "credit": "credit_note",
    "draft": "draft",
    "invoice": "invoice",
    "key": "api_key",
    "method": "payment_method",
    "parked": "subscription",
    "payment": "payment",
    "plan": "plan",
    "subscribe": "customer",
    "subscription": "subscription",
    "team_withdraw": "invitation",
    "team": "user",
}
CHANGING = ("customer_new", "customer_edit", "plan_new", "meter_new", "plan_version_new", "subscribe")
FORMS = (*CHANGING, "subscription_cancel", "credit_form")
LISTS = ("/console/", "/console/team/", "/console/developers/")
"""Where acts lead back to, whatever they named."""

MOST_QUERIES = 40


def pages(patterns: list[URLPattern], *, with_id: bool) -> list[URLPattern]:
    return [each for each in patterns if ("<" in str(each.pattern)) is with_id]


def named(page: URLPattern) -> str:
    return str(page.name)


def ids_of(world: Any, customer: Any) -> dict[str, str]:
    from clearbill.billing.models import Subscription
    from clearbill.payments.actions.paying import begin_payment
    from clearbill.sellers.actions import create_key

    with in_scope(world):
        subscription = Subscription.objects.get(customer=customer)
        key = create_key(world.id, name="theirs", granter="owner", actor="test", at=world.at)
        payment = begin_payment([bills(world)[0]["id"]], key="theirs", at=world.at)
    unknown = UUID(int=0x018D62AB40E67B001E00000000000000)
    return {
        "customer": show_id("customer", customer.id),
        "subscription": show_id("subscription", subscription.id),
        "invoice": show_id("invoice", bills(world)[0]["id"]),
        "api_key": show_id("api_key", key.id),
        "payment": show_id("payment", payment.id),
        **{kind: show_id(kind, unknown) for kind in ("credit_note", "draft", "invitation", "payment_method", "user")},
        "plan": "their-plan",
    }


def address(page: URLPattern, ids: dict[str, str], *, under: str) -> str:
    kind = next(kind for begin, kind in KINDS.items() if named(page).startswith(begin))
    if named(page) == "credit_form":
        kind = "invoice"
    return under + re.sub(r"<[^>]+>", ids[kind], str(page.pattern))


def test_all_pages_are_tried() -> None:
    found = {named(each) for each in get_resolver("clearbill.web.console.urls").url_patterns}
    assert found == {named(each) for each in console_pages}
    assert found > ACTS


@pytest.mark.parametrize("page", [*pages(console_pages, with_id=False)], ids=named)
def test_nobody_gets_into_the_console_without_signing_in(database: str, page: URLPattern) -> None:
    way = "post" if named(page) in ACTS else "get"
    answer = getattr(Client(), way)(f"/console/{page.pattern}")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


@pytest.mark.parametrize("page", [*pages(portal_pages, with_id=False)], ids=named)
def test_nobody_sees_a_bill_in_the_portal_without_a_link(database: str, page: URLPattern) -> None:
    if named(page) in ("no_session", "sign_out", "methods_stop"):
        return
    answer = Client().get(f"/portal/{page.pattern}")
    assert (answer.status_code, answer["Location"]) == (302, "/portal/sign-in/")


def test_every_page_without_an_id_opens_in_both_languages(make_seller: Any) -> None:
    world = make_seller()
    full(world)
    browser = signed_in(world)
    for page in pages(console_pages, with_id=False):
        if named(page) in ACTS:
            assert browser.get(f"/console/{page.pattern}").status_code in (302, 405), named(page)
            continue
        for language in ("en", "zh-hans"):
            answer = browser.get(f"/console/{page.pattern}?lang={language}")
            assert answer.status_code == 200, named(page)
            assert f'<html lang="{language[:2]}' in answer.content.decode(), named(page)


def _all_of(world: Any) -> list[str]:
    """Every row of the seller in the tables that a page could change."""
    from django.db import connections

    tables = (
        "customers_customer",
        "billing_subscription",
        "billing_credit_note",
        "pricing_plan_version",
        "sellers_api_key",
    )
    found = []
    with connections["owner"].cursor() as cursor:
        for table in tables:
            cursor.execute(f"SELECT t::text FROM {table} t WHERE seller_id = %s ORDER BY 1", [world.id])
            found += [f"{table} {text}" for (text,) in cursor.fetchall()]
    assert found
    return found


def test_ids_of_another_seller_lead_nowhere(make_seller: Any) -> None:
    ours, theirs = make_seller(name="Ours"), make_seller(name="Theirs")
    our_customer = full(ours)[0]
    ids = ids_of(theirs, full(theirs)[0])
    browser, customer = signed_in(ours), customer_browser(ours, our_customer)
    before = _all_of(theirs)
    for page in pages(console_pages, with_id=True):
        for way in (browser.get, browser.post):
            answer = way(address(page, ids, under="/console/"))
            if answer.status_code == 302 and answer["Location"] not in LISTS:
                answer = browser.get(answer["Location"])
            assert answer.status_code in (302, 400, 404, 405), (named(page), answer.status_code)
    assert _all_of(theirs) == before
    for page in (each for each in portal_pages if "shown_id" in str(each.pattern)):
        for way in (customer.get, customer.post):
            answer = way(address(page, ids, under="/portal/"))
            assert answer.status_code in (404, 405), (named(page), answer.status_code)


def test_a_customer_sees_no_other_customers_bill(make_seller: Any) -> None:
    world = make_seller()
    first, _second = full(world, customers=2)
    mine = {each["customer"]: show_id("invoice", each["id"]) for each in bills(world)}
    browser = customer_browser(world, first)
    assert browser.get(f"/portal/invoices/{mine['acme0']}/").status_code == 200
    assert browser.get(f"/portal/invoices/{mine['acme1']}/").status_code == 404
    assert browser.get(f"/portal/invoices/{mine['acme1']}/pdf/").status_code == 404


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_who_may_only_look_can_change_nothing_of_money(make_seller: Any, role: str) -> None:
    world = make_seller()
    customer = full(world)[0]
    ids = {**ids_of(world, customer), "plan": "pro"}
    browser = signed_in(world, role)
    before = bills(world)
    refused = [
        "credit_form",
        "plan_new",
        "meter_new",
        "plan_version_new",
        "settings_profile",
        "settings_tax",
        "team_invite",
    ]
    for page in console_pages:
        if named(page) in refused:
            where = address(page, ids, under="/console/") if "<" in str(page.pattern) else f"/console/{page.pattern}"
            assert browser.post(where, {"reason": "x"}).status_code == 403, named(page)
    assert bills(world) == before


@pytest.mark.parametrize(
    "page", [each for each in console_pages if named(each) not in {*ACTS, *FORMS, "team_role"}], ids=named
)
def test_no_page_asks_the_database_more_often_for_more_rows(make_seller: Any, page: URLPattern) -> None:
    counts = []
    for customers in (2, 9):
        world = make_seller(name=f"Of {customers}")
        ids = {**ids_of(world, full(world, customers=customers)[0]), "plan": "pro"}
        if "<" in str(page.pattern) and named(page) in ("draft", "credit_note", "credit_note_pdf"):
            pytest.skip("this world has none")
        where = address(page, ids, under="/console/") if "<" in str(page.pattern) else f"/console/{page.pattern}"
        browser = signed_in(world)
        browser.get(where)
        with CaptureQueriesContext(connection) as queries:
            assert browser.get(where).status_code == 200
        counts.append(len(queries))
    assert counts[1] <= counts[0], counts
    assert counts[1] <= MOST_QUERIES, counts


def test_a_credit_note_that_is_asked_for_wrongly_keeps_what_was_typed(make_seller: Any) -> None:
    world = make_seller()
    full(world)
    browser = signed_in(world)
    shown = show_id("invoice", bills(world)[0]["id"])
    answer = browser.post(f"/console/invoices/{shown}/credit/", {"line_1": "30.00", "reason": "Outage in May"})
    text = answer.content.decode()
    assert answer.status_code == 400
    assert "Only €29.00 of this line is left." in text
    assert 'value="30.00"' in text
    assert 'value="Outage in May"' in text
    answer = browser.post(f"/console/invoices/{shown}/credit/", {"line_1": "much", "reason": ""})
    assert "is not an amount in EUR" in answer.content.decode()
