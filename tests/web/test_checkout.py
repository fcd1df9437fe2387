"""The pay page from its link: what it shows, what a click does, what comes back; and the gateway's door."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from clearbill.customers.pay_links import SALT, pay_path
from clearbill.scope.ids import show_id
from tests.shops import NOW
from tests.web.browsers import customer_browser, signed_in, words_of
from tests.worlds import in_scope

pytestmark = pytest.mark.database


def page(shop: Any) -> str:
    return pay_path(shop.id, shop.invoice_id)


def click(shop: Any, browser: Client, **given: str) -> Any:
    return browser.post(f"{page(shop)}start/", {"kind": "card", **given})


def last_charge(shop: Any) -> dict[str, Any]:
    return shop.sandbox.store.all("SELECT data FROM charge ORDER BY rowid")[-1]


def payer_types(shop: Any, number: str = "4242424242424242") -> None:
    from clearbill.sandbox.engine import Card

    card = Card(number=number, expires_month=12, expires_year=2099, cvc="123")
    shop.sandbox.engine.type_card(last_charge(shop)["id"], card, at=NOW)


@pytest.mark.parametrize(("language", "word"), [("en", "How would you like to pay?"), ("zh-hans", "请选择付款方式")])
def test_the_page_shows_what_is_owed_and_every_way_to_pay(shop: Any, language: str, word: str) -> None:
    words = words_of(Client().get(f"{page(shop)}?lang={language}"))
    assert word in words
    assert words.count("€36.00") >= 2
    for way in ("Apple Pay", "Google Pay"):
        assert way in words


def test_a_card_payment_goes_to_the_gateway_and_comes_back_paid(shop: Any) -> None:
    browser = Client()
    answer = click(shop, browser, keep="1")
    assert answer.status_code == 302
    assert answer["Location"].startswith("http://sandbox.test/pay/ch_")
    assert last_charge(shop)["amount"] == 3600

    payer_types(shop)
    answer = browser.get(f"{page(shop)}back/", follow=True)
    assert "Paid. Thank you." in words_of(answer)
    assert shop.invoice()["status"] == "paid"
    assert "Charge this one" not in words_of(browser.get(page(shop)))


def test_a_declined_payer_reads_why_and_never_of_theft(shop: Any) -> None:
    browser = Client()
    click(shop, browser)
    payer_types(shop, "4000000000009979")
    words = words_of(browser.get(f"{page(shop)}back/", follow=True))
    assert "Your bank declined the card." in words
    assert "stolen" not in words.lower()
    assert "How would you like to pay?" in words


def test_a_code_to_scan_is_shown_here_and_the_page_goes_on_by_itself(shop: Any) -> None:
    browser = Client()
    answer = browser.post(f"{page(shop)}start/", {"kind": "alipay"}, follow=True)
    assert '<svg class="qr"' in answer.content.decode()
    assert browser.get(f"{page(shop)}state/").status_code == 204
    shop.sandbox.engine.scan(last_charge(shop)["id"], at=NOW)
    answer = browser.get(f"{page(shop)}state/")
    assert (answer.status_code, answer["HX-Refresh"]) == (200, "true")
    assert "Paid. Thank you." in words_of(browser.get(page(shop)))


def test_paid_with_a_lost_answer_nothing_else_can_be_paid_until_it_is_known(shop: Any) -> None:
    browser = Client()
    shop.fault("charge", "drop_after")
    answer = click(shop, browser)
    assert answer.status_code == 302
    assert "Your payment is being confirmed" in words_of(browser.get(page(shop)))
    assert click(shop, browser).status_code == 409


@pytest.mark.parametrize(
    "change", [lambda token: token[:-1] + ("A" if token[-1] != "A" else "B"), lambda _: "x", lambda _: "a" * 3000]
)
def test_a_tampered_link_lets_nobody_in(shop: Any, change: Any) -> None:
    token = page(shop).split("/")[2]
    assert Client().get(f"/pay/{change(token)}/").status_code == 403


def test_a_link_expires(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from django.core import signing

    token = page(shop).split("/")[2]
    later = signing.time.time() + timedelta(days=181).total_seconds()
    monkeypatch.setattr(signing.time, "time", lambda: later)
    assert Client().get(f"/pay/{token}/").status_code == 410
    assert SALT


def test_a_link_of_one_seller_with_anothers_invoice_is_nothing(shop: Any, make_seller: Any) -> None:
    other = make_seller(name="Other")
    assert Client().get(pay_path(other.id, shop.invoice_id)).status_code == 404


def test_an_event_comes_in_by_the_gateways_door(shop: Any) -> None:
    from clearbill.payments.models import GatewayAccount, GatewayEvent
    from clearbill.sandbox.events import HEADER, sign
    from clearbill.scope.clock import wall_clock
    from clearbill.scope.sealed import unseal

    click(shop, Client())
    payer_types(shop)
    body = shop.events()[-1]
    with in_scope(shop.world):
        secret = unseal(GatewayAccount.objects.get(id=shop.account_id).webhook_secret)
    door = f"/webhooks/{show_id('seller', shop.id)}/{show_id('gateway_account', shop.account_id)}/"
    signature = {"headers": {HEADER: sign(body, secret=secret, at_s=int(wall_clock().timestamp()))}}
    stranger = {"headers": {HEADER: sign(body, secret="guess", at_s=int(wall_clock().timestamp()))}}

    assert Client().post(door, body, content_type="application/json", **stranger).status_code == 403
    for _ in range(3):
        assert Client().post(door, body, content_type="application/json", **signature).status_code == 204
    with in_scope(shop.world):
        assert GatewayEvent.objects.count() == 1
    assert Client().post(door.replace("gwa_", "inv_"), body, content_type="application/json").status_code == 404
    assert Client().get(door).status_code == 405
    shop.work_off()
    assert shop.invoice()["status"] == "paid"


def test_the_console_shows_tries_and_sends_credit_back(shop: Any) -> None:
    from clearbill.billing.actions.credits import credit_invoice
    from clearbill.payments.models import Payment

    for number in ("4000000000009995", "4242424242424242"):
        click(shop, Client())
        payer_types(shop, number)
        Client().get(f"{page(shop)}back/")
    with in_scope(shop.world):
        credit_invoice(shop.invoice_id, lines={1: 1000}, reason="Outage", at=shop.at, actor="test")
        shown = show_id("payment", Payment.objects.get().id)

    browser = signed_in(shop.world)
    words = words_of(browser.get(f"/console/payments/{shown}/"))
    assert "insufficient_funds" in words
    assert "Up to €12.00." in words
    refused = browser.post(f"/console/payments/{shown}/refund/", {"amount": "12.01"})
    assert (refused.status_code, "Only account credit" in words_of(refused)) == (400, True)
    assert browser.post(f"/console/payments/{shown}/refund/", {"amount": "12.00"}).status_code == 302
    assert [row["amount"] for row in shop.sandbox.store.all("SELECT amount FROM refund")] == [1200]
    assert (
        signed_in(shop.world, "support").post(f"/console/payments/{shown}/refund/", {"amount": "1"}).status_code == 403
    )


def test_a_customer_stops_automatic_charges_and_removes_a_card(shop: Any) -> None:
    method = shop.stored_card()
    browser = customer_browser(shop.world, shop.customer)
    shown = show_id("payment_method", method.id)
    assert "Visa •••• 4242" in words_of(browser.get("/portal/methods/"))
    browser.post("/portal/methods/stop/")
    assert "Charge this one" in words_of(browser.get("/portal/methods/"))
    browser.post(f"/portal/methods/{shown}/choose/")
    assert "every bill, by itself" in words_of(browser.get("/portal/methods/"))
    browser.post(f"/portal/methods/{shown}/remove/")
    assert "Nothing is stored" in words_of(browser.get("/portal/methods/"))
    assert shop.sandbox.store.all("SELECT * FROM method") == []


def test_a_receipt_and_a_refund_are_mailed_once(shop: Any) -> None:
    from clearbill.mail.models import Message
    from clearbill.outbox.models import Fact
    from clearbill.payments import jobs

    shop.stored_card()
    payment = shop.begin()
    with in_scope(shop.world):
        from clearbill.payments.queries import methods_of

        method = methods_of(shop.customer.id)[0]
    shop.attempt(payment, method_id=method.id, off_session=True)
    with in_scope(shop.world):
        fact = Fact.objects.get(type="payment.succeeded")
        assert json.loads(fact.data)["amount"] == {"amount": "36.00", "currency": "EUR"}
    for _ in range(2):
        jobs.mail_receipts(seller_id=str(shop.id), fact_ids=[str(fact.id)])
    with in_scope(shop.world):
        mail = Message.objects.get(kind="receipt")
    assert "€36.00" in mail.subject
    assert "4242" in mail.text
