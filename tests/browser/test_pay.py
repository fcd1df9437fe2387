"""Paying, as a payer does it: link, card, the bank's question, a receipt; a declined card, then another; a code to scan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import free_port


@pytest.fixture
def pay_link(site: Any, tmp_path: Any) -> Iterator[str]:
    """The address of an open invoice's pay page; behind it a sandbox on a port of its own."""
    import threading

    from werkzeug.serving import make_server

    from clearbill.customers.pay_links import pay_path
    from clearbill.payments.actions.accounts import open_sandbox
    from clearbill.sandbox.server import Sandbox
    from clearbill.sandbox.store import Store
    from clearbill.scope.clock import wall_clock
    from tests.worlds import bills

    port = free_port()
    url = f"http://127.0.0.1:{port}"
    store = Store(tmp_path / "sandbox.sqlite3")
    server = make_server("127.0.0.1", port, Sandbox(store, url=url, clock=wall_clock), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    open_sandbox(site.seller.id, base_url=url, at=wall_clock(), actor="test")
    yield pay_path(site.seller.id, bills(site.seller)[0]["id"])
    server.shutdown()
    thread.join(10)
    store.close()


def begin(page: Page, link: str, way: str) -> None:
    page.goto(link)
    page.locator(f"input[value={way}]").check()
    page.get_by_role("button", name="Pay €").click()


def type_card(page: Page, number: str) -> None:
    page.get_by_label("Card number").fill(number)
    page.get_by_label("Expiry").fill("12/39")
    page.get_by_label("Security code").fill("123")
    page.get_by_role("button", name="Pay €").click()


def test_a_card_that_the_bank_asks_about(page: Page, pay_link: str) -> None:
    begin(page, pay_link, "card")
    expect(page.get_by_text("€34.80").first).to_be_visible()
    type_card(page, "4000 0000 0000 3220")
    page.get_by_role("button", name="Yes, it's me").click()
    expect(page.get_by_role("heading", name="Paid. Thank you.")).to_be_visible()


def test_a_declined_card_and_then_a_wallet(page: Page, pay_link: str) -> None:
    begin(page, pay_link, "card")
    type_card(page, "4000 0000 0000 9995")
    expect(page.get_by_role("alert")).to_contain_text("enough money")
    begin(page, pay_link, "apple_pay")
    page.get_by_role("button", name="Pay with Apple Pay").click()
    expect(page.get_by_role("heading", name="Paid. Thank you.")).to_be_visible()


def test_a_code_that_is_scanned_with_a_phone(page: Page, pay_link: str) -> None:
    begin(page, pay_link, "alipay")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Open in the app").click()
    opened.value.get_by_role("button", name="Pay €").click()
    expect(page.get_by_role("heading", name="Paid. Thank you.")).to_be_visible(timeout=15_000)


def test_the_pay_page_fits_a_phone_in_chinese(page: Page, pay_link: str) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.goto(f"{pay_link}?lang=zh-hans")
    expect(page.get_by_text("请选择付款方式")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
