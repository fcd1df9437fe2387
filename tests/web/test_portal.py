"""The portal as its customers see it: what is on the pages, and what a link that doesn't open says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from clearbill.customers.links import LINK_LIFETIME, make_sign_in_link
from clearbill.scope.clock import wall_clock
from clearbill.scope.ids import show_id
from tests.web.browsers import customer_browser, full, words_of
from tests.worlds import bills, in_scope, make_customer, make_meter, make_plan, run_until, subscribe, use

pytestmark = pytest.mark.database


@pytest.fixture
def world(make_seller: Any) -> Any:
    return make_seller(name="Acme Cloud", net_terms_days=14)


def link_of(world: Any, customer: Any, *, age: timedelta = timedelta()) -> str:
    with in_scope(world):
        return f"/portal/enter/{make_sign_in_link(customer.id, at=wall_clock() - age)}/"


def ask_again(world: Any) -> str:
    return f"/portal/{show_id('seller', world.id)}/sign-in/"


# ── In by a link ──


def test_looking_at_a_link_does_not_use_it_and_a_click_does(world: Any) -> None:
    link = link_of(world, make_customer(world))
    browser = Client()
    for _look in range(2):
        assert browser.get(link).status_code == 200
    assert browser.get("/portal/").status_code == 302
    assert browser.post(link)["Location"] == "/portal/"
    assert browser.get("/portal/").status_code == 200


@pytest.mark.parametrize(("language", "words"), [("en", "was used already"), ("zh-hans", "已")])
def test_a_link_works_once_and_the_second_time_says_where_to_get_another(world: Any, language: str, words: str) -> None:
    link = link_of(world, make_customer(world))
    Client().post(link)
    answer = Client().post(f"{link}?lang={language}")
    assert answer.status_code == 410
    assert words in words_of(answer)
    assert "Acme Cloud" in words_of(answer)
    assert f'href="{ask_again(world)}"' in answer.content.decode()
    assert not answer.cookies.get("clearbill_portal")


def test_an_expired_link_says_so_and_where_to_get_another(world: Any) -> None:
    answer = Client().post(link_of(world, make_customer(world), age=LINK_LIFETIME + timedelta(seconds=1)))
    assert answer.status_code == 410
    assert "This link has expired. Ask for a new one." in words_of(answer)
    assert f'href="{ask_again(world)}"' in answer.content.decode()


def test_a_link_that_was_changed_lets_nobody_in_and_names_nobody(world: Any) -> None:
    link = link_of(world, make_customer(world))
    for changed in (link[:-2] + "/", link.replace("sel_", "cus_"), "/portal/enter/nonsense/"):
        browser = Client()
        answer = browser.post(changed)
        assert answer.status_code == 403, changed
        assert "This link is not valid." in words_of(answer)
        assert browser.get("/portal/").status_code == 302


def test_whoever_asks_for_a_link_learns_nothing_about_who_is_a_customer(world: Any) -> None:
    make_customer(world)
    answers = [
        words_of(Client().post(ask_again(world), {"email": email}))
        for email in ("billing@acme.example", "nobody@acme.example")
    ]
    assert answers[0].replace("billing@", "") == answers[1].replace("nobody@", "")


def test_an_address_that_is_none_is_kept_and_named(world: Any) -> None:
    answer = Client().post(ask_again(world), {"email": "not an address"})
    assert answer.status_code == 400
    assert 'value="not an address"' in answer.content.decode()
    assert "Enter a valid email address." in words_of(answer)


def test_signing_out_ends_the_session_and_leads_to_the_sellers_door(world: Any) -> None:
    browser = customer_browser(world, make_customer(world))
    assert browser.post("/portal/sign-out/")["Location"] == ask_again(world)
    assert browser.get("/portal/").status_code == 302


# ── What is there ──


def test_the_overview_says_what_is_open_what_is_late_and_what_comes_next(world: Any) -> None:
    customer = full(world, months=3)[0]
    words = words_of(customer_browser(world, customer).get("/portal/"))
    # 3 × (29.00 + VAT 5.80), and one call at 0.10 + 0.02
    assert "To pay €139.32" in words
    assert "Past due. 3 invoices are overdue: €104.52" in words
    assert "Next bill, so far" in words
    assert "Your subscription renews by itself on May 10, 2025" in words


def test_one_late_invoice_is_named(world: Any) -> None:
    customer = full(world, months=1)[0]
    words = words_of(customer_browser(world, customer).get("/portal/"))
    assert "Past due. €34.80 of invoice ACME-000001 was due on Jan 24, 2025." in words


def test_somebody_without_anything_reads_what_will_be_here(world: Any) -> None:
    browser = customer_browser(world, make_customer(world))
    assert "Nothing is open. Thank you." in words_of(browser.get("/portal/"))
    assert "No invoices here" in words_of(browser.get("/portal/invoices/"))
    assert "Nothing is counted" in words_of(browser.get("/portal/usage/"))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ("Invoice", "€29.00", "Fixed price of €29.00", "Tax on this line", "Due Feb 24, 2025", "€34.92")),
        ("zh-hans", ("账单", "€29.00", "固定价格 €29.00", "本行税额", "2025年2月24日", "€34.92")),
    ],
)
def test_an_invoice_shows_its_lines_and_how_each_was_worked_out(
    world: Any, language: str, expected: tuple[str, ...]
) -> None:
    customer = full(world)[0]
    invoice = show_id("invoice", bills(world)[1]["id"])
    words = words_of(customer_browser(world, customer).get(f"/portal/invoices/{invoice}/?lang={language}"))
    for each in (*expected, "ACME-000002"):
        assert each in words


def test_the_list_can_be_narrowed_to_what_is_late(world: Any) -> None:
    browser = customer_browser(world, full(world, months=3)[0])
    everything, late = (words_of(browser.get(f"/portal/invoices/{query}")) for query in ("", "?status=overdue"))
    assert "ACME-000004" in everything
    assert "ACME-000004" not in late
    assert "ACME-000003" in late


def test_usage_of_every_running_plan_is_shown_not_only_of_the_newest(world: Any) -> None:
    customer = full(world, months=1)[0]
    make_meter(world, "seats-used")
    make_plan(world, "seats", prices=[{"code": "s", "model": "per_unit", "unit_amount": "1.00", "meter": "seats-used"}])
    make_plan(world, "support", prices=[{"code": "fee", "model": "flat", "amount": "9.00"}])
    for plan in ("seats", "support"):
        subscribe(world, customer, plan)
    for _each in range(3):
        use(world, "acme0", "seats-used", f"2025-02-12T1{_each}:00")
    run_until(world, "2025-02-16T00:00")
    browser = customer_browser(world, customer)
    words = words_of(browser.get("/portal/usage/"))
    assert "seats-used 3" in words
    assert "calls 0" in words
    assert "Usage this period" in words_of(browser.get("/portal/"))


def test_a_refusal_in_the_portal_leads_back_to_the_portal(world: Any) -> None:
    browser = customer_browser(world, make_customer(world))
    answer = browser.get("/portal/invoices/inv_00000000000000000000000000/")
    assert answer.status_code == 404
    assert 'href="/portal/"' in answer.content.decode()
