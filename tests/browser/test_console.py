"""The console as a person sees it: signing in, reading a bill line by line, both languages, phone and dark."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

PAGES = (
    "",
    "customers/",
    "subscriptions/",
    "invoices/",
    "credit-notes/",
    "drafts/",
    "usage/",
    "catalogue/",
    "journal/",
    "audit/",
    "team/",
    "developers/",
    "settings/",
)


def test_a_wrong_password_is_refused_in_words(page: Page, site) -> None:
    page.goto("/accounts/login/")
    page.fill("input[name=login]", site.email)
    page.fill("input[name=password]", "not the password")
    page.press("input[name=password]", "Enter")

    expect(page.locator("body")).to_contain_text("not correct")
    assert "/accounts/login/" in page.url


def test_an_invoice_is_read_line_by_line(signed_in: Page) -> None:
    signed_in.goto("/console/invoices/")
    signed_in.get_by_role("link", name="ACME-000002").first.click()

    paper = signed_in.locator("article.paper")
    expect(paper).to_contain_text("Base fee")
    expect(paper).to_contain_text("€30.26")
    expect(paper).to_contain_text("€36.31")
    line = paper.locator("tbody", has_text="API calls")
    line.locator("summary").click()
    expect(line.get_by_role("row", name="The first 2")).to_contain_text("€0.50€1.00")
    expect(line).to_contain_text("€1.255 → €1.26")
    expect(signed_in.locator("main")).to_contain_text("Accounts receivable")


def test_a_credit_note_is_given_for_a_line(signed_in: Page) -> None:
    signed_in.goto("/console/invoices/")
    signed_in.get_by_role("link", name="ACME-000001").first.click()
    signed_in.get_by_role("link", name="Give a credit note").click()
    signed_in.locator("input[inputmode=decimal], input[name*=amount], input[name^=line]").first.fill("5.00")
    signed_in.locator("input[name=reason], textarea[name=reason]").fill("Half a day without service")
    signed_in.locator("main form button.button-primary, main form button.button-danger").last.click()

    expect(signed_in.locator("main")).to_contain_text("ACME-CN-000001")
    expect(signed_in.locator("main")).to_contain_text("€6.00")


def test_the_clock_moves_on_and_bills(signed_in: Page) -> None:
    signed_in.goto("/console/")
    signed_in.locator("input[type=datetime-local]").fill("2025-04-15T00:00")
    signed_in.get_by_role("button", name="Advance the clock").click()

    signed_in.goto("/console/invoices/")
    expect(signed_in.locator("main")).to_contain_text("ACME-000004")


def test_every_page_speaks_chinese(signed_in: Page) -> None:
    for name in PAGES:
        answer = signed_in.goto(f"/console/{name}?lang=zh-hans")
        assert answer is not None
        assert answer.status == 200, name
        heading = signed_in.locator("main h1").first.inner_text()
        assert re.search("[\u4e00-\u9fff]|Acme", heading), (name, heading)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(signed_in: Page, scheme: str) -> None:
    signed_in.emulate_media(color_scheme=scheme)
    signed_in.set_viewport_size({"width": 390, "height": 844})
    for name in PAGES:
        signed_in.goto(f"/console/{name}")
        assert signed_in.evaluate("document.documentElement.scrollWidth") <= 390, name
