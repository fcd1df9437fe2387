"""Payments end to end against the sandbox: paid once, booked once, and boring whatever goes wrong on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from clearbill.core.errors import Conflict, Denied
from tests.shops import NOW
from tests.worlds import in_scope

pytestmark = pytest.mark.database
DAY = timedelta(days=1)
PAID = {"clearing:sandbox": 3600, "deferred_revenue": -3000, "tax_payable:vat": -600}


def test_a_card_is_typed_at_the_gateway_and_the_invoice_is_paid(shop: Any) -> None:
    payment = shop.begin()
    attempt = shop.attempt(payment, keep=True)
    assert shop.state(payment) == ("requires_action", "")

    shop.pay_at_the_page(attempt)
    shop.work_off(now=NOW + DAY)

    assert shop.state(payment) == ("succeeded", "")
    assert shop.invoice()["status"] == "paid"
    assert shop.balances() == PAID
    assert shop.charged() == 3600


def test_a_kept_card_becomes_the_default_and_no_number_is_stored(shop: Any) -> None:
    from django.db import connections

    from clearbill.payments.queries import methods_of

    shop.pay_at_the_page(shop.attempt(shop.begin(), keep=True), number="4000056655665556")
    shop.work_off(now=NOW + DAY)

    with in_scope(shop.world):
        (method,) = methods_of(shop.customer.id)
    assert (method.brand, method.last4, method.funding, method.is_default) == ("visa", "5556", "debit", True)
    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        for (table,) in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s', ["%4000056655665556%"])
            assert cursor.fetchone() == (0,), table


def test_the_bank_asks_and_the_payer_confirms(shop: Any) -> None:
    payment = shop.begin()
    attempt = shop.attempt(payment)
    row = shop.pay_at_the_page(attempt, number="4000000000003220")
    shop.work_off(now=NOW + DAY)
    assert shop.state(payment) == ("requires_action", "")

    shop.sandbox.engine.answer_challenge(row["id"], confirmed=True, at=shop.at)
    shop.work_off(now=NOW + 2 * DAY)
    assert shop.state(payment) == ("succeeded", "")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("4000000000009995", "insufficient_funds"),
        ("4000000000000002", "card_declined"),
        ("4000000000009979", "stolen_card"),
        ("4000000000000127", "incorrect_cvc"),
    ],
)
def test_a_declined_card_leaves_the_invoice_open_and_another_card_pays_it(shop: Any, number: str, code: str) -> None:
    payment = shop.begin()
    shop.pay_at_the_page(shop.attempt(payment), number=number)
    shop.work_off(now=NOW + DAY)
    assert (shop.state(payment), shop.invoice()["status"]) == (("requires_method", code), "open")

    again = shop.begin("k2")
    assert again.id == payment.id
    shop.pay_at_the_page(shop.attempt(payment))
    shop.work_off(now=NOW + 2 * DAY)
    assert (shop.state(payment)[0], shop.charged()) == ("succeeded", 3600)


@pytest.mark.parametrize("fault", ["drop_before", "drop_after", "error_before", "error_after"])
def test_an_outcome_nobody_told_is_found_out_and_charged_once(shop: Any, fault: str) -> None:
    method = shop.stored_card()
    payment = shop.begin()
    shop.fault("charge", fault)
    shop.attempt(payment, method_id=method.id, off_session=True)
    assert shop.state(payment)[0] == "unknown"
    with pytest.raises(Conflict) as refused:
        shop.attempt(payment, method_id=method.id, off_session=True)
    assert refused.value.code == "payment_in_flight"

    shop.work_off(now=NOW + DAY)
    assert shop.state(payment) == ("succeeded", "")
    assert (shop.charged(), shop.balances()) == (3600, PAID)


def test_a_gateway_that_cannot_be_reached_certainly_did_nothing(shop: Any, sandbox: Any) -> None:
    import httpx

    from clearbill.payments.gateways.calls import mounted
    from tests.shops import SANDBOX_URL

    class Dead(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("refused", request=request)

    method, payment = shop.stored_card(), shop.begin()
    with mounted({SANDBOX_URL: Dead()}):
        shop.attempt(payment, method_id=method.id, off_session=True)
    assert shop.state(payment) == ("requires_method", "gateway_unreachable")
    shop.attempt(payment, method_id=method.id, off_session=True)
    assert (shop.state(payment)[0], shop.charged()) == ("succeeded", 3600)


def test_killed_before_the_call_the_attempt_is_made_up_for(shop: Any) -> None:
    from clearbill.payments.actions.paying import Way, prepare

    method, payment = shop.stored_card(), shop.begin()
    with in_scope(shop.world):
        prepare(payment.id, Way(kind="card", method_id=method.id, off_session=True), by="x", at=shop.at, now=NOW)
    shop.work_off(now=NOW + DAY)
    assert (shop.state(payment)[0], shop.charged()) == ("succeeded", 3600)


def test_killed_after_the_call_the_outcome_is_written_down_later(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from clearbill.payments.actions import paying

    def killed(*_arguments: object, **_more: object) -> bool:
        raise KeyboardInterrupt

    method, payment = shop.stored_card(), shop.begin()
    with monkeypatch.context() as patched:
        patched.setattr(paying, "record", killed)
        with pytest.raises(KeyboardInterrupt):
            shop.attempt(payment, method_id=method.id, off_session=True)
    assert shop.state(payment)[0] == "processing"
    shop.work_off(now=NOW + DAY)
    assert (shop.state(payment)[0], shop.charged(), shop.balances()) == ("succeeded", 3600, PAID)


def test_three_identical_events_at_once_have_one_effect(shop: Any) -> None:
    payment = shop.begin()
    shop.pay_at_the_page(shop.attempt(payment))
    body = shop.events()[-1]
    assert [shop.tell(body), shop.tell(body), shop.tell(body)] == [True, False, False]
    shop.work_off()
    shop.work_off(now=NOW + DAY)
    assert (shop.state(payment)[0], shop.balances()) == ("succeeded", PAID)


def test_a_late_failure_never_takes_a_success_back(shop: Any) -> None:
    payment = shop.begin()
    attempt = shop.attempt(payment)
    shop.pay_at_the_page(attempt)
    success = shop.events()[-1]
    failure = success.replace(b'"state":"succeeded"', b'"state":"failed"').replace(b"ev_", b"ev_late")
    for body in (success, failure):
        assert shop.tell(body)
    shop.work_off()
    assert (shop.state(payment)[0], shop.invoice()["status"]) == ("succeeded", "paid")


@pytest.mark.parametrize(
    ("change", "when"),
    [
        (lambda body: body.replace(b"3600", b"3601"), NOW),
        (lambda body: body, NOW - timedelta(minutes=6)),
        (lambda body: body, NOW + timedelta(minutes=6)),
    ],
)
def test_a_tampered_or_stale_event_is_refused_and_leaves_no_trace(shop: Any, change: Any, when: Any) -> None:
    from clearbill.payments.models import GatewayEvent
    from clearbill.sandbox.events import HEADER, sign
    from clearbill.scope.sealed import unseal

    shop.pay_at_the_page(shop.attempt(shop.begin()))
    body = shop.events()[-1]
    with in_scope(shop.world):
        from clearbill.payments.models import GatewayAccount

        secret = unseal(GatewayAccount.objects.get(id=shop.account_id).webhook_secret)
    signature = sign(body, secret=secret, at_s=int(when.timestamp()))
    from clearbill.payments.actions.events import take_event

    with pytest.raises(Denied):
        take_event(shop.id, shop.account_id, {HEADER: signature}, change(body), now=NOW)
    with in_scope(shop.world):
        assert GatewayEvent.objects.count() == 0
    with pytest.raises(Denied):
        shop.tell(body, secret="another")


def test_another_way_closes_the_first_page_so_that_nothing_is_paid_twice(shop: Any) -> None:
    from clearbill.payments.actions.checks import close_pages
    from clearbill.sandbox.engine import Refused

    payment = shop.begin()
    first = shop.attempt(payment)
    with pytest.raises(Conflict):
        shop.attempt(payment, kind="alipay")
    close_pages(shop.id, payment.id, at=shop.at, now=NOW)
    second = shop.attempt(payment, kind="alipay")
    with pytest.raises(Refused):
        shop.pay_at_the_page(first)
    row = shop.sandbox.store.one("SELECT * FROM charge WHERE reference = ?", second.reference)
    shop.sandbox.engine.scan(row["id"], at=shop.at)
    shop.work_off(now=NOW + DAY)
    assert (shop.state(payment)[0], shop.charged()) == ("succeeded", 3600)


def test_a_gateway_that_names_another_amount_is_not_believed(shop: Any) -> None:
    method, payment = shop.stored_card(), shop.begin()
    shop.fault("charge", "wrong_amount")
    shop.attempt(payment, method_id=method.id, off_session=True)
    assert shop.state(payment) == ("unknown", "integrity_failure")
    assert shop.invoice()["status"] == "open"
    shop.work_off(now=NOW + DAY)
    assert (shop.state(payment)[0], shop.balances()) == ("succeeded", PAID)


def test_a_final_invoice_is_charged_by_itself_once(shop: Any) -> None:
    from clearbill.payments.actions.collecting import collect_invoice

    shop.stored_card()
    given = {"customer_id": shop.customer.id, "at": shop.at, "now": NOW}
    assert [collect_invoice(shop.id, shop.invoice_id, **given) for _ in range(3)] == [True, False, False]
    assert (shop.invoice()["status"], shop.charged()) == ("paid", 3600)


def test_a_bank_that_wants_the_payer_there_is_no_failure_of_the_card(shop: Any) -> None:
    from clearbill.payments.actions.collecting import collect_invoice
    from clearbill.payments.models import Payment

    shop.stored_card(declines_with="authentication_required")
    collect_invoice(shop.id, shop.invoice_id, customer_id=shop.customer.id, at=shop.at, now=NOW)
    with in_scope(shop.world):
        payment = Payment.objects.get()
    assert (payment.state, payment.code) == ("requires_method", "authentication_required")
    assert shop.invoice()["status"] == "open"


def test_an_invoice_credited_meanwhile_leaves_the_rest_as_credit(shop: Any) -> None:
    from clearbill.billing.actions.credits import credit_invoice

    payment = shop.begin()
    attempt = shop.attempt(payment)
    with in_scope(shop.world):
        credit_invoice(shop.invoice_id, lines={1: 1000}, reason="Outage", at=shop.at, actor="test")
    shop.pay_at_the_page(attempt)
    shop.work_off(now=NOW + DAY)
    assert shop.invoice()["status"] == "paid"
    assert shop.balances()["customer_credit"] == -1200
    assert "receivable" not in shop.balances()


def test_only_a_test_seller_may_use_the_sandbox(shop: Any) -> None:
    from clearbill.payments.actions.accounts import open_sandbox
    from clearbill.sellers.models import Seller

    Seller.objects.filter(id=shop.id).update(is_test=False, test_clock_at=None)
    with pytest.raises(Conflict) as refused:
        open_sandbox(shop.id, base_url="http://sandbox.test", at=NOW, actor="test")
    assert refused.value.code == "sandbox_is_for_tests"


@pytest.mark.parametrize("fault", ["", "drop_before", "drop_after", "error_after"])
def test_account_credit_goes_back_once_by_the_way_it_came(shop: Any, fault: str) -> None:
    from clearbill.billing.actions.credits import credit_invoice
    from clearbill.payments.actions.refunds import prepare_refund, refunds_due, run_refund

    method, payment = shop.stored_card(), shop.begin()
    shop.attempt(payment, method_id=method.id, off_session=True)
    with in_scope(shop.world):
        with pytest.raises(Conflict) as refused:
            prepare_refund(payment.id, 1200, by="test", at=shop.at, now=NOW)
        assert refused.value.code == "refund_exceeds_credit"
    with in_scope(shop.world):
        credit_invoice(shop.invoice_id, lines={1: 1000}, reason="Outage", at=shop.at, actor="test")
    with in_scope(shop.world):
        refund = prepare_refund(payment.id, 1200, by="test", at=shop.at, now=NOW)
    if fault:
        shop.fault("refund", fault)
    run_refund(shop.id, refund.id, at=shop.at, now=NOW)
    refunds_due(shop.id, at=shop.at, now=NOW + DAY)
    run_refund(shop.id, refund.id, at=shop.at, now=NOW + DAY)

    assert shop.balances() == {"clearing:sandbox": 2400, "deferred_revenue": -2000, "tax_payable:vat": -400}
    rows = shop.sandbox.store.all("SELECT amount FROM refund")
    assert [row["amount"] for row in rows] == [1200]
    with in_scope(shop.world), pytest.raises(Conflict):
        prepare_refund(payment.id, 2401, by="test", at=shop.at, now=NOW)
