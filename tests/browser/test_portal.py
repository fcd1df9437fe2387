"""The portal: in by a mailed link that works once, own bills with their working, and nobody else's."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect


def mailed_link() -> str:
    """The path of the link in the last message that waits to be sent."""
    from django.db import connections

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT text FROM mail_message WHERE kind = 'portal_sign_in' ORDER BY id DESC LIMIT 1")
        (text,) = cursor.fetchone()
    found = re.search(r"https?://[^/\s]+(/portal/\S+)", text)
    assert found is not None
    return found[1]


def seller_path(site) -> str:
    from clearbill.scope.ids import show_id

    return f"/portal/{show_id('seller', site.seller.id)}/"


@pytest.fixture
def customer_page(page: Page, site) -> Page:
    """Signed in as the world's customer."""
    page.goto(f"{seller_path(site)}sign-in/")
    page.fill("input[name=email]", "billing@acme.example")
    page.press("input[name=email]", "Enter")
    page.wait_for_load_state()
    page.goto(mailed_link())
    page.locator("main form button, form button.button-primary").last.click()
    page.wait_for_load_state()
    return page


def test_a_customer_reads_bills_and_their_working(customer_page: Page) -> None:
    expect(customer_page.locator("main")).to_contain_text("Pro")
    customer_page.get_by_role("link", name="ACME-000002").first.click()

    paper = customer_page.locator("article.paper")
    expect(paper).to_contain_text("€36.31")
    line = paper.locator("tbody", has_text="API calls")
    line.locator("summary").click()
    expect(line).to_contain_text("€0.255")


def test_a_link_works_once(customer_page: Page, site) -> None:
    link = mailed_link()
    customer_page.context.clear_cookies()
    customer_page.goto(link)
    button = customer_page.locator("form button.button-primary")
    if button.count():
        with customer_page.expect_navigation():
            button.last.click()
    assert "overview" not in customer_page.url
    expect(customer_page.locator("article.paper")).to_have_count(0)


def test_an_unknown_address_gets_the_same_answer(page: Page, site) -> None:
    answers = []
    for address in ("billing@acme.example", "nobody@nowhere.example"):
        page.goto(f"{seller_path(site)}sign-in/")
        page.fill("input[name=email]", address)
        page.press("input[name=email]", "Enter")
        page.wait_for_load_state()
        answers.append(page.locator("main").inner_text().replace(address, ""))
    assert answers[0] == answers[1]


def test_the_portal_is_chinese_and_fits_a_phone(customer_page: Page) -> None:
    customer_page.set_viewport_size({"width": 390, "height": 844})
    customer_page.goto(customer_page.url.split("?")[0] + "?lang=zh-hans")
    assert re.search("[\u4e00-\u9fff]", customer_page.locator("main").inner_text())
    assert customer_page.evaluate("document.documentElement.scrollWidth") <= 390
