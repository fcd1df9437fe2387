"""A seller with an open invoice, and a sandbox in this process that it speaks HTTP with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx

from clearbill.sandbox.server import ConnectionDropped, Sandbox
from tests.worlds import bills, in_scope

SANDBOX_URL = "http://sandbox.test"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Wire(httpx.BaseTransport):
    """HTTP into the sandbox; a dropped connection is one here too."""

    def __init__(self, application: Sandbox) -> None:
        self._inner = httpx.WSGITransport(application)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            answer = self._inner.handle_request(request)
            answer.read()
        except ConnectionDropped:
            raise httpx.ReadError("the connection was dropped", request=request) from None
        return answer


@dataclass
class Shop:
    """A world with one customer and one open invoice of 36.00 EUR, and what happens in it."""

    world: Any
    customer: Any
    invoice_id: UUID
    account_id: UUID
    sandbox: Sandbox

    @property
    def id(self) -> UUID:
        return self.world.id

    @property
    def at(self) -> datetime:
        from clearbill.sellers.queries import seller_by_id

        return seller_by_id(self.world.id).test_clock_at

    def begin(self, key: str = "k1") -> Any:
        from clearbill.payments.actions.paying import begin_payment

        with in_scope(self.world):
            return begin_payment([self.invoice_id], key=key, at=self.at)

    def attempt(self, payment: Any, **way: Any) -> Any:
        """Prepare an attempt and call the gateway."""
        from clearbill.payments.actions.paying import Way, prepare, run_attempt

        chosen = {"kind": "card", "return_url": "http://shop.test/back", **way}
        with in_scope(self.world):
            attempt = prepare(payment.id, Way(**chosen), by="test", at=self.at, now=NOW)
        run_attempt(self.id, attempt.id, at=self.at, now=NOW)
        return attempt

    def stored_card(self, declines_with: str = "") -> Any:
        """A stored default method whose charges succeed, or fail with a code."""
        from clearbill.payments.actions.accounts import gateway_of
        from clearbill.payments.models import GatewayAccount, PaymentMethod
        from clearbill.scope.ids import new_id

        with in_scope(self.world):
            account = GatewayAccount.objects.get(id=self.account_id)
            details = gateway_of(account).store_card(declines_with=declines_with, at=self.at)
            return PaymentMethod.objects.create(
                id=new_id(self.at),
                seller_id=self.id,
                customer=self.customer,
                account=account,
                kind="card",
                token=details.token,
                brand=details.brand,
                last4=details.last4,
                is_default=True,
                created_at=self.at,
            )

    def fault(self, operation: str, kind: str) -> None:
        self.sandbox.store.run("INSERT INTO fault (operation, kind) VALUES (?, ?)", operation, kind)

    def pay_at_the_page(self, attempt: Any, *, number: str = "4242424242424242") -> dict[str, Any]:
        """The payer types a card at the sandbox's page."""
        from clearbill.sandbox.engine import Card

        row = self.sandbox.store.one("SELECT * FROM charge WHERE reference = ?", attempt.reference)
        assert row is not None
        card = Card(number=number, expires_month=12, expires_year=2099, cvc="123")
        return self.sandbox.engine.type_card(row["id"], card, at=self.at)

    def events(self) -> list[bytes]:
        rows = self.sandbox.store.all("SELECT body FROM event ORDER BY number")
        return [str(row["body"]).encode() for row in rows]

    def tell(self, body: bytes, *, secret: str | None = None, at: datetime = NOW) -> bool:
        """Deliver an event, signed."""
        from clearbill.payments.actions.events import take_event
        from clearbill.payments.models import GatewayAccount
        from clearbill.sandbox.events import HEADER, sign
        from clearbill.scope.sealed import unseal

        with in_scope(self.world):
            own = unseal(GatewayAccount.objects.get(id=self.account_id).webhook_secret)
        headers = {HEADER: sign(body, secret=own if secret is None else secret, at_s=int(at.timestamp()))}
        return take_event(self.id, self.account_id, headers, body, now=NOW)

    def work_off(self, *, now: datetime = NOW) -> None:
        from clearbill.payments.actions.checks import check_due
        from clearbill.payments.actions.events import work_off_events

        work_off_events(self.id, at=self.at, now=now)
        check_due(self.id, at=self.at, now=now)

    def charged(self) -> int:
        """What the sandbox really took, minor units."""
        rows = self.sandbox.store.all("SELECT data FROM charge WHERE state = 'succeeded'")
        return sum(row["amount"] for row in rows)

    def state(self, payment: Any) -> tuple[str, str]:
        from clearbill.payments.models import Payment

        with in_scope(self.world):
            row = Payment.objects.get(id=payment.id)
        return row.state, row.code

    def invoice(self) -> dict[str, Any]:
        return next(each for each in bills(self.world) if each["id"] == self.invoice_id)

    def balances(self) -> dict[str, int]:
        """Debits less credits, by account."""
        from clearbill.ledger.queries import balances

        with in_scope(self.world):
            return {account: minor for (account, _currency), minor in balances().items() if minor}
